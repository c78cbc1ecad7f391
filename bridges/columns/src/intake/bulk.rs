//! Whole columns of a batch into their field, where no value needs a look at what it is.

use slipring_schema::{Column, Integer, Kind, ParseOptions, Parsed, TimeUnit};

use super::cell::Cell;
use super::leaf::{Leaf, Values};
use super::store::{Nulls, put};

/// Copies the values of all rows into the field of their events, if none is null and each is what the field
/// holds: numbers of the same type, text that fits, names of an enum. `false`, if it could not be done to the
/// end: then the rows are for [`put`].
pub(crate) fn copy(leaf: &Leaf, column: &Column, events: &mut [u8], event_bytes: usize) -> bool {
    let is_there = column.offset + column.kind.bytes() <= event_bytes;
    if leaf.nulls.is_some() || event_bytes == 0 || !is_there || column.is_of_a_variant() {
        return false;
    }
    let mut fields = Fields { events, event_bytes, offset: column.offset };
    match (&leaf.values, &column.kind) {
        (Values::Dictionary(keys, values), _) => copy_dictionary(keys, values, column, &mut fields),
        (Values::Text(values), _) => copy_text(|row| values.value(row), column, &mut fields),
        (Values::LargeText(values), _) => copy_text(|row| values.value(row), column, &mut fields),
        (Values::TextView(values), _) => copy_text(|row| values.value(row), column, &mut fields),
        (values, kind) => copy_numbers(values, kind, &mut fields),
    }
}

/// A field of all events.
struct Fields<'a> {
    events: &'a mut [u8],
    event_bytes: usize,
    offset: usize,
}

impl Fields<'_> {
    fn rows(&self) -> usize {
        self.events.len() / self.event_bytes
    }

    fn put_all<const N: usize>(&mut self, values: impl Iterator<Item = [u8; N]>) -> bool {
        for (event, value) in self.events.chunks_exact_mut(self.event_bytes).zip(values) {
            event[self.offset..self.offset + N].copy_from_slice(&value);
        }
        true
    }

    /// The lowest bytes of numbers that the field holds.
    fn put_integers(&mut self, storage: Integer, values: impl Iterator<Item = i128>) -> bool {
        match storage.bytes {
            1 => self.put_all(values.map(|value| (value as u8).to_le_bytes())),
            2 => self.put_all(values.map(|value| (value as u16).to_le_bytes())),
            4 => self.put_all(values.map(|value| (value as u32).to_le_bytes())),
            8 => self.put_all(values.map(|value| (value as u64).to_le_bytes())),
            _ => self.put_all(values.map(i128::to_le_bytes)),
        }
    }

    /// Of values that lie one behind the other those whose keys the rows have.
    fn put_made<const N: usize>(&mut self, made: &[u8], keys: &[Option<usize>]) -> bool {
        let (made, _) = made.as_chunks::<N>();
        self.put_all(keys.iter().map(|key| key.and_then(|key| made.get(key)).copied().unwrap_or([0; N])))
    }

    /// Bytes of each row, as many as the field has or fewer: the rest is zero already.
    fn put_bytes<'v>(&mut self, bytes: usize, value: impl Fn(usize) -> Option<&'v [u8]>) -> bool {
        for (row, event) in self.events.chunks_exact_mut(self.event_bytes).enumerate() {
            match value(row).filter(|value| value.len() <= bytes) {
                Some(value) => event[self.offset..self.offset + value.len()].copy_from_slice(value),
                None => return false,
            }
        }
        true
    }
}

fn copy_numbers(values: &Values, kind: &Kind, fields: &mut Fields<'_>) -> bool {
    macro_rules! copy {
        ($values:ident) => {
            fields.put_all($values.iter().map(|value| value.to_le_bytes()))
        };
    }
    let is = |bytes: usize, signed: bool| *kind == Kind::Integer(Integer { bytes, signed });
    match (values, kind) {
        (Values::U8(values), _) if is(1, false) => copy!(values),
        (Values::U16(values), _) if is(2, false) => copy!(values),
        (Values::U32(values), _) if is(4, false) => copy!(values),
        (Values::U64(values), _) if is(8, false) => copy!(values),
        (Values::I8(values), _) if is(1, true) => copy!(values),
        (Values::I16(values), _) if is(2, true) => copy!(values),
        (Values::I32(values), _) if is(4, true) => copy!(values),
        (Values::I64(values), _) if is(8, true) => copy!(values),
        (Values::F32(values), Kind::Float32) => copy!(values),
        (Values::F64(values), Kind::Float64) => copy!(values),
        (Values::Time(values, unit), Kind::Time { storage, unit: wanted, .. })
            if unit == wanted
                && storage.bytes == 8
                && (storage.signed || values.iter().all(|value| *value >= 0)) =>
        {
            copy!(values)
        }
        (Values::Decimal(values, from), Kind::Decimal { storage, scale })
            if i16::from(*from) == i16::from(*scale) && values.iter().all(|value| storage.holds(*value)) =>
        {
            fields.put_integers(*storage, values.iter().copied())
        }
        _ => false,
    }
}

/// Text as it is, or the values of an enum's names.
fn copy_text<'v>(text: impl Fn(usize) -> &'v str, column: &Column, fields: &mut Fields<'_>) -> bool {
    match &column.kind {
        Kind::Text(bytes) => fields.put_bytes(*bytes, |row| {
            let text = text(row).as_bytes();
            // Zeros fill the field up, so the text can't have one.
            (!text.contains(&0)).then_some(text)
        }),
        Kind::Enum { storage, names } => {
            let value = |row| names.value(text(row)).filter(|value| storage.holds(*value));
            let values: Option<Vec<i128>> = (0..fields.rows()).map(value).collect();
            values.is_some_and(|values| fields.put_integers(*storage, values.into_iter()))
        }
        _ => false,
    }
}

/// Each value of a dictionary once, if there are fewer than rows.
fn copy_dictionary(keys: &[Option<usize>], values: &Leaf, column: &Column, fields: &mut Fields<'_>) -> bool {
    let bytes = column.kind.bytes();
    let count = keys.iter().flatten().max().map_or(0, |last| last + 1);
    if count > fields.rows() || keys.contains(&None) {
        return false;
    }
    let mut event = vec![0; fields.event_bytes];
    let mut made = Vec::with_capacity(count * bytes);
    for key in 0..count {
        event.fill(0);
        let cell = values.cell(key);
        let is_plain = !matches!(cell, Cell::Null)
            && put(column, &cell, &mut event, Nulls::default(), &ParseOptions::default())
                .is_ok_and(|parsed| parsed == Parsed::default())
            // Whether it may be without a name is not known here.
            && column.has_name("", &event).is_ok();
        if !is_plain {
            return false;
        }
        made.extend_from_slice(&event[column.offset..column.offset + bytes]);
    }
    match bytes {
        // Each size by itself: a copy of so many bytes as only the schema knows would be a call.
        1 => fields.put_made::<1>(&made, keys),
        2 => fields.put_made::<2>(&made, keys),
        4 => fields.put_made::<4>(&made, keys),
        8 => fields.put_made::<8>(&made, keys),
        16 => fields.put_made::<16>(&made, keys),
        _ => fields.put_bytes(bytes, |row| made.get(keys[row]? * bytes..)?.get(..bytes)),
    }
}

/// Takes the values of all rows for their journal times. `false`, and nothing done, if they are none.
pub(crate) fn times(leaf: &Leaf, times: &mut [Option<u64>]) -> bool {
    let Values::Time(values, unit) = &leaf.values else { return false };
    let is_there = leaf.nulls.is_none() && values.iter().all(|value| *value >= 0);
    if !is_there || *unit != TimeUnit::Nanoseconds {
        return false;
    }
    times.iter_mut().zip(values).for_each(|(time, value)| *time = Some(*value as u64));
    true
}
