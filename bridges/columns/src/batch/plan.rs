//! What a column of events becomes in a file.
//!
//! | field | column |
//! |---|---|
//! | integers up to 64 bits, floats | as they are |
//! | `u128`, `i128` | text of digits: no decimal type that tools agree on has 39 |
//! | decimals | decimal: 3, 5, 10, 19 or 20 digits by the bytes of the field, 38 for 128 bits |
//! | times | timestamp (UTC) of the field's unit; seconds as milliseconds, for Parquet has none |
//! | `bool` | boolean |
//! | enums | dictionary of texts: the name, or the number of a value that has none |
//! | text | text |
//! | `[u8;N]` | binary of `N` bytes |
//! | arrays | lists of a fixed length |
//! | fields of a variant | null where the event is of another variant |
//!
//! An unsigned time whose bits are all ones stands for "no time" in feeds of the field: it is null, and the
//! column's metadata says so ([`NULL_KEY`]). Fields without bytes are left out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit as ArrowUnit};
use slipring_schema::{Column, EPOCH, Integer, Kind, SEQUENCE, TIME, Table, TimeUnit};

use crate::options::{Chosen, NULL_KEY};

/// The zone of every time.
const UTC: &str = "UTC";

/// A column of the journal's own, or of the event.
pub(crate) fn chosen_field(chosen: Chosen, table: &Table) -> Field {
    match chosen {
        Chosen::Sequence => Field::new(SEQUENCE, DataType::UInt64, false),
        Chosen::Time => {
            let time = DataType::Timestamp(ArrowUnit::Nanosecond, Some(UTC.into()));
            let null = HashMap::from([(NULL_KEY.to_owned(), u64::MAX.to_string())]);
            Field::new(TIME, time, true).with_metadata(null)
        }
        Chosen::Epoch => Field::new(EPOCH, DataType::UInt32, false),
        Chosen::Field(place) => field(&table.columns[place]),
    }
}

/// The column of a field.
fn field(column: &Column) -> Field {
    let mut metadata = HashMap::new();
    if let Some(none) = none_of(leaf(&column.kind)) {
        metadata.insert(NULL_KEY.to_owned(), none.to_string());
    }
    if let Some(unit) = &column.unit {
        metadata.insert("unit".to_owned(), unit.clone());
    }
    let nullable = none_of(&column.kind).is_some() || column.is_of_a_variant();
    Field::new(&column.path, data_type(&column.kind), nullable).with_metadata(metadata)
}

/// The number that stands for no time.
pub(crate) fn none_of(kind: &Kind) -> Option<u64> {
    match kind {
        Kind::Time { storage: Integer { bytes: 8, signed: false }, .. } => Some(u64::MAX),
        _ => None,
    }
}

/// The unit of a column of times, and how many of it the field's unit has.
pub(crate) fn time_unit(unit: TimeUnit) -> (ArrowUnit, i64) {
    match unit {
        TimeUnit::Nanoseconds => (ArrowUnit::Nanosecond, 1),
        TimeUnit::Microseconds => (ArrowUnit::Microsecond, 1),
        TimeUnit::Milliseconds => (ArrowUnit::Millisecond, 1),
        TimeUnit::Seconds => (ArrowUnit::Millisecond, 1000),
    }
}

/// Digits of a column of decimals.
pub(crate) fn precision(storage: Integer, scale: u8) -> u8 {
    let digits = match (storage.bytes, storage.signed) {
        (1, _) => 3,
        (2, _) => 5,
        (4, _) => 10,
        (8, true) => 19,
        (8, false) => 20,
        _ => 38,
    };
    digits.max(scale)
}

/// The type of a column.
pub(crate) fn data_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Integer(storage) => integer(*storage),
        Kind::Float32 => DataType::Float32,
        Kind::Float64 => DataType::Float64,
        Kind::Bool => DataType::Boolean,
        Kind::Decimal { storage, scale } => DataType::Decimal128(precision(*storage, *scale), *scale as i8),
        Kind::Time { unit, .. } => DataType::Timestamp(time_unit(*unit).0, Some(UTC.into())),
        Kind::Enum { .. } => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Kind::Text(_) => DataType::Utf8,
        Kind::Bytes(bytes) => DataType::FixedSizeBinary(*bytes as i32),
        Kind::Array(item, count) => {
            let item = Field::new("item", data_type(item), none_of(leaf(item)).is_some());
            DataType::FixedSizeList(Arc::new(item), *count as i32)
        }
        // A kind that this crate does not know yet is what the schema says of all bytes.
        _ => DataType::FixedSizeBinary(kind.bytes() as i32),
    }
}

/// What lies innermost in arrays.
pub(crate) fn leaf(kind: &Kind) -> &Kind {
    match kind {
        Kind::Array(item, _) => leaf(item),
        _ => kind,
    }
}

fn integer(storage: Integer) -> DataType {
    match (storage.bytes, storage.signed) {
        (1, false) => DataType::UInt8,
        (2, false) => DataType::UInt16,
        (4, false) => DataType::UInt32,
        (8, false) => DataType::UInt64,
        (1, true) => DataType::Int8,
        (2, true) => DataType::Int16,
        (4, true) => DataType::Int32,
        (8, true) => DataType::Int64,
        _ => DataType::Utf8,
    }
}
