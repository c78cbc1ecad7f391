//! Records in the forms in which `slipring` prints them.

use std::io::{self, Write};
use std::sync::Arc;

use slipring_bridge::wire::Schema;
use slipring_cli::rows::columns::Shown;
use slipring_cli::rows::printer::{self, Format, Printer};
use slipring_cli::rows::reading::Piece;
use slipring_jetstream::incoming::Run;
use slipring_schema::{Predicate, Table};

use super::error::InFailure;
use crate::args::InArgs;

/// As what events of one type are shown.
pub(super) struct Shape {
    schema: Arc<Schema>,
    table: Table,
    columns: Vec<Shown>,
    predicate: Option<Predicate>,
    format: Format,
}

impl Shape {
    pub(super) fn of(schema: &Arc<Schema>, args: &InArgs) -> Result<Self, InFailure> {
        let table = Table::new(&schema.events);
        let format = Format::or_default(args.format, args.json);
        let columns = match &args.fields {
            Some(names) => Shown::named(&table, names)?,
            None if format == Format::Table => Shown::for_people(&table),
            None => Shown::all(&table),
        };
        let predicate = args.condition.as_ref().map(|text| Predicate::parse(text, &table)).transpose()?;
        Ok(Shape { schema: Arc::clone(schema), table, columns, predicate, format })
    }

    /// Whether events of that schema are shown so.
    pub(super) fn is_of(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(&self.schema, schema) || self.schema.text == schema.text
    }

    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name(&self.table)).collect()
    }

    /// Whether there is a new line of names, where these follow those of `before`; that from `sequence` on.
    pub(super) fn has_head(&self, before: Option<&Shape>, sequence: u64) -> Result<bool, InFailure> {
        match before {
            Some(before) if self.format == Format::Csv && before.names() != self.names() => {
                Err(InFailure::OtherColumns { sequence })
            }
            Some(_) => Ok(self.format == Format::Table),
            None => Ok(true),
        }
    }
}

/// Prints events of one type.
pub(super) struct Printing<'t> {
    shape: &'t Shape,
    printer: Option<Box<dyn Printer + 't>>,
    buffer: Vec<u8>,
}

impl<'t> Printing<'t> {
    pub(super) fn new(shape: &'t Shape, has_head: bool) -> Result<Self, InFailure> {
        let Shape { schema, table, columns, format, .. } = shape;
        let mut printer = printer::printer(*format, &schema.events, columns, table)?;
        let mut buffer = Vec::new();
        if let Some(printer) = printer.as_mut().filter(|_| has_head) {
            printer.head(&mut buffer);
        }
        Ok(Printing { shape, printer, buffer })
    }

    /// Prints those that pass, `left` at most; how many did.
    pub(super) fn take(&mut self, run: &Run, left: u64) -> u64 {
        let mut piece = Piece::default();
        run.records().for_each(|record| piece.meet(record, self.shape.predicate.as_ref()));
        piece.cut(left);
        let Some(printer) = &mut self.printer else { return piece.rows.len() as u64 };
        for row in piece.in_order() {
            match row {
                Ok(row) => printer.row(row, &mut self.buffer),
                Err(row) => printer.void(row, &mut self.buffer),
            }
        }
        printer.flush(&mut self.buffer);
        piece.rows.len() as u64
    }

    /// Writes out what was printed.
    pub(super) fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        out.flush()
    }
}
