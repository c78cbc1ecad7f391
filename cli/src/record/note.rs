//! How far a recording is, in a file beside the journal's own, so that it can be gone on with after a kill.
//! The journal decides what is in: a note only says that a record and a place in the input belong together.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use slipring_journal::{Anchor, RawReader, ReadError};

use super::rejects::why_path;
use crate::formats::source::{Day, Position};
use crate::show;

/// The note's name in the journal's folder.
pub(super) const NAME: &str = "recording";

/// No note is longer.
const MOST_BYTES: u64 = 64 << 10;

/// Why a recording can't be gone on with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoteError {
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
    /// The input is neither a plain file nor a journal.
    #[error("--resume needs a plain file or a journal to go on in, which {} is not", path.display())]
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
    /// The input is a journal, and not what the note was made of.
    #[error("{}: {source}", path.display())]
    InputHistory {
        /// The input.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
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
        "a recording of {} into this journal was stopped after {}: go on with --resume, or remove {} to record the \
         file once more behind that", path.display(), show::counted(*recorded, "event", "events"), note.display()
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
    /// Of LOBSTER messages, what their lines do not say.
    pub day: Option<Day>,
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
    /// What it is, if it is a journal.
    pub journal: Option<JournalNote>,
}

/// A journal that is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JournalNote {
    /// Its identity, as it is printed.
    pub id: String,
    /// The record before the position; none at its beginning.
    pub anchor: Option<AnchorNote>,
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

impl RejectsNote {
    /// Whether it is of this file.
    pub fn is_at(&self, path: &Path) -> bool {
        path.to_string_lossy() == self.path
    }

    /// Whether nothing was set aside; what came behind the note neither.
    pub fn holds_nothing(&self) -> bool {
        let path = Path::new(&self.path);
        let is_empty = |path: &Path| path.symlink_metadata().map_or(true, |found| found.len() == 0);
        (self.bytes, self.why_bytes) == (0, 0) && is_empty(path) && is_empty(&why_path(path))
    }
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
        let Position { bytes, lines, records, sequence: next } = self.position;
        let sequence = self.anchor.map_or(0, |anchor| anchor.sequence);
        let all = [recorded, rejected, truncated, rounded, bytes, lines, records, next, sequence];
        all.iter().all(|number| *number < 1 << 60)
    }

    /// Whether the journal holds the record that it was made of.
    pub fn check(&self, journal: &Path, reader: &mut RawReader) -> Result<(), NoteError> {
        if reader.journal_id().to_string() != self.journal {
            return Err(NoteError::Damaged { path: journal.join(NAME) });
        }
        AnchorNote::check(self.anchor, reader).map_err(NoteError::History)
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
    /// Whether the journal holds the record; at its beginning there is none.
    pub fn check(anchor: Option<Self>, reader: &mut RawReader) -> Result<(), ReadError> {
        let Some(AnchorNote { sequence, epoch, crc }) = anchor else { return Ok(()) };
        let journal_id = reader.journal_id();
        reader.check_anchor(&Anchor { journal_id, sequence, epoch, crc })
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
