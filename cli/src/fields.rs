//! An event of whatever type as JSON, by the schema in its segment's header.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use slipring_journal::Schema;

/// The event's fields by name. Of a one-of event only the variant that it holds.
pub(crate) fn of(schema: &Schema, event: &[u8]) -> Value {
    // A line `Variant u32=7` of the schema: the event holds this variant if the tag there is 7.
    let holds: HashSet<&str> = schema
        .fields
        .iter()
        .filter(|field| {
            let tag = field.kind.split_once('=').and_then(|(_, tag)| tag.parse().ok());
            tag.is_some_and(|tag: u32| number(event, field.offset, "u32") == Some(json!(tag)))
        })
        .map(|field| field.name.as_str())
        .collect();
    let mut object = Map::new();
    for field in schema.fields.iter().filter(|field| !field.kind.contains('=')) {
        if field.name.rsplit_once('/').is_none_or(|(variant, _)| holds.contains(variant)) {
            let value = value(event, field.offset, &field.kind).unwrap_or(Value::Null);
            object.insert(field.name.clone(), value);
        }
    }
    Value::Object(object)
}

/// The names of all fields that any event of this schema may have.
pub(crate) fn names(schema: Option<&Schema>) -> Vec<String> {
    let fields = schema.map_or(&[][..], |schema| &schema.fields);
    fields.iter().filter(|field| !field.kind.contains('=')).map(|field| field.name.clone()).collect()
}

/// A number, or an array of them: `[u8;16]`.
fn value(event: &[u8], offset: usize, kind: &str) -> Option<Value> {
    let Some(inner) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) else {
        return number(event, offset, kind);
    };
    let (item, count) = inner.rsplit_once(';')?;
    let (count, size) = (count.parse::<usize>().ok()?, size_of_kind(item)?);
    (0..count)
        .map(|index| value(event, offset + index * size, item))
        .collect::<Option<Vec<_>>>()
        .map(Value::from)
}

fn size_of_kind(kind: &str) -> Option<usize> {
    if let Some(inner) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        let (item, count) = inner.rsplit_once(';')?;
        return Some(count.parse::<usize>().ok()? * size_of_kind(item)?);
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

fn number(event: &[u8], offset: usize, kind: &str) -> Option<Value> {
    let bytes = event.get(offset..offset + size_of_kind(kind)?)?;
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
}
