//! An input: a file, or a pipe that may never end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// What is recorded: a file, a pipe, or the standard input.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    file: File,
    /// Bytes, if that is known: it is a plain file that is read from its beginning.
    bytes: Option<u64>,
    /// What was read of a pipe to look at it.
    head: Vec<u8>,
}

impl Input {
    /// Opens a path; `-` is the standard input.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = if path.as_os_str() == "-" {
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path)?
        };
        let found = file.metadata()?;
        // Of a file that others have begun to read what is left is taken as it comes.
        let is_whole = found.is_file() && (&file).stream_position()? == 0;
        let bytes = is_whole.then_some(found.len());
        Ok(Input { path: path.to_owned(), file, bytes, head: Vec::new() })
    }

    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has, if that is known.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// The file, for formats that jump in it; `None` if it is a pipe.
    pub fn file(&self) -> Option<&File> {
        self.bytes.map(|_| &self.file)
    }

    /// The first bytes, as many as there are up to `most`. They are still to be read.
    ///
    /// # Errors
    /// The system's.
    pub fn head(&mut self, most: usize) -> io::Result<&[u8]> {
        let wanted = most.saturating_sub(self.head.len());
        (&self.file).take(wanted as u64).read_to_end(&mut self.head)?;
        Ok(&self.head[..most.min(self.head.len())])
    }

    /// The first lines, as many as there are up to so many, and whether that is all of it. They are still to be
    /// read.
    ///
    /// # Errors
    /// The system's.
    pub fn head_lines(&mut self, most_lines: usize, most_bytes: usize) -> io::Result<(&[u8], bool)> {
        let (mut lines, mut counted) = (0, 0);
        loop {
            lines += memchr::memchr_iter(b'\n', &self.head[counted..]).count();
            counted = self.head.len();
            if lines > most_lines || counted >= most_bytes {
                return Ok((&self.head, false));
            }
            if (&self.file).take(64 << 10).read_to_end(&mut self.head)? == 0 {
                return Ok((&self.head, true));
            }
        }
    }

    /// All of it, what was looked at first; from a byte on, if it is a file.
    ///
    /// # Errors
    /// The system's; a pipe has only its beginning.
    pub fn into_parts(mut self, from: u64) -> io::Result<(Vec<u8>, File)> {
        if self.bytes.is_some() && (from > 0 || !self.head.is_empty()) {
            self.file.seek(SeekFrom::Start(from))?;
            self.head.clear();
        } else if from > 0 {
            return Err(io::ErrorKind::NotSeekable.into());
        }
        Ok((self.head, self.file))
    }
}
