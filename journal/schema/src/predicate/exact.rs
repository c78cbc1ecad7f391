//! Numbers of different kinds compared without losing a bit.

use std::cmp::Ordering;

/// A whole number as it lies in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Signed(i128),
    /// One beyond `i128`; it has no scale.
    Huge(u128),
}

impl From<u128> for Number {
    fn from(value: u128) -> Self {
        i128::try_from(value).map_or(Number::Huge(value), Number::Signed)
    }
}

impl Number {
    fn magnitude(self) -> (bool, u128) {
        match self {
            Number::Signed(value) => (value < 0, value.unsigned_abs()),
            Number::Huge(value) => (false, value),
        }
    }
}

/// `left` against `right / power`, where `power` is 1 or more.
#[inline]
pub(super) fn against_part(left: Number, right: Number, power: i128) -> Ordering {
    match (left, right) {
        (Number::Signed(left), Number::Signed(right)) => match left.cmp(&right.div_euclid(power)) {
            Ordering::Equal if right.rem_euclid(power) > 0 => Ordering::Less,
            order => order,
        },
        (Number::Huge(left), Number::Huge(right)) => left.cmp(&right),
        (Number::Huge(_), _) => Ordering::Greater,
        // Only a number without a scale is huge, and then the power is 1 or the left has a scale.
        (_, Number::Huge(_)) => Ordering::Less,
    }
}

/// `float` against `number / power`; `None` if it is no number. `power` is at most 10^38.
pub(super) fn against_float(float: f64, number: Number, power: i128) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    let (number_negative, magnitude) = number.magnitude();
    Some(match (float < 0.0, number_negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => against_magnitude(float.abs(), magnitude, power.unsigned_abs()),
        (true, true) => against_magnitude(-float, magnitude, power.unsigned_abs()).reverse(),
    })
}

fn against_magnitude(float: f64, magnitude: u128, power: u128) -> Ordering {
    let whole = float.trunc();
    if whole >= 2f64.powi(128) {
        return Ordering::Greater;
    }
    // Exact: it is whole and below 2^128.
    match (whole as u128).cmp(&(magnitude / power)) {
        // Exact too: the difference has no more bits than the float.
        Ordering::Equal => fraction_against(float - whole, magnitude % power, power),
        order => order,
    }
}

/// A float from 0 up to 1 against `part / power`.
fn fraction_against(fraction: f64, part: u128, power: u128) -> Ordering {
    if fraction == 0.0 {
        return 0.cmp(&part);
    }
    // fraction = mantissa / 2^shift
    let bits = fraction.to_bits();
    let (exponent, low) = ((bits >> 52) as u32, bits & ((1 << 52) - 1));
    let (mantissa, shift) = if exponent == 0 { (low, 1074) } else { (low | 1 << 52, 1075 - exponent) };
    let (high, low) = widening(power, mantissa);
    // fraction * power, which is below 2^127: its whole part, and whether there is more.
    let (whole, more) = match shift {
        0..128 => ((high << (128 - shift)) | (low >> shift), low << (128 - shift) != 0),
        128..256 => {
            let shift = shift - 128;
            (high >> shift, low != 0 || (high >> shift) << shift != high)
        }
        _ => (0, true),
    };
    whole.cmp(&part).then(if more { Ordering::Greater } else { Ordering::Equal })
}

/// The product as its upper and lower 128 bits.
fn widening(left: u128, right: u64) -> (u128, u128) {
    let right = u128::from(right);
    let (upper, lower) = ((left >> 64) * right, (left & u128::from(u64::MAX)) * right);
    let (low, carry) = (upper << 64).overflowing_add(lower);
    ((upper >> 64) + u128::from(carry), low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_keeps_all_its_bits_against_a_whole_number() {
        let order =
            |float, number: i128, scale| against_float(float, Number::Signed(number), 10i128.pow(scale));
        let beyond = 9_007_199_254_740_993i128;
        assert_eq!(order(9_007_199_254_740_992.0, beyond, 0), Some(Ordering::Less));
        assert_eq!(order(-9_007_199_254_740_992.0, -beyond, 0), Some(Ordering::Greater));
        assert_eq!(order(0.5, 5, 1), Some(Ordering::Equal));
        assert_eq!(order(0.1, 1, 1), Some(Ordering::Greater), "the double is a little more");
        assert_eq!(order(0.3, 3, 1), Some(Ordering::Less), "and this one less");
        assert_eq!(order(5e-324, 0, 38), Some(Ordering::Greater));
        assert_eq!(order(5e-324, 1, 38), Some(Ordering::Less));
        assert_eq!(order(-5e-324, 0, 38), Some(Ordering::Less));
        assert_eq!(order(-0.0, 0, 0), Some(Ordering::Equal));
        assert_eq!(order(2f64.powi(-38), 5i128.pow(38), 38), Some(Ordering::Equal));
        assert_eq!(order(f64::INFINITY, i128::MAX, 0), Some(Ordering::Greater));
        assert_eq!(order(f64::NEG_INFINITY, i128::MIN, 0), Some(Ordering::Less));
        assert_eq!(order(-2f64.powi(127), i128::MIN, 0), Some(Ordering::Equal));
        assert_eq!(order(2f64.powi(127), i128::MAX, 0), Some(Ordering::Greater));
        assert_eq!(order(f64::NAN, 0, 0), None);
        assert_eq!(against_float(2f64.powi(127), Number::from(1u128 << 127), 1), Some(Ordering::Equal));
        assert_eq!(against_float(2f64.powi(128), Number::from(u128::MAX), 1), Some(Ordering::Greater));
    }

    #[test]
    fn a_scale_rounds_nothing() {
        let order = |left, right, power| against_part(Number::Signed(left), Number::Signed(right), power);
        assert_eq!(order(1, 100, 100), Ordering::Equal);
        assert_eq!(order(1, 101, 100), Ordering::Less);
        assert_eq!(order(-1, -101, 100), Ordering::Greater);
        assert_eq!(order(-2, -101, 100), Ordering::Less);
        assert_eq!(order(i128::MAX, i128::MAX, 10i128.pow(38)), Ordering::Greater);
        assert_eq!(against_part(Number::from(u128::MAX), Number::Signed(i128::MAX), 10), Ordering::Greater);
    }
}
