//! One trait for all forms in which rows are printed.

use std::io::IsTerminal;

use clap::ValueEnum;
use slipring_journal::{Event, Schema};
use slipring_schema::{Row, Table};

use super::columns::Shown;
use super::{csv, jsonl, lobster, table};
use crate::error::Failure;
use crate::flow::message::OrderMessage;

/// Prints rows, into memory.
pub trait Printer {
    /// What goes before the first row.
    fn head(&mut self, _: &mut Vec<u8>) {}
    /// A row.
    fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>);
    /// A record without an event.
    fn void(&mut self, _: &Row<'_>, _: &mut Vec<u8>) {}
    /// What is still held back: called before the output is waited for, and at the end.
    fn flush(&mut self, _: &mut Vec<u8>) {}
}

/// In what form rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people; a record that is wider than the terminal as a block of lines
    Table,
    /// CSV with a line of names
    Csv,
    /// A JSON object a line
    Jsonl,
    /// The lines of a LOBSTER file, byte for byte (journals of LOBSTER messages only)
    Lobster,
    /// Nothing but a summary at the end
    None,
}

/// Why there are no lines of a LOBSTER file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotLobster {
    /// A form that these events do not have.
    #[error("the journal's events are no LOBSTER messages: print them with --format csv or jsonl")]
    Events,
    /// Columns were chosen, which would be passed over.
    #[error(
        "a line of a LOBSTER file has all of its columns: leave --fields out, or print with --format csv or jsonl"
    )]
    Columns,
}

impl Failure for NotLobster {}

impl Format {
    /// The form that was asked for; else a table where people look at it, and CSV where a program reads it.
    pub fn or_default(asked: Option<Format>, json: bool) -> Format {
        match asked {
            _ if json => Format::Jsonl,
            Some(format) => format,
            None if std::io::stdout().is_terminal() => Format::Table,
            None => Format::Csv,
        }
    }
}

/// The printer of a form; `None` if nothing is printed.
///
/// # Errors
/// LOBSTER's lines of other events, or of some of their columns.
pub fn printer<'t>(
    format: Format,
    schema: &Schema,
    columns: &'t [Shown],
    of: &'t Table,
) -> Result<Option<Box<dyn Printer + 't>>, NotLobster> {
    Ok(match format {
        Format::None => None,
        Format::Table => Some(Box::new(table::Rows::new(of, columns, table::terminal_width()))),
        Format::Csv => Some(Box::new(csv::Csv::new(of, columns, std::io::stdout().is_terminal()))),
        Format::Jsonl => Some(Box::new(jsonl::Jsonl::new(of, columns))),
        Format::Lobster if !is_lobster(schema) => return Err(NotLobster::Events),
        Format::Lobster if columns != Shown::all(of) => return Err(NotLobster::Columns),
        Format::Lobster => Some(Box::new(lobster::Lobster)),
    })
}

/// The printer of a form of text: CSV or JSON lines.
pub fn text_printer<'t>(format: Format, columns: &'t [Shown], of: &'t Table) -> Box<dyn Printer + 't> {
    match format {
        Format::Jsonl => Box::new(jsonl::Jsonl::new(of, columns)),
        _ => Box::new(csv::Csv::new(of, columns, false)),
    }
}

/// Whether the events are LOBSTER messages.
pub fn is_lobster(schema: &Schema) -> bool {
    schema.same_layout(&OrderMessage::schema())
}
