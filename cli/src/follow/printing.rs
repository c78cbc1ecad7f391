//! Which of the records that come are printed, and as what.

use std::io::{self, Write};
use std::ops::ControlFlow;

use slipring_journal::{RawChunk, Schema};
use slipring_schema::{Predicate, Table};

use crate::args::FollowArgs;
use crate::error::CliError;
use crate::rows::choice::ChoiceArgs;
use crate::rows::columns::Shown;
use crate::rows::printer::{self, Format, NotLobster, Printer, is_lobster};
use crate::rows::reading::{Piece, Reading};

/// As what events are shown: what follows from their type.
pub(super) struct Shape {
    pub schema: Schema,
    table: Table,
    columns: Vec<Shown>,
    predicate: Option<Predicate>,
    format: Format,
}

impl Shape {
    pub(super) fn of(reading: &mut Reading, choice: &ChoiceArgs, format: Format) -> Result<Self, CliError> {
        let (schema, table) = (reading.schema.clone(), reading.table.clone());
        let columns = match (&choice.fields, format) {
            (None, Format::Table) => Shown::for_people(&table),
            _ => reading.columns(choice)?,
        };
        if format == Format::Lobster && !is_lobster(&schema) {
            return Err(NotLobster::Events.into());
        }
        Ok(Shape { schema, table, columns, predicate: reading.take_predicate(), format })
    }

    /// Of the newest type that the journal holds by now.
    pub(super) fn newest(args: &FollowArgs, format: Format) -> Result<Self, CliError> {
        let ChoiceArgs { condition, fields, .. } = args.choice.clone();
        // Where it began was resolved then, and may have gone.
        let choice = ChoiceArgs { condition, fields, ..ChoiceArgs::default() };
        Self::of(&mut Reading::open(&args.journal, &choice, None)?, &choice, format)
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name(&self.table)).collect()
    }
}

/// Which records pass, whatever their type.
#[derive(Debug)]
pub(super) struct Passing {
    /// Until one does, none is late enough.
    pub from_ns: Option<u64>,
    pub to_ns: Option<u64>,
    pub left: u64,
    /// The sequence at which it ends.
    pub end: u64,
}

/// Prints events of one type, into memory.
pub(super) struct Printing<'t> {
    shape: &'t Shape,
    printer: Option<Box<dyn Printer + 't>>,
    passing: &'t mut Passing,
    buffer: Vec<u8>,
    /// The sequence behind the last record that was printed, or did not pass.
    taken_end: u64,
}

impl<'t> Printing<'t> {
    pub(super) fn new(shape: &'t Shape, passing: &'t mut Passing) -> Result<Self, NotLobster> {
        let printer = printer::printer(shape.format, &shape.schema, &shape.columns, &shape.table)?;
        Ok(Printing { shape, printer, passing, buffer: Vec::new(), taken_end: 0 })
    }

    /// Writes out what goes before all rows.
    pub(super) fn head(mut self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(printer) = &mut self.printer {
            printer.head(&mut self.buffer);
        }
        self.write(out)
    }

    /// Prints what passes; says stop at the first record that lies behind the end.
    pub(super) fn take(&mut self, chunk: RawChunk<'_>) -> ControlFlow<()> {
        let mut piece = Piece::default();
        let mut ended = ControlFlow::Continue(());
        let passing = &mut *self.passing;
        self.taken_end = chunk.first_sequence() + chunk.len() as u64;
        for record in chunk.records() {
            if record.sequence >= passing.end || passing.to_ns.is_some_and(|to_ns| record.time_ns >= to_ns) {
                ended = ControlFlow::Break(());
                self.taken_end = record.sequence;
                break;
            }
            if passing.from_ns.is_some_and(|from_ns| record.time_ns < from_ns) {
                continue;
            }
            passing.from_ns = None;
            piece.meet(record, self.shape.predicate.as_ref());
        }
        piece.cut(passing.left);
        passing.left -= piece.rows.len() as u64;
        if passing.left == 0 {
            self.taken_end = piece.rows.last().map_or(chunk.first_sequence(), |last| last.sequence + 1);
        }
        let Some(printer) = &mut self.printer else { return ended };
        for row in piece.in_order() {
            match row {
                Ok(row) => printer.row(row, &mut self.buffer),
                Err(row) => printer.void(row, &mut self.buffer),
            }
        }
        printer.flush(&mut self.buffer);
        ended
    }

    /// Writes out what was printed.
    pub(super) fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        out.flush()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether as many are printed as were asked for.
    pub(super) fn is_done(&self) -> bool {
        self.passing.left == 0
    }

    pub(super) fn end(&self) -> u64 {
        self.passing.end
    }

    pub(super) fn taken_end(&self) -> u64 {
        self.taken_end
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.shape.schema
    }
}
