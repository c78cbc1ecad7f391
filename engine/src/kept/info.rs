//! What lies beside a journal, to be looked at: nothing is opened for writing, so it may be done beside a
//! writer.

use std::path::{Path, PathBuf};

use slipring_journal::__private::storage::{Access, Folder};
use slipring_journal::{Journal, RawReader};

use super::dead_letters::DeadLetters;
use super::effects::EffectsProgress;
use super::folders::{stage_folder, stages};
use super::{digests, snapshot};
use crate::error::KeepError;

/// A snapshot as it is on disk.
///
/// See the example of [`KeptInfo`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The file.
    pub path: PathBuf,
    /// The sequence behind the last event in it, by its name.
    pub end: u64,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The handler's version of what is in it, if it can be read.
    pub version: Option<u32>,
    /// Why recovery would refuse it, if it would.
    pub fault: Option<String>,
}

/// What one stage keeps beside the journal.
///
/// ```no_run
/// use slipring::KeptInfo;
///
/// for kept in KeptInfo::of("data/orders")? {
///     println!("{}: {} open dead letters", kept.stage, kept.open_dead_letters);
///     for snapshot in &kept.snapshots {
///         println!("  {} bytes up to {}", snapshot.bytes, snapshot.end);
///     }
/// }
/// # Ok::<(), slipring::KeepError>(())
/// ```
///
/// More: [what stages keep](https://github.com/slipring/slipring/blob/main/docs/reference/kept.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptInfo {
    /// The stage.
    pub stage: String,
    /// The stage's snapshots, the oldest first.
    pub snapshots: Vec<SnapshotInfo>,
    /// The effects of events below it have been emitted; `None` if it has none. An error's text if that can't
    /// be told.
    pub effects_end: Option<Result<u64, String>>,
    /// How many digests are logged and the sequence behind the last; `None` if it logs none.
    pub digests: Option<Result<(u64, u64), String>>,
    /// Dead letters that are not settled.
    pub open_dead_letters: u64,
}

impl KeptInfo {
    /// Looks at what every stage keeps beside the journal in this folder.
    ///
    /// # Errors
    /// [`KeepError`]: the journal can't be read, or a folder not listed. What is damaged in a stage's files
    /// is told in their place.
    pub fn of(journal: impl AsRef<Path>) -> Result<Vec<Self>, KeepError> {
        let journal = Journal::at(journal.as_ref());
        // One folder, whatever becomes of its name meanwhile.
        let files = journal.files();
        let mut reader = journal.raw_reader()?;
        let letters = DeadLetters::of_files(files.clone())?;
        let mut all = Vec::new();
        for stage in stages(&files)? {
            let Some(folder) = stage_folder(&files, &stage)? else { continue };
            let open_dead_letters =
                letters.open().iter().filter(|letter| letter.stage == stage).count() as u64;
            let effects = EffectsProgress::peek(&folder, reader.journal_id());
            let digests = digests::DigestLog::peek(&folder, reader.journal_id());
            all.push(KeptInfo {
                snapshots: snapshots(&folder, &mut reader)?,
                effects_end: effects.map_err(|error| error.to_string()).transpose(),
                digests: digests.map_err(|error| error.to_string()).transpose(),
                open_dead_letters,
                stage,
            });
        }
        Ok(all)
    }
}

fn snapshots(folder: &Folder, reader: &mut RawReader) -> Result<Vec<SnapshotInfo>, KeepError> {
    let mut all = Vec::new();
    for (end, name) in snapshot::list(folder)? {
        let about = folder.open_file(&name, Access::Read).and_then(|file| file.metadata());
        let bytes = about.map_or(0, |about| about.len());
        let (path, loaded) = (folder.path().join(&name), snapshot::load(folder, &name, reader));
        let (version, fault) = match loaded {
            Ok(content) => (Some(content.version), None),
            Err(why) => (None, Some(why)),
        };
        all.push(SnapshotInfo { path, end, bytes, version, fault });
    }
    Ok(all)
}
