//! What tells an input from others, and from what it was: noted as it is read, and compared when a recording
//! of it is gone on with.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use slipring_journal::{Journal, ReadError};

use super::note::{AnchorNote, InputNote, JournalNote, Note, NoteError};
use crate::formats::source::Position;

/// Of an input that is read by its events: so much of its beginning and of its end tells it from others.
const EDGE_BYTES: u64 = 64 << 10;

/// An input whose identity is noted as it is read.
#[derive(Debug)]
pub(super) struct Identity {
    path: PathBuf,
    kind: Kind,
    note: InputNote,
}

/// How an input is known again.
#[derive(Debug)]
enum Kind {
    /// By all that was read of it: so many bytes are in the checksum.
    Bytes { file: File, covered: u64 },
    /// By its size, its beginning and its end.
    Edges,
    /// A journal, by the last record that was read.
    Journal,
}

impl Identity {
    /// Of a file.
    pub fn new(path: &Path, file: &File, by_record: bool) -> io::Result<Self> {
        let file = file.try_clone()?;
        let found = file.metadata()?;
        let end = found.len();
        let mut note = InputNote { bytes: by_record.then_some(end), ..named(path, &found) };
        let kind = if by_record {
            cover(&file, 0..EDGE_BYTES.min(end), &mut note.crc)?;
            cover(&file, end.saturating_sub(EDGE_BYTES)..end, &mut note.crc)?;
            Kind::Edges
        } else {
            Kind::Bytes { file, covered: 0 }
        };
        Ok(Identity { path: path.to_owned(), kind, note })
    }

    /// Of a journal's folder.
    pub fn of_journal(path: &Path, folder: &File) -> io::Result<Self> {
        let note = named(path, &folder.metadata()?);
        Ok(Identity { path: path.to_owned(), kind: Kind::Journal, note })
    }

    /// What is to be noted with a position.
    pub fn at(&mut self, position: &Position) -> Result<InputNote, NoteError> {
        match &mut self.kind {
            Kind::Bytes { file, covered } => {
                let fault = |source| NoteError::File { path: self.path.clone(), source };
                cover(file, *covered..position.bytes, &mut self.note.crc).map_err(fault)?;
                *covered = position.bytes;
            }
            Kind::Edges => {}
            Kind::Journal => {
                // Anew: it may have grown since it was opened.
                let noted = Journal::at(&self.path).raw_reader().and_then(|mut reader| {
                    let anchor = AnchorNote::before(&mut reader, position.sequence)?;
                    Ok(JournalNote { id: reader.journal_id().to_string(), anchor })
                });
                self.note.journal = Some(noted.map_err(|source| self.history(source))?);
            }
        }
        Ok(self.note.clone())
    }

    fn history(&self, source: ReadError) -> NoteError {
        NoteError::InputHistory { path: self.path.clone(), source }
    }

    /// Whether it has the name or is the file of a note.
    pub fn is_named(&self, noted: &InputNote) -> bool {
        (self.note.path == noted.path && self.path.as_os_str() != "-")
            || (self.note.device, self.note.inode) == (noted.device, noted.inode)
    }

    /// Whether the input of a note goes on here.
    pub fn check(&mut self, noted: &Note) -> Result<(), NoteError> {
        let another = || {
            let (path, noted) = (self.path.clone(), noted.input.path.clone());
            Err(NoteError::Another { path, noted })
        };
        if !self.is_named(&noted.input) {
            return another();
        }
        match &self.kind {
            Kind::Bytes { .. } => self.check_bytes(noted),
            Kind::Edges if (self.note.bytes, self.note.crc) == (noted.input.bytes, noted.input.crc) => Ok(()),
            Kind::Edges => Err(self.changed("its size, or its beginning or end".to_owned())),
            Kind::Journal => {
                let mut reader = Journal::at(&self.path).raw_reader().map_err(|e| self.history(e))?;
                match &noted.input.journal {
                    Some(journal) if journal.id == reader.journal_id().to_string() => {
                        AnchorNote::check(journal.anchor, &mut reader).map_err(|e| self.history(e))
                    }
                    _ => another(),
                }
            }
        }
    }

    fn changed(&self, what: String) -> NoteError {
        NoteError::Changed { path: self.path.clone(), what }
    }

    fn check_bytes(&mut self, noted: &Note) -> Result<(), NoteError> {
        let Position { bytes, lines, .. } = noted.position;
        let now = match self.at(&noted.position) {
            Ok(now) => now,
            Err(NoteError::File { source, .. }) if source.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.changed(format!("it is shorter than the {bytes} bytes that are in")));
            }
            Err(error) => return Err(error),
        };
        if now.crc != noted.input.crc {
            return Err(self.changed(format!("something in its first {lines} lines, which are in")));
        }
        let fault = |source| NoteError::File { path: self.path.clone(), source };
        match self.goes_on(bytes).map_err(fault)? {
            true => {
                Err(self.changed("its last line had no end, is in, and has been gone on with".to_owned()))
            }
            false => Ok(()),
        }
    }

    /// Whether there is more, behind what is no line's end.
    fn goes_on(&self, bytes: u64) -> io::Result<bool> {
        let Kind::Bytes { file, .. } = &self.kind else { return Ok(false) };
        if bytes == 0 || file.metadata()?.len() == bytes {
            return Ok(false);
        }
        let mut last = [0];
        file.read_exact_at(&mut last, bytes - 1)?;
        // Behind the mark at the beginning nothing was read yet.
        Ok(last != *b"\n" && bytes != 3)
    }
}

/// What its place says of an input.
fn named(path: &Path, found: &fs::Metadata) -> InputNote {
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = absolute.to_string_lossy().into_owned();
    InputNote { path, device: found.dev(), inode: found.ino(), ..InputNote::default() }
}

/// Adds bytes of a file to a checksum.
fn cover(file: &File, bytes: std::ops::Range<u64>, crc: &mut u32) -> io::Result<()> {
    let mut at = bytes.start;
    let mut buffer = vec![0; 256 << 10];
    while at < bytes.end {
        let most = buffer.len().min(usize::try_from(bytes.end - at).unwrap_or(usize::MAX));
        // Without the position of the handle, which is the source's too.
        let count = file.read_at(&mut buffer[..most], at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *crc = crc32c::crc32c_append(*crc, &buffer[..count]);
        at += count as u64;
    }
    Ok(())
}
