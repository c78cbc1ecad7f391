//! Malformed events, set aside: as they were in one file, to be mended and recorded again; why in another.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::note::{NoteError, RejectsNote};
use crate::formats::source::Reject;
use crate::plain;

/// The two files. They are made when they are needed.
#[derive(Debug)]
pub(super) struct Rejects {
    path: PathBuf,
    files: Option<Files>,
}

#[derive(Debug)]
struct Files {
    raw: Counted,
    why: Counted,
}

/// A file that is only written at its end.
#[derive(Debug)]
struct Counted {
    file: io::BufWriter<File>,
    bytes: u64,
}

impl Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// `FILE.why`.
pub(super) fn why_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".why");
    name.into()
}

impl Rejects {
    /// For a new recording.
    pub fn new(path: &Path) -> Self {
        Rejects { path: path.to_owned(), files: None }
    }

    /// For one that is gone on with: what was written behind the note is written again.
    pub fn resume(path: &Path, noted: Option<&RejectsNote>) -> Result<Self, NoteError> {
        let mut rejects = Rejects::new(path);
        let bytes = noted.map_or((0, 0), |noted| (noted.bytes, noted.why_bytes));
        let (raw, why) = (path.to_owned(), why_path(path));
        if bytes == (0, 0) && !raw.exists() {
            return Ok(rejects);
        }
        let fault = |path: &Path, source| NoteError::File { path: path.to_owned(), source };
        let raw = cut(&raw, bytes.0).map_err(|source| fault(&raw, source))?;
        let why = cut(&why, bytes.1).map_err(|source| fault(&why, source))?;
        rejects.files = Some(Files { raw, why });
        Ok(rejects)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets an event of `input` aside. The file begins with `preamble`.
    pub fn put(&mut self, input: &Path, reject: &Reject, preamble: &[u8]) -> io::Result<()> {
        let files = match &mut self.files {
            Some(files) => files,
            empty => empty.insert(Files { raw: new(&self.path)?, why: new(&why_path(&self.path))? }),
        };
        if files.raw.bytes == 0 {
            line(&mut files.raw, preamble)?;
        }
        line(&mut files.raw, &reject.raw)?;
        let why = format!("{}:{}: {}", input.display(), reject.place, reject.fault);
        line(&mut files.why, plain::line(&why).as_bytes())
    }

    /// Brings all of it to the system, and says how much that is.
    pub fn flush(&mut self) -> io::Result<RejectsNote> {
        let mut note = RejectsNote { path: self.path.to_string_lossy().into_owned(), bytes: 0, why_bytes: 0 };
        if let Some(files) = &mut self.files {
            files.raw.file.flush()?;
            files.why.file.flush()?;
            (note.bytes, note.why_bytes) = (files.raw.bytes, files.why.bytes);
        }
        Ok(note)
    }

    /// Has power loss take nothing of it.
    pub fn sync(&mut self) -> io::Result<()> {
        let Some(files) = &self.files else { return Ok(()) };
        files.raw.file.get_ref().sync_data()?;
        files.why.file.get_ref().sync_data()
    }
}

/// Bytes, and the end of a line if they have none.
fn line(into: &mut Counted, bytes: &[u8]) -> io::Result<()> {
    into.write(bytes)?;
    if bytes.last().is_some_and(|last| *last != b'\n') { into.write(b"\n") } else { Ok(()) }
}

fn new(path: &Path) -> io::Result<Counted> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    Ok(Counted { file: io::BufWriter::new(file), bytes: 0 })
}

fn cut(path: &Path, bytes: u64) -> io::Result<Counted> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    if file.metadata()?.len() < bytes {
        let said = format!("shorter than the {bytes} bytes that were written");
        return Err(io::Error::new(io::ErrorKind::InvalidData, said));
    }
    file.set_len(bytes)?;
    file.flush()?;
    Ok(Counted { file: io::BufWriter::new(file), bytes })
}
