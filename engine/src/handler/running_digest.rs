//! A digest that grows with a history: the same words in the same order give the same number, in every life
//! and on every machine.

/// Order-sensitive, 64 bits, one multiplication a word: the folded multiply of wyhash, with a rotation.
///
/// For [`Digest::digest`](crate::Digest::digest). It finds accidents, not forgeries.
///
/// ```
/// use slipring::RunningDigest;
///
/// let mut digest = RunningDigest::new();
/// digest.word(585_330);
/// digest.bytes(b"AAPL");
/// // Goes on where a snapshot left it.
/// let mut restored = RunningDigest::resume(digest.value());
/// digest.word(18);
/// restored.word(18);
/// assert_eq!(restored.value(), digest.value());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningDigest(u64);

impl Default for RunningDigest {
    fn default() -> Self {
        // The first digits of pi behind the point: any number that is not 0.
        RunningDigest(0x243f_6a88_85a3_08d3)
    }
}

impl RunningDigest {
    /// Nothing has been taken in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on from a number that [`RunningDigest::value`] gave, of a snapshot say.
    pub fn resume(value: u64) -> Self {
        RunningDigest(value)
    }

    /// Takes one more word in.
    #[inline]
    pub fn word(&mut self, word: u64) {
        // 2^64 divided by the golden ratio.
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64).rotate_left(23) ^ (product >> 64) as u64;
    }

    /// Takes bytes in, and how many.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last));
        }
        self.word(bytes.len() as u64);
    }

    /// The number so far.
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> u64 {
        let mut digest = RunningDigest::new();
        parts.iter().for_each(|part| digest.bytes(part));
        digest.value()
    }

    #[test]
    fn order_length_and_every_bit_count() {
        assert_eq!(of(&[b"one", b"another"]), of(&[b"one", b"another"]));
        assert_ne!(of(&[b"one", b"another"]), of(&[b"another", b"one"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"a"]), of(&[b"a\0"]));
        let event = [7_u8; 48];
        let mut seen = std::collections::HashSet::from([of(&[&event])]);
        for bit in 0..48 * 8 {
            let mut changed = event;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(seen.insert(of(&[&changed])), "bit {bit}");
        }
        let mut resumed = RunningDigest::resume(of(&[b"one"]));
        resumed.bytes(b"another");
        assert_eq!(resumed.value(), of(&[b"one", b"another"]));
    }
}
