//! The values of one column, before they are a batch.

use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Decimal128Array, DictionaryArray,
    FixedSizeBinaryArray, FixedSizeListArray, PrimitiveArray, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, TimeUnit as ArrowUnit};
use slipring_schema::{Integer, Kind, TimeUnit};

use super::names::NameList;
use super::plan;
use crate::error::Misfit;
use crate::records::Records;

/// The greatest number of 38 digits.
const MOST_DECIMAL: u128 = 10u128.pow(38) - 1;

/// The innermost values of a column, one behind the other.
#[derive(Debug)]
pub(crate) enum Values {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(BooleanBufferBuilder),
    Decimal { storage: Integer, scale: u8, values: Vec<i128> },
    Time { storage: Integer, unit: TimeUnit, values: Vec<i64>, none: BooleanBufferBuilder, any_none: bool },
    Enum { storage: Integer, names: NameList, keys: Vec<i32> },
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
    Digits { storage: Integer, offsets: Vec<i32>, bytes: Vec<u8> },
    Bytes { size: usize, bytes: Vec<u8> },
}

/// Where in `records` a column lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) offset: usize,
    /// Innermost values of one event.
    pub(crate) items: usize,
    /// Which events have the column; all if not said.
    pub(crate) present: Option<&'a [bool]>,
}

/// A value that does not fit, by its event's place among those that are meant.
pub(crate) type Unfit = (usize, Misfit);

impl Values {
    pub(crate) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Integer(storage) => match (storage.bytes, storage.signed) {
                (1, false) => Values::U8(Vec::new()),
                (2, false) => Values::U16(Vec::new()),
                (4, false) => Values::U32(Vec::new()),
                (8, false) => Values::U64(Vec::new()),
                (1, true) => Values::I8(Vec::new()),
                (2, true) => Values::I16(Vec::new()),
                (4, true) => Values::I32(Vec::new()),
                (8, true) => Values::I64(Vec::new()),
                _ => Values::Digits { storage: *storage, offsets: vec![0], bytes: Vec::new() },
            },
            Kind::Float32 => Values::F32(Vec::new()),
            Kind::Float64 => Values::F64(Vec::new()),
            Kind::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
            Kind::Decimal { storage, scale } => {
                Values::Decimal { storage: *storage, scale: *scale, values: Vec::new() }
            }
            Kind::Time { storage, unit, .. } => Values::Time {
                storage: *storage,
                unit: *unit,
                values: Vec::new(),
                none: BooleanBufferBuilder::new(0),
                any_none: false,
            },
            Kind::Enum { storage, names } => {
                Values::Enum { storage: *storage, names: NameList::new(names), keys: Vec::new() }
            }
            Kind::Text(_) => Values::Text { offsets: vec![0], bytes: Vec::new() },
            other => Values::Bytes { size: other.bytes(), bytes: Vec::new() },
        }
    }

    /// Appends what the records hold at a place: one loop over all of them.
    pub(crate) fn append(&mut self, records: &Records<'_>, at: Place<'_>) -> Result<(), Unfit> {
        macro_rules! copy {
            ($values:ident, $type:ty) => {
                records.each(at.offset, at.items, at.present, |bytes| {
                    $values.push(<$type>::from_le_bytes(bytes))
                })
            };
        }
        match self {
            Values::U8(values) => copy!(values, u8),
            Values::U16(values) => copy!(values, u16),
            Values::U32(values) => copy!(values, u32),
            Values::U64(values) => copy!(values, u64),
            Values::I8(values) => copy!(values, i8),
            Values::I16(values) => copy!(values, i16),
            Values::I32(values) => copy!(values, i32),
            Values::I64(values) => copy!(values, i64),
            Values::F32(values) => copy!(values, f32),
            Values::F64(values) => copy!(values, f64),
            Values::Bytes { size, bytes } => {
                records.each_slice(at.offset, at.items, *size, at.present, |_, value| match value {
                    Some(value) => bytes.extend_from_slice(value),
                    None => bytes.resize(bytes.len() + *size, 0),
                });
            }
            Values::Bool(values) => append_bools(values, records, at)?,
            Values::Decimal { storage, values, .. } => append_decimals(*storage, values, records, at)?,
            Values::Time { storage, unit, values, none, any_none } => {
                append_times(*storage, *unit, (values, none, any_none), records, at)?;
            }
            Values::Enum { storage, names, keys } => {
                each_integer(*storage, records, at, |value| {
                    keys.push(names.key(value)?);
                    Ok(())
                })?;
            }
            Values::Text { .. } => {}
            Values::Digits { storage, offsets, bytes } => {
                let signed = storage.signed;
                records.each(at.offset, at.items, at.present, |value: [u8; 16]| {
                    let digits = match signed {
                        true => i128::from_le_bytes(value).to_string(),
                        false => u128::from_le_bytes(value).to_string(),
                    };
                    bytes.extend_from_slice(digits.as_bytes());
                    offsets.push(bytes.len() as i32);
                });
            }
        }
        Ok(())
    }

    /// As [`Values::append`], of text fields of `size` bytes.
    pub(crate) fn append_text(
        &mut self,
        size: usize,
        records: &Records<'_>,
        at: Place<'_>,
    ) -> Result<(), Unfit> {
        let Values::Text { offsets, bytes } = self else { return self.append(records, at) };
        let mut unfit = None;
        records.each_slice(at.offset, at.items, size, at.present, |index, value| {
            match text(value.unwrap_or_default()) {
                Some(text) => bytes.extend_from_slice(text),
                None => {
                    unfit.get_or_insert((index, Misfit::Text));
                }
            }
            offsets.push(bytes.len() as i32);
        });
        unfit.map_or(Ok(()), Err)
    }

    /// The array of all values so far; none are left. Null are those that `nulls` says.
    pub(crate) fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        fn primitive<T: ArrowPrimitiveType>(
            values: &mut Vec<T::Native>,
            nulls: Option<NullBuffer>,
        ) -> ArrayRef {
            Arc::new(PrimitiveArray::<T>::new(std::mem::take(values).into(), nulls))
        }
        Ok(match self {
            Values::U8(values) => primitive::<UInt8Type>(values, nulls),
            Values::U16(values) => primitive::<UInt16Type>(values, nulls),
            Values::U32(values) => primitive::<UInt32Type>(values, nulls),
            Values::U64(values) => primitive::<UInt64Type>(values, nulls),
            Values::I8(values) => primitive::<Int8Type>(values, nulls),
            Values::I16(values) => primitive::<Int16Type>(values, nulls),
            Values::I32(values) => primitive::<Int32Type>(values, nulls),
            Values::I64(values) => primitive::<Int64Type>(values, nulls),
            Values::F32(values) => primitive::<Float32Type>(values, nulls),
            Values::F64(values) => primitive::<Float64Type>(values, nulls),
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Decimal { storage, scale, values } => {
                let array = Decimal128Array::new(std::mem::take(values).into(), nulls);
                Arc::new(array.with_precision_and_scale(plan::precision(*storage, *scale), *scale as i8)?)
            }
            Values::Time { unit, values, none, any_none, .. } => {
                let there = NullBuffer::new(none.finish());
                let nulls = if std::mem::take(any_none) {
                    NullBuffer::union(nulls.as_ref(), Some(&there))
                } else {
                    nulls
                };
                let values: ScalarBuffer<i64> = std::mem::take(values).into();
                match plan::time_unit(*unit).0 {
                    ArrowUnit::Nanosecond => {
                        Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone("UTC"))
                    }
                    ArrowUnit::Microsecond => {
                        Arc::new(TimestampMicrosecondArray::new(values, nulls).with_timezone("UTC"))
                    }
                    _ => Arc::new(TimestampMillisecondArray::new(values, nulls).with_timezone("UTC")),
                }
            }
            Values::Enum { names, keys, .. } => {
                let keys = PrimitiveArray::<Int32Type>::new(std::mem::take(keys).into(), nulls);
                let texts = StringArray::from_iter_values(&names.texts);
                Arc::new(DictionaryArray::try_new(keys, Arc::new(texts))?)
            }
            Values::Text { offsets, bytes } | Values::Digits { offsets, bytes, .. } => {
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
                Arc::new(StringArray::try_new(offsets, Buffer::from_vec(std::mem::take(bytes)), nulls)?)
            }
            Values::Bytes { size, bytes } => {
                let bytes = Buffer::from_vec(std::mem::take(bytes));
                Arc::new(FixedSizeBinaryArray::try_new(*size as i32, bytes, nulls)?)
            }
        })
    }
}

fn append_bools(
    values: &mut BooleanBufferBuilder,
    records: &Records<'_>,
    at: Place<'_>,
) -> Result<(), Unfit> {
    let (mut count, mut unfit) = (0, None);
    records.each(at.offset, at.items, at.present, |[byte]: [u8; 1]| {
        if byte > 1 {
            unfit.get_or_insert((count / at.items, Misfit::Bool(byte)));
        }
        values.append(byte == 1);
        count += 1;
    });
    unfit.map_or(Ok(()), Err)
}

fn append_decimals(
    storage: Integer,
    values: &mut Vec<i128>,
    records: &Records<'_>,
    at: Place<'_>,
) -> Result<(), Unfit> {
    each_integer(storage, records, at, |value| {
        values.push(value);
        if storage.bytes == 16 && value.unsigned_abs() > MOST_DECIMAL { Err(Misfit::Decimal) } else { Ok(()) }
    })
}

fn append_times(
    storage: Integer,
    unit: TimeUnit,
    (values, there, any_none): (&mut Vec<i64>, &mut BooleanBufferBuilder, &mut bool),
    records: &Records<'_>,
    at: Place<'_>,
) -> Result<(), Unfit> {
    let factor = plan::time_unit(unit).1;
    let none = storage.bytes == 8 && !storage.signed;
    each_integer(storage, records, at, |count| {
        if none && count == i128::from(u64::MAX) {
            *any_none = true;
            there.append(false);
            values.push(0);
            return Ok(());
        }
        there.append(true);
        let scaled = i64::try_from(count).ok().and_then(|count| count.checked_mul(factor));
        values.push(scaled.unwrap_or(0));
        scaled.map(drop).ok_or(Misfit::Time { count, unit: unit.sign() })
    })
}

/// Calls `take` with every integer; the first that it refuses is the result.
#[inline(always)]
fn each_integer(
    storage: Integer,
    records: &Records<'_>,
    at: Place<'_>,
    mut take: impl FnMut(i128) -> Result<(), Misfit>,
) -> Result<(), Unfit> {
    let (mut count, mut unfit) = (0, None);
    let mut each = |value: i128| {
        if let Err(misfit) = take(value) {
            unfit.get_or_insert((count / at.items, misfit));
        }
        count += 1;
    };
    macro_rules! of {
        ($type:ty) => {
            records.each(at.offset, at.items, at.present, |bytes| {
                each(i128::from(<$type>::from_le_bytes(bytes)));
            })
        };
    }
    match (storage.bytes, storage.signed) {
        (1, false) => of!(u8),
        (2, false) => of!(u16),
        (4, false) => of!(u32),
        (8, false) => of!(u64),
        (1, true) => of!(i8),
        (2, true) => of!(i16),
        (4, true) => of!(i32),
        (8, true) => of!(i64),
        _ => of!(i128),
    }
    unfit.map_or(Ok(()), Err)
}

/// Text without the zeros behind it.
pub(crate) fn text(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = &bytes[..end];
    (!text.contains(&0) && std::str::from_utf8(text).is_ok()).then_some(text)
}

/// Innermost values as the arrays that the kind says.
pub(crate) fn nested(
    kind: &Kind,
    leaves: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let Kind::Array(item, count) = kind else { return Ok(leaves) };
    let leaves = nested(item, leaves, None)?;
    let DataType::FixedSizeList(field, _) = plan::data_type(kind) else { return Ok(leaves) };
    debug_assert!(leaves.len() % count == 0);
    Ok(Arc::new(FixedSizeListArray::try_new(field, *count as i32, leaves, nulls)?))
}
