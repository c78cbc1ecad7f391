//! An input in large blocks, of which a format takes one line after the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::formats::input::Input;

/// The longest line that is read; what is longer is no line of events.
pub const MOST_LINE_BYTES: usize = 16 << 20;

/// How much is read at once. It stays in the nearest caches until it is parsed.
const BLOCK_BYTES: usize = 256 << 10;

/// How long a pipe is waited for before somebody may look whether to stop.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What has been read of an input and not been taken yet.
#[derive(Debug)]
pub struct Blocks {
    /// None where there is no more than a beginning.
    file: Option<File>,
    is_pipe: bool,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
}

/// What came of reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There is more than before.
    Some,
    /// Not yet.
    NotYet,
    /// The input has ended.
    End,
}

impl Blocks {
    /// Reads an input from a byte on.
    ///
    /// # Errors
    /// The system's; a pipe has only its beginning.
    pub fn new(input: Input, from: u64) -> io::Result<Self> {
        let is_pipe = input.is_pipe();
        let (buffer, file) = input.into_parts(from)?;
        let end = buffer.len();
        Ok(Blocks { file: Some(file), is_pipe, buffer, start: 0, end, ended: false })
    }

    /// The beginning of an input, as if it were all of it.
    pub(super) fn of(head: &[u8]) -> Self {
        let (buffer, end) = (head.to_vec(), head.len());
        Blocks { file: None, is_pipe: false, buffer, start: 0, end, ended: true }
    }

    /// What is there and has not been taken.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes the first `count` bytes of what is there.
    #[inline]
    pub fn take(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
    }

    /// Goes on at another byte of a file.
    ///
    /// # Errors
    /// The system's; a pipe can't.
    pub fn jump(&mut self, to: u64) -> io::Result<()> {
        let mut file = self.file.as_ref().ok_or(io::ErrorKind::NotSeekable)?;
        file.seek(SeekFrom::Start(to))?;
        (self.start, self.end, self.ended) = (0, 0, false);
        Ok(())
    }

    /// Whether nothing follows what is there.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Reads on. A pipe is waited for a moment, and not longer.
    ///
    /// # Errors
    /// The system's.
    pub fn more(&mut self) -> io::Result<More> {
        let Some(file) = self.file.as_mut().filter(|_| !self.ended) else { return Ok(More::End) };
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() < self.end + BLOCK_BYTES {
            self.buffer.resize((self.end + BLOCK_BYTES).next_power_of_two(), 0);
        }
        if self.is_pipe && !is_ready(file)? {
            return Ok(More::NotYet);
        }
        // No more than a block, however large a long line has made the buffer.
        let room = self.end..self.end + BLOCK_BYTES;
        match file.read(&mut self.buffer[room]) {
            Ok(0) => {
                self.ended = true;
                Ok(More::End)
            }
            Ok(count) => {
                self.end += count;
                Ok(More::Some)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                Ok(More::NotYet)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a read would give something, or the end.
fn is_ready(file: &File) -> io::Result<bool> {
    let mut one = [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN)];
    match poll(&mut one, Some(&PATIENCE)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
