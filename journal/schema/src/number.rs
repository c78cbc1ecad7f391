//! Decimal numbers as text, exact to 128 bits.

/// A number times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scaled {
    pub(crate) value: i128,
    /// It had more decimals.
    pub(crate) rounded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    /// No number.
    Form,
    /// Beyond 128 bits.
    Range,
    /// More decimals than asked for, and not all of them zeros.
    TooFine,
}

/// Whether it is a number and no time: digits, a sign before them, a point, an exponent.
pub(crate) fn is_plain(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && !unsigned.contains([':', 'T', 't', ' '])
        && unsigned.bytes().filter(|byte| *byte == b'-').count() < 2
}

/// The number times ten to the `scale`: `101.25` with scale 2 is 10125. A half is rounded away from zero, if
/// it may be rounded at all.
pub(crate) fn scaled(text: &str, scale: i32, round: bool) -> Result<Scaled, NumberFault> {
    if let Some(value) = u8::try_from(scale).ok().and_then(|scale| short(text.as_bytes(), scale)) {
        return Ok(Scaled { value, rounded: false });
    }
    let Size { negative, value, rounded } = size(text, scale, round)?;
    let value = match negative {
        true => 0i128.checked_sub_unsigned(value),
        false => i128::try_from(value).ok(),
    };
    Ok(Scaled { value: value.ok_or(NumberFault::Range)?, rounded })
}

/// The whole number that is not below zero, of up to 128 bits.
pub(crate) fn unsigned(text: &str) -> Result<u128, NumberFault> {
    match size(text, 0, false)? {
        Size { negative: true, value: 1.., .. } => Err(NumberFault::Range),
        Size { value, .. } => Ok(value),
    }
}

/// How far a number lies from zero, and on which side.
struct Size {
    negative: bool,
    value: u128,
    rounded: bool,
}

fn size(text: &str, scale: i32, round: bool) -> Result<Size, NumberFault> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let split = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (digits, exponent) = match split {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])),
        None => (unsigned, Ok(0)),
    };
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[][..]),
    };
    let all = || whole.iter().chain(fraction);
    if whole.len() + fraction.len() == 0 || !all().all(u8::is_ascii_digit) {
        return Err(NumberFault::Form);
    }
    if all().all(|digit| *digit == b'0') && exponent != Err(NumberFault::Form) {
        return Ok(Size { negative, value: 0, rounded: false });
    }
    // How many of the digits stand before the point of what is asked for.
    let kept = whole.len() as i64 + i64::from(scale) + exponent?;
    let mut value = 0u128;
    let mut digit_at = 0i64;
    let (mut first_left_out, mut exact) = (None, true);
    for digit in all().map(|digit| u128::from(digit - b'0')) {
        if digit_at < kept {
            value = times_ten(value, digit)?;
        } else {
            first_left_out.get_or_insert(if digit_at == kept { digit } else { 0 });
            exact &= digit == 0;
        }
        digit_at += 1;
    }
    if value != 0 {
        for _ in digit_at..kept {
            value = times_ten(value, 0)?;
        }
    }
    if !exact && !round {
        return Err(NumberFault::TooFine);
    }
    if !exact && first_left_out.is_some_and(|digit| digit >= 5) {
        value = value.checked_add(1).ok_or(NumberFault::Range)?;
    }
    Ok(Size { negative, value, rounded: !exact })
}

/// Up to nineteen digits without an exponent: what nearly all numbers are, times in nanoseconds among them.
#[inline]
pub(crate) fn short(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // So many nines fit into 64 bits.
    if digits.is_empty() || digits.len() + usize::from(scale) > 19 {
        return None;
    }
    let (mut value, mut decimals) = (0u64, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = 10 * value + u64::from(byte - b'0');
                decimals = decimals.map(|count: u32| count + 1);
            }
            b'.' if decimals.is_none() && digits.len() > 1 => decimals = Some(0),
            _ => return None,
        }
    }
    let missing = u32::from(scale).checked_sub(decimals.unwrap_or(0))?;
    let value = i128::from(value * 10u64.pow(missing));
    Some(if negative { -value } else { value })
}

fn times_ten(value: u128, digit: u128) -> Result<u128, NumberFault> {
    value.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or(NumberFault::Range)
}

fn exponent(text: &[u8]) -> Result<i64, NumberFault> {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberFault::Form);
    }
    let text = std::str::from_utf8(text).map_err(|_| NumberFault::Form)?;
    let value: i64 = text.parse().map_err(|_| NumberFault::Range)?;
    // Far more than any number here has digits.
    if value.abs() > 10_000 { Err(NumberFault::Range) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        let value = |text: &str, scale: i32| scaled(text, scale, false).map(|scaled| scaled.value);
        assert_eq!(value("101.25", 2), Ok(10_125));
        assert_eq!(value("101.2500", 2), Ok(10_125));
        assert_eq!(value("9999999999999999999", 0), Ok(9_999_999_999_999_999_999));
        assert_eq!(value("-99999999999.9999999", 8), Ok(-9_999_999_999_999_999_990));
        assert_eq!(value("99999999999999999999", 0), Ok(99_999_999_999_999_999_999));
        assert_eq!(value("-0.5", 1), Ok(-5));
        assert_eq!(value("1e-05", 5), Ok(1));
        assert_eq!(value("1.5E+2", 2), Ok(15_000));
        assert_eq!(value("100.0", 0), Ok(100));
        assert_eq!(value(".5", 1), Ok(5));
        assert_eq!(value("5.", 1), Ok(50));
        assert_eq!(value("0e9999", 38), Ok(0));
        assert_eq!(value("-0e99999999999999999999", 0), Ok(0));
        assert_eq!((value("12000", -3), value("12500", -3)), (Ok(12), Err(NumberFault::TooFine)));
        let most = i128::MAX.to_string();
        assert_eq!(value(&most, 0), Ok(i128::MAX));
        assert_eq!(value(&format!("-{most}"), 0), Ok(-i128::MAX));
        assert_eq!(value("170141183460469231731687303715884105728", 0), Err(NumberFault::Range));
        assert_eq!(value(&i128::MIN.to_string(), 0), Ok(i128::MIN));
        assert_eq!(value("-170141183460469231731687303715884105729", 0), Err(NumberFault::Range));
        assert_eq!(value("1e9999", 0), Err(NumberFault::Range));
        assert_eq!(value("1.005", 2), Err(NumberFault::TooFine));
        assert_eq!(value("1e-3", 2), Err(NumberFault::TooFine));
        for bad in ["", ".", "-", "+", "1.2.3", "0x10", "1_000", "1,5", "NaN", "inf", "1e", "e5", "--1", " 1"]
        {
            assert_eq!(value(bad, 2), Err(NumberFault::Form), "{bad}");
        }
    }

    #[test]
    fn unsigned_numbers_have_all_of_their_128_bits() {
        for text in ["340282366920938463463374607431768211455", "+340282366920938463463374607431768211455.00"]
        {
            assert_eq!(unsigned(text), Ok(u128::MAX), "{text}");
        }
        assert_eq!((unsigned("-0"), unsigned("1e38")), (Ok(0), Ok(10u128.pow(38))));
        for text in ["340282366920938463463374607431768211456", "1e39", "-1"] {
            assert_eq!(unsigned(text), Err(NumberFault::Range), "{text}");
        }
        assert_eq!((unsigned("1.5"), unsigned("x")), (Err(NumberFault::TooFine), Err(NumberFault::Form)));
    }

    #[test]
    fn a_half_is_rounded_away_from_zero() {
        let value = |text: &str, scale| scaled(text, scale, true).unwrap();
        assert_eq!(value("1.005", 2), Scaled { value: 101, rounded: true });
        assert_eq!(value("-1.005", 2), Scaled { value: -101, rounded: true });
        assert_eq!(value("1.0049999", 2), Scaled { value: 100, rounded: true });
        assert_eq!(value("0.0005", 2), Scaled { value: 0, rounded: true });
        assert_eq!(value("35821.088778456004", 9), Scaled { value: 35_821_088_778_456, rounded: true });
        assert_eq!(value("1.50", 1), Scaled { value: 15, rounded: false });
    }
}
