//! Where a literal lies among the values that a field can hold.

use std::cmp::Ordering;

use crate::kind::Integer;

/// Exponents beyond this are cut to it: no text has so many digits.
const MOST_EXPONENT: i64 = 1 << 40;

/// A whole number of 128 bits with a sign beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    negative: bool,
    magnitude: u128,
}

/// Where a number lies among whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below all that 128 bits hold.
    Below,
    /// Above all of them.
    Above,
    /// At `floor`, or between it and the next.
    At { floor: Whole, exact: bool },
}

/// Those values of a storage that pass a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    None,
    All,
    /// From the first to the second, as the storage holds them with their sign drawn out to 128 bits.
    Within(u128, u128),
}

impl Whole {
    pub(super) fn new(negative: bool, magnitude: u128) -> Self {
        Whole { negative: negative && magnitude > 0, magnitude }
    }

    fn before(self) -> Option<Self> {
        if self.negative {
            return Some(Whole::new(true, self.magnitude.checked_add(1)?));
        }
        Some(match self.magnitude.checked_sub(1) {
            Some(magnitude) => Whole::new(false, magnitude),
            None => Whole::new(true, 1),
        })
    }

    fn bits(self) -> u128 {
        if self.negative { self.magnitude.wrapping_neg() } else { self.magnitude }
    }
}

impl From<i128> for Whole {
    fn from(value: i128) -> Self {
        Whole::new(value < 0, value.unsigned_abs())
    }
}

impl Ord for Whole {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude.cmp(&other.magnitude),
            (true, true) => other.magnitude.cmp(&self.magnitude),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Place {
    pub(super) fn whole(value: impl Into<Whole>) -> Self {
        Place::At { floor: value.into(), exact: true }
    }

    /// A number as it is written, times ten to the `scale`.
    pub(super) fn of_number(text: &str, scale: u8) -> Self {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let beyond = if negative { Place::Below } else { Place::Above };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])),
            None => (unsigned, 0),
        };
        let (digits, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // How many of the digits stand before the point of what is asked for.
        let kept = digits.len() as i64 + i64::from(scale) + exponent;
        let (mut magnitude, mut exact, mut at) = (0u128, true, 0);
        for digit in digits.bytes().chain(fraction.bytes()).map(|digit| u128::from(digit - b'0')) {
            if at < kept {
                let longer = magnitude.checked_mul(10).and_then(|value| value.checked_add(digit));
                let Some(longer) = longer else { return beyond };
                magnitude = longer;
            } else {
                exact &= digit == 0;
            }
            at += 1;
        }
        while magnitude > 0 && at < kept {
            let Some(longer) = magnitude.checked_mul(10) else { return beyond };
            magnitude = longer;
            at += 1;
        }
        Place::of_parts(negative, magnitude, exact)
    }

    /// A number of which only the part before the point, and whether there is another, is known.
    fn of_parts(negative: bool, magnitude: u128, exact: bool) -> Self {
        if !negative || exact {
            return Place::At { floor: Whole::new(negative, magnitude), exact };
        }
        match magnitude.checked_add(1) {
            Some(magnitude) => Place::At { floor: Whole::new(true, magnitude), exact },
            None => Place::Below,
        }
    }

    /// Digits behind a `0x`.
    pub(super) fn of_hexadecimal(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Place::whole(0);
        }
        match u128::from_str_radix(digits, 16) {
            Ok(magnitude) => Place::whole(Whole::new(false, magnitude)),
            Err(_) => Place::Above,
        }
    }

    /// Nanoseconds, counted in units of so many.
    pub(super) fn of_nanos(nanos: i128, unit_ns: i128) -> Self {
        Place::At { floor: nanos.div_euclid(unit_ns).into(), exact: nanos.rem_euclid(unit_ns) == 0 }
    }

    /// The values that equal it.
    pub(super) fn equal(self, storage: Integer) -> Reach {
        match self {
            Place::At { floor, exact: true } if least(storage) <= floor && floor <= most(storage) => {
                Reach::Within(floor.bits(), floor.bits())
            }
            _ => Reach::None,
        }
    }

    /// The values below it.
    pub(super) fn less(self, storage: Integer) -> Reach {
        match self {
            Place::At { floor, exact: true } => match floor.before() {
                Some(before) => Place::whole(before).at_most(storage),
                None => Reach::None,
            },
            other => other.at_most(storage),
        }
    }

    /// The values that are not above it.
    pub(super) fn at_most(self, storage: Integer) -> Reach {
        match self {
            Place::Below => Reach::None,
            Place::Above => Reach::All,
            Place::At { floor, .. } if floor < least(storage) => Reach::None,
            Place::At { floor, .. } if floor >= most(storage) => Reach::All,
            Place::At { floor, .. } => Reach::Within(least(storage).bits(), floor.bits()),
        }
    }
}

/// Cut to [`MOST_EXPONENT`].
fn exponent(text: &str) -> i64 {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let value =
        digits.bytes().fold(0i64, |value, digit| (10 * value + i64::from(digit - b'0')).min(MOST_EXPONENT));
    if negative { -value } else { value }
}

fn least(storage: Integer) -> Whole {
    Whole::new(storage.signed, if storage.signed { 1 << (8 * storage.bytes - 1) } else { 0 })
}

fn most(storage: Integer) -> Whole {
    let bits = 8 * storage.bytes - usize::from(storage.signed);
    Whole::new(false, u128::MAX >> (128 - bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTE: Integer = Integer { bytes: 1, signed: true };
    const WIDEST: Integer = Integer { bytes: 16, signed: false };

    #[test]
    fn a_number_lies_at_or_between_values() {
        let at = |value: i128| Place::whole(value);
        let above = |value: i128| Place::At { floor: value.into(), exact: false };
        assert_eq!(Place::of_number("101.25", 2), at(10_125));
        assert_eq!(Place::of_number("101.255", 2), above(10_125));
        assert_eq!(Place::of_number("-101.255", 2), above(-10_126));
        assert_eq!(Place::of_number("-0.001", 2), above(-1));
        assert_eq!(Place::of_number("-0", 2), at(0));
        assert_eq!(Place::of_number("1.5e3", 0), at(1_500));
        assert_eq!(Place::of_number("15E-1", 0), above(1));
        assert_eq!(Place::of_number("1e-999999999999999999999", 38), above(0));
        assert_eq!(Place::of_number("0e999999999999999999999", 38), at(0));
        assert_eq!(Place::of_number("1e999999999999999999999", 0), Place::Above);
        assert_eq!(Place::of_number("-1e39", 0), Place::Below);
        assert_eq!(Place::of_number("340282366920938463463374607431768211456", 0), Place::Above);
        assert_eq!(Place::of_hexadecimal("0000ff"), at(255));
        assert_eq!(Place::of_hexadecimal(&"f".repeat(33)), Place::Above);
        assert_eq!(Place::of_nanos(-1, 1_000), above(-1));
    }

    #[test]
    fn what_a_storage_cannot_hold_still_compares() {
        let most = Place::of_number("340282366920938463463374607431768211455", 0);
        assert_eq!(most.equal(WIDEST), Reach::Within(u128::MAX, u128::MAX));
        assert_eq!(most.at_most(WIDEST), Reach::All);
        assert_eq!(most.less(WIDEST), Reach::Within(0, u128::MAX - 1));
        assert_eq!(Place::whole(0).less(WIDEST), Reach::None);
        let below = (-128i128) as u128;
        assert_eq!(Place::whole(-128).less(BYTE), Reach::None);
        assert_eq!(Place::whole(-128).at_most(BYTE), Reach::Within(below, below));
        assert_eq!(Place::whole(127).less(BYTE), Reach::Within(below, 126));
        assert_eq!(Place::whole(127).at_most(BYTE), Reach::All);
        assert_eq!(Place::whole(128).equal(BYTE), Reach::None);
        assert_eq!(Place::of_number("126.5", 0).less(BYTE), Reach::Within(below, 126));
        assert_eq!(Place::of_number("-128.5", 0).at_most(BYTE), Reach::None);
    }
}
