//! What number a field is, as far as the code that the derive writes asks while it is compiled.

use super::integer::Integer;

/// What number a field is, or an array of, for checks while compiling.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Of the number type; empty for whatever is none.
    name: &'static str,
    is_array: bool,
}

impl Number {
    /// A struct or a one-of event.
    pub const NONE: Self = Self { name: "", is_array: false };

    /// The number type of that name.
    pub(super) const fn of(name: &'static str) -> Self {
        Self { name, is_array: false }
    }

    /// An array of it.
    pub(super) const fn array(self) -> Self {
        Self { name: self.name, is_array: true }
    }

    /// Whether it is a number at all.
    pub const fn is_number(self) -> bool {
        !self.name.is_empty()
    }

    /// Whether it can count times: an integer of at most 64 bits.
    pub const fn is_time(self) -> bool {
        self.is_decimal() && !matches!(self.name.as_bytes(), b"i128")
    }

    /// Whether it can be a decimal, or have names: an integer that an `i128` holds.
    pub const fn is_decimal(self) -> bool {
        self.is_number() && !matches!(self.name.as_bytes(), b"f32" | b"f64" | b"u128")
    }

    /// Whether it is a `u8`.
    pub const fn is_u8(self) -> bool {
        matches!(self.name.as_bytes(), b"u8")
    }

    /// Whether it is an array of `u8`.
    pub const fn is_bytes(self) -> bool {
        self.is_u8() && self.is_array
    }

    /// Whether a text can be the default of a field of `bytes` bytes that is such a number with `scale`
    /// digits behind the point, or an array of them. Texts in arrays are taken as they are.
    pub const fn takes(self, text: &str, scale: u32, bytes: usize) -> bool {
        let text = text.as_bytes();
        if text.is_empty() || (self.is_bytes() && is_string(text, bytes)) {
            return true;
        }
        let (mut count, mut at) = (0, 0);
        while at < text.len() {
            if matches!(text[at], b'[' | b']' | b',' | b' ') {
                at += 1;
                continue;
            }
            let from = at;
            while at < text.len() && !matches!(text[at], b']' | b',' | b' ') {
                at += 1;
            }
            if !self.takes_one(text.split_at(at).0.split_at(from).1, scale) {
                return false;
            }
            count += 1;
        }
        if self.is_array { text[0] == b'[' && count * self.bytes() == bytes } else { count == 1 }
    }

    const fn takes_one(self, text: &[u8], scale: u32) -> bool {
        if text[0] == b'"' && self.is_array {
            return true;
        }
        if matches!(self.name.as_bytes(), b"f32" | b"f64") {
            return is_float(text);
        }
        match whole_number(text, scale) {
            Some((negative, magnitude)) => self.holds(negative, magnitude),
            None => false,
        }
    }

    const fn bytes(self) -> usize {
        match Integer::from_name(self.name) {
            Some(integer) => integer.bytes,
            None if matches!(self.name.as_bytes(), b"f32") => 4,
            None => 8,
        }
    }

    /// Whether it is an integer that holds this number.
    pub const fn holds(self, negative: bool, magnitude: u128) -> bool {
        match Integer::from_name(self.name) {
            Some(integer) => integer.holds_magnitude(negative, magnitude),
            None => false,
        }
    }
}

/// Whether a text of so many bytes, or the digits of them, stand there.
const fn is_string(text: &[u8], bytes: usize) -> bool {
    let has_digits = text.len() == 2 + 2 * bytes && text[0] == b'0' && text[1] == b'x';
    text[0] != b'[' && (text.len() <= bytes || has_digits)
}

/// Whether it looks like a number; the library reads it when it runs.
const fn is_float(text: &[u8]) -> bool {
    if matches!(text, b"NaN" | b"nan" | b"inf" | b"-inf") {
        return true;
    }
    let (mut at, mut has_digit) = (0, false);
    while at < text.len() {
        has_digit |= text[at].is_ascii_digit();
        if !text[at].is_ascii_digit() && !matches!(text[at], b'+' | b'-' | b'.' | b'e' | b'E') {
            return false;
        }
        at += 1;
    }
    has_digit
}

/// A decimal number times ten to the `scale`, as what is below zero and how great it is; `None` if it is
/// none, has more digits behind the point, or more than 128 bits.
pub(super) const fn whole_number(text: &[u8], scale: u32) -> Option<(bool, u128)> {
    let negative = matches!(text, [b'-', ..]);
    let (mut at, mut digits, mut missing) = (if matches!(text, [b'-' | b'+', ..]) { 1 } else { 0 }, 0, scale);
    let (mut value, mut point) = (0u128, false);
    while at < text.len() {
        match text[at] {
            b'.' if !point => point = true,
            // Zeros behind the last digit that is kept say nothing.
            b'0' if point && missing == 0 => digits += 1,
            digit @ b'0'..=b'9' if !point || missing > 0 => {
                if point {
                    missing -= 1;
                }
                let Some(ten) = value.checked_mul(10) else { return None };
                let Some(sum) = ten.checked_add((digit - b'0') as u128) else { return None };
                value = sum;
                digits += 1;
            }
            _ => return None,
        }
        at += 1;
    }
    while missing > 0 {
        let Some(ten) = value.checked_mul(10) else { return None };
        value = ten;
        missing -= 1;
    }
    if digits == 0 { None } else { Some((negative && value > 0, value)) }
}
