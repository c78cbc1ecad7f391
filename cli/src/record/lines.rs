//! An input's lines of text, one after the other.

use super::blocks::{Blocks, MOST_LINE_BYTES};
use crate::formats::source::{Place, Position, SourceError};

/// The lines of an input.
#[derive(Debug)]
pub(super) struct Lines {
    blocks: Blocks,
    position: Position,
    /// Bytes of what is unread in which there is no newline.
    searched: usize,
    waits: bool,
    /// What may have made a line too long.
    hint: &'static str,
}

/// What lies at the beginning of what is unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line of so many bytes, its end too, which the last may lack.
    Bytes(usize),
    /// Reading on may take time.
    Wait,
    /// Nothing more.
    End,
}

impl Lines {
    /// Lines from a position on.
    pub fn new(blocks: Blocks, position: Position, hint: &'static str) -> Self {
        Lines { blocks, position, searched: 0, waits: false, hint }
    }

    /// Finds the next line; it stays until it is taken.
    #[inline]
    pub fn find(&mut self) -> Result<Line, SourceError> {
        loop {
            let unread = self.blocks.unread();
            if let Some(newline) = memchr::memchr(b'\n', &unread[self.searched..]) {
                return Ok(Line::Bytes(self.searched + newline + 1));
            }
            self.searched = unread.len();
            match (self.blocks.is_ended(), self.searched) {
                (true, 0) => return Ok(Line::End),
                (true, bytes) => return Ok(Line::Bytes(bytes)),
                (false, MOST_LINE_BYTES..) => {
                    let place = Place { line: self.position.lines + 1, column: 1, record: 0 };
                    return Err(SourceError::TooLong { place, most_bytes: MOST_LINE_BYTES, hint: self.hint });
                }
                (false, _) => {}
            }
            self.waits = !self.waits;
            if self.waits {
                return Ok(Line::Wait);
            }
            self.blocks.more()?;
        }
    }

    /// What has been read and not taken.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        self.blocks.unread()
    }

    /// The first bytes of what is unread.
    #[inline]
    pub fn raw(&self, bytes: usize) -> &[u8] {
        &self.blocks.unread()[..bytes]
    }

    /// Takes the line that was found; it is an event, or none.
    #[inline]
    pub fn take(&mut self, bytes: usize, is_event: bool) {
        self.blocks.take(bytes);
        self.searched = 0;
        self.position.bytes += bytes as u64;
        self.position.lines += 1;
        self.position.records += u64::from(is_event);
    }

    /// Behind the last line that was taken.
    #[inline]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Where the next line begins.
    #[inline]
    pub fn place(&self) -> Place {
        Place { line: self.position.lines + 1, column: 1, record: self.position.records + 1 }
    }
}

/// The bytes of the end of a line that `text` begins with; `None` if it begins with none.
#[inline(always)]
pub(super) fn line_end(text: &[u8]) -> Option<usize> {
    match text {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}
