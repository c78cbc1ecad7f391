//! One field of a DBN record, and what makes a list of them of a struct.

use std::mem::{offset_of, size_of};

use dbn::{BidAskPair, ConsolidatedBidAskPair};

use crate::intake::infer::Shape;

/// One field of a record.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) offset: usize,
    pub(super) shape: Shape,
}

/// A number as a schema names it; what else has its own shape.
pub(super) trait Number {
    const KIND: &'static str;
}

macro_rules! numbers {
    ($($type:ty: $kind:literal),*) => {
        $(impl Number for $type {
            const KIND: &'static str = $kind;
        })*
    };
}
numbers!(u8: "u8", u16: "u16", u32: "u32", u64: "u64", i8: "i8", i16: "i16", i32: "i32", i64: "i64");
numbers!(dbn::FlagSet: "u8");

/// The shape of a number that a field of `T` is.
pub(super) fn number<T, F: Number>(_: fn(&T) -> &F) -> Shape {
    Shape::number(F::KIND, size_of::<F>())
}

/// A price: a number of billionths.
pub(super) fn price<T>(_: fn(&T) -> &i64) -> Shape {
    Shape::number("i64", 8).with("decimal", "9")
}

/// Nanoseconds since 1970.
pub(super) fn time<T>(_: fn(&T) -> &u64) -> Shape {
    Shape::number("u64", 8).with("time", "ns")
}

/// A letter.
pub(super) fn char<T, F>(_: fn(&T) -> &F) -> Shape {
    Shape::bytes(size_of::<F>()).with("text", "")
}

/// A text that zeros fill up.
pub(super) fn text<T, F>(_: fn(&T) -> &F) -> Shape {
    Shape::bytes(size_of::<F>()).with("text", "")
}

/// The fields of a struct: `name` is a number, `name: price` and the like what it says.
macro_rules! rows {
    ($type:ty: $($name:ident $(: $shape:ident)?),* $(,)?) => {
        vec![$(crate::dbn::row::Row {
            name: stringify!($name).to_owned(),
            offset: std::mem::offset_of!($type, $name),
            shape: crate::dbn::row::rows!(@shape $($shape)?)(|record: &$type| &record.$name),
        }),*]
    };
    (@shape) => { crate::dbn::row::number };
    (@shape $shape:ident) => { crate::dbn::row::$shape };
}
pub(super) use rows;

/// Levels of a book, named as Databento's own CSV, Parquet and data frames name them: `bid_px_00`.
pub(super) fn levels(out: &mut Vec<Row>, at: usize, count: usize) {
    let fields = rows! { BidAskPair: bid_px: price, ask_px: price, bid_sz, ask_sz, bid_ct, ask_ct };
    repeat(out, at, count, size_of::<BidAskPair>(), &fields);
}

/// As [`levels`], of a book of several venues.
pub(super) fn consolidated_levels(out: &mut Vec<Row>, at: usize, count: usize) {
    let fields =
        rows! { ConsolidatedBidAskPair: bid_px: price, ask_px: price, bid_sz, ask_sz, bid_pb, ask_pb };
    repeat(out, at, count, size_of::<ConsolidatedBidAskPair>(), &fields);
}

fn repeat(out: &mut Vec<Row>, at: usize, count: usize, bytes: usize, fields: &[Row]) {
    for level in 0..count {
        out.extend(fields.iter().map(|row| Row {
            name: format!("{}_{level:02}", row.name),
            offset: at + level * bytes + row.offset,
            shape: row.shape.clone(),
        }));
    }
}

/// The header of all records. Its first byte, the record's length, is no field: the record's size says it.
pub(super) fn header() -> Vec<Row> {
    debug_assert_eq!(offset_of!(dbn::RecordHeader, rtype), super::RTYPE_AT);
    rows! { dbn::RecordHeader: rtype, publisher_id, instrument_id, ts_event: time }
}
