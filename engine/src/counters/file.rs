//! Where the counters file goes, how it comes and how it goes.
//!
//! It lies in memory (tmpfs): on a disk's file system the flusher write-protects its pages, and a lane's
//! store would wait behind somebody else's sync. It appears under its name whole, by a rename. It is
//! allocated ahead, so that no store finds the memory full. Whoever holds the journal's lock owns the name,
//! so that what a dead process has left is replaced by the next one.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use rustix::io::retry_on_intr;
use slipring_journal::__private::storage::Files;
use slipring_journal::__private::storage::size_limit::as_an_error;

use super::board::Board;
use super::reader::{look, odd, open_file};
use crate::error::CountersFileError;
use crate::lines::format::{Static, place};
use crate::lines::memory::LineMemory;

/// How the name of a file ends that is not whole.
const TEMPORARY: &[u8] = b".tmp";

/// What the user said of the counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ShowCounters {
    /// In a file if there is a journal, to find it by, and memory to put it.
    #[default]
    Auto,
    /// In this file.
    At(PathBuf),
    /// To nobody.
    Private,
}

/// The file of a living engine; it goes with this value.
#[derive(Debug)]
pub(crate) struct CountersFile {
    path: PathBuf,
    /// Device and inode: the name may be another file's by the time that it is to be removed.
    identity: (u64, u64),
    /// A child of fork() has a copy of this, and must leave the file alone.
    process: u32,
    board: Arc<Board>,
}

impl CountersFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has the LOCK of a journal that was opened again name it. Monitoring is no reason to fail.
    pub(crate) fn note_again(&self, journal: &Files) {
        let _ = note(journal, &self.path);
    }
}

impl CountersFile {
    /// Takes its name away: the next writer's has the same. Whoever has it mapped still sees what becomes of
    /// the engine.
    pub(crate) fn hide(&self) {
        let is_own = self.process == std::process::id()
            && std::fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity);
        if is_own {
            // If it can't be removed readers still see that the engine has ended.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Drop for CountersFile {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            self.board.end();
            self.hide();
        }
    }
}

/// Makes an engine's counters where the user wants them. The caller holds the journal's lock, if there is a
/// journal.
pub(crate) fn make(
    how: &ShowCounters,
    journal: Option<&Files>,
    fixed: &Static,
    base: u64,
) -> Result<(Arc<Board>, Option<CountersFile>), CountersFileError> {
    match (how, journal) {
        (ShowCounters::At(path), _) => {
            check_free(path)?;
            let (board, file) = make_at(path, fixed, base)?;
            if let Some(files) = journal {
                note(files, path).map_err(|source| fault(path, "name it in LOCK", source))?;
            }
            return Ok((board, Some(file)));
        }
        (ShowCounters::Auto, Some(files)) => {
            if let Some((board, file)) = make_in(&folders(), files, fixed, base) {
                return Ok((board, Some(file)));
            }
        }
        (ShowCounters::Auto, None) | (ShowCounters::Private, _) => {}
    }
    let board = Board::private(fixed.layout());
    board.begin(base);
    Ok((Arc::new(board), None))
}

/// The folders that may be in memory, the usual one first.
fn folders() -> Vec<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    [Some(PathBuf::from("/dev/shm")), own].into_iter().flatten().collect()
}

/// Makes the file in the first of the folders that is in memory and takes it. Monitoring is no reason for an
/// engine not to start: `None` if there is no such folder.
fn make_in(
    folders: &[PathBuf],
    journal: &Files,
    fixed: &Static,
    base: u64,
) -> Option<(Arc<Board>, CountersFile)> {
    let (device, inode) = journal.folder().ok()?.identity();
    let name = format!("slipring-{device:x}-{inode:x}.counters");
    folders.iter().filter(|folder| is_in_memory(folder)).map(|folder| folder.join(&name)).find_map(|path| {
        let (board, file) = make_at(&path, fixed, base).ok()?;
        note(journal, &path).ok().map(|()| (board, file))
    })
}

/// Whether files in a folder live in memory.
#[allow(clippy::unnecessary_cast)] // It is no i64 with every C library.
fn is_in_memory(folder: &Path) -> bool {
    const TMPFS: i64 = 0x0102_1994;
    const RAMFS: i64 = 0x8584_58f6;
    rustix::fs::statfs(folder).is_ok_and(|about| [TMPFS, RAMFS].contains(&(about.f_type as i64)))
}

/// Refuses a path at which something lives.
fn check_free(path: &Path) -> Result<(), CountersFileError> {
    let file = match open_file(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(match odd(&source) {
                Some(fault) => CountersFileError::Occupied { path: path.to_owned(), fault },
                None => fault(path, "look at what is there", source),
            });
        }
    };
    match look(&file) {
        Ok(Ok(found)) if found.process.is_dead() => Ok(()),
        Ok(Ok(found)) => {
            Err(CountersFileError::InUse { path: path.to_owned(), process: found.process.id as u32 })
        }
        Ok(Err(fault)) => Err(CountersFileError::Occupied { path: path.to_owned(), fault }),
        Err(source) => Err(fault(path, "read what is there", source)),
    }
}

/// The file until it is whole. No counters have a name like it: see [`make_at`].
fn temporary(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_bytes();
    let is_one = name.starts_with(b".") && name.ends_with(TEMPORARY);
    (!is_one).then(|| path.with_file_name(OsString::from_vec([b".", name, TEMPORARY].concat())))
}

fn make_at(path: &Path, fixed: &Static, base: u64) -> Result<(Arc<Board>, CountersFile), CountersFileError> {
    let temporary = temporary(path).ok_or_else(|| {
        let what = "a name like it is for a file that is not whole yet (.NAME.tmp): give another path";
        fault(path, "make it", io::Error::new(ErrorKind::InvalidInput, what))
    })?;
    let made = make_under(&temporary, path, fixed, base);
    if made.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    made
}

fn make_under(
    temporary: &Path,
    path: &Path,
    fixed: &Static,
    base: u64,
) -> Result<(Arc<Board>, CountersFile), CountersFileError> {
    let fault = |what| move |source: io::Error| fault(path, what, source);
    let file = create(temporary).map_err(fault("create"))?;
    let layout = fixed.layout();
    let bytes = layout.file_bytes() as u64;
    let allocate = || retry_on_intr(|| rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes));
    as_an_error(|| Ok(allocate()?)).map_err(fault("allocate"))?;
    let identity = identity(&file.metadata().map_err(fault("look at"))?);
    let fixed = Static { own: place(identity), ..fixed.clone() };
    file.write_all_at(&fixed.encode(), 0).map_err(fault("write"))?;
    let board = Board::told_in(LineMemory::map(&file).map_err(fault("map"))?, layout);
    board.begin(base);
    std::fs::rename(temporary, path).map_err(fault("rename"))?;
    let board = Arc::new(board);
    let file = CountersFile {
        path: path.to_owned(),
        identity,
        process: std::process::id(),
        board: Arc::clone(&board),
    };
    Ok((board, file))
}

/// A new file; one of the name is a left-over of whoever had the right to it before.
fn create(path: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o644).open(path);
    match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            create()
        }
        done => done,
    }
}

/// Has the journal's LOCK file name the counters file.
fn note(journal: &Files, path: &Path) -> io::Result<()> {
    let bad = || io::Error::new(ErrorKind::InvalidInput, "its path is no line of UTF-8");
    let path = std::path::absolute(path)?;
    let text = path.to_str().filter(|text| !text.contains('\n')).ok_or_else(bad)?;
    journal.note_in_lock(&format!("{NOTE}{text}"))
}

/// What the line in LOCK begins with.
pub(super) const NOTE: &str = "counters ";

pub(super) fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn fault(path: &Path, what: &'static str, source: io::Error) -> CountersFileError {
    CountersFileError::Io { path: path.to_owned(), what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::format::Process;

    fn fixed() -> Static {
        Static {
            process: Process::this(),
            journal_id: [0; 16],
            has_journal: false,
            made_ns: 0,
            capacity: 64,
            live_from: 0,
            folder: 0,
            own: 0,
            stages: vec![("a".to_owned(), "lane".to_owned())],
        }
    }

    #[test]
    fn a_folder_on_a_disk_or_none_at_all_takes_no_counters() {
        let place = tempfile::tempdir().unwrap();
        let folders = [place.path().join("none"), PathBuf::from("/proc")];
        assert!(make_in(&folders, &Files::new(place.path()), &fixed(), 0).is_none());
    }

    #[test]
    fn it_goes_with_its_engine_and_only_if_it_is_its_own() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("counters");
        let (_board, file) = make_at(&path, &fixed(), 0).unwrap();
        assert!(path.exists());
        assert!(matches!(check_free(&path), Err(CountersFileError::InUse { .. })));
        drop(file);
        assert!(!path.exists());

        let (_board, file) = make_at(&path, &fixed(), 0).unwrap();
        let (_other_board, other) = make_at(&path, &fixed(), 0).unwrap();
        drop(file);
        assert!(path.exists(), "by now it is another's");
        drop(other);
        assert!(!path.exists());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "no temporary file either");
    }

    #[test]
    fn what_a_dead_process_left_is_replaced_and_anything_else_is_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("counters");
        let dead = Process { start_ticks: 1, ..Process::this() };
        let (_board, file) = make_at(&path, &Static { process: dead, ..fixed() }, 0).unwrap();
        let left = std::fs::read(&path).unwrap();
        drop(file);
        std::fs::write(&path, left).unwrap();
        std::fs::write(place.path().join(".counters.tmp"), "half made").unwrap();
        assert!(make(&ShowCounters::At(path.clone()), None, &fixed(), 0).unwrap().1.is_some());
        assert!(!place.path().join(".counters.tmp").exists());

        std::fs::write(&path, "a letter").unwrap();
        let refused = make(&ShowCounters::At(path.clone()), None, &fixed(), 0).unwrap_err();
        assert!(matches!(refused, CountersFileError::Occupied { .. }), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"a letter");
        // What another engine's is called, or is called until it is whole, is never taken for one's own.
        let [other, hidden] = ["counters.tmp", ".counters.tmp"].map(|name| place.path().join(name));
        std::fs::remove_file(&path).unwrap();
        let (_board, _other) = make_at(&other, &fixed(), 0).unwrap();
        let before = std::fs::read(&other).unwrap();
        let (_board, _file) = make_at(&path, &fixed(), 0).unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), before);
        let refused = make_at(&hidden, &fixed(), 0).unwrap_err();
        assert!(refused.to_string().contains("give another path"), "{refused}");
        let nowhere = place.path().join("none").join("counters");
        let refused = make(&ShowCounters::At(nowhere), None, &fixed(), 0).unwrap_err();
        assert!(matches!(refused, CountersFileError::Io { .. }), "{refused}");
    }
}
