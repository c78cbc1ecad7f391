//! What can go wrong with what stages keep.

use std::path::{Path, PathBuf};

use slipring_journal::__private::storage::size_limit::advice;
use slipring_journal::ReadError;

/// Why something that a stage keeps beside the journal could not be used or written.
///
/// ```
/// use slipring::KeepError;
///
/// fn advice(error: &KeepError) -> String {
///     match error {
///         KeepError::EffectsUnknown { stage, .. } => format!("say with first_time what {stage} emitted"),
///         KeepError::NeedsHistory { stage, .. } => format!("replay from the start, for {stage}"),
///         other => other.to_string(),
///     }
/// }
/// ```
///
/// More: [what stages keep](https://github.com/slipring/slipring/blob/main/docs/reference/kept.md).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepError {
    /// The system refused.
    #[error("can't {what} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The stage must see history that replay would not give it.
    #[error(
        "stage {stage} must see everything from sequence {needs_from} on, and it would start at {from}: {advice}"
    )]
    NeedsHistory {
        /// The stage.
        stage: String,
        /// The first sequence that it must see.
        needs_from: u64,
        /// The first that it would see.
        from: u64,
        /// What to do.
        advice: &'static str,
    },
    /// A stage would start too late for one that reads it, and what lies before has been retired.
    #[error(
        "stage {stage} must start at sequence {reader_from} or before, for there starts stage {reader}, which reads it; \
         it has no snapshot from there that can be used, though one at {newest}, and the journal's records before \
         {first} have been retired: put an older snapshot of stage {stage} back from a copy; or, if stage {reader} reads \
         nothing of it, gate that one by .after_only(\"{stage}\")"
    )]
    NoCut {
        /// The stage.
        stage: String,
        /// Where its newest snapshot ends, by its name.
        newest: u64,
        /// The stage that reads it.
        reader: String,
        /// The first sequence that the reader handles.
        reader_from: u64,
        /// The first sequence that the journal holds.
        first: u64,
    },
    /// A handler panicked while its state was restored. Nobody knows what it has of it.
    #[error(
        "stage {stage} panicked when it was restored from its snapshot: {text}; mend it, and open the engine again"
    )]
    RestorePanicked {
        /// The stage.
        stage: String,
        /// What it said.
        text: String,
    },
    /// Nobody knows which effects have been emitted.
    #[error(
        "stage {stage} has effects, the journal has records up to {end}, and {} is not there: say with Effects::first_time whether their effects have been emitted",
        path.display()
    )]
    EffectsUnknown {
        /// The stage.
        stage: String,
        /// The journal's end.
        end: u64,
        /// The file that would tell.
        path: PathBuf,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {what}; {advice}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A file belongs to another journal.
    #[error("{} belongs to another journal: put it back where it was, or remove it", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The stage keeps no dead letters.
    #[error(
        "stage {stage} keeps no dead letters, so it can't skip an event: give it .on_error(OnError::DeadLetter)"
    )]
    NotSkippable {
        /// The stage.
        stage: String,
    },
    /// The engine has no such stage.
    #[error("the engine has no stage {stage}: {}", there(known))]
    NoSuchStage {
        /// The name given.
        stage: String,
        /// The names of its stages.
        known: Vec<String>,
    },
    /// No such stage keeps anything beside the journal.
    #[error(
        "beside the journal {} no stage {stage} keeps anything: {}; nothing was changed", path.display(), there(known)
    )]
    NothingKept {
        /// The journal's folder.
        path: PathBuf,
        /// The name given.
        stage: String,
        /// The stages that keep something there.
        known: Vec<String>,
    },
    /// A snapshot holds the event that was to be skipped, or what came of it.
    #[error(
        "stage {stage} can't skip sequence {sequence}: the snapshot {} of stage {holder} holds the state behind it, so \
         that with the snapshot nothing would change, and without it the state would be another; to skip it, move every \
         snapshot of stage {holder} above {sequence} out of its folder first, which has recovery replay the event",
        path.display()
    )]
    SkipInSnapshot {
        /// The stage.
        stage: String,
        /// The sequence that was to be skipped.
        sequence: u64,
        /// The stage, or one that reads it: whose snapshot it is.
        holder: String,
        /// The snapshot.
        path: PathBuf,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Names that a message lists.
const MOST_NAMES: usize = 20;

/// Which names there are, for who gave another.
fn there(known: &[String]) -> String {
    let shown = known[..known.len().min(MOST_NAMES)].join(", ");
    match known.len() {
        0 => "there is none".to_owned(),
        1 => format!("there is: {shown}"),
        2..=MOST_NAMES => format!("there are: {shown}"),
        count => format!("there are: {shown}, and {} more", count - MOST_NAMES),
    }
}

/// Makes an error of the system's answer.
pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| KeepError::Io { what, path, source }
}
