//! A running checksum over a history: the same words in the same order give the same number, on every
//! machine. It finds accidents, not forgeries.

/// Order-sensitive, 64 bits, a multiplication a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0x243f_6a88_85a3_08d3)
    }
}

impl Digest {
    /// Takes one more word in.
    #[inline]
    pub fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64).rotate_left(23) ^ (product >> 64) as u64;
    }

    /// The number so far.
    pub fn value(self) -> u64 {
        self.0
    }
}
