//! The columns of an engine: who writes and reads which, and whether it makes sense.

use std::collections::{HashMap, HashSet};

use slipring_journal::Event;

use super::builder::EngineBuilder;
use super::lane::Item;
use crate::column::{AnyColumn, Users};
use crate::error::BuildError;

impl<E: Event> EngineBuilder<E> {
    /// Each column that a stage writes, with that stage. Refused where two do.
    pub(super) fn written(&self) -> Result<Vec<(&AnyColumn, &Item<E>)>, BuildError> {
        let mut all: Vec<(&AnyColumn, &Item<E>)> = Vec::new();
        for item in self.items() {
            for column in &item.columns.writes {
                match writer_in(&all, column) {
                    None => all.push((column, item)),
                    Some(writer) if writer.name == item.name => {}
                    Some(writer) => {
                        let (a, b) = (writer.name.clone(), item.name.clone());
                        return Err(BuildError::ColumnWrittenTwice {
                            column: column.name().to_owned(),
                            a,
                            b,
                        });
                    }
                }
            }
        }
        Ok(all)
    }

    /// Refuses columns that make no sense; names and gates do.
    pub(super) fn check_columns(&self) -> Result<(), BuildError> {
        let written = self.written()?;
        for item in self.items() {
            for column in &item.columns.reads {
                let column_name = || column.name().to_owned();
                let Some(writer) = writer_in(&written, column) else {
                    let stage = item.name.clone();
                    return Err(BuildError::ColumnNotWritten { column: column_name(), stage });
                };
                if writer.name != item.name && !self.waits_for(&item.name, &writer.name) {
                    let (reader, writer) = (item.name.clone(), writer.name.clone());
                    return Err(BuildError::ColumnNotGated { column: column_name(), reader, writer });
                }
            }
        }
        match written.iter().find(|(column, _)| column.is_taken()) {
            Some((column, writer)) => Err(taken(column, writer)),
            None => Ok(()),
        }
    }

    /// Whether a stage waits for another, over other stages or not.
    fn waits_for(&self, stage: &str, other: &str) -> bool {
        let items: HashMap<&str, &Item<E>> = self.items().map(|item| (item.name.as_str(), item)).collect();
        let mut seen = HashSet::from([stage]);
        let mut path = vec![stage];
        while let Some(item) = path.pop().and_then(|name| items.get(name)) {
            path.extend(item.gate.after.iter().map(String::as_str).filter(|name| seen.insert(name)));
        }
        seen.contains(other)
    }

    /// Bytes of all columns.
    pub(super) fn column_bytes(&self) -> u64 {
        let written = self.written().unwrap_or_default();
        written.iter().fold(0, |bytes, (column, _)| bytes.saturating_add(column.bytes(self.capacity)))
    }

    /// Takes the columns for this engine. An error leaves those that it has taken: they can't be told from
    /// those of an engine that was opened.
    pub(crate) fn take_columns(&self) -> Result<(), BuildError> {
        let written = self.written()?;
        match written.iter().find(|(column, _)| !column.take()) {
            Some((column, writer)) => Err(taken(column, writer)),
            None => Ok(()),
        }
    }

    /// Makes the columns' cells. The stages' seats follow each other from the first on, as their names do.
    pub(crate) fn bind_columns(&self, first_seat: u64, names: &[String]) {
        for (column, writer) in self.written().unwrap_or_default() {
            let place = |item: &Item<E>| names.iter().position(|name| *name == item.name);
            let reads = |item: &&Item<E>| item.columns.reads.iter().any(|read| read.is(column));
            let readers = self.items().filter(reads).filter_map(place).collect();
            let Some(writer) = place(writer) else { continue };
            column.bind(self.capacity, first_seat, names, &Users { writer, readers });
        }
    }
}

/// The stages that one reads: those that its gate says, and those whose columns it reads.
pub(super) fn read_by<E: Event>(item: &Item<E>, written: &[(&AnyColumn, &Item<E>)]) -> Vec<String> {
    let writers = item.columns.reads.iter().filter_map(|column| writer_in(written, column));
    let others = writers.filter(|writer| writer.name != item.name).map(|writer| writer.name.clone());
    item.gate.reads.iter().cloned().chain(others).collect()
}

/// The stage that writes a column.
fn writer_in<'a, E: Event>(written: &[(&AnyColumn, &'a Item<E>)], column: &AnyColumn) -> Option<&'a Item<E>> {
    written.iter().find(|(written, _)| written.is(column)).map(|(_, writer)| *writer)
}

fn taken<E: Event>(column: &AnyColumn, writer: &Item<E>) -> BuildError {
    BuildError::ColumnTaken { column: column.name().to_owned(), stage: writer.name.clone() }
}
