//! The files in the folder `readers`: each a block, written whole or not at all. What else lies there is
//! passed over: it is no reader's.

use std::io::{self, ErrorKind};

use crate::format::{BLOCK_BYTES, BlockFault, READERS_NAME, ReaderState};
use crate::storage::size_limit::as_an_error;
use crate::storage::{NotOurs, Storage, StorageFile, Subfolder};
use crate::tools::protect;

/// How many readers a journal may have: so many files retention looks at.
pub(crate) const MOST_READERS: usize = 1024;

/// Longest name of a reader.
const MOST_NAME_BYTES: usize = 100;

/// What lies in a reader's file.
#[derive(Debug)]
pub(crate) enum ReaderFile {
    /// A reader's state.
    State(ReaderState),
    /// It can't be used.
    Damaged(BlockFault),
}

/// Whether a text can be a reader's name: it is a file's. A name that begins with a dot is none, so nothing
/// that lies beside a reader's file is taken for one.
pub(crate) fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= MOST_NAME_BYTES && !name.starts_with('.') && name.bytes().all(fine)
}

/// Name of the file by whose locks a name is held.
pub(crate) fn lock_name(name: &str) -> String {
    format!(".{name}.lock")
}

fn temporary_name(name: &str) -> String {
    format!(".{name}.tmp")
}

/// Reads a reader's file; `None` if there is none.
pub(crate) fn load(folder: &impl Subfolder, name: &str) -> io::Result<Option<ReaderFile>> {
    let file = match folder.open(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // One byte more: a longer file is none of ours, however long it says that it is.
    let mut bytes = [0; BLOCK_BYTES + 1];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(Some(match ReaderState::decode(&bytes[..read]) {
        Ok(state) => ReaderFile::State(state),
        Err(fault) => ReaderFile::Damaged(fault),
    }))
}

/// Why a file could not be written.
#[derive(Debug)]
pub(crate) enum StoreFault {
    /// The one before is there as it was.
    Before(io::Error),
    /// The new one has its name. Whether that survives power loss is not known.
    Behind(io::Error),
}

/// Writes a reader's file: behind a crash at any moment the one before is there, or this one. Durable when it
/// returns. The caller holds the name, and if it is shared has its turn.
pub(crate) fn store(folder: &impl Subfolder, name: &str, state: &ReaderState) -> Result<(), StoreFault> {
    let temporary = temporary_name(name);
    let write = || {
        let file = match folder.create(&temporary) {
            // Left by one that died there.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                folder.remove(&temporary)?;
                folder.create(&temporary)?
            }
            created => created?,
        };
        let sync = || if protect::on(protect::READER_SYNC) { file.sync() } else { Ok(()) };
        let written = as_an_error(|| file.write_at(&state.encode()[..], 0)).and_then(|()| sync());
        written.and_then(|()| folder.replace(&temporary, name)).inspect_err(|_| {
            let _ = folder.remove(&temporary);
        })
    };
    write().map_err(StoreFault::Before)?;
    match protect::on(protect::READER_FOLDER_SYNC) {
        true => folder.sync().map_err(StoreFault::Behind),
        false => Ok(()),
    }
}

/// The names of readers, in no order: at most [`MOST_READERS`], and whether there are more.
pub(crate) fn names(folder: &impl Subfolder) -> io::Result<(Vec<String>, bool)> {
    let (mut names, mut more) = (Vec::new(), false);
    folder.for_each_name(|name| {
        if is_name(name) {
            more |= names.len() == MOST_READERS;
            if !more {
                names.push(name.to_owned());
            }
        }
    })?;
    Ok((names, more))
}

/// The states of all readers. What is no reader's file is passed over, and so is one that can't be used: it
/// has no position. Where there are more names than may be, a reader's may be among those that are not looked
/// at: an error.
pub(crate) fn states<S: Storage>(storage: &S) -> io::Result<Vec<ReaderState>> {
    let Some(folder) = storage.subfolder(READERS_NAME)? else { return Ok(Vec::new()) };
    let (names, more) = names(&folder)?;
    if more {
        let what = format!("more than {MOST_READERS} names lie there: remove what is no reader's");
        return Err(io::Error::other(what));
    }
    let mut states = Vec::new();
    for name in names {
        match load(&folder, &name) {
            Ok(Some(ReaderFile::State(state))) => states.push(state),
            Ok(_) => {}
            Err(error) if NotOurs::of(&error).is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(states)
}

/// Has what readers have committed so far survive power loss: a rename is seen before that.
pub(crate) fn sync<S: Storage>(storage: &S) -> io::Result<()> {
    storage.subfolder(READERS_NAME)?.map_or(Ok(()), |folder| folder.sync())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Bond, JournalId, ReaderPlace};
    use crate::storage::Folder;

    fn state(end: u64) -> ReaderState {
        let position = ReaderPlace { end, last: Bond { epoch: 1, crc: 2 }, last_ns: 3 };
        let (journal_id, branch) = (JournalId([1; 16]), [0; 16]);
        ReaderState { journal_id, branch, position, committed_ns: 0, missed: 0, ranges: Vec::new() }
    }

    #[test]
    fn a_state_is_there_whole_and_what_lies_beside_it_is_no_reader() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        // A life that died in writing it.
        std::fs::write(place.path().join(temporary_name("a")), b"half").unwrap();
        for end in [5, 6] {
            store(&folder, "a", &state(end)).unwrap();
            let Ok(Some(ReaderFile::State(found))) = load(&folder, "a") else { panic!("it was written") };
            assert_eq!(found, state(end));
        }
        for (name, bytes) in [("junk", &b"x"[..]), ("long", &[0; 3 * BLOCK_BYTES]), (".hidden", b"y")] {
            std::fs::write(place.path().join(name), bytes).unwrap();
        }
        std::fs::create_dir(place.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("a", place.path().join("link")).unwrap();
        let (mut found, more) = names(&folder).unwrap();
        found.sort();
        assert_eq!(
            (found.as_slice(), more),
            (&["a", "folder", "junk", "link", "long"].map(String::from)[..], false)
        );
        assert!(matches!(load(&folder, "long"), Ok(Some(ReaderFile::Damaged(_)))));
        assert!(load(&folder, "link").is_err() && load(&folder, "folder").is_err());
    }

    #[test]
    fn a_name_is_a_files() {
        for name in ["a", "billing-2", "x.y_z", &"n".repeat(100)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", ".a", "a/b", "a b", "ä", "a\n", &"n".repeat(101)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
