//! What is wrong with a line of CSV, and where.

use slipring_schema::FieldFault;

use super::super::fill::{BadCell, CellFault};

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum CsvFault {
    #[error("the line ends where {name} should be: {cells} of {wanted} cells")]
    TooFew { cells: usize, wanted: usize, name: String },
    #[error("{cells} cells, and there are {wanted} names: quote a cell that has the delimiter in it")]
    TooMany { cells: usize, wanted: usize },
    #[error("the line is no UTF-8; make UTF-8 of the file: iconv -f latin1 -t utf-8, say")]
    NotUtf8 { at: usize },
    #[error("a quote is not closed: quotes within a cell are written twice")]
    Unclosed,
    #[error("{}", .0.fault)]
    Cell(BadCell),
}

impl CsvFault {
    pub fn cells(cells: usize, names: &[String]) -> Self {
        match names.get(cells) {
            Some(name) => CsvFault::TooFew { cells, wanted: names.len(), name: name.clone() },
            None => CsvFault::TooMany { cells, wanted: names.len() },
        }
    }

    /// The line of the row, from 1, and the byte in the line, from 1.
    pub fn place(&self, raw: &[u8], delimiter: u8) -> (u64, u64) {
        let line = raw.strip_suffix(b"\n").unwrap_or(raw);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let at = match self {
            CsvFault::TooFew { .. } => line.len(),
            CsvFault::NotUtf8 { at } => *at,
            CsvFault::TooMany { wanted, .. } => start_of(line, delimiter, *wanted),
            CsvFault::Unclosed => start_of(line, delimiter, usize::MAX),
            CsvFault::Cell(BadCell { cell: Some(cell), .. }) => start_of(line, delimiter, *cell),
            CsvFault::Cell(BadCell { cell: None, fault: CellFault::Field(FieldFault::Missing { .. }) }) => {
                line.len()
            }
            CsvFault::Cell(_) => 0,
        };
        let before = &raw[..at];
        let newlines = memchr::memchr_iter(b'\n', before).count() as u64;
        let column = at - memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        (1 + newlines, 1 + column as u64)
    }
}

/// Whether a cell of a line stands in quotes.
#[cold]
pub(super) fn is_quoted(raw: &[u8], delimiter: u8, cell: usize) -> bool {
    raw.get(start_of(raw, delimiter, cell)) == Some(&b'"')
}

/// Where a cell of a line begins; the last one, if it has fewer.
fn start_of(line: &[u8], delimiter: u8, cell: usize) -> usize {
    let (mut start, mut index) = (0, 0);
    let mut in_quotes = line.first() == Some(&b'"');
    let mut at = usize::from(in_quotes);
    while index < cell && at < line.len() {
        let byte = line[at];
        at += 1;
        if in_quotes {
            if byte == b'"' {
                // The second of two is a quote of the cell; the first has ended it for a moment.
                in_quotes = line.get(at) == Some(&b'"');
                at += usize::from(in_quotes);
            }
        } else if byte == delimiter {
            (start, index) = (at, index + 1);
            in_quotes = line.get(at) == Some(&b'"');
            at += usize::from(in_quotes);
        }
    }
    start
}
