//! A small generator of pseudo-random numbers that gives the same numbers for ever, on every machine:
//! integers only, no library whose next version may differ.

/// xoshiro256**, seeded by splitmix64.
#[derive(Clone, Debug)]
pub struct Random([u64; 4]);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Random(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        }))
    }

    /// 64 random bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `bound`, which is not 0. (Its bias, below 2^-32 for the bounds used here, does not
    /// matter.)
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// An exponentially distributed number with about the mean given, by integers alone: a logarithm of
    /// floating point may differ from machine to machine.
    #[inline]
    pub fn exponential(&mut self, mean: u64) -> u64 {
        let word = self.word() | 1;
        let zeros = u64::from(word.leading_zeros());
        // The bits behind the leading one, as a fraction of 1024; -log2 between powers of two is nearly
        // linear.
        let fraction = (word << (zeros + 1).min(63)) >> 54;
        let log2 = zeros * 1024 + 1023 - fraction;
        // ln 2 = 0.693147
        ((u128::from(mean) * u128::from(log2) * 693_147) / (1_000_000 * 1024)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_for_ever() {
        let mut random = Random::new(1);
        // The reference implementation's output for this seeding.
        assert_eq!(random.word(), 0xb3f2_af6d_0fc7_10c5);
        assert_eq!(random.word(), 0x853b_5596_4736_4cea);
    }

    #[test]
    fn means_are_about_right() {
        let mut random = Random::new(7);
        let count = 100_000;
        let mean = (0..count).map(|_| random.exponential(1000)).sum::<u64>() / count;
        assert!((950..1100).contains(&mean), "{mean}");
        let mean = (0..count).map(|_| random.below(1000)).sum::<u64>() / count;
        assert!((490..510).contains(&mean), "{mean}");
    }
}
