//! What stages keep beside the journal: snapshots of their state, how far their effects are, digests, dead letters.
//!
//! All of it lies in the journal's folder, one folder a stage, and all of it points into the journal by sequence
//! and epoch: after power loss the log may be shorter and go on differently, and what then points at records that
//! are gone is refused or dropped, never trusted.
//!
//! Nothing of this is written on the hot path but an effect's progress (two stores into a mapped file). Bytes of
//! snapshots and digests go through bounded queues to the [keeper](keeper::Keeper), one thread an engine.

pub(crate) mod dead_letter_log;
pub(crate) mod dead_letters;
pub(crate) mod digests;
pub(crate) mod effects;
pub(crate) mod epochs;
mod error;
pub(crate) mod info;
pub(crate) mod keeper;
pub(crate) mod opening;
pub(crate) mod reprocess;
pub(crate) mod snapshot;
pub(crate) mod trust;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use error::KeepError;
pub(crate) use error::io;

/// Name of the folder of all stages, in the journal's.
const STAGES: &str = "stages";

/// The folder of what a stage keeps.
pub(crate) fn stage_folder(journal: &Path, stage: &str) -> PathBuf {
    journal.join(STAGES).join(stage)
}

/// The stages that keep something beside this journal.
pub(crate) fn stages(journal: &Path) -> Result<Vec<String>, KeepError> {
    let folder = journal.join(STAGES);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io("list", &folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io("list", &folder))?;
        // Of another name it is no stage's.
        names.extend(entry.file_name().into_string().ok().filter(|name| is_file_name(name)));
    }
    names.sort();
    Ok(names)
}

/// Whether a stage's name can be a folder's.
pub(crate) fn is_file_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(fine)
}

/// Makes the stage's folder, durably.
pub(crate) fn make_folder(journal: &Path, stage: &str) -> Result<PathBuf, KeepError> {
    let folder = stage_folder(journal, stage);
    if !folder.is_dir() {
        std::fs::create_dir_all(&folder).map_err(io("create folder", &folder))?;
        sync_folder(&journal.join(STAGES))?;
        sync_folder(journal)?;
    }
    Ok(folder)
}

pub(crate) fn sync_folder(folder: &Path) -> Result<(), KeepError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(io("sync folder", folder))
}

const UNFINISHED: &str = "tmp";

/// Removes what lives left that died in [`write_whole`].
pub(crate) fn remove_unfinished(folder: &Path) -> Result<(), KeepError> {
    for entry in std::fs::read_dir(folder).map_err(io("list", folder))? {
        let path = entry.map_err(io("list", folder))?.path();
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            std::fs::remove_file(&path).map_err(io("remove", &path))?;
        }
    }
    Ok(())
}

/// Writes a file, by `fill`, so that after a crash at any moment it is there whole, or not at all.
pub(crate) fn write_whole(
    folder: &Path,
    name: &str,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<(), KeepError> {
    let (path, made) = (folder.join(name), folder.join(format!("{name}.{UNFINISHED}")));
    let write = || {
        // Left by a life that died here, or put there by somebody else: nothing is written through it.
        match std::fs::remove_file(&made) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create_new(&made)?;
        fill(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&made, &path)
    };
    write().map_err(io("write", &path))?;
    sync_folder(folder)
}
