//! Opening a file that somebody else may have put something in place of. What is no regular file is refused by its
//! kind: not followed if it is a link, not waited for if it is a FIFO. And a file is not believed to be as long as it
//! says where the disk holds next to nothing of it.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Opens a regular file.
///
/// # Errors
/// The system's answer; of another kind of file [`ErrorKind::InvalidInput`], with the kind in its text.
pub fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let options = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let opened = loop {
        match options.open(path) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            opened => break opened,
        }
    };
    let found = match &opened {
        Ok(file) => file.metadata()?.file_type(),
        // The system's answer to a link, a device without a driver or a FIFO without a reader says little.
        Err(_) => match std::fs::symlink_metadata(path) {
            Ok(found) => found.file_type(),
            Err(_) => return opened,
        },
    };
    if found.is_file() { opened } else { Err(not_regular(found)) }
}

fn not_regular(found: FileType) -> io::Error {
    let what = match found {
        found if found.is_symlink() => "a symbolic link",
        found if found.is_dir() => "a folder",
        found if found.is_fifo() => "a FIFO (named pipe)",
        found if found.is_socket() => "a socket",
        found if found.is_block_device() || found.is_char_device() => "a device",
        _ => "something",
    };
    io::Error::new(ErrorKind::InvalidInput, format!("{what} lies there, where only a regular file may be"))
}

/// The bytes that files, of which so many bytes lie on disk, may make anybody take, in memory or on disk.
pub fn most_bytes(allocated: u64) -> u64 {
    allocated.saturating_mul(2).saturating_add(64 << 20)
}

/// How many bytes of a file lie on disk.
pub fn allocated_bytes(about: &Metadata) -> u64 {
    // In units of 512 bytes, whatever the file system's block.
    about.blocks().saturating_mul(512)
}

/// The length of a file that is to be read whole.
///
/// # Errors
/// [`ErrorKind::InvalidData`] if it is mostly a hole: then its length is only a claim.
pub fn believed_bytes(file: &File) -> io::Result<u64> {
    let about = file.metadata()?;
    let allocated = allocated_bytes(&about);
    if about.len() <= most_bytes(allocated) {
        return Ok(about.len());
    }
    let text =
        format!("it says that it has {} bytes, and {allocated} lie on disk: it is damaged", about.len());
    Err(io::Error::new(ErrorKind::InvalidData, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_there_is_said_and_nothing_is_followed_or_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        for write in [false, true] {
            let open = |name: &str| open_regular(&path(name), OpenOptions::new().read(!write).write(write));
            assert_eq!(open("file").unwrap().metadata().unwrap().len(), 4);
            assert_eq!(open("none").unwrap_err().kind(), ErrorKind::NotFound);
            for (name, what) in [
                ("folder", "a folder"),
                ("link", "a symbolic link"),
                ("loop", "a symbolic link"),
                ("device", "a symbolic link"),
                ("socket", "a socket"),
                ("fifo", "a FIFO"),
            ] {
                let error = open(name).unwrap_err();
                assert!(error.to_string().starts_with(what), "{name}: {error}");
            }
            let error = open_regular(Path::new("/dev/null"), OpenOptions::new().read(!write).write(write));
            assert!(error.unwrap_err().to_string().starts_with("a device"));
        }
    }

    #[test]
    fn a_hole_is_not_believed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        assert_eq!(believed_bytes(&file).unwrap(), 64 << 20);
        file.set_len(1 << 40).unwrap();
        assert_eq!(believed_bytes(&file).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
