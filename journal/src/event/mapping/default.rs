//! The text of a `default` as the bytes that a field has for it: what files may say there, but for times with
//! a date, which take a calendar.

use super::leaf::{Leaf, Meaning, Scalar};
use crate::event::integer::Integer;
use crate::event::number::whole_number;

/// The bytes of a field that has this default; `None` if it is no value of the field.
pub(super) fn bytes(leaf: &Leaf, text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; leaf.scalar.bytes() * leaf.count()];
    if !text.is_empty() {
        put(leaf, &leaf.dims, text, &mut bytes)?;
    }
    Some(bytes)
}

fn put(leaf: &Leaf, dims: &[usize], text: &str, out: &mut [u8]) -> Option<()> {
    if dims.len() <= 1 && leaf.string_bytes().is_some() {
        return put_string(text, leaf.meaning == Meaning::Text, out);
    }
    let Some((count, inner)) = dims.split_first() else { return put_number(leaf, text, out) };
    let items = items(text)?;
    if items.len() != *count {
        return None;
    }
    let item_bytes = out.len().checked_div(*count)?;
    items.iter().enumerate().try_for_each(|(index, item)| {
        let is_innermost = inner.is_empty() || inner.len() == 1 && leaf.string_bytes().is_some();
        let item = match item.strip_prefix('"') {
            Some(item) if is_innermost => plain_string(item)?,
            None if !is_innermost || is_json_scalar(item) => item,
            _ => return None,
        };
        put(leaf, inner, item, &mut out[index * item_bytes..][..item_bytes])
    })
}

/// A JSON string behind its opening quote, unless JSON writes it otherwise than it reads.
fn plain_string(item: &str) -> Option<&str> {
    item.strip_suffix('"').filter(|item| !item.contains(|c: char| c == '\\' || c == '"' || c < ' '))
}

/// A number or a truth as JSON has them: `00`, `+1`, `.5` and `nan` are none.
fn is_json_scalar(item: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let magnitude = item.strip_prefix('-').unwrap_or(item);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    let is_number = digits(whole) && (whole == "0" || !whole.starts_with('0')) && digits(fraction);
    is_number || ["true", "false"].contains(&item)
}

/// The values of a JSON array as they are written.
fn items(text: &str) -> Option<Vec<&str>> {
    let space = [' ', '\t', '\n', '\r'];
    let inner = text.trim_matches(space).strip_prefix('[')?.strip_suffix(']')?;
    let (mut items, mut depth, mut quoted, mut from) = (Vec::new(), 0usize, false, 0);
    for (at, character) in inner.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.checked_sub(1)?,
            ',' if !quoted && depth == 0 => {
                items.push(inner[from..at].trim_matches(space));
                from = at + 1;
            }
            _ => {}
        }
    }
    items.push(inner[from..].trim_matches(space));
    (depth == 0 && !quoted).then_some(items)
}

/// Text, or of bytes also `0x` and two digits for each.
fn put_string(text: &str, is_text: bool, out: &mut [u8]) -> Option<()> {
    let digits = text.strip_prefix("0x").filter(|digits| !is_text && digits.len() == 2 * out.len());
    if let Some(digits) = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        for (byte, two) in out.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()?;
        }
        return Some(());
    }
    let room = out.get_mut(..text.len()).filter(|_| !text.contains('\0'))?;
    room.copy_from_slice(text.as_bytes());
    Some(())
}

fn put_number(leaf: &Leaf, text: &str, out: &mut [u8]) -> Option<()> {
    let integer = match leaf.scalar {
        Scalar::Integer(integer) => integer,
        Scalar::Float32 => {
            let value = text.parse::<f32>().ok().filter(|value| is_said(value.is_infinite(), text))?;
            out.copy_from_slice(&value.to_le_bytes());
            return Some(());
        }
        Scalar::Float64 => {
            let value = text.parse::<f64>().ok().filter(|value| is_said(value.is_infinite(), text))?;
            out.copy_from_slice(&value.to_le_bytes());
            return Some(());
        }
    };
    let (negative, magnitude) = match &leaf.meaning {
        Meaning::Decimal(scale) => whole_number(text.as_bytes(), *scale)?,
        Meaning::Time(unit, input) => time(text, *unit, *input)?,
        Meaning::Names(names) => match names.iter().find(|(name, _)| name == text) {
            Some((_, value)) => (*value < 0, value.unsigned_abs()),
            None => whole_number(text.as_bytes(), 0)?,
        },
        Meaning::Bool => (false, u128::from(truth(text)?)),
        Meaning::Plain | Meaning::Text => whole_number(text.as_bytes(), 0)?,
    };
    store(integer, negative, magnitude, out)
}

/// Digits that have become infinity are none.
fn is_said(is_infinite: bool, text: &str) -> bool {
    !is_infinite || !text.bytes().any(|byte| byte.is_ascii_digit())
}

fn store(integer: Integer, negative: bool, magnitude: u128, out: &mut [u8]) -> Option<()> {
    if !integer.holds_magnitude(negative, magnitude) {
        return None;
    }
    let value = if negative { magnitude.wrapping_neg() } else { magnitude };
    integer.write(value.cast_signed(), out);
    Some(())
}

/// A bare number, in units of what the field counts.
fn time(text: &str, unit_ns: u64, input_ns: u64) -> Option<(bool, u128)> {
    match (input_ns / unit_ns).checked_ilog10() {
        Some(digits) => whole_number(text.as_bytes(), digits),
        // It counts something finer: exact, or none.
        None => {
            let (negative, magnitude) = whole_number(text.as_bytes(), 0)?;
            let each = u128::from(unit_ns / input_ns);
            (magnitude % each == 0).then_some((negative, magnitude / each))
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "1", "t", "yes", "y"]) {
        return Some(true);
    }
    is(&["false", "0", "f", "no", "n"]).then_some(false)
}
