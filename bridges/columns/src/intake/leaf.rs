//! A column of an Arrow batch, its type known once and for all of its values.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit as ArrowUnit};
use slipring_schema::TimeUnit;

use super::cell::Cell;

/// A column of a batch: its values, and which of them are there.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(super) values: Values,
    /// Of the column and of all that it lies in, if there are any.
    pub(super) nulls: Option<NullBuffer>,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
    U8(ScalarBuffer<u8>),
    U16(ScalarBuffer<u16>),
    U32(ScalarBuffer<u32>),
    U64(ScalarBuffer<u64>),
    I8(ScalarBuffer<i8>),
    I16(ScalarBuffer<i16>),
    I32(ScalarBuffer<i32>),
    I64(ScalarBuffer<i64>),
    F32(ScalarBuffer<f32>),
    F64(ScalarBuffer<f64>),
    Halves(PrimitiveArray<Float16Type>),
    Bool(BooleanArray),
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
    Decimal(ScalarBuffer<i128>, i8),
    Decimal64(ScalarBuffer<i64>, i8),
    Decimal32(ScalarBuffer<i32>, i8),
    Decimal256(PrimitiveArray<Decimal256Type>, i8),
    Time(ScalarBuffer<i64>, TimeUnit),
    Days(ScalarBuffer<i32>),
    /// Values by keys; a key that is none is null.
    Dictionary(Vec<Option<usize>>, Box<Leaf>),
    /// Values of one item behind the other: how many an item has.
    FixedList(Box<Leaf>, usize),
    List(Box<Leaf>, Vec<usize>),
    Nothing,
}

/// Whether values of a type can be read at all.
pub(crate) fn is_readable(of: &DataType) -> bool {
    match of {
        DataType::Interval(_)
        | DataType::Struct(_)
        | DataType::Union(..)
        | DataType::Map(..)
        | DataType::RunEndEncoded(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => false,
        DataType::Dictionary(_, values) => is_readable(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_readable(item.data_type())
        }
        _ => true,
    }
}

/// An unsigned number as a place.
fn offsets<O: Copy + TryInto<usize>>(all: &[O]) -> Vec<usize> {
    // The crate has checked that they are none below zero.
    all.iter().map(|offset| (*offset).try_into().unwrap_or(0)).collect()
}

impl Leaf {
    /// The column; `None` for what [`is_readable`] says no to.
    pub(crate) fn new(array: &ArrayRef, outer: Option<&NullBuffer>) -> Option<Self> {
        // Nulls of a dictionary can be in its values too, which its keys' do not say.
        let nulls = NullBuffer::union(array.nulls(), outer).filter(|nulls| nulls.null_count() > 0);
        Some(Leaf { values: values(array)?, nulls })
    }

    /// The value of a row.
    #[inline]
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Cell::Null;
        }
        match &self.values {
            Values::U8(values) => Cell::Int(i128::from(values[row])),
            Values::U16(values) => Cell::Int(i128::from(values[row])),
            Values::U32(values) => Cell::Int(i128::from(values[row])),
            Values::U64(values) => Cell::Int(i128::from(values[row])),
            Values::I8(values) => Cell::Int(i128::from(values[row])),
            Values::I16(values) => Cell::Int(i128::from(values[row])),
            Values::I32(values) => Cell::Int(i128::from(values[row])),
            Values::I64(values) => Cell::Int(i128::from(values[row])),
            Values::F32(values) => Cell::Float32(values[row]),
            Values::F64(values) => Cell::Float64(values[row]),
            Values::Halves(values) => Cell::Float32(values.value(row).to_f32()),
            Values::Bool(values) => Cell::Bool(values.value(row)),
            Values::Text(values) => Cell::Text(values.value(row)),
            Values::LargeText(values) => Cell::Text(values.value(row)),
            Values::TextView(values) => Cell::Text(values.value(row)),
            Values::Binary(values) => Cell::Bytes(values.value(row)),
            Values::LargeBinary(values) => Cell::Bytes(values.value(row)),
            Values::BinaryView(values) => Cell::Bytes(values.value(row)),
            Values::Fixed(values) => Cell::Bytes(values.value(row)),
            Values::Decimal(values, scale) => Cell::Decimal(values[row], *scale),
            Values::Decimal64(values, scale) => Cell::Decimal(i128::from(values[row]), *scale),
            Values::Decimal32(values, scale) => Cell::Decimal(i128::from(values[row]), *scale),
            Values::Decimal256(values, scale) => match values.value(row).to_i128() {
                Some(unscaled) => Cell::Decimal(unscaled, *scale),
                None => Cell::Digits(format!("{}e{}", values.value(row), -i32::from(*scale))),
            },
            Values::Time(values, unit) => Cell::Time(i128::from(values[row]), *unit),
            Values::Days(values) => Cell::Time(i128::from(values[row]) * 86_400, TimeUnit::Seconds),
            Values::Dictionary(keys, values) => match keys[row] {
                Some(key) => values.cell(key),
                None => Cell::Null,
            },
            Values::FixedList(values, count) => Cell::List(values, row * count, (row + 1) * count),
            Values::List(values, offsets) => Cell::List(values, offsets[row], offsets[row + 1]),
            Values::Nothing => Cell::Null,
        }
    }
}

fn values(array: &ArrayRef) -> Option<Values> {
    fn of<T: ArrowPrimitiveType>(array: &ArrayRef) -> ScalarBuffer<T::Native> {
        array.as_primitive::<T>().values().clone()
    }
    Some(match array.data_type() {
        DataType::Null => Values::Nothing,
        DataType::UInt8 => Values::U8(of::<UInt8Type>(array)),
        DataType::UInt16 => Values::U16(of::<UInt16Type>(array)),
        DataType::UInt32 => Values::U32(of::<UInt32Type>(array)),
        DataType::UInt64 => Values::U64(of::<UInt64Type>(array)),
        DataType::Int8 => Values::I8(of::<Int8Type>(array)),
        DataType::Int16 => Values::I16(of::<Int16Type>(array)),
        DataType::Int32 => Values::I32(of::<Int32Type>(array)),
        DataType::Int64 => Values::I64(of::<Int64Type>(array)),
        DataType::Float16 => Values::Halves(array.as_primitive::<Float16Type>().clone()),
        DataType::Float32 => Values::F32(of::<Float32Type>(array)),
        DataType::Float64 => Values::F64(of::<Float64Type>(array)),
        DataType::Boolean => Values::Bool(array.as_boolean().clone()),
        DataType::Utf8 => Values::Text(array.as_string().clone()),
        DataType::LargeUtf8 => Values::LargeText(array.as_string().clone()),
        DataType::Utf8View => Values::TextView(array.as_string_view().clone()),
        DataType::Binary => Values::Binary(array.as_binary().clone()),
        DataType::LargeBinary => Values::LargeBinary(array.as_binary().clone()),
        DataType::BinaryView => Values::BinaryView(array.as_binary_view().clone()),
        DataType::FixedSizeBinary(_) => Values::Fixed(array.as_fixed_size_binary().clone()),
        DataType::Decimal32(_, scale) => Values::Decimal32(of::<Decimal32Type>(array), *scale),
        DataType::Decimal64(_, scale) => Values::Decimal64(of::<Decimal64Type>(array), *scale),
        DataType::Decimal128(_, scale) => Values::Decimal(of::<Decimal128Type>(array), *scale),
        DataType::Decimal256(_, scale) => Values::Decimal256(array.as_primitive().clone(), *scale),
        DataType::Timestamp(unit, _) => match unit {
            ArrowUnit::Second => Values::Time(of::<TimestampSecondType>(array), TimeUnit::Seconds),
            ArrowUnit::Millisecond => {
                Values::Time(of::<TimestampMillisecondType>(array), TimeUnit::Milliseconds)
            }
            ArrowUnit::Microsecond => {
                Values::Time(of::<TimestampMicrosecondType>(array), TimeUnit::Microseconds)
            }
            ArrowUnit::Nanosecond => {
                Values::Time(of::<TimestampNanosecondType>(array), TimeUnit::Nanoseconds)
            }
        },
        DataType::Date32 => Values::Days(of::<Date32Type>(array)),
        DataType::Date64 => Values::Time(of::<Date64Type>(array), TimeUnit::Milliseconds),
        // Times of a day and spans are what they count.
        DataType::Time32(ArrowUnit::Second) => Values::I32(of::<Time32SecondType>(array)),
        DataType::Time32(_) => Values::I32(of::<Time32MillisecondType>(array)),
        DataType::Time64(ArrowUnit::Microsecond) => Values::I64(of::<Time64MicrosecondType>(array)),
        DataType::Time64(_) => Values::I64(of::<Time64NanosecondType>(array)),
        DataType::Duration(unit) => Values::I64(match unit {
            ArrowUnit::Second => of::<DurationSecondType>(array),
            ArrowUnit::Millisecond => of::<DurationMillisecondType>(array),
            ArrowUnit::Microsecond => of::<DurationMicrosecondType>(array),
            ArrowUnit::Nanosecond => of::<DurationNanosecondType>(array),
        }),
        _ => return nested(array),
    })
}

/// Of arrays that hold others.
fn nested(array: &ArrayRef) -> Option<Values> {
    Some(match array.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let keys = dictionary.keys();
            let places = match dictionary.values().is_empty() {
                true => vec![None; keys.len()],
                false => {
                    let places = dictionary.normalized_keys();
                    (0..keys.len()).map(|row| keys.is_valid(row).then(|| places[row])).collect()
                }
            };
            Values::Dictionary(places, Box::new(Leaf::new(dictionary.values(), None)?))
        }
        DataType::FixedSizeList(_, count) => {
            let list = array.as_fixed_size_list();
            let count = usize::try_from(*count).ok()?;
            Values::FixedList(Box::new(Leaf::new(list.values(), None)?), count)
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            Values::List(Box::new(Leaf::new(list.values(), None)?), offsets(list.offsets()))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            Values::List(Box::new(Leaf::new(list.values(), None)?), offsets(list.offsets()))
        }
        _ => return None,
    })
}
