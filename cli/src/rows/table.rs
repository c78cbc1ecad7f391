//! Columns for people. The first rows say how wide the columns are; a later value that is wider pushes its
//! row. Columns that the terminal has no room for are named and left out; where hardly any fits, each record
//! is a block of lines.

use std::fmt::Write as _;

use slipring_schema::{Row, Table, Value};
use unicode_width::UnicodeWidthStr;

use super::columns::Shown;
use super::printer::Printer;
use crate::plain;

/// Rows that are looked at before the first is printed.
const FIRST_ROWS: usize = 64;
/// A row of fewer columns says too little.
const FEWEST_COLUMNS: usize = 4;
/// Columns are two blanks apart.
const GAP: usize = 2;

pub(super) struct Rows<'t> {
    table: &'t Table,
    columns: &'t [Shown],
    terminal_width: usize,
    /// Held back until the widths are known.
    first: Vec<Vec<String>>,
    layout: Option<Layout>,
}

enum Layout {
    /// The width of each column.
    Lines(Vec<usize>),
    /// The width of the names.
    Blocks(usize),
}

/// How many characters the terminal has in a line; a piece of paper's if there is none.
pub(super) fn terminal_width() -> usize {
    console::Term::stdout().size_checked().map_or(120, |(_, columns)| usize::from(columns))
}

impl<'t> Rows<'t> {
    pub(super) fn new(table: &'t Table, columns: &'t [Shown], terminal_width: usize) -> Self {
        Rows { table, columns, terminal_width, first: Vec::new(), layout: None }
    }

    fn cells(&self, row: &Row<'_>) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| cell(&column.value(self.table, row)) + &self.own_time(column, row))
            .collect()
    }

    /// The event's own time, where the journal's stands for it and is another: time does not go back along a
    /// journal.
    fn own_time(&self, column: &Shown, row: &Row<'_>) -> String {
        let is_shown = || {
            self.columns
                .iter()
                .any(|shown| matches!(shown, Shown::Field(at) if self.table.times.contains(at)))
        };
        match self.table.time_column(row.event) {
            Some(own)
                if *column == Shown::Time
                    && self.table.time_ns(row.event) != Some(row.time_ns)
                    && !is_shown() =>
            {
                format!(" ({} {})", plain::line(&own.path), plain::line(&own.value(row.event).to_string()))
            }
            _ => String::new(),
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| plain::line(column.name(self.table).trim_start_matches('_')))
    }

    /// Decides by the rows that are held back, and prints them.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let mut widths: Vec<usize> = self.names().map(|name| name.width()).collect();
        let names = widths.iter().copied().max().unwrap_or(0);
        for cells in &self.first {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.width());
            }
        }
        match self.fitting(&widths) {
            0 => self.layout = Some(Layout::Blocks(names)),
            fitting => {
                self.names_line(&widths[..fitting], out);
                widths.truncate(fitting);
                self.layout = Some(Layout::Lines(widths));
            }
        }
        for cells in std::mem::take(&mut self.first) {
            self.print(&cells, out);
        }
    }

    /// How many columns the terminal has room for; 0 if too few to be of use.
    fn fitting(&self, widths: &[usize]) -> usize {
        let mut end = 0;
        let ends = widths.iter().map(|width| {
            end += width + GAP;
            end - GAP
        });
        let fitting = ends.take_while(|end| *end <= self.terminal_width).count();
        if fitting < widths.len().min(FEWEST_COLUMNS) { 0 } else { fitting }
    }

    fn names_line(&self, widths: &[usize], out: &mut Vec<u8>) {
        let names: Vec<String> = self.names().collect();
        let mut text = String::new();
        if let [left, ..] = &self.columns[widths.len()..] {
            let more = self.columns.len() - widths.len();
            let left = plain::line(left.name(self.table));
            let _ = writeln!(text, "({more} more from {left} on: --fields, or a wider terminal)");
        }
        push_line(&mut text, self.columns, self.table, widths, &names);
        out.extend_from_slice(text.as_bytes());
    }

    fn print(&self, cells: &[String], out: &mut Vec<u8>) {
        let mut text = String::new();
        match &self.layout {
            Some(Layout::Lines(widths)) => push_line(&mut text, self.columns, self.table, widths, cells),
            Some(Layout::Blocks(width)) => {
                for (name, cell) in self.names().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                    let _ = writeln!(text, "{name:<width$}  {cell}");
                }
                text.push('\n');
            }
            None => {}
        }
        out.extend_from_slice(text.as_bytes());
    }
}

impl Printer for Rows<'_> {
    fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        let cells = self.cells(row);
        if self.layout.is_some() {
            self.print(&cells, out);
            return;
        }
        self.first.push(cells);
        if self.first.len() >= FIRST_ROWS {
            self.begin(out);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.layout.is_none() && !self.first.is_empty() {
            self.begin(out);
        }
    }
}

fn cell(value: &Value<'_>) -> String {
    plain::line(&value.to_string())
}

/// Numbers stand at the right of their column, all else at the left.
fn push_line(text: &mut String, columns: &[Shown], table: &Table, widths: &[usize], cells: &[String]) {
    let start = text.len();
    for (index, ((column, width), cell)) in columns.iter().zip(widths).zip(cells).enumerate() {
        if index > 0 {
            text.push_str(&" ".repeat(GAP));
        }
        let fill = " ".repeat(width.saturating_sub(cell.width()));
        match column.is_number(table) {
            true => text.extend([fill.as_str(), cell.as_str()]),
            false => text.extend([cell.as_str(), fill.as_str()]),
        }
    }
    text.truncate(start + text[start..].trim_end().len());
    text.push('\n');
}
