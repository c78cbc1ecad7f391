//! Where a socket lies: it comes under its name for its owner alone, and goes with its listener. One that
//! nobody listens at is replaced, one that somebody does is not.

use std::fs::{Permissions, symlink_metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use slipring_journal::FileKind;

use super::error::ListenError;

/// Sockets made by this process.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A socket that is listened at; its name goes with this value.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode: the name may be another's by the time that it is to be removed.
    identity: (u64, u64),
    /// A child of fork() has a copy of this, and must leave the name alone.
    process: u32,
}

impl Socket {
    /// Listens at `path`.
    pub(super) fn bind(path: &Path) -> Result<Self, ListenError> {
        let fault = |what| move |source| ListenError::Io { path: path.to_owned(), what, source };
        make_room(path)?;
        // Under another name until it is its owner's alone. One for each call: another thread may be at it.
        // Relaxed: it only has to differ.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mut made = path.as_os_str().to_owned();
        made.push(format!(".{}-{number}", std::process::id()));
        let made = PathBuf::from(made);
        make_room(&made)?;
        let listen = || {
            let listener = UnixListener::bind(&made)?;
            std::fs::set_permissions(&made, Permissions::from_mode(0o600))?;
            turn_away(&listener)?;
            Ok((listener, identity(&made)?))
        };
        let (listener, identity) =
            listen().inspect_err(|_| drop(remove(&made))).map_err(fault("listen there"))?;
        match rename(&made, path) {
            Ok(()) => Ok(Socket { listener, path: path.to_owned(), identity, process: std::process::id() }),
            Err(error) => {
                let _ = remove(&made);
                // Another came in between.
                if error.kind() == ErrorKind::AlreadyExists {
                    return Err(ListenError::InUse { path: path.to_owned() });
                }
                Err(fault("give the socket its name")(error))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Has whoever waits for a connection come back with an error.
    pub(super) fn shut_down(&self) {
        // A listening socket is shut down like any other; only the library's type for it can't say so.
        if let Ok(handle) = self.listener.try_clone() {
            let _ = UnixStream::from(OwnedFd::from(handle)).shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_own = self.process == std::process::id()
            && identity(&self.path).is_ok_and(|found| found == self.identity);
        if is_own {
            let _ = remove(&self.path);
        }
    }
}

/// Whoever came before only its owner could has come too early.
fn turn_away(listener: &UnixListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    while listener.accept().is_ok() {}
    listener.set_nonblocking(false)
}

/// Removes a socket that nobody listens at; refuses anything else.
fn make_room(path: &Path) -> Result<(), ListenError> {
    let fault = |what| move |source| ListenError::Io { path: path.to_owned(), what, source };
    let found = match symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => FileKind::of(&found.map_err(fault("look at what is there"))?),
    };
    if found != FileKind::Socket {
        return Err(ListenError::Occupied { path: path.to_owned(), found });
    }
    // Of another type than a listener's: that tells one that somebody has from one that is left over, and
    // never waits, as a connection would at a listener that takes none.
    match UnixDatagram::unbound().and_then(|asks| asks.connect(path)) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            remove(path).map_err(fault("remove the socket that nobody listens at"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.raw_os_error() != Some(libc::EPROTOTYPE) => {
            Err(fault("see whether somebody listens there")(error))
        }
        _ => Err(ListenError::InUse { path: path.to_owned() }),
    }
}

/// Gives a socket another name, which nothing must have.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not know the flag. There the look before is what there is.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(from, to),
        done => Ok(done?),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
