//! Reading an engine's counters from another process.
//!
//! The file is mapped, not read: words that a lane stores meanwhile are loaded whole only by loads of a word,
//! and a `read` promises none. So its length is asked for before each look: a load behind a file's end would
//! be the end of this process.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use slipring_journal::__private::storage::Files;
use slipring_journal::{FileKind, NotOurs};

use super::board::{About, Board};
use super::figures::Counters;
use super::file::{NOTE, identity};
use crate::clock::{Clock, SystemClock};
use crate::lines::format::{BLOCK_BYTES, CountersFault, Static, place};
use crate::lines::memory::LineMemory;

/// The counters of an engine, in this process or another, read again and again.
///
/// ```no_run
/// use slipring::CountersReader;
///
/// let reader = CountersReader::of_journal("data/orders")?;
/// println!("{}", reader.read()?);
/// # Ok::<(), slipring::CountersError>(())
/// ```
///
/// More: [counters](https://github.com/slipring/slipring/blob/main/docs/reference/counters.md).
#[derive(Debug)]
pub struct CountersReader {
    path: PathBuf,
    file: File,
    fixed: Static,
    board: Board,
    /// The journal that they were found by.
    journal: Option<Files>,
}

/// Why there are no counters to read.
///
/// ```
/// use slipring::{CountersError, CountersFault, CountersReader};
///
/// fn shown(reader: &CountersReader) -> String {
///     match reader.read() {
///         Ok(counters) => counters.to_string(),
///         Err(CountersError::Stale { last, .. }) => format!("the process is gone; it left\n{last}"),
///         Err(CountersError::Invalid { fault: CountersFault::Version { found }, .. }) => {
///             format!("a slipring with counters of version {found} wrote them")
///         }
///         Err(error) => error.to_string(),
///     }
/// }
/// ```
///
/// More: [counters](https://github.com/slipring/slipring/blob/main/docs/reference/counters.md).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountersError {
    /// The journal's LOCK file can't be read.
    #[error("{}: {source}: is a journal there?", path.display())]
    Lock {
        /// The LOCK file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The journal's LOCK file names no counters.
    #[error("{}: no counters are named: the last writer was no engine, or found no memory to put them in (/dev/shm, XDG_RUNTIME_DIR)", path.display())]
    NotNamed {
        /// The LOCK file.
        path: PathBuf,
    },
    /// The engine has ended in good order.
    #[error("{}: the engine that wrote these counters has ended", path.display())]
    Ended {
        /// The counters file.
        path: PathBuf,
    },
    /// The file can't be opened or mapped.
    #[error("{}: {source}", path.display())]
    Io {
        /// The counters file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is no counters file, or a damaged one.
    #[error("{}: no counters: {fault}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: CountersFault,
    },
    /// The journal's LOCK file names the counters of an engine that writes another folder: it is a copy.
    #[error(
        "{}: the counters that LOCK names are of an engine that writes another folder: this journal is a copy, or was \
         put in the place of the one it writes",
        path.display()
    )]
    OfAnotherFolder {
        /// The LOCK file.
        path: PathBuf,
    },
    /// The process that wrote them is gone and has not taken them along: it was killed.
    #[error("{}: stale: process {}, which wrote these counters, is gone", path.display(), last.process)]
    Stale {
        /// The counters file.
        path: PathBuf,
        /// What it left.
        last: Box<Counters>,
    },
}

impl CountersReader {
    /// Of the engine that writes the journal in a folder: its LOCK file names the counters.
    ///
    /// # Errors
    /// [`CountersError`]: no journal, no counters named, or as [`CountersReader::open`].
    pub fn of_journal(folder: impl AsRef<Path>) -> Result<Self, CountersError> {
        let files = Files::new(folder.as_ref());
        let (path, lines) = files.lock_lines();
        let lines = match lines {
            Ok(lines) => lines,
            Err(source) => return Err(CountersError::Lock { path, source }),
        };
        match lines.iter().rev().find_map(|line| line.strip_prefix(NOTE)) {
            Some(place) => match CountersReader::open(place) {
                // An engine that ends takes it along; the next one names another.
                Err(CountersError::Io { path, source }) if source.kind() == ErrorKind::NotFound => {
                    Err(CountersError::Ended { path })
                }
                opened => opened?.of_folder(&files, path),
            },
            None => Err(CountersError::NotNamed { path }),
        }
    }

    /// Refuses them if they are of an engine that writes another folder than this one.
    fn of_folder(mut self, files: &Files, lock: PathBuf) -> Result<Self, CountersError> {
        let folder = files.folder().map_err(|source| CountersError::Lock { path: lock.clone(), source })?;
        // 0: of an older version, which did not say.
        if self.fixed.folder != 0 && self.fixed.folder != place(folder.identity()) {
            return Err(CountersError::OfAnotherFolder { path: lock });
        }
        self.journal = Some(files.clone());
        Ok(self)
    }

    /// Of a counters file by its path. Also when the journal's folder can't be found by its name any more.
    ///
    /// # Errors
    /// [`CountersError`]: it is not there, can't be read, or is no counters file. Whether its writer still
    /// lives is for [`CountersReader::read`] to say.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CountersError> {
        let path = path.into();
        let fault = |source: io::Error| CountersError::Io { path: path.clone(), source };
        let file = match open_file(&path) {
            Err(error) => {
                return Err(match odd(&error) {
                    Some(fault) => CountersError::Invalid { path, fault },
                    None => fault(error),
                });
            }
            Ok(file) => file,
        };
        let fixed = match look(&file).map_err(fault)? {
            Ok(fixed) => fixed,
            Err(fault) => return Err(CountersError::Invalid { path, fault }),
        };
        let own = place(identity(&file.metadata().map_err(fault)?));
        if fixed.own != 0 && fixed.own != own && !fixed.process.is_dead() {
            return Err(CountersError::Invalid { path, fault: CountersFault::Copy });
        }
        let memory = LineMemory::map_read_only(&file, fixed.layout().file_bytes()).map_err(fault)?;
        let board = Board::of_other(memory, fixed.layout());
        Ok(CountersReader { path, file, fixed, board, journal: None })
    }

    /// The counters now.
    ///
    /// # Errors
    /// [`CountersError::Invalid`] if somebody has shortened the file, [`CountersError::Ended`] once the
    /// engine has ended in good order ([`CountersReader::last`] has what it left), [`CountersError::Stale`]
    /// with what was left if its process is gone.
    pub fn read(&self) -> Result<Counters, CountersError> {
        // Looked at first: what a process wrote before it died is read behind its death.
        let is_dead = self.fixed.process.is_dead() || self.is_let_go();
        if let Some(fault) = self.shortened() {
            return Err(CountersError::Invalid { path: self.path.clone(), fault });
        }
        let counters = self.last();
        if self.board.has_ended() {
            return Err(CountersError::Ended { path: self.path.clone() });
        }
        match is_dead {
            true => Err(CountersError::Stale { path: self.path.clone(), last: Box::new(counters) }),
            false => Ok(counters),
        }
    }

    /// The counters as they are, or were last, whatever became of the engine. Of one that has ended a stage's
    /// lag says how many events published were never delivered to it. Of a file that somebody has shortened
    /// every figure is 0.
    pub fn last(&self) -> Counters {
        let fixed = &self.fixed;
        let gone = self.shortened().map(|_| Board::private(fixed.layout()));
        gone.as_ref().unwrap_or(&self.board).read(About {
            process: fixed.process.id as u32,
            capacity: fixed.capacity,
            live_from: fixed.live_from,
            has_journal: fixed.has_journal,
            now_ns: SystemClock.now_ns(),
            stages: Box::new(fixed.stages.iter().map(|(name, lane)| (name.as_str(), lane.as_str()))),
            late: None,
            acknowledged: None,
        })
    }

    /// Whether somebody has shortened the file. Nobody should: see docs/reference/counters.md.
    fn shortened(&self) -> Option<CountersFault> {
        let wanted = self.fixed.layout().file_bytes() as u64;
        let found = self.file.metadata().map_or(0, |about| about.len());
        (found < wanted).then_some(CountersFault::Truncated { found, wanted })
    }

    /// Whether nobody holds the journal's lock, where the process itself can't be looked at: its engine holds
    /// it for life.
    fn is_let_go(&self) -> bool {
        let says_folder = self.fixed.folder != 0;
        !self.fixed.process.is_visible()
            && says_folder
            && self.journal.as_ref().is_some_and(|files| files.is_locked() == Some(false))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens what may be a counters file. What is no plain file, a link too, is left alone: a pipe would make the
/// caller wait, and to open a device may do something.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let found = FileKind::of(&std::fs::symlink_metadata(path)?);
    if found != FileKind::Plain {
        return Err(io::Error::other(NotOurs { found, wanted: FileKind::Plain }));
    }
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)
}

/// Whether something else lies there than a plain file.
pub(super) fn odd(error: &io::Error) -> Option<CountersFault> {
    NotOurs::of(error).map(|NotOurs { found, .. }| CountersFault::Odd { found })
}

/// Reads and checks the part of a file that never changes.
pub(super) fn look(file: &File) -> io::Result<Result<Static, CountersFault>> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(Err(CountersFault::Foreign));
    }
    let mut bytes = vec![0; BLOCK_BYTES.min(about.len() as usize)];
    file.read_exact_at(&mut bytes, 0)?;
    let length = match Static::length(&bytes, about.len()) {
        Ok(length) => length,
        Err(fault) => return Ok(Err(fault)),
    };
    bytes.resize(length, 0);
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Static::decode(&bytes))
}
