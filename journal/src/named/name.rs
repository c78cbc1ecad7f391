//! A name that this process holds, alone or with others, and the file of its position.

use std::path::PathBuf;

use super::start::{self, ReaderStart};
use crate::error::{IoFault, NamedReaderError, ReadError};
use crate::format::{BlockFault, ControlState, JournalId, READERS_NAME, ReaderState};
use crate::judge::control;
use crate::positions::files::{self, MOST_READERS, ReaderFile, StoreFault};
use crate::read::raw::RawReader;
use crate::storage::{Files, Folder, MOST_MEMBERS, NameLock, Storage};
use crate::tools::clock;

/// A name, held for as long as this value lives.
#[derive(Debug)]
pub(super) struct HeldName {
    name: String,
    journal: Files,
    journal_id: JournalId,
    folder: Folder,
    pub(super) lock: NameLock,
    process: u32,
}

impl HeldName {
    /// Holds a name of a journal, which is there.
    pub(super) fn hold(journal: Files, name: &str, alone: bool) -> Result<Self, NamedReaderError> {
        check_name(name)?;
        let journal_id = control_of(&journal)?.journal_id;
        let fault = |operation, path: PathBuf| move |error| IoFault::new(operation, path, error);
        let made = journal.folder().and_then(|folder| folder.make_subfolder(READERS_NAME));
        let folder = made.map_err(fault("make folder", journal.path(READERS_NAME)))?;
        let lock_file = files::lock_name(name);
        let held = NameLock::hold(&folder, &lock_file, alone);
        let Some(lock) = held.map_err(fault("lock", folder.path().join(&lock_file)))? else {
            return Err(NamedReaderError::Held { name: name.to_owned(), path: journal.path("") });
        };
        Ok(HeldName { name: name.to_owned(), journal, journal_id, folder, lock, process: std::process::id() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn journal(&self) -> &Files {
        &self.journal
    }

    /// A reader of the journal as it is now.
    pub(super) fn reader(&self) -> Result<RawReader, ReadError> {
        RawReader::open_to(self.journal.clone(), None)
    }

    /// What the control file says now, which must be of the journal that was opened.
    pub(super) fn control(&self) -> Result<ControlState, NamedReaderError> {
        Ok(control::load_same(&self.journal, self.journal_id)?.state)
    }

    /// The name's state; `None` if there is none yet.
    pub(super) fn load(&self) -> Result<Option<ReaderState>, NamedReaderError> {
        load(&self.folder, &self.name)
    }

    /// The state, which begins at the first record if there is none yet.
    pub(super) fn load_or_begin(&self) -> Result<ReaderState, NamedReaderError> {
        match self.load()? {
            Some(state) => Ok(state),
            None => self.begin(ReaderStart::First, 0),
        }
    }

    /// A new state, written. The old one, if there is any, need not be readable.
    pub(super) fn begin(&self, start: ReaderStart, missed: u64) -> Result<ReaderState, NamedReaderError> {
        let fault = |operation| move |error| IoFault::new(operation, self.folder.path().to_owned(), error);
        let is_there = self.folder.kind(&self.name).map_err(fault("look at"))?.is_some();
        if !is_there && files::names(&self.folder).map_err(fault("list"))?.0.len() >= MOST_READERS {
            return Err(NamedReaderError::TooManyReaders { path: self.journal.path(""), most: MOST_READERS });
        }
        let mut reader = self.reader()?;
        let position = start::resolve(&mut reader, start)?;
        let ControlState { journal_id, branch, .. } = *reader.parts().1;
        let (committed_ns, ranges) = (clock::now_ns(), Vec::new());
        let state = ReaderState { journal_id, branch, position, committed_ns, missed, ranges };
        self.store(&state, position.end)?;
        Ok(state)
    }

    /// Writes the state; `position` is where the one before is.
    pub(super) fn store(&self, state: &ReaderState, position: u64) -> Result<(), NamedReaderError> {
        self.check_process()?;
        let fault = |operation, error| NamedReaderError::NotCommitted {
            name: self.name.clone(),
            position,
            fault: IoFault::new(operation, self.folder.path().join(&self.name), error),
        };
        files::store(&self.folder, &self.name, state).map_err(|error| match error {
            StoreFault::Before(error) => fault("write", error),
            StoreFault::Behind(error) => fault("sync the folder of", error),
        })
    }

    /// Refuses the work of a fork.
    pub(super) fn check_process(&self) -> Result<(), NamedReaderError> {
        match self.process == std::process::id() {
            true => Ok(()),
            false => Err(NamedReaderError::Forked { name: self.name.clone(), owner: self.process }),
        }
    }

    /// Takes a member's place among those that share the name.
    pub(super) fn take_member(&self) -> Result<u32, NamedReaderError> {
        for member in 1..=MOST_MEMBERS {
            if self.lock.take_member(member).map_err(|error| self.lock_fault(error))? {
                return Ok(member);
            }
        }
        Err(NamedReaderError::TooManyMembers { name: self.name.clone(), most: MOST_MEMBERS })
    }

    pub(super) fn lock_fault(&self, error: std::io::Error) -> NamedReaderError {
        IoFault::new("lock", self.folder.path().join(files::lock_name(&self.name)), error).into()
    }

    pub(super) fn no_reader(&self) -> NamedReaderError {
        no_reader(&self.name, &self.journal)
    }

    /// Removes the reader. The name is held till the files have gone.
    pub(super) fn remove(self) -> Result<(), NamedReaderError> {
        let path = |name: &str| self.folder.path().join(name);
        let there = self.folder.kind(&self.name);
        let is_there = there.map_err(|error| IoFault::new("look at", path(&self.name), error))?.is_some();
        let lock_file = files::lock_name(&self.name);
        for name in [&self.name, &lock_file] {
            if is_there || name == &lock_file {
                self.folder.remove(name).map_err(|error| IoFault::new("remove", path(name), error))?;
            }
        }
        self.folder
            .sync()
            .map_err(|error| IoFault::new("sync folder", self.folder.path().to_owned(), error))?;
        match is_there {
            true => Ok(()),
            false => Err(self.no_reader()),
        }
    }
}

/// The journal has no reader of this name.
pub(super) fn no_reader(name: &str, journal: &Files) -> NamedReaderError {
    NamedReaderError::NoReader { name: name.to_owned(), path: journal.path("") }
}

/// Refuses what can be no reader's name.
pub(super) fn check_name(name: &str) -> Result<(), NamedReaderError> {
    match files::is_name(name) {
        true => Ok(()),
        false => Err(NamedReaderError::BadName { name: name.to_owned() }),
    }
}

/// What the control file of a journal says.
pub(super) fn control_of(journal: &Files) -> Result<ControlState, NamedReaderError> {
    let loaded = control::load(journal)?;
    loaded.map(|loaded| loaded.state).ok_or_else(|| control::no_control(journal).into())
}

/// Reads a reader's file.
pub(super) fn load(folder: &Folder, name: &str) -> Result<Option<ReaderState>, NamedReaderError> {
    let path = || folder.path().join(name);
    match files::load(folder, name).map_err(|error| IoFault::new("read", path(), error))? {
        None => Ok(None),
        Some(ReaderFile::State(state)) => Ok(Some(state)),
        Some(ReaderFile::Damaged(fault)) => {
            let what = match fault {
                BlockFault::Absent => "is empty".to_owned(),
                BlockFault::Damaged => "is no reader's file, or not as it was written".to_owned(),
                BlockFault::ForeignEndian => "was written by a machine of the other byte order".to_owned(),
                BlockFault::Version(version) => {
                    format!("is of version {version}, which is later than this program")
                }
            };
            Err(NamedReaderError::Damaged { name: name.to_owned(), path: path(), what })
        }
    }
}
