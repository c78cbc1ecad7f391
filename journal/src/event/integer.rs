//! How a whole number lies in an event.

/// How a whole number lies in an event; always little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer {
    /// 1, 2, 4, 8 or 16.
    pub bytes: usize,
    /// Whether it may be negative.
    pub signed: bool,
}

impl Integer {
    /// By its name in Rust.
    pub const fn from_name(name: &str) -> Option<Self> {
        let (signed, bytes) = match name.as_bytes() {
            b"u8" => (false, 1),
            b"u16" => (false, 2),
            b"u32" => (false, 4),
            b"u64" => (false, 8),
            b"u128" => (false, 16),
            b"i8" => (true, 1),
            b"i16" => (true, 2),
            b"i32" => (true, 4),
            b"i64" => (true, 8),
            b"i128" => (true, 16),
            _ => return None,
        };
        Some(Integer { bytes, signed })
    }

    /// Its name in Rust.
    pub const fn name(self) -> &'static str {
        match (self.signed, self.bytes) {
            (false, 1) => "u8",
            (false, 2) => "u16",
            (false, 4) => "u32",
            (false, 8) => "u64",
            (false, _) => "u128",
            (true, 1) => "i8",
            (true, 2) => "i16",
            (true, 4) => "i32",
            (true, 8) => "i64",
            (true, _) => "i128",
        }
    }

    /// The greatest number, and how far below zero the least one is.
    const fn range(self) -> (u128, u128) {
        let bits = 8 * self.bytes as u32;
        match self.signed {
            false => (u128::MAX >> (128 - bits), 0),
            true => (u128::MAX >> (129 - bits), (u128::MAX >> (129 - bits)) + 1),
        }
    }

    /// Whether it holds the number that is so great, and below zero if it is `negative`.
    pub(super) const fn holds_magnitude(self, negative: bool, magnitude: u128) -> bool {
        let (most, least) = self.range();
        magnitude <= if negative { least } else { most }
    }

    /// Whether the number can lie in it; of 128 bits without a sign only those from 0 on that have one.
    #[inline]
    pub fn holds(self, number: i128) -> bool {
        match (self.signed, self.bytes) {
            (false, 1) => u8::try_from(number).is_ok(),
            (false, 2) => u16::try_from(number).is_ok(),
            (false, 4) => u32::try_from(number).is_ok(),
            (false, 8) => u64::try_from(number).is_ok(),
            (true, 1) => i8::try_from(number).is_ok(),
            (true, 2) => i16::try_from(number).is_ok(),
            (true, 4) => i32::try_from(number).is_ok(),
            (true, 8) => i64::try_from(number).is_ok(),
            (false, _) => number >= 0,
            (true, _) => true,
        }
    }

    /// Whether it holds every number of `other`, each taken `factor` times.
    pub(super) fn holds_all(self, other: Integer, factor: u128) -> bool {
        let (most, least) = other.range();
        let fits = |negative, bound: u128| {
            bound.checked_mul(factor).is_some_and(|magnitude| self.holds_magnitude(negative, magnitude))
        };
        fits(false, most) && fits(true, least)
    }

    /// The number in the first bytes of `bytes`; of 128 bits without a sign as if it had one.
    #[inline]
    pub fn read(self, bytes: &[u8]) -> i128 {
        fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
            debug_assert!(bytes.len() >= N, "{} bytes of {N}", bytes.len());
            bytes.first_chunk().copied().unwrap_or([0; N])
        }
        // Each size by itself: a copy of so many bytes as only the schema knows would be a call.
        match (self.signed, self.bytes) {
            (false, 1) => i128::from(u8::from_le_bytes(fixed(bytes))),
            (false, 2) => i128::from(u16::from_le_bytes(fixed(bytes))),
            (false, 4) => i128::from(u32::from_le_bytes(fixed(bytes))),
            (false, 8) => i128::from(u64::from_le_bytes(fixed(bytes))),
            (true, 1) => i128::from(i8::from_le_bytes(fixed(bytes))),
            (true, 2) => i128::from(i16::from_le_bytes(fixed(bytes))),
            (true, 4) => i128::from(i32::from_le_bytes(fixed(bytes))),
            (true, 8) => i128::from(i64::from_le_bytes(fixed(bytes))),
            _ => i128::from_le_bytes(fixed(bytes)),
        }
    }

    /// Puts the number, which it must hold, into the first bytes of `bytes`.
    #[inline]
    pub fn write(self, value: i128, bytes: &mut [u8]) {
        match self.bytes {
            1 => bytes[0] = value as u8,
            2 => bytes[..2].copy_from_slice(&(value as u16).to_le_bytes()),
            4 => bytes[..4].copy_from_slice(&(value as u32).to_le_bytes()),
            8 => bytes[..8].copy_from_slice(&(value as u64).to_le_bytes()),
            _ => bytes[..16].copy_from_slice(&value.to_le_bytes()),
        }
    }
}
