//! Values as text.

use std::fmt;

use crate::time_text::push_rfc3339;
use crate::value::Value;

impl Value<'_> {
    /// Appends the value as people read it: the content of a CSV cell, without quotes. Nothing for
    /// [`Value::Null`].
    pub fn push_text(&self, out: &mut Vec<u8>) {
        match *self {
            Value::Null => {}
            Value::Integer(number) | Value::Wide(number) => push_integer(number, out),
            Value::Unsigned(number) => push_unsigned(number, out),
            Value::Float32(number) => push_float(&number, out),
            Value::Float64(number) => push_float(&number, out),
            Value::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
            Value::Decimal { unscaled, scale } => push_decimal(unscaled, scale, out),
            Value::Time { count, unit } => match count.checked_mul(unit.nanos()) {
                Some(nanos) if push_rfc3339(nanos, out) => {}
                // With its unit it can be read again.
                _ => {
                    push_integer(count, out);
                    out.extend_from_slice(unit.sign().as_bytes());
                }
            },
            Value::Enum(_, name) | Value::Text(name) => out.extend_from_slice(name.as_bytes()),
            Value::Bytes(bytes) => push_hexadecimal(bytes, out),
            Value::Array(_) => self.push_json(out),
        }
    }

    /// Appends the value as a cell of CSV, with quotes where they must be.
    pub fn push_csv(&self, out: &mut Vec<u8>) {
        match self {
            Value::Enum(_, text) | Value::Text(text) => csv_text(text, out),
            Value::Array(_) => csv_text(&self.to_string(), out),
            value => value.push_text(out),
        }
    }

    /// Appends the value as JSON. A number of 128 bits is a string, for no reader of JSON keeps it as a
    /// number; so is a float that is none.
    pub fn push_json(&self, out: &mut Vec<u8>) {
        match *self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Integer(number) => push_integer(number, out),
            Value::Float32(number) if number.is_finite() => push_float(&number, out),
            Value::Float64(number) if number.is_finite() => push_float(&number, out),
            Value::Bool(_) => self.push_text(out),
            Value::Decimal { unscaled, scale } => {
                let start = out.len();
                push_decimal(unscaled, scale, out);
                if scale > 0 {
                    // A number has no digits to keep.
                    let zeros = out[start..].iter().rev().take_while(|byte| **byte == b'0').count();
                    out.truncate(out.len() - zeros);
                    if out.last() == Some(&b'.') {
                        out.pop();
                    }
                }
            }
            Value::Enum(_, text) | Value::Text(text) => push_json_text(text, out),
            Value::Array(values) => {
                out.push(b'[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    value.push_json(out);
                }
                out.push(b']');
            }
            _ => {
                out.push(b'"');
                self.push_text(out);
                out.push(b'"');
            }
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.push_text(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Appends text as a cell of CSV (RFC 4180).
pub fn csv_text(text: &str, out: &mut Vec<u8>) {
    if !text.bytes().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

fn push_integer(number: i128, out: &mut Vec<u8>) {
    match i64::try_from(number) {
        Ok(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        Err(_) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

fn push_unsigned(number: u128, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The shortest text that reads back as the same number.
fn push_float(number: &impl fmt::Debug, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{number:?}").as_bytes());
}

fn push_decimal(unscaled: i128, scale: u8, out: &mut Vec<u8>) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let magnitude = unscaled.unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    let digits = match u64::try_from(magnitude) {
        Ok(magnitude) => buffer.format(magnitude),
        Err(_) => buffer.format(magnitude),
    };
    let scale = usize::from(scale);
    if scale == 0 {
        out.extend_from_slice(digits.as_bytes());
        return;
    }
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits.as_bytes()[..whole] });
    out.push(b'.');
    out.extend(std::iter::repeat_n(b'0', scale.saturating_sub(digits.len())));
    out.extend_from_slice(&digits.as_bytes()[whole..]);
}

fn push_hexadecimal(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"0x");
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// A string of JSON. What a terminal would take for an order is escaped too.
fn push_json_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing into memory never fails.
    let _ = serde_json::to_writer(out, text);
}
