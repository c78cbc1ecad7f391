//! Lines in the form that nearly all have, into events in one go: no cell is looked at twice. All others are
//! for `line` and `Fill`, which take every form and say what is wrong.

use std::sync::Arc;

use slipring_schema::Table;
use slipring_schema::quick::{QuickField, Stops};

use super::super::fill::{Fill, time_column};
use super::super::lines::line_end;
use crate::formats::source::Row;

/// What cells may be parted by here: nothing that numbers or times are written with.
const DELIMITERS: [u8; 5] = *b",;\t| ";

const IN_QUOTES: Stops = Stops::new(b'"', b'"');

/// How the cells of a line are read where they lie.
#[derive(Debug)]
pub(super) struct QuickLines {
    table: Arc<Table>,
    delimiter: u8,
    /// Behind a cell without quotes.
    behind: Stops,
    cells: Vec<Cell>,
    /// A cell says the journal time.
    has_time: bool,
    /// An event of which only the cells are missing.
    template: Vec<u8>,
}

#[derive(Debug)]
enum Cell {
    Field(QuickField),
    Time(QuickField),
    PassedOver,
}

impl QuickLines {
    /// For lines of so many cells; `None` if each has to be looked at more closely.
    pub fn new(fill: &Fill, cells: usize, delimiter: u8) -> Option<Self> {
        if !DELIMITERS.contains(&delimiter) || cells == 0 {
            return None;
        }
        let mut all: Vec<Cell> = (0..cells).map(|_| Cell::PassedOver).collect();
        let columns = fill.cells().iter().map(|(index, cell)| (&fill.table().columns[*index], *cell));
        for (column, cell) in columns {
            let field = Cell::Field(column.quick()?);
            // Of two fields of one cell neither is read here.
            if !matches!(std::mem::replace(all.get_mut(cell)?, field), Cell::PassedOver) {
                return None;
            }
        }
        if let Some(cell) = fill.time() {
            let time = Cell::Time(time_column().quick()?);
            if !matches!(std::mem::replace(all.get_mut(cell)?, time), Cell::PassedOver) {
                return None;
            }
        }
        let template = fill.template()?.to_vec();
        Some(QuickLines {
            table: Arc::clone(fill.table()),
            delimiter,
            behind: Stops::new(delimiter, b'"'),
            cells: all,
            has_time: fill.time().is_some(),
            template,
        })
    }

    /// Makes an event of the line that `text` begins with, and gives the line's bytes, its end too. `None`,
    /// and `row` may hold anything, if the line is unusual, malformed, or not whole.
    #[inline]
    pub fn take(&self, text: &[u8], row: &mut Row) -> Option<usize> {
        // An empty line is none, whatever its one cell could be.
        if matches!(text.first(), Some(b'\n' | b'\r')) {
            return None;
        }
        row.begin(&self.template);
        let mut at = 0;
        for (number, cell) in (1..).zip(&self.cells) {
            at = self.cell(cell, text, at, row)?;
            if number < self.cells.len() {
                if *text.get(at)? != self.delimiter {
                    return None;
                }
                at += 1;
            }
        }
        at += line_end(&text[at..])?;
        if !self.has_time {
            row.take_time(&self.table).ok()?;
        }
        Some(at)
    }

    /// Takes the cell that begins at `at`, and gives where it ends, its quotes too.
    #[inline(always)]
    fn cell(&self, cell: &Cell, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
        if text.get(at) != Some(&b'"') {
            return take(cell, text, at, &self.behind, row);
        }
        let end = take_quoted(cell, text, at + 1, row)?;
        // Of two quotes the cell has one; what is behind it is not known here.
        (text.get(end) == Some(&b'"')).then_some(end + 1)
    }
}

#[inline(never)]
fn take_quoted(cell: &Cell, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
    match cell {
        Cell::Field(field) => field.take_given(text, at, &IN_QUOTES, &mut row.event),
        _ => take(cell, text, at, &IN_QUOTES, row),
    }
}

#[inline(always)]
fn take(cell: &Cell, text: &[u8], at: usize, stops: &Stops, row: &mut Row) -> Option<usize> {
    match cell {
        Cell::Field(field) => field.take(text, at, stops, &mut row.event),
        Cell::PassedOver => stops.text_of(text, at).map(|text| at + text.len()),
        Cell::Time(time) => take_time(time, text, at, stops, row),
    }
}

#[inline(never)]
fn take_time(time: &QuickField, text: &[u8], at: usize, stops: &Stops, row: &mut Row) -> Option<usize> {
    let mut bytes = [0; 8];
    let end = time.take(text, at, stops, &mut bytes)?;
    row.time_ns = Some(u64::from_le_bytes(bytes));
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use slipring_journal::Schema;
    use slipring_schema::ParseOptions;

    use super::super::super::blocks::Blocks;
    use super::super::fault::is_quoted;
    use super::super::line::{Line, Lines};
    use super::*;

    const SCHEMA: &str = "Order 40\tts\nts u64 0 8\ttime=ns\nprice i64 8 8\tdecimal=2\nqty i32 16 4\tdefault=7\n\
                          side u8 20 1\tenum=buy:1,sell:2\nname [u8;11] 21 11\ttext\tdefault=none\nrate f64 32 8\n";

    fn fill(names: &[&str]) -> Fill {
        let table = Arc::new(Table::new(&Schema::from_text(SCHEMA).expect("a schema")));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Fill::by_names(table, ParseOptions::default(), &names).expect("all columns are there").0
    }

    /// The event of the first line as it is made of any line, and the line's bytes.
    fn closely(fill: &Fill, cells: usize, text: &[u8]) -> Option<(usize, Row)> {
        let (mut lines, mut row) = (Lines::new(b',', usize::MAX), Row::new(fill.table()));
        let Line::Row(bytes) = lines.scan(&Blocks::of(text)) else { return None };
        let line = lines.text(&text[..bytes]).ok().filter(|_| lines.count() == cells)?;
        let is_given = |cell| lines.is_quoted() && is_quoted(&text[..bytes], b',', cell);
        fill.fill(|cell| lines.cell(line, cell), is_given, &mut row).ok()?;
        Some((bytes, row))
    }

    fn same(fill: &Fill, cells: usize, text: &[u8]) -> Result<bool, TestCaseError> {
        let quick = QuickLines::new(fill, cells, b',').expect("it has no variants");
        let mut row = Row::new(fill.table());
        let Some(bytes) = quick.take(text, &mut row) else { return Ok(false) };
        let shown = String::from_utf8_lossy(text);
        let Some((wanted_bytes, wanted)) = closely(fill, cells, text) else {
            return Err(TestCaseError::fail(format!("{shown:?} is no event")));
        };
        prop_assert_eq!(bytes, wanted_bytes, "{:?}", shown);
        prop_assert_eq!((&row.event, row.time_ns), (&wanted.event, wanted.time_ns), "{:?}", shown);
        prop_assert_eq!(row.parsed, wanted.parsed, "{:?}", shown);
        Ok(true)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn a_line_that_is_taken_is_the_event_that_it_would_be(
            cells in proptest::collection::vec(
                "|-?[0-9]{1,3}|[0-9]{1,2}\\.[0-9]{1,2}|buy|sell|[a-zé \r]{0,12}|1970-01-01T00:00:0[0-9]Z|", 5..8),
            quoted in proptest::collection::vec(0u8..5, 8),
            end in "\n|\r\n|\r|",
            behind in "[0-9,\"\n]{0,9}",
        ) {
            let cells = cells.iter().zip(quoted).map(|(cell, quoted)| match quoted {
                0 => format!("\"{cell}\""),
                1 if cell.len() == 3 => format!("\"{cell}\"\"\""),
                _ => cell.clone(),
            });
            let line = format!("{}{end}{behind}", cells.collect::<Vec<_>>().join(","));
            let names = ["ts", "price", "side", "other", "name", "rate"];
            same(&fill(&names), names.len(), line.as_bytes())?;
            let names = ["price", "side", "ts", "name", "_time", "rate", "_sequence"];
            same(&fill(&names), names.len(), line.as_bytes())?;
        }
    }

    #[test]
    fn usual_lines_are_taken_and_others_are_left() {
        let names = ["ts", "price", "qty", "side", "name", "rate"];
        for (line, is_taken) in [
            ("1710063000000000946,687.00,1596,buy,ABCD.N,0.5\n", true),
            ("1710063000000000946,687.00,1596,buy,ABCD.N,0.5\r\n", true),
            ("\"1710063000000000946\",\"687.00\",1,\"sell\",\"A,B\",1e5\nx", true),
            ("2024-03-10T09:30:00.000000001Z,-1,2,1,,0\n", true),
            ("1,687.00,1596,buy,ABCD.N,0.5", false),
            ("1,687.00,1596,buy,ABCD.N,0.5\r", false),
            ("1,687.00,,buy,ABCD.N,0.5\n", true),
            ("1,,1,buy,ABCD.N,0.5\n", false),
            ("1,687.00,1,buy,\"\",0.5\n", false),
            ("1,687.00,1,buy,\"A\"\"B\",0.5\n", false),
            ("1,687.00,1,buy,\"A\nB\",0.5\n", false),
            ("1,687.00,1,buy,A\n", false),
            ("1,687.00,1,buy,A,0.5,6\n", false),
            ("-1,687.00,1,buy,A,0.5\n", false),
            ("\n", false),
            ("", false),
        ] {
            assert_eq!(same(&fill(&names), names.len(), line.as_bytes()).unwrap(), is_taken, "{line:?}");
        }
        // An empty line is no event, though an empty cell is text.
        let table = Arc::new(Table::new(&Schema::from_text("T 8\nname [u8;8] 0 8\ttext\n").unwrap()));
        let fill = Fill::in_table_order(table, ParseOptions::default());
        for (line, is_taken) in [("\n", false), ("\r\n", false), ("\"\"\n", true), ("a\n", true)] {
            assert_eq!(same(&fill, 1, line.as_bytes()).unwrap(), is_taken, "{line:?}");
        }
    }
}
