//! Where a socket lies: it comes under its name for its owner alone, and goes with its listener. One that
//! nobody listens at is replaced, one that somebody does is not.
//!
//! It is made under another name in the same folder, of the process and a number, and renamed. What a process
//! leaves that dies in between, the next one that listens in the folder removes. That name is bound by the
//! folder's handle: of a path as long as a socket's may be, another name beside it may be too long.

use std::ffi::OsStr;
use std::fs::{Permissions, symlink_metadata};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use slipring_journal::FileKind;

use super::error::ListenError;

/// The number of the next socket of this process, and who makes one: one thread at a time, so that what is
/// there of this process is left over.
static MADE: Mutex<u32> = Mutex::new(0);

/// How the names begin that sockets are made under.
const MADE_NAME: &str = ".slipring-socket.";

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
        // Nobody could connect to one that is too long, whatever it is bound by.
        SocketAddr::from_pathname(path).map_err(fault("listen there"))?;
        make_room(path)?;
        let handle = open_folder_of(path).map_err(fault("listen there"))?;
        let folder = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
        let mut next = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        sweep(&folder);
        // Under another name until it is its owner's alone.
        let made = loop {
            let made = folder.join(format!("{MADE_NAME}{}-{}", std::process::id(), *next));
            *next = next.wrapping_add(1);
            // Whatever has that name is somebody's.
            if symlink_metadata(&made).is_err() {
                break made;
            }
        };
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

/// A handle on the folder that a path's last name lies in, to reach what is in it by.
fn open_folder_of(path: &Path) -> io::Result<OwnedFd> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Ok(rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Removes what processes have left in the folder that died before a socket of theirs had its name. It is in
/// nobody's way: what can't be removed stays.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if maker(&entry.file_name()).is_some_and(|maker| !is_at_work(maker)) {
            // No socket, or one that somebody listens at, is refused.
            let _ = make_room(&folder.join(entry.file_name()));
        }
    }
}

/// The process that has made a socket of this name, to be renamed.
fn maker(name: &OsStr) -> Option<u32> {
    let rest = name.as_bytes().strip_prefix(MADE_NAME.as_bytes())?;
    let (process, number) = std::str::from_utf8(rest).ok()?.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(process) && digits(number)).then(|| process.parse().ok())?
}

/// Whether another process of that number lives: it may be about to listen.
fn is_at_work(process: u32) -> bool {
    let other = i32::try_from(process).ok().and_then(Pid::from_raw);
    let lives = |pid| !matches!(test_kill_process(pid), Err(Errno::SRCH));
    process != std::process::id() && other.is_some_and(lives)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As a process leaves it that dies between the two names.
    fn leave(path: &Path) {
        drop(UnixListener::bind(path).unwrap());
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_dead_process_left_under_another_name_goes_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
        // No process has that number; one has this process's, and one that of a process that lives.
        let made = |rest: &str| format!("{MADE_NAME}{rest}");
        let left = [made("2147483647-0"), made(&format!("{own}-7"))];
        left.iter().for_each(|name| leave(&at(name)));
        let stays = [made(&format!("{parent}-0")), "a.2147483647-0".to_owned(), made("2147483647-x")];
        stays.iter().for_each(|name| leave(&at(name)));
        // Somebody listens there, whatever it is called; and a file is no socket.
        let others = [made("2147483646-0"), made("2147483646-1")];
        let _listens = UnixListener::bind(at(&others[0])).unwrap();
        std::fs::write(at(&others[1]), "a letter").unwrap();
        let socket = Socket::bind(&at("a")).unwrap();
        let mut wanted = [&stays[..], &others, &["a".to_owned()]].concat();
        wanted.sort();
        assert_eq!(names(place.path()), wanted);
        drop(socket);
        wanted.retain(|name| name != "a");
        assert_eq!(names(place.path()), wanted);
    }

    #[test]
    fn a_path_may_be_as_long_as_one_can_be_connected_to() {
        let place = tempfile::tempdir().unwrap();
        // Of 108 bytes one ends it. Once it is the name that is long, and once the folder.
        let room = 107 - place.path().as_os_str().len() - 1;
        let folder = place.path().join("f".repeat(room - 2));
        std::fs::create_dir(&folder).unwrap();
        for path in [place.path().join("n".repeat(room)), folder.join("a")] {
            assert_eq!(path.as_os_str().len(), 107);
            let socket = Socket::bind(&path).unwrap();
            assert!(UnixStream::connect(&path).is_ok());
            drop(socket);
            assert!(symlink_metadata(&path).is_err());
        }
        let refused = Socket::bind(&place.path().join("n".repeat(room + 1))).unwrap_err();
        assert!(matches!(refused, ListenError::Io { what: "listen there", .. }), "{refused}");
        assert_eq!(names(place.path()), [folder.file_name().unwrap().to_str().unwrap()]);
    }

    #[test]
    fn a_name_that_is_anothers_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let next = *MADE.lock().unwrap();
        // Wherever other tests have come meanwhile.
        for number in next..next + 50 {
            let name = format!("{MADE_NAME}{}-{number}", std::process::id());
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let socket = Socket::bind(&place.path().join("a")).unwrap();
        assert!(UnixStream::connect(socket.path()).is_ok());
        drop(socket);
        assert_eq!(names(place.path()).len(), 50);
    }
}
