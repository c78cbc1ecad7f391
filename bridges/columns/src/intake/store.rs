//! A value of a file into the bytes of an event.

use slipring_schema::{Column, FieldFault, Integer, Kind, ParseOptions, Parsed, TimeUnit};

use super::cell::Cell;
use crate::batch::plan;
use crate::error::RowFault;

/// What a null stands for, where the field's default is not asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nulls {
    /// An unsigned time whose bits are all ones: in files that slipring wrote.
    pub(crate) no_time: bool,
    /// NaN: in databases that slipring wrote.
    pub(crate) nan: bool,
}

/// Puts the value into the event, in which the variant must be already.
pub(crate) fn put(
    column: &Column,
    cell: &Cell<'_>,
    event: &mut [u8],
    nulls: Nulls,
    options: &ParseOptions,
) -> Result<Parsed, RowFault> {
    if !column.is_in(event) {
        return match cell {
            Cell::Null => Ok(Parsed::default()),
            other => {
                let text = other.text().unwrap_or_else(|| other.name().to_owned());
                let field = column.path.clone();
                Err(FieldFault::OtherVariant { field, text: text.chars().take(60).collect() }.into())
            }
        };
    }
    let range = column.offset..column.offset + column.kind.bytes();
    if let Some(bytes) = event.get_mut(range)
        && put_fast(&column.kind, cell, bytes, nulls)
    {
        return Ok(Parsed::default());
    }
    put_slow(column, cell, event, nulls, options)
}

/// What needs no text on the way; `false`, and nothing done, for all else.
#[inline]
fn put_fast(kind: &Kind, cell: &Cell<'_>, out: &mut [u8], nulls: Nulls) -> bool {
    match (kind, cell) {
        (Kind::Integer(storage) | Kind::Enum { storage, .. }, Cell::Int(number)) => {
            store(*storage, Some(*number), out)
        }
        (Kind::Decimal { storage, scale }, Cell::Decimal(unscaled, from)) => {
            store(*storage, rescaled(*unscaled, *from, *scale), out)
        }
        (Kind::Decimal { storage, scale }, Cell::Int(number)) => {
            store(*storage, rescaled(*number, 0, *scale), out)
        }
        (Kind::Time { storage, unit, .. }, Cell::Time(count, from)) => {
            store(*storage, in_unit(*count, *from, *unit), out)
        }
        (Kind::Time { storage, unit, input }, Cell::Int(count)) => {
            store(*storage, in_unit(*count, *input, *unit), out)
        }
        (Kind::Time { .. }, Cell::Null) if nulls.no_time && plan::none_of(kind).is_some() => {
            out.fill(0xff);
            true
        }
        (Kind::Float64, Cell::Null) if nulls.nan => copy(&f64::NAN.to_le_bytes(), out),
        (Kind::Float32, Cell::Null) if nulls.nan => copy(&f32::NAN.to_le_bytes(), out),
        (Kind::Float64, Cell::Float64(number)) => copy(&number.to_le_bytes(), out),
        (Kind::Float64, Cell::Float32(number)) => copy(&f64::from(*number).to_le_bytes(), out),
        (Kind::Float32, Cell::Float32(number)) => copy(&number.to_le_bytes(), out),
        (Kind::Float32, Cell::Float64(number)) => {
            let narrow = *number as f32;
            let is_same = f64::from(narrow) == *number || number.is_nan();
            is_same && copy(&narrow.to_le_bytes(), out)
        }
        (Kind::Float64, Cell::Int(number)) => {
            let float = *number as f64;
            float as i128 == *number && number.abs() < 1 << 100 && copy(&float.to_le_bytes(), out)
        }
        (Kind::Float32, Cell::Int(number)) => {
            let float = *number as f32;
            float as i128 == *number && number.abs() < 1 << 100 && copy(&float.to_le_bytes(), out)
        }
        (Kind::Bool, Cell::Bool(yes)) => copy(&[u8::from(*yes)], out),
        (Kind::Enum { storage, names }, Cell::Text(text)) => store(*storage, names.value(text), out),
        (Kind::Bytes(size), Cell::Bytes(bytes)) if bytes.len() == *size => copy(bytes, out),
        _ => false,
    }
}

fn put_slow(
    column: &Column,
    cell: &Cell<'_>,
    event: &mut [u8],
    nulls: Nulls,
    options: &ParseOptions,
) -> Result<Parsed, RowFault> {
    let field = || column.path.clone();
    match (&column.kind, cell) {
        (_, Cell::Null) => {
            column.parse_none(event)?;
            Ok(Parsed::default())
        }
        (Kind::Array(item, count), Cell::List(leaf, from, to)) => {
            if to - from != *count {
                return Err(RowFault::List { field: field(), values: to - from, wanted: *count });
            }
            let mut part = column.clone();
            part.kind = (**item).clone();
            // An item that is not there is a fault, whatever the field's default.
            part.default = None;
            let mut all = Parsed::default();
            for place in *from..*to {
                let parsed = put(&part, &leaf.cell(place), event, nulls, options)?;
                all.truncated |= parsed.truncated;
                all.rounded |= parsed.rounded;
                part.offset += part.kind.bytes();
            }
            Ok(all)
        }
        (Kind::Text(_), Cell::Bytes(bytes)) => {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            match std::str::from_utf8(&bytes[..end]) {
                Ok(text) => Ok(column.parse_given(text, event, options)?),
                Err(_) => Err(mistyped(column, cell)),
            }
        }
        (Kind::Bytes(size), Cell::Bytes(bytes)) => {
            Err(RowFault::Bytes { field: field(), bytes: bytes.len(), wanted: *size })
        }
        (Kind::Float32 | Kind::Float64, Cell::Int(_)) | (Kind::Float32, Cell::Float64(_)) => {
            Err(RowFault::Float { field: field(), text: shown(cell) })
        }
        (Kind::Bool, Cell::Int(_))
        | (Kind::Text(_), Cell::Int(_))
        | (Kind::Time { .. }, Cell::Time(..))
        | (Kind::Time { .. } | Kind::Decimal { .. }, Cell::Int(_))
        | (
            Kind::Integer(_) | Kind::Decimal { .. } | Kind::Enum { .. } | Kind::Float32 | Kind::Float64,
            Cell::Int(_) | Cell::Decimal(..) | Cell::Digits(_),
        )
        | (_, Cell::Text(_)) => parse(column, cell, event, options),
        (
            Kind::Integer(_) | Kind::Decimal { .. } | Kind::Time { .. } | Kind::Enum { .. },
            Cell::Float32(_) | Cell::Float64(_),
        ) => match cell.text() {
            Some(text) => column.parse(&text, event, options).map_err(|fault| match fault {
                FieldFault::TooFine { .. } => RowFault::Float { field: field(), text: shown(cell) },
                other => other.into(),
            }),
            None => Err(RowFault::Float { field: field(), text: shown(cell) }),
        },
        _ => Err(mistyped(column, cell)),
    }
}

/// As from a cell of CSV in quotes: what is not there is null.
fn parse(
    column: &Column,
    cell: &Cell<'_>,
    event: &mut [u8],
    options: &ParseOptions,
) -> Result<Parsed, RowFault> {
    match cell {
        Cell::Text(text) => Ok(column.parse_given(text, event, options)?),
        other => match other.text() {
            Some(text) => Ok(column.parse(&text, event, options)?),
            None => Err(mistyped(column, cell)),
        },
    }
}

fn mistyped(column: &Column, cell: &Cell<'_>) -> RowFault {
    RowFault::Type { field: column.path.clone(), found: cell.name(), expected: expected(&column.kind) }
}

fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Float32(number) => number.to_string(),
        Cell::Float64(number) => number.to_string(),
        other => other.text().unwrap_or_default(),
    }
}

/// What a field is, for messages.
pub(crate) fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Integer(_) => "a whole number",
        Kind::Float32 | Kind::Float64 => "a floating-point number",
        Kind::Bool => "true or false",
        Kind::Decimal { .. } => "a decimal",
        Kind::Time { .. } => "a time",
        Kind::Enum { .. } => "an enum",
        Kind::Text(_) => "text",
        Kind::Array(..) => "a list",
        _ => "bytes",
    }
}

fn copy(bytes: &[u8], out: &mut [u8]) -> bool {
    out.copy_from_slice(bytes);
    true
}

#[inline]
fn store(storage: Integer, number: Option<i128>, out: &mut [u8]) -> bool {
    let Some(number) = number.filter(|number| storage.holds(*number)) else { return false };
    out.copy_from_slice(&number.to_le_bytes()[..storage.bytes]);
    true
}

/// The number with so many digits behind the point; `None` if it has more, or too many altogether.
#[inline]
fn rescaled(unscaled: i128, from: i8, to: u8) -> Option<i128> {
    let more = i32::from(to) - i32::from(from);
    let power = 10i128.checked_pow(more.unsigned_abs())?;
    match more {
        0 => Some(unscaled),
        1.. => unscaled.checked_mul(power),
        _ => (unscaled % power == 0).then(|| unscaled / power),
    }
}

/// The time in another unit; `None` if it is finer.
#[inline]
fn in_unit(count: i128, from: TimeUnit, to: TimeUnit) -> Option<i128> {
    if from == to {
        return Some(count);
    }
    let nanos = count.checked_mul(from.nanos())?;
    (nanos % to.nanos() == 0).then(|| nanos / to.nanos())
}
