//! How far a recording is, in a file beside the journal's own, so that it can be gone on with after a kill. The
//! journal decides what is in: a note only says that a record and a place in the input belong together.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use slipring_journal::{Anchor, JournalId, RawReader, ReadError};

use super::source::Position;

/// The note's name in the journal's folder.
pub(super) const NAME: &str = "recording";

/// Of an input that is read by its events: so much of its beginning and of its end tells it from others.
const EDGE_BYTES: u64 = 64 << 10;

/// No note is longer.
const MOST_BYTES: u64 = 64 << 10;

/// Why a recording can't be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// There is no note.
    #[error(
        "{} holds records, and no note of a recording that could be gone on with; without --resume the input is \
         recorded behind them", path.display()
    )]
    None {
        /// The journal.
        path: PathBuf,
    },
    /// The note can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The note.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The note is damaged.
    #[error("{} is damaged: a recording can't be gone on with from it; remove it to record anew", path.display())]
    Damaged {
        /// The note.
        path: PathBuf,
    },
    /// The input is no plain file.
    #[error("--resume needs a plain file to go on in, which {} is not", path.display())]
    Pipe {
        /// The input.
        path: PathBuf,
    },
    /// The note is of another file.
    #[error("the recording that was stopped was of {noted}, and {} is another file", path.display())]
    Another {
        /// The input.
        path: PathBuf,
        /// The noted one.
        noted: String,
    },
    /// The input is not what it was.
    #[error("{} has changed since it was recorded: {what}", path.display())]
    Changed {
        /// The input.
        path: PathBuf,
        /// In what.
        what: String,
    },
    /// The note says another option.
    #[error("the recording that was stopped had {noted}; give the same")]
    OtherOption {
        /// The option.
        noted: String,
    },
    /// The journal is not what the note was made of.
    #[error("{0}")]
    History(ReadError),
    /// The journal holds something else behind the note.
    #[error(
        "record {sequence} of the journal is not what {}:{place} says: something else was recorded in between, or \
         with other options", path.display()
    )]
    Differs {
        /// The record.
        sequence: u64,
        /// The input.
        path: PathBuf,
        /// The place in it.
        place: String,
    },
    /// The same input is begun again.
    #[error(
        "a recording of {} into this journal was stopped after {recorded} events: go on with --resume, or remove \
         {} to record the file once more behind them", path.display(), note.display()
    )]
    Unfinished {
        /// The input.
        path: PathBuf,
        /// Events of it that are in at least.
        recorded: u64,
        /// The note.
        note: PathBuf,
    },
}

/// A record and the place in the input that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub input: InputNote,
    /// The format's name.
    pub format: String,
    /// The journal, as its identity is printed.
    pub journal: String,
    /// The record before the place; none at the journal's beginning.
    pub anchor: Option<AnchorNote>,
    pub position: Position,
    pub counts: Counts,
    pub rejects: Option<RejectsNote>,
    /// All of the input is in.
    pub is_finished: bool,
}

/// What tells an input from others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputNote {
    /// Its name when it was opened, for people and for a file that was written anew.
    pub path: String,
    pub device: u64,
    pub inode: u64,
    /// Its size, of an input that is read by its events.
    pub bytes: Option<u64>,
    /// The checksum of all before the position; or of its edges.
    pub crc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnchorNote {
    pub sequence: u64,
    pub epoch: u32,
    pub crc: u32,
}

/// What a recording has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub recorded: u64,
    pub rejected: u64,
    pub truncated: u64,
    pub rounded: u64,
}

/// How long the files of malformed events are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RejectsNote {
    pub path: String,
    pub bytes: u64,
    pub why_bytes: u64,
}

impl Note {
    /// The note of a journal, if it has one.
    pub fn load(journal: &Path) -> Result<Option<Self>, NoteError> {
        let path = journal.join(NAME);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(NoteError::Damaged { path });
            }
            Err(source) => return Err(NoteError::File { path, source }),
        };
        let parts = text.split_once('\n').filter(|(body, sum)| *sum == checksum(body));
        let note = parts.and_then(|(body, _)| serde_json::from_str(body).ok()).filter(Note::is_possible);
        note.map(Some).ok_or(NoteError::Damaged { path })
    }

    /// Writes it in place of the one before: whole, or not at all.
    pub fn save(&self, journal: &Path) -> Result<(), NoteError> {
        let (path, new) = (journal.join(NAME), journal.join("recording.new"));
        let write = || {
            let body = serde_json::to_string(self)?;
            // What lies there is of a life that was killed, or a link to something of somebody else's.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = File::create_new(&new)?;
            file.write_all(format!("{body}\n{}", checksum(&body)).as_bytes())?;
            file.sync_data()?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| NoteError::File { path: path.clone(), source })
    }

    /// A note is a file's word: nothing is added to numbers that no recording comes to.
    fn is_possible(&self) -> bool {
        let Counts { recorded, rejected, truncated, rounded } = self.counts;
        let Position { bytes, lines, records } = self.position;
        let sequence = self.anchor.map_or(0, |anchor| anchor.sequence);
        let all = [recorded, rejected, truncated, rounded, bytes, lines, records, sequence];
        all.iter().all(|number| *number < 1 << 60)
    }

    /// Whether the journal holds the record that it was made of.
    pub fn check(&self, journal: &Path, reader: &mut RawReader) -> Result<(), NoteError> {
        let id = reader.journal_id();
        if id.to_string() != self.journal {
            return Err(NoteError::Damaged { path: journal.join(NAME) });
        }
        let Some(anchor) = self.anchor else { return Ok(()) };
        reader.check_anchor(&anchor.of(id)).map_err(NoteError::History)
    }

    /// The sequence behind the record.
    pub fn end_sequence(&self) -> u64 {
        self.anchor.map_or(0, |anchor| anchor.sequence + 1)
    }
}

/// A plain file's text, and not much of it; nothing else that may lie there is waited for or followed.
fn read(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut text = String::new();
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn checksum(body: &str) -> String {
    format!("{:08x}\n", crc32c::crc32c(body.as_bytes()))
}

impl AnchorNote {
    fn of(self, journal_id: JournalId) -> Anchor {
        Anchor { journal_id, sequence: self.sequence, epoch: self.epoch, crc: self.crc }
    }

    /// The anchor of the last record before `end`; none if there is none.
    pub fn before(reader: &mut RawReader, end: u64) -> Result<Option<Self>, ReadError> {
        let Some(sequence) = end.checked_sub(1).filter(|last| *last >= reader.first_sequence()) else {
            return Ok(None);
        };
        let Anchor { epoch, crc, .. } = reader.anchor(sequence)?;
        Ok(Some(AnchorNote { sequence, epoch, crc }))
    }
}

/// A file whose identity is noted as it is read.
#[derive(Debug)]
pub(super) struct Identity {
    path: PathBuf,
    file: File,
    by_record: bool,
    note: InputNote,
    /// What the checksum covers.
    covered: u64,
}

impl Identity {
    pub fn new(path: &Path, file: &File, by_record: bool) -> io::Result<Self> {
        let file = file.try_clone()?;
        let found = file.metadata()?;
        let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let note = InputNote {
            path: absolute.to_string_lossy().into_owned(),
            device: found.dev(),
            inode: found.ino(),
            bytes: by_record.then_some(found.len()),
            crc: 0,
        };
        let mut identity = Identity { path: path.to_owned(), file, by_record, note, covered: 0 };
        if by_record {
            let end = found.len();
            identity.cover(0, EDGE_BYTES.min(end))?;
            identity.cover(end.saturating_sub(EDGE_BYTES), end)?;
        }
        Ok(identity)
    }

    /// What is to be noted with a position.
    pub fn at(&mut self, position: &Position) -> io::Result<InputNote> {
        if !self.by_record {
            self.cover(self.covered, position.bytes)?;
            self.covered = position.bytes;
        }
        Ok(self.note.clone())
    }

    fn cover(&mut self, from: u64, to: u64) -> io::Result<()> {
        let mut at = from;
        let mut buffer = vec![0; 256 << 10];
        while at < to {
            let most = buffer.len().min(usize::try_from(to - at).unwrap_or(usize::MAX));
            // Without the position of the handle, which is the source's too.
            let count = self.file.read_at(&mut buffer[..most], at)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.note.crc = crc32c::crc32c_append(self.note.crc, &buffer[..count]);
            at += count as u64;
        }
        Ok(())
    }

    /// Whether it has the name or is the file of a note.
    pub fn is_named(&self, noted: &InputNote) -> bool {
        (self.note.path == noted.path && self.path.as_os_str() != "-")
            || (self.note.device, self.note.inode) == (noted.device, noted.inode)
    }

    /// Whether the input of a note goes on here.
    pub fn check(&mut self, noted: &Note) -> Result<(), NoteError> {
        if !self.is_named(&noted.input) {
            let (path, noted) = (self.path.clone(), noted.input.path.clone());
            return Err(NoteError::Another { path, noted });
        }
        let path = self.path.clone();
        let changed = |what: &str| NoteError::Changed { path: path.clone(), what: what.to_owned() };
        if self.by_record {
            let same = (self.note.bytes, self.note.crc) == (noted.input.bytes, noted.input.crc);
            return if same { Ok(()) } else { Err(changed("its size, or its beginning or end")) };
        }
        let Position { bytes, lines, .. } = noted.position;
        let now = match self.at(&noted.position) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(changed(&format!("it is shorter than the {bytes} bytes that are in")));
            }
            Err(source) => return Err(NoteError::File { path, source }),
        };
        if now.crc != noted.input.crc {
            return Err(changed(&format!("something in its first {lines} lines, which are in")));
        }
        self.check_line(bytes).map_err(|source| NoteError::File { path: path.clone(), source }).and_then(
            |goes_on| match goes_on {
                true => Err(changed("its last line had no end, is in, and has been gone on with")),
                false => Ok(()),
            },
        )
    }

    /// Whether there is more, behind what is no line's end.
    fn check_line(&mut self, bytes: u64) -> io::Result<bool> {
        if bytes == 0 || self.file.metadata()?.len() == bytes {
            return Ok(false);
        }
        let mut last = [0];
        self.file.read_exact_at(&mut last, bytes - 1)?;
        // Behind the mark at the beginning nothing was read yet.
        Ok(last != *b"\n" && bytes != 3)
    }
}
