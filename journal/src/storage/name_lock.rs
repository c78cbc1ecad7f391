//! Who holds the name of a reader. All of it is record locks on bytes of the name's lock file, which is
//! empty: they are an open file's, so they go with the process, however that ends.
//!
//! | byte | who locks it |
//! |---|---|
//! | 0 | for writing: who has the name alone; for reading: each of those that share it |
//! | 1 to 32 | for writing: one of those that share it, its own byte, for life |
//! | 64 | for writing: whose turn it is to change what they share, for that moment |

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use super::folder::{Access, Folder};
use super::lock::lock_bytes;

/// How many may share a name.
pub const MOST_MEMBERS: u32 = 32;

const NAME: Range<i64> = 0..1;
const TURN: Range<i64> = 64..65;

const _: () = assert!(TURN.start > MOST_MEMBERS as i64, "no member's byte is that of the turn");

/// The byte of a member, which is numbered from 1 on.
fn byte_of(member: u32) -> Range<i64> {
    i64::from(member)..i64::from(member) + 1
}

/// Who has the name of a reader, as those can tell who only look.
///
/// See the example of [`ReaderInfo`](crate::ReaderInfo).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeldBy {
    /// Nobody.
    Nobody,
    /// One reader, alone.
    One,
    /// So many readers that share it.
    Shared(u32),
    /// Its lock can't be asked for here.
    Unknown,
}

/// A name's lock file, and what this value has locked of it.
#[derive(Debug)]
pub struct NameLock {
    file: File,
    process: u32,
}

impl Drop for NameLock {
    /// Closing is not enough: a child of fork() shares the open file, and would hold the name on. That
    /// child's own copy of this value must not let go of it.
    fn drop(&mut self) {
        if self.process == std::process::id() {
            let _ = lock_bytes(&self.file, libc::F_OFD_SETLK, libc::F_UNLCK, 0..0);
        }
    }
}

impl NameLock {
    /// Locks a name, for one alone or to be shared; `None` if it is held otherwise. The lock file is made if
    /// it is not there.
    pub fn hold(folder: &Folder, lock_file: &str, alone: bool) -> io::Result<Option<Self>> {
        let kind = if alone { libc::F_WRLCK } else { libc::F_RDLCK };
        loop {
            let (file, _) = folder.open_or_create(lock_file, Access::Write)?;
            let lock = NameLock { file, process: std::process::id() };
            if !lock.set(kind, NAME)? {
                return Ok(None);
            }
            // Whoever removed the name may have removed the file that was opened: that lock keeps nobody out.
            let found = lock.file.metadata()?;
            if folder.identity_of(lock_file)? == Some((found.dev(), found.ino())) {
                return Ok(Some(lock));
            }
        }
    }

    /// Who holds the name of this lock file. Takes no lock.
    pub fn holder(folder: &Folder, lock_file: &str) -> io::Result<HeldBy> {
        let file = match folder.open_file(lock_file, Access::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HeldBy::Nobody),
            opened => opened?,
        };
        let lock = NameLock { file, process: std::process::id() };
        match lock.found(NAME)? {
            libc::F_UNLCK => Ok(HeldBy::Nobody),
            libc::F_WRLCK => Ok(HeldBy::One),
            _ => {
                let mut count = 0;
                for member in 1..=MOST_MEMBERS {
                    count += u32::from(lock.found(byte_of(member))? != libc::F_UNLCK);
                }
                Ok(HeldBy::Shared(count))
            }
        }
    }

    /// Takes a member's byte; whether it was free.
    pub fn take_member(&self, member: u32) -> io::Result<bool> {
        self.set(libc::F_WRLCK, byte_of(member))
    }

    /// Whether another than this one lives that has that member's byte.
    pub fn is_another(&self, member: u32) -> io::Result<bool> {
        Ok(self.found(byte_of(member))? != libc::F_UNLCK)
    }

    /// Waits for its turn among those that share the name. Each takes as long as a small file takes to be
    /// written; that of one that dies ends with it.
    pub fn turn(&self) -> io::Result<LockTurn<'_>> {
        lock_bytes(&self.file, libc::F_OFD_SETLKW, libc::F_WRLCK, TURN)?;
        Ok(LockTurn(self))
    }

    fn set(&self, kind: libc::c_int, bytes: Range<i64>) -> io::Result<bool> {
        match lock_bytes(&self.file, libc::F_OFD_SETLK, kind, bytes) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The kind of lock that somebody else has there.
    fn found(&self, bytes: Range<i64>) -> io::Result<libc::c_int> {
        lock_bytes(&self.file, libc::F_OFD_GETLK, libc::F_WRLCK, bytes)
    }
}

/// It is this one's turn, until this value goes.
#[derive(Debug)]
pub struct LockTurn<'l>(&'l NameLock);

impl Drop for LockTurn<'_> {
    fn drop(&mut self) {
        let _ = lock_bytes(&self.0.file, libc::F_OFD_SETLK, libc::F_UNLCK, TURN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = ".a.lock";

    #[test]
    fn one_alone_or_several_together_and_each_is_seen() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let hold = |alone| NameLock::hold(&folder, LOCK, alone).unwrap();
        let holder = || NameLock::holder(&folder, LOCK).unwrap();
        assert_eq!(holder(), HeldBy::Nobody);
        let one = hold(true).unwrap();
        assert!(hold(true).is_none() && hold(false).is_none());
        assert_eq!(holder(), HeldBy::One);
        drop(one);
        let (a, b) = (hold(false).unwrap(), hold(false).unwrap());
        assert!(hold(true).is_none());
        assert!(a.take_member(1).unwrap() && !b.take_member(1).unwrap() && b.take_member(2).unwrap());
        assert!(b.is_another(1).unwrap() && !b.is_another(2).unwrap() && !b.is_another(3).unwrap());
        assert_eq!(holder(), HeldBy::Shared(2));
        drop(a);
        assert!(!b.is_another(1).unwrap());
        assert_eq!(holder(), HeldBy::Shared(1));
    }

    #[test]
    fn a_lock_file_that_was_removed_keeps_nobody_out_and_is_not_taken_for_the_name() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let old = NameLock::hold(&folder, LOCK, true).unwrap().unwrap();
        folder.remove(LOCK).unwrap();
        let new = NameLock::hold(&folder, LOCK, true).unwrap().unwrap();
        assert!(NameLock::hold(&folder, LOCK, true).unwrap().is_none());
        drop((old, new));
        assert!(NameLock::hold(&folder, LOCK, true).unwrap().is_some());
    }
}
