//! Where what stages keep lies, and how files come there whole.

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;

use slipring_journal::__private::storage::size_limit::as_an_error;
use slipring_journal::__private::storage::{Files, Folder};

use crate::error::{KeepError, io};

/// Name of the folder of all stages, in the journal's.
const STAGES: &str = "stages";

/// Where a stage's folder lies, for messages.
pub(crate) fn stage_path(journal: &Files, stage: &str) -> PathBuf {
    journal.folder_path().join(STAGES).join(stage)
}

/// The folder of what a stage keeps, if there is one.
pub(crate) fn stage_folder(journal: &Files, stage: &str) -> Result<Option<Folder>, KeepError> {
    let found = journal.folder().and_then(|folder| folder.subfolder(STAGES)?.subfolder(stage));
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(io("open folder", &stage_path(journal, stage))),
    }
}

/// The stages that keep something beside this journal.
pub(crate) fn stages(journal: &Files) -> Result<Vec<String>, KeepError> {
    let mut names = match journal.folder().and_then(|folder| folder.subfolder(STAGES)?.list()) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        names => names.map_err(io("list", &journal.folder_path().join(STAGES)))?,
    };
    // Of another name it is no stage's.
    names.retain(|name| is_file_name(name));
    names.sort();
    Ok(names)
}

/// Whether a stage's name can be a folder's.
pub(crate) fn is_file_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(fine)
}

/// The stage's folder, which is made, durably, if there is none.
pub(crate) fn make_folder(journal: &Files, stage: &str) -> Result<Folder, KeepError> {
    let made = journal.folder().and_then(|folder| folder.make_subfolder(STAGES)?.make_subfolder(stage));
    made.map_err(io("create folder", &stage_path(journal, stage)))
}

pub(crate) fn sync_folder(folder: &Folder) -> Result<(), KeepError> {
    folder.sync().map_err(io("sync folder", folder.path()))
}

const UNFINISHED: &str = ".tmp";

/// What a file is called until it is whole. It begins with a dot, as no name does that somebody gives: so it
/// is never another's file.
pub(crate) fn unfinished(name: &str) -> String {
    format!(".{name}{UNFINISHED}")
}

/// Removes what lives left that died in [`write_whole`].
pub(crate) fn remove_unfinished(folder: &Folder) -> Result<(), KeepError> {
    for name in folder.list().map_err(io("list", folder.path()))? {
        if name.ends_with(UNFINISHED) {
            folder.remove(&name).map_err(io("remove", &folder.path().join(&name)))?;
        }
    }
    Ok(())
}

/// Writes a file, by `fill`, so that after a crash at any moment it is there whole, or not at all. If it
/// fails, nothing half made stays behind.
pub(crate) fn write_whole(
    folder: &Folder,
    name: &str,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<(), KeepError> {
    let made = unfinished(name);
    let write = || {
        let mut file = match folder.create_file(&made) {
            // Left by a life that died there.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                folder.remove(&made)?;
                folder.create_file(&made)?
            }
            created => created?,
        };
        let filled = as_an_error(|| fill(&mut file))
            .and_then(|()| file.sync_all())
            .and_then(|()| folder.replace(&made, name));
        filled.inspect_err(|_| drop(folder.remove(&made)))
    };
    write().map_err(io("write", &folder.path().join(name)))?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_not_whole_has_a_name_that_nobody_can_give() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let longest = "n".repeat(100);
        for name in ["x", "x.tmp", "x.tmp.tmp", &longest] {
            assert!(is_file_name(name) && !is_file_name(&unfinished(name)), "{name}");
        }
        // Whichever of two names comes first, and whatever a life has left that died in writing.
        for names in [["x", "x.tmp"], ["x.tmp", "x"]] {
            std::fs::write(place.path().join(unfinished("x")), b"half").unwrap();
            for name in names {
                write_whole(&folder, name, |file| file.write_all(name.as_bytes())).unwrap();
            }
            for name in names {
                assert_eq!(std::fs::read(place.path().join(name)).unwrap(), name.as_bytes());
                std::fs::remove_file(place.path().join(name)).unwrap();
            }
            assert_eq!(folder.list().unwrap(), [""; 0], "nothing half made is left");
        }
    }
}
