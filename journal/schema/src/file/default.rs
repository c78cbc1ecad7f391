//! Whether a default is a value of its field.

use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};

/// What the field takes, if the text is not that.
pub(super) fn refusal(leaf: &Leaf, meaning: &Meaning, text: &str) -> Option<String> {
    (!fits(leaf.scalar, &leaf.dims, meaning, text)).then(|| wanted(leaf, meaning))
}

fn fits(scalar: Scalar, dims: &[usize], meaning: &Meaning, text: &str) -> bool {
    match (dims, meaning) {
        ([length], Meaning::Text) => text.len() <= *length && !text.contains('\0'),
        ([length], Meaning::Plain) if scalar == Scalar::U8 && !text.starts_with('[') => {
            match text.strip_prefix("0x") {
                Some(digits) => {
                    digits.len() == 2 * *length && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                }
                None => text.len() <= *length && !text.contains('\0'),
            }
        }
        ([], _) => number(scalar, meaning, text),
        ([count, inner @ ..], _) => match elements(text) {
            Some(elements) => {
                elements.len() == *count && elements.iter().all(|text| fits(scalar, inner, meaning, text))
            }
            None => false,
        },
    }
}

fn number(scalar: Scalar, meaning: &Meaning, text: &str) -> bool {
    match meaning {
        Meaning::Bool => matches!(text, "true" | "false" | "0" | "1"),
        Meaning::Enum(names) => names.iter().any(|(name, _)| name == text) || scalar.holds(text),
        Meaning::Time(_) => scalar.holds(text) || text.parse::<jiff::Timestamp>().is_ok(),
        Meaning::Decimal(scale) => unscaled(text, *scale).is_some_and(|text| scalar.holds(&text)),
        Meaning::Text => false,
        Meaning::Plain if scalar.is_float() => text.parse::<f64>().is_ok(),
        Meaning::Plain => scalar.holds(text),
    }
}

/// The digits of a decimal without its point, filled up to the scale; `None` if it has more behind the point.
pub(crate) fn unscaled(text: &str, scale: u32) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.trim_end_matches('0');
    let bare = whole.trim_start_matches('-');
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (bare.is_empty() && fraction.is_empty()) || whole.len() > bare.len() + 1 {
        return None;
    }
    let fits = is_number(bare) && is_number(fraction) && digits.len() <= scale as usize;
    fits.then(|| format!("{whole}{digits:0<width$}", width = scale as usize))
}

/// The texts between the outermost brackets and commas.
fn elements(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    let (mut depth, mut from, mut elements) = (0i32, 0, Vec::new());
    for (at, character) in inner.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                elements.push(inner[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    elements.push(inner[from..].trim());
    Some(elements)
}

fn wanted(leaf: &Leaf, meaning: &Meaning) -> String {
    let scalar = leaf.scalar.name();
    let one = match meaning {
        Meaning::Plain => format!("a value of `{leaf}`"),
        Meaning::Time(unit) => format!("a time (RFC 3339, or {} since 1970 as `{scalar}`)", unit.long_name()),
        Meaning::Decimal(scale) => format!("a number of at most {scale} decimals that goes into `{scalar}`"),
        Meaning::Text => format!("a text of at most {} bytes", leaf.text_length().unwrap_or(0)),
        Meaning::Enum(_) => format!("one of the names, or a number of `{scalar}`"),
        Meaning::Bool => "true or false".to_owned(),
    };
    let nested = leaf.dims.len() - usize::from(*meaning == Meaning::Text && !leaf.dims.is_empty());
    if nested > 0 && *meaning != Meaning::Plain { format!("an array `{leaf}`, each {one}") } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_their_point_and_nothing_else() {
        for (text, scale, digits) in [
            ("12.5", 2, Some("1250")),
            ("-0.01", 2, Some("-001")),
            ("12", 0, Some("12")),
            ("12.000", 2, Some("1200")),
            (".5", 1, Some("5")),
            ("12.345", 2, None),
            ("1e3", 2, None),
            ("--1", 2, None),
            ("", 2, None),
            ("-", 2, None),
            (".", 2, None),
        ] {
            assert_eq!(unscaled(text, scale).as_deref(), digits, "{text}");
        }
    }
}
