//! An event of whatever type as JSON, by the schema in its segment's header. The schema is a file's word, so
//! it is believed only as far as there are bytes in the event for what it says.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use slipring_journal::Schema;

/// Arrays lie in each other at most so deep; what lies deeper is not shown.
const MOST_NESTED: usize = 32;

/// The event's fields by name. Of a one-of event only the variant that it holds. What the schema says wrongly
/// is null.
pub(crate) fn of(schema: &Schema, event: &[u8]) -> Value {
    // A line `Variant u32=7` of the schema: the event holds this variant if the tag there is 7.
    let holds: HashSet<&str> = schema
        .fields
        .iter()
        .filter(|field| {
            let tag = field.kind.split_once('=').and_then(|(_, tag)| tag.parse().ok());
            tag.is_some_and(|tag: u32| tag_at(event, field.offset) == Some(tag))
        })
        .map(|field| field.name.as_str())
        .collect();
    let mut object = Map::new();
    // Each byte of an event belongs to one field of those that it holds, so there is no more to show than it
    // has.
    let mut bytes_left = event.len();
    for field in schema.fields.iter().filter(|field| !field.kind.contains('=')) {
        if field.name.rsplit_once('/').is_none_or(|(variant, _)| holds.contains(variant)) {
            let value = bytes_of(event, field.offset, &field.kind).and_then(|bytes| {
                bytes_left = bytes_left.checked_sub(bytes.len())?;
                value(bytes, &field.kind)
            });
            object.insert(field.name.clone(), value.unwrap_or(Value::Null));
        }
    }
    Value::Object(object)
}

fn tag_at(event: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*event.get(offset..)?.first_chunk()?))
}

/// The names of all fields that any event of this schema may have.
pub(crate) fn names(schema: Option<&Schema>) -> Vec<String> {
    let fields = schema.map_or(&[][..], |schema| &schema.fields);
    fields.iter().filter(|field| !field.kind.contains('=')).map(|field| field.name.clone()).collect()
}

/// The bytes of a value, if the event has them.
fn bytes_of<'a>(event: &'a [u8], offset: usize, kind: &str) -> Option<&'a [u8]> {
    event.get(offset..)?.get(..size_of_kind(kind, MOST_NESTED)?)
}

/// A number, or an array of them: `[u8;16]`.
fn value(bytes: &[u8], kind: &str) -> Option<Value> {
    let Some((item, count)) = array(kind) else { return number(bytes, kind) };
    if bytes.is_empty() {
        // However many there are of what has no bytes.
        return Some(Value::Array(Vec::new()));
    }
    bytes.chunks_exact(bytes.len() / count?).map(|bytes| value(bytes, item)).collect()
}

/// The type of an array's items and how many there are; `None` if it is no array.
fn array(kind: &str) -> Option<(&str, Option<usize>)> {
    let inner = kind.strip_prefix('[')?.strip_suffix(']')?;
    let (item, count) = inner.rsplit_once(';')?;
    Some((item, count.parse().ok()))
}

/// The size of a value in bytes; `None` if it is none that is known, or nested deeper than that.
fn size_of_kind(kind: &str, most_nested: usize) -> Option<usize> {
    if let Some((item, count)) = array(kind) {
        return count?.checked_mul(size_of_kind(item, most_nested.checked_sub(1)?)?);
    }
    Some(match kind {
        "u8" | "i8" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "f32" => 4,
        "u64" | "i64" | "f64" => 8,
        "u128" | "i128" => 16,
        _ => return None,
    })
}

fn number(bytes: &[u8], kind: &str) -> Option<Value> {
    macro_rules! read {
        ($type:ty) => {
            <$type>::from_ne_bytes(bytes.try_into().ok()?)
        };
    }
    Some(match kind {
        "u8" => json!(read!(u8)),
        "i8" => json!(read!(i8)),
        "u16" => json!(read!(u16)),
        "i16" => json!(read!(i16)),
        "u32" => json!(read!(u32)),
        "i32" => json!(read!(i32)),
        "f32" => json!(read!(f32)),
        "u64" => json!(read!(u64)),
        "i64" => json!(read!(i64)),
        "f64" => json!(read!(f64)),
        // More than a JSON number holds.
        "u128" => json!(read!(u128).to_string()),
        "i128" => json!(read!(i128).to_string()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_kind_and_of_a_one_of_event_only_the_variant() {
        let text = "E 32\ntag u32 0 4\nA u32=1 0 4\nB u32=2 0 4\nA/x i16 4 2\nB/y u16 4 2\nrest [[u8;2];2] 8 4\nbig u128 16 16\n";
        let schema = Schema::from_text(text).unwrap();
        let mut event = vec![0; 32];
        event[0] = 2;
        event[4..6].copy_from_slice(&(-1i16).to_ne_bytes());
        event[8..12].copy_from_slice(&[1, 2, 3, 4]);
        event[16] = 9;
        let wanted = json!({"tag": 2, "B/y": 65535, "rest": [[1, 2], [3, 4]], "big": "9"});
        assert_eq!(of(&schema, &event), wanted);
        assert_eq!(names(Some(&schema)), ["tag", "A/x", "B/y", "rest", "big"]);
        event[0] = 1;
        assert_eq!(of(&schema, &event)["A/x"], json!(-1));
    }

    /// The first of these once took all memory that there was.
    #[test]
    fn a_schema_is_believed_no_further_than_the_event_has_bytes() {
        let deep = format!("{}u8{}", "[".repeat(500), ";1]".repeat(500));
        let shown = |kind: &str, offset: usize| {
            let field = slipring_journal::Field {
                name: "f".to_owned(),
                kind: kind.to_owned(),
                offset,
                size: 8,
                attributes: Vec::new(),
            };
            let schema =
                Schema { name: "E".to_owned(), size: 8, fields: vec![field], attributes: Vec::new() };
            of(&schema, &[1; 8])["f"].clone()
        };
        assert_eq!(shown("[[u8;0];1000000000000000]", 0), json!([]));
        assert_eq!(shown("[[u8;1000000000000000];0]", 0), json!([]));
        assert_eq!(shown("[u8;8]", 0), json!([1, 1, 1, 1, 1, 1, 1, 1]));
        for (kind, offset) in [
            ("[u8;9]", 0),
            ("[u8;18446744073709551615]", 0),
            ("[[u64;4294967296];4294967296]", 0),
            ("[[u8;18446744073709551615];18446744073709551615]", 0),
            ("u8", 8),
            ("u64", usize::MAX),
            ("[u8;", 0),
            ("[;]", 0),
            ("[]", 0),
            (&deep, 0),
        ] {
            assert_eq!(shown(kind, offset), Value::Null, "{kind} at {offset}");
        }
        // Thousands of fields over the same bytes would be shown as thousands of times as many.
        let field = |n: usize| slipring_journal::Field {
            name: format!("f{n}"),
            kind: "[u8;8]".to_owned(),
            offset: 0,
            size: 8,
            attributes: Vec::new(),
        };
        let schema = Schema {
            name: "E".to_owned(),
            size: 8,
            fields: (0..1000).map(field).collect(),
            attributes: Vec::new(),
        };
        let object = of(&schema, &[1; 8]);
        assert_eq!((&object["f0"], &object["f1"]), (&json!([1, 1, 1, 1, 1, 1, 1, 1]), &Value::Null));
    }
}
