//! One value of a file, whatever the format.

use slipring_schema::{TimeUnit, show_nanos};

use super::leaf::Leaf;

/// One value of a file.
#[derive(Clone, Debug)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i128),
    Float32(f32),
    Float64(f64),
    Bool(bool),
    Text(&'a str),
    /// A number of more than 128 bits, as text.
    Digits(String),
    Bytes(&'a [u8]),
    /// A number divided by ten to the second.
    Decimal(i128, i8),
    /// Units since 1970 (UTC).
    Time(i128, TimeUnit),
    /// Values of a list: those of a leaf, from one to another.
    List(&'a Leaf, usize, usize),
}

impl Cell<'_> {
    /// What it is, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Cell::Null => "nothing",
            Cell::Int(_) => "a whole number",
            Cell::Float32(_) | Cell::Float64(_) => "a floating-point number",
            Cell::Bool(_) => "true or false",
            Cell::Text(_) => "text",
            Cell::Digits(_) | Cell::Decimal(..) => "a decimal number",
            Cell::Bytes(_) => "bytes",
            Cell::Time(..) => "a time",
            Cell::List(..) => "a list",
        }
    }

    /// As a cell of CSV would say it; `None` for what CSV can't say exactly.
    pub(crate) fn text(&self) -> Option<String> {
        Some(match self {
            Cell::Int(number) => number.to_string(),
            Cell::Text(text) => (*text).to_owned(),
            Cell::Digits(text) => text.clone(),
            Cell::Bool(yes) => yes.to_string(),
            // Most digits can be behind the point, all before it: an exponent says either.
            Cell::Decimal(unscaled, scale) => format!("{unscaled}e{}", -i32::from(*scale)),
            Cell::Time(count, unit) => show_nanos(count.checked_mul(unit.nanos())?),
            Cell::Float32(number) => exact(f64::from(*number))?,
            Cell::Float64(number) => exact(*number)?,
            Cell::Null | Cell::Bytes(_) | Cell::List(..) => return None,
        })
    }
}

/// All digits of a floating-point number, if they are few enough to be a decimal's.
fn exact(number: f64) -> Option<String> {
    // Beyond this, whole numbers are left out: it is not what somebody has written.
    if !number.is_finite() || number.abs() > 9_007_199_254_740_992.0 {
        return None;
    }
    (0..=38usize).find(|digits| (number * 2f64.powi(*digits as i32)).fract() == 0.0).map(|digits| {
        // As many decimals as binary digits behind the point.
        format!("{number:.digits$}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floating_point_numbers_have_all_their_digits_or_none() {
        assert_eq!(exact(2.5).as_deref(), Some("2.5"));
        assert_eq!(exact(-0.0078125).as_deref(), Some("-0.0078125"));
        assert_eq!(exact(1_710_063_000.5).as_deref(), Some("1710063000.5"));
        assert_eq!(exact(9_007_199_254_740_992.0).as_deref(), Some("9007199254740992"));
        for none in [0.1, f64::NAN, f64::INFINITY, 9_007_199_254_740_994.0, 1e-300, f64::MAX] {
            assert_eq!(exact(none), None, "{none}");
        }
    }
}
