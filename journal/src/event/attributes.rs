//! Attributes: what a schema's text says of the event or of a field beyond the layout, behind tabs on its
//! line.

use std::fmt;

/// What says what a number means: a field has one of them at most.
pub(super) const MEANINGS: [&str; 5] = ["time", "decimal", "text", "enum", "bool"];

/// Reads what lies behind the first tab of a line. What is not as [`write`] writes it is taken as it stands:
/// nothing of the layout depends on it.
pub(super) fn read(text: &str) -> Vec<(String, String)> {
    let owned = |text: &str| decoded(text).unwrap_or_else(|| text.to_owned());
    let attributes = text.split('\t').filter(|attribute| !attribute.is_empty());
    attributes
        .map(|attribute| {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            (owned(name), owned(value))
        })
        .collect()
}

/// Writes attributes and the line's end.
pub(super) fn write(attributes: &[(String, String)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (name, value) in attributes {
        write!(f, "\t{}={}", Encoded(name, true), Encoded(value, false))?;
    }
    writeln!(f)
}

/// The value of the first of that name.
pub(super) fn find<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// Text in which no byte is a tab, a line's end or a percent sign; nor, of a name, an equals sign.
struct Encoded<'a>(&'a str, bool);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\t' | '\n' | '\r' | '%' => write!(f, "%{:02X}", u32::from(character))?,
                '=' if self.1 => f.write_str("%3D")?,
                _ => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}
