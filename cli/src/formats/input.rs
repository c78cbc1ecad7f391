//! An input: a file, a pipe that may never end, a folder, or what is made up.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// What is recorded: a file, a pipe, a folder, or what is made up.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    file: File,
    kind: Kind,
    /// What was read of a pipe to look at it.
    head: Vec<u8>,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A plain file of so many bytes that is read from its beginning.
    File(u64),
    Pipe,
    Folder,
    /// So many events that are made up.
    MadeUp(u64),
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
        let kind = if found.is_dir() {
            Kind::Folder
        } else if found.is_file() && (&file).stream_position()? == 0 {
            Kind::File(found.len())
        } else {
            // Of a file that others have begun to read what is left is taken as it comes.
            Kind::Pipe
        };
        Ok(Input { path: path.to_owned(), file, kind, head: Vec::new() })
    }

    /// So many events that are made up, by this name.
    pub(crate) fn made_up_by(name: &str, count: u64) -> io::Result<Self> {
        let (path, kind) = (PathBuf::from(name), Kind::MadeUp(count));
        Ok(Input { path, file: File::open("/dev/null")?, kind, head: Vec::new() })
    }

    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has, if that is known.
    pub fn bytes(&self) -> Option<u64> {
        match self.kind {
            Kind::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether it can be read only once.
    pub(crate) fn is_pipe(&self) -> bool {
        self.kind == Kind::Pipe
    }

    /// How many events are to be made up.
    pub(crate) fn made_up(&self) -> Option<u64> {
        match self.kind {
            Kind::MadeUp(count) => Some(count),
            _ => None,
        }
    }

    /// The file, for formats that jump in it; `None` if it is none that is read from its beginning.
    pub fn file(&self) -> Option<&File> {
        self.bytes().map(|_| &self.file)
    }

    /// The folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&File> {
        (self.kind == Kind::Folder).then_some(&self.file)
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

    /// The first lines, as many as there are up to so many, and whether that is all of it. They are still to
    /// be read.
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
        if self.bytes().is_some() && (from > 0 || !self.head.is_empty()) {
            self.file.seek(SeekFrom::Start(from))?;
            self.head.clear();
        } else if from > 0 {
            return Err(io::ErrorKind::NotSeekable.into());
        }
        Ok((self.head, self.file))
    }
}
