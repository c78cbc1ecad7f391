//! The writer's lock: on the folder itself, which no name can be swapped for, and on the LOCK file beside, by
//! which older versions exclude each other.
//!
//! Nobody who only looks takes a lock. The writer holds a mark beside its lock, a record lock for reading on
//! the folder, and whether somebody holds one can be asked for.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use rustix::fs::FlockOperation;
use rustix::io::{Errno, retry_on_intr};

use super::folder::{Access, Folder, NotOurs};
use super::{Holder, LockFault, holder, size_limit};
use crate::format::LOCK_NAME;

/// Bytes of the LOCK file that are looked at.
const MOST_LOCK_BYTES: u64 = 1 << 16;

/// A holder who has not written who it is.
const SOMEBODY: &str = "another process";

/// The locked folder and LOCK file. The locks are the file descriptions': they go with the process, however
/// that ends.
#[derive(Debug)]
pub struct FilesLock {
    folder: File,
    pub(super) file: Arc<File>,
    process: u32,
}

impl Drop for FilesLock {
    /// Closing is not enough: a child of fork() shares the descriptions, and would hold the locks on after a
    /// close in good order. That child's own copy of this value must not let go of them.
    fn drop(&mut self) {
        if self.process == std::process::id() {
            let _ = record_lock(&self.folder, libc::F_OFD_SETLK, libc::F_UNLCK);
            let _ = rustix::fs::flock(&*self.file, FlockOperation::Unlock);
            let _ = rustix::fs::flock(&self.folder, FlockOperation::Unlock);
        }
    }
}

/// Takes the lock of a folder, or says who holds it.
pub(super) fn lock(folder: &Folder) -> Result<FilesLock, LockFault> {
    let foreign = |what| LockFault::Foreign { path: folder.path().join(LOCK_NAME), what };
    // First: who may not write it may not lock the folder either, not for a moment.
    let opened = folder.open_or_create(LOCK_NAME, Access::Write);
    let (mut file, _) = opened.map_err(|error| match NotOurs::of(&error) {
        Some(NotOurs { found, .. }) => foreign(format!("{found} lies there")),
        None => LockFault::Io(error),
    })?;
    let place = folder.reopen().map_err(LockFault::Io)?;
    let held = || LockFault::Held(holder_in(&file));
    match flock(&place) {
        Ok(true) => {}
        Ok(false) => return Err(held()),
        // Network file systems that lock by byte ranges of files. There the LOCK file has to do.
        Err(Errno::BADF | Errno::INVAL | Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        Err(error) => return Err(LockFault::Io(error.into())),
    }
    if !flock(&file).map_err(|error| LockFault::Io(error.into()))? {
        return Err(held());
    }
    if !is_ours(&mut file).map_err(LockFault::Io)? {
        return Err(foreign("its content is none that a slipring has written".to_owned()));
    }
    let note = || -> io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", holder::this_process())
    };
    size_limit::as_an_error(note).map_err(LockFault::Io)?;
    // For those who look. Where it can't be had they do without.
    let _ = record_lock(&place, libc::F_OFD_SETLK, libc::F_RDLCK);
    Ok(FilesLock { folder: place, file: Arc::new(file), process: std::process::id() })
}

/// Whether a writer of this version holds the folder; `None` if that can't be found out. Takes no lock.
pub(super) fn is_locked(folder: &Folder) -> Option<bool> {
    let place = folder.reopen().ok()?;
    let found = record_lock(&place, libc::F_OFD_GETLK, libc::F_WRLCK).ok()?;
    Some(found != libc::F_UNLCK)
}

/// The writer of this version that holds the folder.
pub(super) fn holder(folder: &Folder) -> Holder {
    match is_locked(folder) {
        None => Holder::Unknown,
        Some(false) => Holder::Nobody,
        Some(true) => {
            let file = folder.open_file(LOCK_NAME, Access::Read);
            Holder::Somebody(file.map_or_else(|_| SOMEBODY.to_owned(), |file| holder_in(&file)))
        }
    }
}

/// The lines of the LOCK file.
pub(super) fn lines(folder: &Folder) -> io::Result<Vec<String>> {
    let text = text(&mut folder.open_file(LOCK_NAME, Access::Read)?)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

fn text(file: &mut File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(MOST_LOCK_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Whether a writer wrote it: nothing yet, zeros after power loss, or the line of a process.
fn is_ours(file: &mut File) -> io::Result<bool> {
    let text = text(file)?;
    Ok(text.iter().all(|byte| *byte == 0) || text.starts_with(holder::PROCESS.as_bytes()))
}

/// What the holder wrote about itself.
fn holder_in(mut file: &File) -> String {
    let mut bytes = Vec::new();
    let read = Read::by_ref(&mut file).take(1024).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let first = text.lines().next().unwrap_or_default().trim();
    match read {
        Ok(_) if first.starts_with(holder::PROCESS) => first.chars().filter(|c| !c.is_control()).collect(),
        _ => SOMEBODY.to_owned(),
    }
}

fn flock(file: &File) -> Result<bool, Errno> {
    match retry_on_intr(|| rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets, or asks for, a record lock of an open file description on the whole file; the kind that was found or
/// set.
fn record_lock(file: &File, command: libc::c_int, kind: libc::c_int) -> io::Result<libc::c_int> {
    lock_bytes(file, command, kind, 0..0)
}

/// The same on some of its bytes, which need not be there; an empty range that begins at 0 is all of them.
pub(super) fn lock_bytes(
    file: &File,
    command: libc::c_int,
    kind: libc::c_int,
    bytes: Range<i64>,
) -> io::Result<libc::c_int> {
    // SAFETY: a struct of integers, for which zeros are a value: no process.
    let mut record: libc::flock = unsafe { std::mem::zeroed() };
    record.l_type = kind as libc::c_short;
    record.l_whence = libc::SEEK_SET as libc::c_short;
    (record.l_start, record.l_len) = (bytes.start, bytes.end - bytes.start);
    loop {
        // SAFETY: an open descriptor, and a struct of the kind that these commands read and write.
        if unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut record) } == 0 {
            return Ok(libc::c_int::from(record.l_type));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
