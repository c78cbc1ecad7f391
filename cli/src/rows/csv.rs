//! CSV with a line of names, as in RFC 4180 but for the end of the line.

use slipring_schema::{Row, Table, Value, csv_text};

use super::columns::Shown;
use super::printer::Printer;

pub(super) struct Csv<'t> {
    table: &'t Table,
    columns: &'t [Shown],
}

impl<'t> Csv<'t> {
    pub(super) fn new(table: &'t Table, columns: &'t [Shown]) -> Self {
        Csv { table, columns }
    }
}

impl Printer for Csv<'_> {
    fn head(&mut self, out: &mut Vec<u8>) {
        for (index, column) in self.columns.iter().enumerate() {
            comma(index, out);
            csv_text(column.name(self.table), out);
        }
        out.push(b'\n');
    }

    fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        for (index, column) in self.columns.iter().enumerate() {
            comma(index, out);
            cell(&column.value(self.table, row), out);
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

fn cell(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Enum(_, text) | Value::Text(text) => csv_text(text, out),
        Value::Array(_) => csv_text(&value.to_string(), out),
        value => value.push_text(out),
    }
}
