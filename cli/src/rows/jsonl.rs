//! A JSON object a line.

use slipring_schema::{Row, Table, Value};

use super::columns::{OWN, Shown};
use super::printer::Printer;
use crate::plain;

pub(super) struct Jsonl<'t> {
    table: &'t Table,
    columns: &'t [Shown],
    /// Each column's name as JSON, with its colon.
    keys: Vec<String>,
}

impl<'t> Jsonl<'t> {
    pub(super) fn new(table: &'t Table, columns: &'t [Shown]) -> Self {
        let keys = columns.iter().map(|column| key(column.name(table))).collect();
        Jsonl { table, columns, keys }
    }

    fn object(&self, columns: impl Iterator<Item = (usize, Shown)>, row: &Row<'_>, out: &mut Vec<u8>) {
        out.push(b'{');
        let start = out.len();
        for (index, column) in columns {
            let value = column.value(self.table, row);
            if value == Value::Null {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(self.keys[index].as_bytes());
            push_plain(&value, out);
        }
    }
}

impl Printer for Jsonl<'_> {
    fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        self.object(self.columns.iter().cloned().enumerate(), row, out);
        out.extend_from_slice(b"}\n");
    }

    fn void(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        let own = self.columns.iter().cloned().enumerate().filter(|(_, column)| OWN.contains(column));
        self.object(own, row, out);
        let comma = if out.last() == Some(&b'{') { "" } else { "," };
        out.extend_from_slice(format!("{comma}\"_void\":true}}\n").as_bytes());
    }
}

fn key(name: &str) -> String {
    format!("{}:", plain::json(&name).unwrap_or_default())
}

/// The value, with what is an order to a terminal escaped.
fn push_plain(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) | Value::Enum(_, text) if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
            out.extend_from_slice(plain::json(text).unwrap_or_default().as_bytes());
        }
        Value::Array(_) => {
            let mut text = Vec::new();
            value.push_json(&mut text);
            out.extend_from_slice(plain::escaped_json(&String::from_utf8_lossy(&text)).as_bytes());
        }
        value => value.push_json(out),
    }
}
