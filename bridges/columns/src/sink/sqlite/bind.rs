//! A field's value as SQLite takes it.

use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{CachedStatement, Connection};
use slipring_schema::{Column, Integer, Kind, Row, Value};

use super::Part;
use crate::batch::names::text_of;
use crate::batch::{plan, text};
use crate::error::{ExportError, Misfit};

/// Inserts rows.
pub(super) fn insert(
    database: &Connection,
    sql: &str,
    parts: &[Part],
    rows: &[Row<'_>],
) -> Result<(), ExportError> {
    let mut statement = database.prepare_cached(sql)?;
    let mut scratch = Vec::new();
    for row in rows {
        for (at, part) in (1..).zip(parts) {
            let own = match part {
                Part::Sequence => unsigned(row.sequence),
                Part::Time => time(i128::from(row.time_ns), true),
                Part::Epoch => ToSqlOutput::Owned(Sql::Integer(i64::from(row.epoch))),
                Part::Field(column) => {
                    let refused = |misfit| ExportError::Value {
                        sequence: row.sequence,
                        column: column.path.clone(),
                        misfit,
                    };
                    bind(&mut statement, at, column, row.event, &mut scratch)?.map_err(refused)?;
                    continue;
                }
            };
            statement.raw_bind_parameter(at, own)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

fn bind(
    statement: &mut CachedStatement<'_>,
    at: usize,
    column: &Column,
    event: &[u8],
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<Result<(), Misfit>> {
    let bytes = column.bytes_in(event).filter(|_| column.is_in(event));
    let Some(bytes) = bytes else {
        statement.raw_bind_parameter(at, ToSqlOutput::Owned(Sql::Null))?;
        return Ok(Ok(()));
    };
    let output = match &column.kind {
        Kind::Text(_) => match text(bytes) {
            Some(text) => ToSqlOutput::Borrowed(ValueRef::Text(text)),
            None => return Ok(Err(Misfit::Text)),
        },
        Kind::Bool if bytes[0] > 1 => return Ok(Err(Misfit::Bool(bytes[0]))),
        Kind::Bytes(_) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Kind::Array(item, _) => {
            if let Err(misfit) = check_items(item, bytes) {
                return Ok(Err(misfit));
            }
            scratch.clear();
            column.kind.read(bytes).push_json(scratch);
            ToSqlOutput::Borrowed(ValueRef::Text(scratch))
        }
        Kind::Enum { storage, names } => match text_of(names, storage.read(bytes)) {
            Ok(text) => ToSqlOutput::Owned(Sql::Text(text)),
            Err(misfit) => return Ok(Err(misfit)),
        },
        kind => scalar(kind, bytes),
    };
    statement.raw_bind_parameter(at, output)?;
    Ok(Ok(()))
}

fn scalar<'a>(kind: &Kind, bytes: &'a [u8]) -> ToSqlOutput<'a> {
    let number = |storage: &Integer| match storage {
        Integer { bytes: 16, signed: false } => {
            ToSqlOutput::Owned(Sql::Text((storage.read(bytes) as u128).to_string()))
        }
        Integer { bytes: 16, signed: true } => ToSqlOutput::Owned(Sql::Text(storage.read(bytes).to_string())),
        storage => integer(storage.read(bytes)),
    };
    match kind {
        Kind::Integer(storage) | Kind::Decimal { storage, .. } => number(storage),
        Kind::Time { storage, .. } => time(storage.read(bytes), plan::none_of(kind).is_some()),
        Kind::Bool => ToSqlOutput::Owned(Sql::Integer(i64::from(bytes[0]))),
        Kind::Float32 | Kind::Float64 => match kind.read(bytes) {
            Value::Float32(number) => ToSqlOutput::Owned(Sql::Real(f64::from(number))),
            Value::Float64(number) => ToSqlOutput::Owned(Sql::Real(number)),
            _ => ToSqlOutput::Owned(Sql::Null),
        },
        _ => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
    }
}

fn time(count: i128, unsigned: bool) -> ToSqlOutput<'static> {
    if unsigned && count == i128::from(u64::MAX) {
        return ToSqlOutput::Owned(Sql::Null);
    }
    integer(count)
}

fn integer(number: i128) -> ToSqlOutput<'static> {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => ToSqlOutput::Owned(Sql::Integer(number)),
        (_, Ok(number)) => unsigned(number),
        _ => ToSqlOutput::Owned(Sql::Text(number.to_string())),
    }
}

/// SQLite's integers end at 63 bits, and text of digits would become a floating-point number.
fn unsigned(number: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(match i64::try_from(number) {
        Ok(number) => Sql::Integer(number),
        Err(_) => Sql::Blob(number.to_be_bytes().to_vec()),
    })
}

/// Whether JSON says the items so that they are read back as they are.
fn check_items(item: &Kind, bytes: &[u8]) -> Result<(), Misfit> {
    match item {
        Kind::Array(inner, _) => check_items(inner, bytes),
        Kind::Text(size) => match bytes.chunks_exact(*size).all(|bytes| text(bytes).is_some()) {
            true => Ok(()),
            false => Err(Misfit::Text),
        },
        Kind::Enum { storage, names } => bytes.chunks_exact(storage.bytes).try_for_each(|bytes| {
            let value = storage.read(bytes);
            let shown = names.name(value).map_or_else(|| value.to_string(), str::to_owned);
            if text_of(names, value)? == shown { Ok(()) } else { Err(Misfit::Enum(value)) }
        }),
        Kind::Bool => bytes.iter().find(|byte| **byte > 1).map_or(Ok(()), |byte| Err(Misfit::Bool(*byte))),
        _ => Ok(()),
    }
}
