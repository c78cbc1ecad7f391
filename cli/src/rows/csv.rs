//! CSV with a line of names, as in RFC 4180 but for the end of the line.

use slipring_schema::{Row, Table, Value, csv_text};

use super::columns::Shown;
use super::printer::Printer;
use crate::plain;

pub(super) struct Csv<'t> {
    table: &'t Table,
    columns: &'t [Shown],
    /// It is shown on a terminal, which takes some characters for orders.
    is_shown: bool,
}

impl<'t> Csv<'t> {
    pub(super) fn new(table: &'t Table, columns: &'t [Shown], is_shown: bool) -> Self {
        Csv { table, columns, is_shown }
    }
}

impl Csv<'_> {
    fn has_default(&self, column: &Shown) -> bool {
        matches!(column, Shown::Field(index) if self.table.columns[*index].default.is_some())
    }

    fn cell(&self, value: &Value<'_>, out: &mut Vec<u8>) {
        match value {
            Value::Enum(_, text) | Value::Text(text) if self.is_shown => csv_text(&plain::line(text), out),
            value => value.push_csv(out),
        }
    }
}

impl Printer for Csv<'_> {
    fn head(&mut self, out: &mut Vec<u8>) {
        for (index, column) in self.columns.iter().enumerate() {
            comma(index, out);
            csv_text(&plain::line(column.name(self.table)), out);
        }
        out.push(b'\n');
    }

    fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        for (index, column) in self.columns.iter().enumerate() {
            comma(index, out);
            match column.value(self.table, row) {
                // Without quotes it would be read as none at all.
                Value::Text("") if self.has_default(column) => out.extend_from_slice(b"\"\""),
                value => self.cell(&value, out),
            }
        }
        // A line without a character would be passed over by whoever reads it.
        if self.columns.len() == 1 && out.last().is_none_or(|last| *last == b'\n') {
            out.extend_from_slice(b"\"\"");
        }
        out.push(b'\n');
    }
}

fn comma(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}
