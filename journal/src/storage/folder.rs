//! A folder that is held by a handle: whatever becomes of its name, this is the folder that was opened.
//!
//! Inside it nothing is followed: where a file of ours should be there is a plain file or an error that says
//! what lies there. A pipe or a device is never opened, so nobody waits for its other end.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::{Errno, retry_on_intr};

/// What lies under a name.
///
/// See the example of [`IoFault`](crate::IoFault).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A plain file.
    Plain,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
    /// Something else.
    Other,
}

impl FileKind {
    /// What the system says of it.
    #[doc(hidden)]
    pub fn of(found: &std::fs::Metadata) -> Self {
        FileType::from_raw_mode(found.mode()).into()
    }
}

impl From<FileType> for FileKind {
    fn from(found: FileType) -> Self {
        match found {
            FileType::RegularFile => FileKind::Plain,
            FileType::Directory => FileKind::Folder,
            FileType::Symlink => FileKind::Link,
            FileType::Fifo => FileKind::Pipe,
            FileType::Socket => FileKind::Socket,
            FileType::BlockDevice | FileType::CharacterDevice => FileKind::Device,
            FileType::Unknown => FileKind::Other,
        }
    }
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FileKind::Plain => "a plain file",
            FileKind::Folder => "a folder",
            FileKind::Link => "a symbolic link",
            FileKind::Pipe => "a named pipe",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
            FileKind::Other => "something of another kind",
        })
    }
}

/// Something lies where a file or folder of the journal should be, and is of another kind. It was neither
/// followed nor read nor written.
///
/// See the example of [`IoFault`](crate::IoFault).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} lies there, where {wanted} of the journal should be: it is left alone; move it away")]
pub struct NotOurs {
    /// What lies there.
    pub found: FileKind,
    /// What should.
    pub wanted: FileKind,
}

impl NotOurs {
    /// What a failed call says of it, if that was why it failed.
    pub fn of(error: &io::Error) -> Option<NotOurs> {
        error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
    }
}

fn not_ours(found: FileKind, wanted: FileKind) -> io::Error {
    io::Error::other(NotOurs { found, wanted })
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    Read,
    /// For reading and writing.
    Write,
    /// For reading, and for writing at the end.
    Append,
}

impl Access {
    fn flags(self) -> OFlags {
        match self {
            Access::Read => OFlags::RDONLY,
            Access::Write => OFlags::RDWR,
            Access::Append => OFlags::RDWR | OFlags::APPEND,
        }
    }
}

/// Device and inode: what a folder or file is, whatever it is called.
pub type Identity = (u64, u64);

/// A folder, held.
#[derive(Debug)]
pub struct Folder {
    /// The name that it was opened by, for messages.
    path: PathBuf,
    handle: File,
    identity: Identity,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// The folder that `path` means now. The path may be a link.
    pub fn open(path: &Path) -> io::Result<Self> {
        let handle = retry_on_intr(|| rustix::fs::open(path, FOLDER, Mode::empty()))?;
        Self::new(path.to_owned(), handle.into())
    }

    fn new(path: PathBuf, handle: File) -> io::Result<Self> {
        let found = handle.metadata()?;
        Ok(Folder { path, handle, identity: (found.dev(), found.ino()) })
    }

    /// The name that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether its name means another folder by now, or none.
    pub fn is_moved(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |found| (found.dev(), found.ino()) != self.identity)
    }

    /// Whether it has been removed: nothing can be made in it any more.
    pub fn is_removed(&self) -> bool {
        self.handle.metadata().is_ok_and(|found| found.nlink() == 0)
    }

    /// Bytes that may still be allocated on its disk.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&self.handle)?;
        // What is set aside is set aside for the superuser.
        let blocks = if rustix::process::geteuid().is_root() { found.f_bfree } else { found.f_bavail };
        Ok(blocks.saturating_mul(found.f_frsize))
    }

    /// Another handle on it, with an open file description of its own.
    pub fn reopen(&self) -> io::Result<File> {
        Ok(retry_on_intr(|| rustix::fs::openat(&self.handle, ".", FOLDER, Mode::empty()))?.into())
    }

    /// What lies under a name; `None` if nothing does.
    pub fn kind(&self, name: &str) -> io::Result<Option<FileKind>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode).into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What lies under a name, as device and inode; `None` if nothing does.
    pub(super) fn identity_of(&self, name: &str) -> io::Result<Option<Identity>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some((found.st_dev, found.st_ino))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses what is not of the kind wanted; `NotFound` if nothing is there.
    fn expect(&self, name: &str, wanted: FileKind) -> io::Result<()> {
        match self.kind(name)? {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(found) if found == wanted => Ok(()),
            Some(found) => Err(not_ours(found, wanted)),
        }
    }

    /// Opens a plain file.
    pub fn open_file(&self, name: &str, access: Access) -> io::Result<File> {
        // Looked at first: to open a device may do something, whatever is done with the handle.
        self.expect(name, FileKind::Plain)?;
        self.open_with(name, access.flags())
    }

    /// Opens a plain file, or makes it; whether it was made.
    pub fn open_or_create(&self, name: &str, access: Access) -> io::Result<(File, bool)> {
        match self.open_file(name, access) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return Ok((opened?, false)),
        }
        match self.open_with(name, access.flags() | OFlags::CREATE | OFlags::EXCL) {
            // Another was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok((self.open_file(name, access)?, false))
            }
            created => Ok((created?, true)),
        }
    }

    /// Makes an empty file; fails with `AlreadyExists` if there is anything.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        self.open_with(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    fn open_with(&self, name: &str, flags: OFlags) -> io::Result<File> {
        // Without waiting: by now something else may lie there than was looked at. A plain file knows no
        // waiting.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = retry_on_intr(|| rustix::fs::openat(&self.handle, name, flags, Mode::from(0o666)));
        let file: File = match opened {
            Err(Errno::LOOP) => return Err(not_ours(FileKind::Link, FileKind::Plain)),
            opened => opened?.into(),
        };
        let found = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode).into();
        if found == FileKind::Plain { Ok(file) } else { Err(not_ours(found, FileKind::Plain)) }
    }

    /// The folder of this name within.
    pub fn subfolder(&self, name: &str) -> io::Result<Folder> {
        self.expect(name, FileKind::Folder)?;
        let flags = FOLDER | OFlags::NOFOLLOW;
        let handle = match retry_on_intr(|| rustix::fs::openat(&self.handle, name, flags, Mode::empty())) {
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(not_ours(FileKind::Other, FileKind::Folder)),
            opened => opened?,
        };
        Self::new(self.path.join(name), handle.into())
    }

    /// The folder of this name within, which is made if there is none. Its name is durable: whoever made it
    /// may have died before that was synced.
    pub fn make_subfolder(&self, name: &str) -> io::Result<Folder> {
        let folder = match self.subfolder(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match rustix::fs::mkdirat(&self.handle, name, Mode::from(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => self.subfolder(name)?,
                    Err(error) => return Err(error.into()),
                }
            }
            opened => opened?,
        };
        self.sync()?;
        Ok(folder)
    }

    /// Renames a file; fails with `AlreadyExists` rather than replace another.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.handle, from, &self.handle, to, RenameFlags::NOREPLACE) {
            // Some file systems do not know the flag. There the look before the rename is enough: the lock
            // keeps other writers away.
            Err(Errno::INVAL | Errno::NOSYS) => {
                if self.kind(to)?.is_some() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
            }
            done => Ok(done?),
        }
    }

    /// Renames a file; a plain file of the new name is replaced, and anything else there refused.
    pub fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        match self.expect(to, FileKind::Plain) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Removes a name. A link goes itself, not what it points to.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// The names within, in no order. A name that is no UTF-8 is none of ours.
    pub fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        self.for_each_name(|name| names.push(name.to_owned()))?;
        Ok(names)
    }

    /// The same, one by one: there may be many.
    pub fn for_each_name(&self, mut visit: impl FnMut(&str)) -> io::Result<()> {
        for entry in retry_on_intr(|| Dir::read_from(&self.handle))? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                visit(name);
            }
        }
        Ok(())
    }

    /// Makes creates, renames and removes so far survive power loss.
    pub fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}
