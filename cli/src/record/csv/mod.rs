//! CSV: lines of cells, with a line of names or without.
//!
//! | module | idea |
//! |---|---|
//! | `line` | where a line and its cells end |
//! | `quick` | lines in the form that nearly all have |
//! | `fault` | what is wrong with a line, and in which column |

mod fault;
mod line;
mod quick;

use slipring_journal::Schema;

use self::fault::CsvFault;
use self::line::{Line, Lines};
use self::quick::QuickLines;
use super::blocks::{Blocks, More};
use super::fill::Fill;
use super::sample::{MOST_BYTES, MOST_ROWS, Owned, Sample};
use crate::formats::input::Input;
use crate::formats::source::{
    FormatOptions, Place, Position, Reject, Row, Setup, Source, SourceError, SourceFormat, Step,
};

/// Options that lines of cells have a use for.
const USES: &[&str] = &["--delimiter", "--header", "--no-header", "--truncate-text", "--round-times"];

/// CSV with a line of names.
pub(crate) const CSV: SourceFormat = SourceFormat {
    name: "csv",
    about: "lines of cells, their names in the first line",
    extensions: &["csv", "tsv"],
    uses: USES,
    by_record: false,
    open,
    infer: Some(infer),
    kept: None,
};

/// CSV without.
pub(crate) const CSV_NO_HEADER: SourceFormat = SourceFormat {
    name: "csv-noheader",
    about: "lines of cells in the order of the schema",
    extensions: &[],
    uses: USES,
    by_record: false,
    open: open_without_header,
    infer: None,
    kept: None,
};

const EXPECTED: &str = "CSV file";

struct Csv {
    blocks: Blocks,
    lines: Lines,
    fill: Fill,
    quick: Option<QuickLines>,
    /// How many cells a line has.
    cells: usize,
    names: Vec<String>,
    preamble: Vec<u8>,
    position: Position,
    waits: bool,
    notices: Vec<String>,
}

fn open_without_header(input: Input, mut setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    setup.options.no_header = true;
    open(input, setup)
}

fn open(input: Input, setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    let delimiter = delimiter_of(&input, &setup.options);
    let mut blocks = Blocks::new(input, 0)?;
    let mut lines = Lines::new(delimiter, usize::MAX);
    let mut position = Position { bytes: skip_mark(&mut blocks)?, ..Position::default() };
    let Setup { table, parse, options, from, .. } = setup;
    let (mut preamble, mut notices) = (Vec::new(), Vec::new());
    let (names, fill) = match options {
        FormatOptions { header: Some(names), .. } => {
            let (fill, unknown) = Fill::by_names(table, parse, &names)?;
            notices.extend(passed_over(&unknown));
            (names, fill)
        }
        FormatOptions { no_header: true, .. } => {
            let names = table.columns.iter().map(|column| column.path.clone()).collect();
            (names, Fill::in_table_order(table, parse))
        }
        _ => {
            let names = header(&mut blocks, &mut lines, &mut position, &mut preamble)?;
            let (fill, unknown) = Fill::by_names(table, parse, &names)?;
            notices.extend(passed_over(&unknown));
            (names, fill)
        }
    };
    if let Some(from) = from {
        blocks.jump(from.bytes)?;
        position = from;
    }
    lines.most_cells = names.len() + 1;
    let cells = names.len();
    let quick = QuickLines::new(&fill, cells, delimiter);
    Ok(Box::new(Csv { blocks, lines, fill, quick, cells, names, preamble, position, waits: false, notices }))
}

fn passed_over(unknown: &[String]) -> Option<String> {
    let names = unknown.join(", ");
    (!unknown.is_empty()).then(|| format!("no field takes these columns, and they are passed over: {names}"))
}

/// The one that was given, or the one that a file's name says.
fn delimiter_of(input: &Input, options: &FormatOptions) -> u8 {
    let is_tsv = input.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    options.delimiter.unwrap_or(if is_tsv { b'\t' } else { b',' })
}

/// Passes over the mark at the beginning that says UTF-8, and refuses the one that says UTF-16.
pub(super) fn skip_mark(blocks: &mut Blocks) -> Result<u64, SourceError> {
    while blocks.unread().len() < 3 && blocks.more()? != More::End {}
    match blocks.unread() {
        [0xef, 0xbb, 0xbf, ..] => {
            blocks.take(3);
            Ok(3)
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(SourceError::NotThis {
            expected: "UTF-8 text",
            found: "it is UTF-16; make UTF-8 of it: iconv -f utf-16 -t utf-8".to_owned(),
        }),
        _ => Ok(0),
    }
}

/// Reads the line of names, however long it takes to come.
fn header(
    blocks: &mut Blocks,
    lines: &mut Lines,
    position: &mut Position,
    preamble: &mut Vec<u8>,
) -> Result<Vec<String>, SourceError> {
    let not_this = |found: &str| SourceError::NotThis { expected: EXPECTED, found: found.to_owned() };
    loop {
        match lines.scan(blocks) {
            Line::Incomplete => {
                too_long(blocks, *position)?;
                blocks.more()?;
            }
            Line::Blank(bytes) => {
                blocks.take(bytes);
                position.lines += 1;
                position.bytes += bytes as u64;
            }
            Line::End => return Err(not_this("it is empty; expected a line of names")),
            Line::Unclosed => return Err(not_this("its line of names has a quote that is not closed")),
            Line::Row(bytes) => {
                let raw = &blocks.unread()[..bytes];
                let text = lines.text(raw).map_err(|_| not_this("its line of names is no UTF-8"))?;
                let names: Vec<String> = lines.cells(text).map(|name| name.trim().to_owned()).collect();
                if names.iter().any(|name| name.contains('\r')) {
                    return Err(not_this("its lines end in a carriage return alone; make newlines of them"));
                }
                preamble.extend_from_slice(raw);
                position.lines += count_lines(raw);
                position.bytes += bytes as u64;
                blocks.take(bytes);
                return Ok(names);
            }
        }
    }
}

fn too_long(blocks: &Blocks, position: Position) -> Result<(), SourceError> {
    let most_bytes = super::blocks::MOST_LINE_BYTES;
    if blocks.unread().len() < most_bytes {
        return Ok(());
    }
    let place = Place { line: position.lines + 1, column: 1, record: 0 };
    Err(SourceError::TooLong { place, most_bytes, hint: "" })
}

/// Lines that a row takes; the last may lack its end.
fn count_lines(raw: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', raw).count() as u64;
    ends + u64::from(raw.last() != Some(&b'\n'))
}

impl Source for Csv {
    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        let unread = self.blocks.unread();
        if let Some(bytes) = self.quick.as_ref().and_then(|quick| quick.take(unread, row)) {
            row.place = self.place();
            self.recorded(1, bytes);
            return Ok(Step::Row);
        }
        self.next_unusual(row)
    }

    fn position(&self) -> Position {
        self.position
    }

    fn preamble(&self) -> &[u8] {
        &self.preamble
    }

    fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

impl Csv {
    /// Whatever is next, lines of every form among it.
    #[inline(never)]
    fn next_unusual(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        loop {
            match self.lines.scan(&self.blocks) {
                Line::Row(bytes) => return Ok(self.row(bytes, row)),
                Line::Blank(bytes) => self.take(bytes),
                Line::End => return Ok(Step::End),
                Line::Unclosed => return Ok(self.unclosed()),
                Line::Incomplete => {
                    if self.blocks.unread().len() >= super::blocks::MOST_LINE_BYTES {
                        if self.lines.is_quoted() {
                            return Ok(self.unclosed());
                        }
                        too_long(&self.blocks, self.position)?;
                    }
                    self.waits = !self.waits;
                    if self.waits {
                        return Ok(Step::Wait);
                    }
                    self.blocks.more()?;
                }
            }
        }
    }

    /// Where the next line begins.
    #[inline]
    fn place(&self) -> Place {
        Place { line: self.position.lines + 1, column: 1, record: self.position.records + 1 }
    }

    /// Passes over what an event was made of.
    #[inline]
    fn recorded(&mut self, lines: u64, bytes: usize) {
        self.position.lines += lines;
        self.position.bytes += bytes as u64;
        self.position.records += 1;
        self.blocks.take(bytes);
    }

    fn row(&mut self, bytes: usize, row: &mut Row) -> Step {
        let raw = &self.blocks.unread()[..bytes];
        row.place = self.place();
        match self.parse(raw, row) {
            Ok(()) => {
                let lines = if self.lines.is_quoted() { count_lines(raw) } else { 1 };
                self.recorded(lines, bytes);
                Step::Row
            }
            Err(fault) => self.reject(bytes, fault),
        }
    }

    #[inline]
    fn parse(&self, raw: &[u8], row: &mut Row) -> Result<(), CsvFault> {
        let text = self.lines.text(raw)?;
        let cells = self.lines.count();
        if cells != self.cells {
            return Err(CsvFault::cells(cells, &self.names));
        }
        let cell = |cell| self.lines.cell(text, cell);
        // `""` is an empty text, and an empty cell none.
        let is_given = |cell| self.lines.is_quoted() && fault::is_quoted(raw, self.lines.delimiter, cell);
        self.fill.fill(cell, is_given, row).map_err(CsvFault::Cell)
    }

    /// Passes over a line that can't be used, and says why.
    fn reject(&mut self, bytes: usize, fault: CsvFault) -> Step {
        let raw = self.blocks.unread()[..bytes].to_vec();
        let (line, column) = fault.place(&raw, self.lines.delimiter);
        let place = Place { line: self.position.lines + line, column, record: self.position.records + 1 };
        self.position.records += 1;
        self.take(bytes);
        Step::Reject(Reject { place, fault: Box::new(fault), raw })
    }

    /// A quote that is never closed takes one line along, not all that follow.
    fn unclosed(&mut self) -> Step {
        let unread = self.blocks.unread();
        let bytes = memchr::memchr(b'\n', unread).map_or(unread.len(), |newline| newline + 1);
        self.reject(bytes, CsvFault::Unclosed)
    }

    fn take(&mut self, bytes: usize) {
        self.position.lines += count_lines(&self.blocks.unread()[..bytes]);
        self.position.bytes += bytes as u64;
        self.blocks.take(bytes);
    }
}

/// What the first lines seem to be.
fn infer(input: &mut Input, options: &FormatOptions, name: &str) -> Result<Schema, SourceError> {
    let delimiter = delimiter_of(input, options);
    let (head, is_all) = input.head_lines(MOST_ROWS, MOST_BYTES)?;
    let mut blocks = Blocks::of(head);
    let mut lines = Lines::new(delimiter, usize::MAX);
    let mut position = Position { bytes: skip_mark(&mut blocks)?, ..Position::default() };
    let columns = match &options.header {
        Some(names) => names.clone(),
        None if options.no_header => {
            let found = "without a line of names nothing says them; give --header NAMES".to_owned();
            return Err(SourceError::NotThis { expected: EXPECTED, found });
        }
        None => header(&mut blocks, &mut lines, &mut position, &mut Vec::new())?,
    };
    let mut sample = Sample { columns, ..Sample::default() };
    while sample.rows.len() < MOST_ROWS {
        match lines.scan(&blocks) {
            Line::Row(bytes) => {
                let raw = &blocks.unread()[..bytes];
                // A malformed line says nothing; nor does one that the sample has only a part of.
                let is_whole = is_all || raw.ends_with(b"\n");
                if let (Ok(text), true) = (lines.text(raw), is_whole && lines.count() == sample.columns.len())
                {
                    let cell = |text: &str| match text {
                        "" => Owned::Missing,
                        text => Owned::Text(text.to_owned()),
                    };
                    sample.push(lines.cells(text).map(cell).collect());
                }
                blocks.take(bytes);
            }
            Line::Blank(bytes) => blocks.take(bytes),
            Line::Incomplete | Line::Unclosed | Line::End => break,
        }
    }
    sample.schema(name)
}
