//! Eight bytes of text as one number, the first byte lowest.

/// Every byte of it is 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of every byte.
const HIGHS: u64 = ONES << 7;

/// The eight bytes from `at` on; zeros behind the end of the text.
#[inline(always)]
pub(super) fn at(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last(text, at),
    }
}

#[cold]
fn last(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(bytes)
}

/// The same byte eight times.
#[inline(always)]
pub(super) const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The first `count` bytes, 8 at most, and zeros.
#[inline(always)]
pub(super) fn keep(word: u64, count: usize) -> u64 {
    if count >= 8 { word } else { word & ((1 << (8 * count)) - 1) }
}

/// Whether a byte is no ASCII.
#[inline(always)]
pub(super) fn has_high(word: u64) -> bool {
    word & HIGHS != 0
}

/// The highest bit of each byte that is zero. What it says of bytes behind the first such one may be wrong.
#[inline(always)]
pub(super) fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// The highest bit of each byte below a space. What it says of bytes behind the first such one may be wrong.
#[inline(always)]
pub(super) fn controls(word: u64) -> u64 {
    word.wrapping_sub(all(b' ')) & !word & HIGHS
}

/// The highest bit of each byte that is no digit, of a word whose digits are 0 to 9 (see [`from_digits`]).
/// What it says of bytes behind the first such one may be wrong.
#[inline(always)]
pub(super) fn no_digits(word: u64) -> u64 {
    (word.wrapping_add(all(0x7f - 9)) | word) & HIGHS
}

/// The characters `0` to `9` as 0 to 9, and all others as greater ones.
#[inline(always)]
pub(super) fn from_digits(word: u64) -> u64 {
    word ^ all(b'0')
}

/// Before which byte the first of such bits lies; 8 if there is none.
#[inline(always)]
pub(super) fn first(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}
