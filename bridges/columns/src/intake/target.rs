//! Which of a file's columns go into which fields.

use std::collections::HashMap;

use slipring_schema::{
    Column, EPOCH, Kind, ParseOptions, SEQUENCE, TIME, Table, TimeUnit, VARIANT, parse_nanos,
};

use super::Rows;
use super::cell::Cell;
use super::store::{Nulls, put};
use crate::error::{ImportError, RowFault};

/// Where the fields of a table come from.
#[derive(Debug)]
pub(crate) struct Target {
    event_bytes: usize,
    /// Variants first: which fields an event has depends on them.
    columns: Vec<(Column, Option<usize>)>,
    time: Option<usize>,
    /// Columns of the file that go nowhere.
    passed_over: Vec<String>,
    nulls: Nulls,
    options: ParseOptions,
    /// Slipring wrote the file, or what it wrote is in it: values of an enum without a name were so.
    is_export: bool,
}

impl Target {
    /// Matches fields and columns by name. `rename` says what a field's path has become in a file that
    /// slipring wrote, if names are written otherwise there.
    pub(crate) fn new(
        table: &Table,
        names: &[String],
        rename: impl Fn(&str) -> Option<String>,
        nulls: Nulls,
        options: ParseOptions,
    ) -> Result<Self, ImportError> {
        let mut places = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            if places.insert(name.as_str(), place).is_some() {
                return Err(ImportError::TwoColumns { column: name.clone() });
            }
        }
        let named = table.places(names);
        let find = |(column, place): (&Column, &Option<usize>)| {
            place.or_else(|| places.get(rename(&column.path)?.as_str()).copied())
        };
        let mut columns: Vec<(Column, Option<usize>)> = table
            .columns
            .iter()
            .zip(&named)
            .filter(|(column, _)| column.kind.bytes() > 0)
            .map(|found| (found.0.clone(), find(found)))
            .collect();
        let is_missing = |(column, place): &&(Column, Option<usize>)| {
            place.is_none() && column.default.is_none() && !matches!(column.kind, Kind::Bytes(_))
        };
        let missing: Vec<String> =
            columns.iter().filter(is_missing).map(|(column, _)| column.source().to_owned()).collect();
        if !missing.is_empty() {
            return Err(ImportError::NoColumn { missing, there: names.to_vec() });
        }
        // Stable: an outer variant stays before those in it.
        columns.sort_by_key(|(column, _)| !column.path.ends_with(VARIANT));
        let time = places.get(TIME).copied();
        let used: Vec<usize> = columns.iter().filter_map(|(_, place)| *place).chain(time).collect();
        let passed_over = names
            .iter()
            .enumerate()
            .filter(|(place, name)| !used.contains(place) && *name != SEQUENCE && *name != EPOCH)
            .map(|(_, name)| name.clone())
            .collect();
        let is_export = nulls.no_time || places.contains_key(SEQUENCE);
        Ok(Target { event_bytes: table.event_bytes, columns, time, passed_over, nulls, options, is_export })
    }

    /// Size of an event.
    pub(crate) fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// The file's columns that go nowhere.
    pub(crate) fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// The places of the file's columns that are read, and the fields they are for; `_time` is for none.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = (usize, Option<&Column>)> {
        let fields = self.columns.iter().filter_map(|(column, place)| Some(((*place)?, Some(column))));
        fields.chain(self.time.map(|place| (place, None)))
    }

    /// Puts rows into events, column by column. `column` gives what a column of the file holds in a row;
    /// `copy` copies all of a column into its field, and `times` takes all for journal times, if they can do
    /// so without a look at each value.
    pub(crate) fn fill<'a, C: Fn(usize) -> Cell<'a>>(
        &self,
        out: &mut Rows,
        first_row: u64,
        rows: usize,
        column: impl Fn(usize) -> C,
        copy: impl Fn(usize, &Column, &mut [u8]) -> bool,
        times: impl Fn(usize, &mut [Option<u64>]) -> bool,
    ) {
        out.reset(first_row, rows, self.event_bytes);
        for (field, place) in &self.columns {
            if let Some(place) = *place
                && !field.is_of_a_variant()
                && copy(place, field, &mut out.events)
            {
                continue;
            }
            match place.map(&column) {
                Some(cells) => self.fill_field(out, rows, field, cells),
                None => self.fill_field(out, rows, field, |_| Cell::Null),
            }
        }
        if let Some(place) = self.time
            && !times(place, &mut out.times)
        {
            let cells = column(place);
            for row in 0..rows {
                match journal_time(&cells(row), self.nulls) {
                    Ok(time) => out.times[row] = time,
                    Err(fault) => {
                        out.faults.entry(row).or_insert(fault);
                    }
                }
            }
        }
    }

    fn fill_field<'a>(&self, out: &mut Rows, rows: usize, field: &Column, cells: impl Fn(usize) -> Cell<'a>) {
        let event_bytes = self.event_bytes.max(1);
        for (row, event) in out.events.chunks_exact_mut(event_bytes).take(rows).enumerate() {
            // What is wrong first is what is said.
            if !out.faults.is_empty() && out.faults.contains_key(&row) {
                continue;
            }
            let cell = cells(row);
            let done = put(field, &cell, event, self.nulls, &self.options);
            match done.and_then(|parsed| self.has_name(field, &cell, event).map(|()| parsed)) {
                Ok(parsed) if parsed.truncated || parsed.rounded => {
                    let all = out.parsed.entry(row).or_default();
                    all.truncated |= parsed.truncated;
                    all.rounded |= parsed.rounded;
                }
                Ok(_) => {}
                Err(fault) => {
                    out.faults.insert(row, fault);
                }
            }
        }
    }
}

impl Target {
    /// Refuses a number that no name of an enum stands for, and a variant that is not there. A default may be
    /// the former; an export has what its journal had.
    fn has_name(&self, field: &Column, cell: &Cell<'_>, event: &[u8]) -> Result<(), RowFault> {
        if self.is_export || matches!(cell, Cell::Null) {
            return Ok(());
        }
        let text = || cell.text().unwrap_or_else(|| field.value(event).to_string());
        if field.has_name("", event).is_ok() { Ok(()) } else { Ok(field.has_name(&text(), event)?) }
    }
}

fn journal_time(cell: &Cell<'_>, nulls: Nulls) -> Result<Option<u64>, RowFault> {
    let nanos = match cell {
        Cell::Null if nulls.no_time => return Ok(Some(u64::MAX)),
        Cell::Null => return Ok(None),
        Cell::Int(nanos) => Some(*nanos),
        Cell::Time(count, unit) => count.checked_mul(unit.nanos()),
        Cell::Text(text) => parse_nanos(text).ok(),
        Cell::Bytes(bytes) => bytes.first_chunk().filter(|_| bytes.len() == 8).map(|bytes| {
            // As an SQLite database keeps what is beyond 63 bits.
            i128::from(u64::from_be_bytes(*bytes))
        }),
        _ => None,
    };
    match nanos.and_then(|nanos| u64::try_from(nanos).ok()) {
        Some(nanos) => Ok(Some(nanos)),
        None => Err(RowFault::Time(match (nanos, cell.text()) {
            (Some(nanos), _) => slipring_schema::show_nanos(nanos),
            (None, text) => text.unwrap_or_else(|| cell.name().to_owned()),
        })),
    }
}

/// A time unit by what Arrow calls it.
pub(crate) fn unit_of(unit: arrow_schema::TimeUnit) -> TimeUnit {
    match unit {
        arrow_schema::TimeUnit::Second => TimeUnit::Seconds,
        arrow_schema::TimeUnit::Millisecond => TimeUnit::Milliseconds,
        arrow_schema::TimeUnit::Microsecond => TimeUnit::Microseconds,
        arrow_schema::TimeUnit::Nanosecond => TimeUnit::Nanoseconds,
    }
}
