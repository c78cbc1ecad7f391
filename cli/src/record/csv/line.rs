//! Where a line of CSV ends, and its cells. Lines without quotes, nearly all of them, are cut where they lie;
//! the others go through the crate `csv-core`.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::super::blocks::Blocks;
use super::fault::CsvFault;

/// Above this a line whose quotes are not closed is looked at again only when there is twice as much of it.
const LONG: usize = 1 << 20;

/// What lies at the beginning of what is unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line of cells, and its bytes.
    Row(usize),
    /// An empty one, and its bytes.
    Blank(usize),
    /// A part of one: more must be read.
    Incomplete,
    /// A quote that is not closed where the input ends.
    Unclosed,
    /// Nothing more.
    End,
}

/// The cells of one line after the other.
pub(super) struct Lines {
    pub delimiter: u8,
    /// So many cells are told apart, further ones only counted.
    pub most_cells: usize,
    core: Reader,
    /// Where each cell lies: in the line itself, or in `unquoted`.
    cells: Vec<(u32, u32)>,
    count: usize,
    quoted: bool,
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    look_again_at: usize,
}

impl Lines {
    pub fn new(delimiter: u8, most_cells: usize) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        Lines {
            delimiter,
            most_cells,
            core,
            cells: Vec::new(),
            count: 0,
            quoted: false,
            unquoted: Vec::new(),
            ends: vec![0; 64],
            look_again_at: 0,
        }
    }

    /// Finds the first line of what is unread.
    #[inline]
    pub fn scan(&mut self, blocks: &Blocks) -> Line {
        let unread = blocks.unread();
        self.quoted = false;
        self.cells.clear();
        self.count = 0;
        let mut start = 0;
        for at in memchr::memchr3_iter(self.delimiter, b'\n', b'"', unread) {
            let byte = unread[at];
            if byte == self.delimiter {
                self.push(start, at);
                start = at + 1;
            } else if byte == b'\n' {
                return self.end(unread, start, at, at + 1);
            } else {
                return self.scan_quoted(blocks);
            }
        }
        match (blocks.is_ended(), unread.is_empty()) {
            (true, true) => Line::End,
            (true, false) => self.end(unread, start, unread.len(), unread.len()),
            (false, _) => Line::Incomplete,
        }
    }

    #[inline]
    fn push(&mut self, start: usize, end: usize) {
        self.count += 1;
        if self.cells.len() < self.most_cells {
            self.cells.push((start as u32, end as u32));
        }
    }

    #[inline]
    fn end(&mut self, unread: &[u8], start: usize, mut end: usize, bytes: usize) -> Line {
        if end > start && unread[end - 1] == b'\r' {
            end -= 1;
        }
        if start == 0 && end == 0 {
            return Line::Blank(bytes);
        }
        self.push(start, end);
        Line::Row(bytes)
    }

    #[cold]
    fn scan_quoted(&mut self, blocks: &Blocks) -> Line {
        let unread = blocks.unread();
        self.quoted = true;
        self.cells.clear();
        self.count = 0;
        if !blocks.is_ended() && unread.len() < self.look_again_at {
            return Line::Incomplete;
        }
        self.look_again_at = 0;
        self.core.reset();
        // An empty line, so that it takes nothing for the mark at the beginning of a file.
        self.core.read_record(b"\n", &mut [], &mut []);
        let (mut read, mut written, mut ended) = (0, 0, 0);
        self.unquoted.resize(unread.len().clamp(1, 1 << 16), 0);
        loop {
            // For the crate no input is the end of all input.
            let input = if read < unread.len() { &unread[read..] } else { b"\n" };
            let is_end = read == unread.len();
            if is_end && !blocks.is_ended() {
                self.look_again_at = if unread.len() > LONG { 2 * unread.len() } else { 0 };
                return Line::Incomplete;
            }
            let (result, i, o, e) =
                self.core.read_record(input, &mut self.unquoted[written..], &mut self.ends[ended..]);
            read += if is_end { 0 } else { i };
            (written, ended) = (written + o, ended + e);
            match result {
                ReadRecordResult::InputEmpty if is_end => return Line::Unclosed,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.unquoted.resize(2 * self.unquoted.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.end_quoted(&unread[..read], written, ended);
        Line::Row(read)
    }

    fn end_quoted(&mut self, raw: &[u8], mut written: usize, ended: usize) {
        // The crate takes the carriage return for a part of the cell.
        let line = raw.strip_suffix(b"\n").unwrap_or(raw);
        if line.last() == Some(&b'\r') && self.unquoted[..written].last() == Some(&b'\r') {
            written -= 1;
            self.ends[ended - 1] = written;
        }
        self.unquoted.truncate(written);
        let mut start = 0;
        for index in 0..ended {
            let end = self.ends[index];
            self.push(start, end);
            start = end;
        }
    }

    /// Whether the line last found has quotes.
    #[inline]
    pub fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// How many cells the line last found has.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The text that the cells of the line last found are parts of.
    #[inline]
    pub fn text<'a>(&'a self, raw: &'a [u8]) -> Result<&'a str, CsvFault> {
        let at_fault = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(_) => CsvFault::NotUtf8 { at: 0 },
            Err(error) => CsvFault::NotUtf8 { at: error.valid_up_to() },
        };
        let bytes = if self.quoted { &self.unquoted } else { raw };
        // Of the line itself too: bytes that are no text may be whole without the quotes.
        std::str::from_utf8(bytes).map_err(|_| at_fault(raw))
    }

    /// A cell of the line last found.
    #[inline]
    pub fn cell<'a>(&self, text: &'a str, index: usize) -> &'a str {
        let (start, end) = self.cells[index];
        text.get(start as usize..end as usize).unwrap_or("")
    }

    /// Its cells, in order.
    pub fn cells<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        (0..self.cells.len()).map(move |index| self.cell(text, index))
    }
}
