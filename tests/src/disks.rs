//! A small disk for the tests that fill one.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Mounts an empty disk of so many bytes over a folder, for the calling thread and those that it starts: they
/// get a mount namespace of their own, with which the disk goes. Call it on a thread made for it.
///
/// # Errors
/// The system's, mostly that the process may not mount.
pub fn small(folder: &Path, bytes: u64) -> io::Result<()> {
    let done = |code: i32| if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    let folder = CString::new(folder.as_os_str().as_bytes())?;
    let size = CString::new(format!("size={bytes}"))?;
    // SAFETY: the call takes no pointer; it changes this thread's namespace alone.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let (none, private) = (std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: the strings end with 0 and outlive the call, which only reads them.
    done(unsafe { libc::mount(none, c"/".as_ptr(), none, private, std::ptr::null()) })?;
    let (kind, size) = (c"tmpfs".as_ptr(), size.as_ptr().cast());
    // SAFETY: as above.
    done(unsafe { libc::mount(kind, folder.as_ptr(), kind, 0, size) })
}
