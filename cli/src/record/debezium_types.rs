//! What the schema in a Debezium envelope says of a column: bytes that are a decimal, numbers that are times.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use slipring_schema::{Column, Kind, Value, show_nanos};

use super::json::{Convert, JsonFill};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// `org.apache.kafka.connect.data.Decimal`: a whole number in base64, divided by ten to the scale.
    Decimal(u8),
    /// `io.debezium.data.VariableScaleDecimal`: the same, with its scale beside it.
    AnyDecimal,
    /// A number of so many nanoseconds each since 1970.
    Units(i128),
    /// Bytes in base64.
    Bytes,
}

const DAY_NS: i128 = 86_400_000_000_000;

/// What each column of the rows is, by the schema of an envelope. A schema that says nothing of them says
/// nothing.
pub(super) fn converters(fill: &JsonFill, schema: &str) -> Vec<Option<Box<dyn Convert>>> {
    let mut converters: Vec<Option<Box<dyn Convert>>> = fill.converters.iter().map(|_| None).collect();
    let Ok(schema) = serde_json::from_str::<Json>(schema) else { return converters };
    let fields = |of: &Json| of["fields"].as_array().cloned().unwrap_or_default();
    let rows =
        fields(&schema).into_iter().filter(|field| field["field"] == "after" || field["field"] == "before");
    for field in rows.flat_map(|row| fields(&row)) {
        let index = field["field"].as_str().and_then(|name| fill.keys.column(name));
        if let (Some(index), Some(written)) = (index, written(&field)) {
            converters[index] = Some(Box::new(written));
        }
    }
    converters
}

fn written(field: &Json) -> Option<Written> {
    Some(match field["name"].as_str() {
        Some("org.apache.kafka.connect.data.Decimal") => {
            Written::Decimal(field["parameters"]["scale"].as_str()?.parse().ok()?)
        }
        Some("io.debezium.data.VariableScaleDecimal") => Written::AnyDecimal,
        Some("io.debezium.time.Date" | "org.apache.kafka.connect.data.Date") => Written::Units(DAY_NS),
        Some(
            "io.debezium.time.Timestamp"
            | "org.apache.kafka.connect.data.Timestamp"
            | "io.debezium.time.Time"
            | "org.apache.kafka.connect.data.Time",
        ) => Written::Units(1_000_000),
        Some("io.debezium.time.MicroTimestamp" | "io.debezium.time.MicroTime") => Written::Units(1_000),
        Some("io.debezium.time.NanoTimestamp" | "io.debezium.time.NanoTime") => Written::Units(1),
        None if field["type"] == "bytes" => Written::Bytes,
        _ => return None,
    })
}

impl Convert for Written {
    fn convert(&self, raw: &str, column: &Column) -> Option<Cow<'static, str>> {
        let as_it_is = || match raw.starts_with('"') {
            true => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
            false => Some(Cow::Owned(raw.to_owned())),
        };
        match self {
            Written::Decimal(scale) => decimal(&as_it_is()?, *scale),
            Written::AnyDecimal => {
                let parts: Json = serde_json::from_str(raw).ok()?;
                decimal(parts["value"].as_str()?, parts["scale"].as_u64()?.try_into().ok()?)
            }
            Written::Units(nanos) if matches!(column.kind, Kind::Time { .. }) => {
                let nanos =
                    raw.parse::<i64>().ok().and_then(|count| i128::from(count).checked_mul(*nanos))?;
                Some(Cow::Owned(show_nanos(nanos)))
            }
            Written::Bytes if matches!(column.kind, Kind::Bytes(_)) => {
                let bytes = STANDARD.decode(as_it_is()?.as_bytes()).ok()?;
                let Kind::Bytes(size) = column.kind else { return None };
                let mut text = String::from("0x");
                let filled = bytes.iter().copied().chain(std::iter::repeat(0));
                for byte in filled.take(size.max(bytes.len())) {
                    text.push_str(&format!("{byte:02x}"));
                }
                Some(Cow::Owned(text))
            }
            Written::Units(_) | Written::Bytes => as_it_is(),
        }
    }
}

/// A whole number, big-endian in as many bytes as it takes, divided by ten to the scale.
fn decimal(text: &str, scale: u8) -> Option<Cow<'static, str>> {
    let bytes = STANDARD.decode(text).ok()?;
    if bytes.is_empty() || scale > 38 {
        return None;
    }
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
    let (more, last) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut whole = [sign; 16];
    whole[16 - last.len()..].copy_from_slice(last);
    let unscaled = i128::from_be_bytes(whole);
    let fits = more.iter().all(|byte| *byte == sign) && (unscaled < 0) == (sign == 0xff);
    fits.then(|| Cow::Owned(Value::Decimal { unscaled, scale }.to_string()))
}
