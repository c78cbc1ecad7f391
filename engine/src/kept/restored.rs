//! What became of a stage's state when it was restored, for whoever asks.

use std::path::PathBuf;

/// What became of one stage's state in [`ReplayFrom::Snapshot`](crate::ReplayFrom::Snapshot).
///
/// ```
/// use slipring::{Event, Recovered};
///
/// fn tell<E: Event>(recovered: &Recovered<E>) {
///     for restored in recovered.restored() {
///         println!("{} starts from {:?}", restored.stage, restored.end);
///         if let Some(held_back) = &restored.held_back {
///             println!("  {held_back}");
///         }
///         for refused in &restored.refused {
///             println!("  {}: {}", refused.path.display(), refused.why);
///         }
///     }
/// }
/// ```
///
/// More: [snapshots][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/write-a-recovering-stage.md#snapshots
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The stage.
    pub stage: String,
    /// The stage starts with the state behind the event before this sequence; `None` if it starts without
    /// any.
    pub end: Option<u64>,
    /// Snapshots that could not be used, the newest first, and why.
    pub refused: Vec<RefusedSnapshot>,
    /// Why newer ones were not even looked at, if there are any.
    pub held_back: Option<HeldBack>,
}

/// Why a stage starts from an older snapshot than its newest.
///
/// See the example of [`Restored`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Where its newest snapshot ends, by its name.
    pub newest: u64,
    /// What needs the events before that.
    pub by: NeededBy,
}

/// What needs a stage to handle events again.
///
/// See the example of [`Restored`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeededBy {
    /// Another stage, which reads what this stage makes of the events.
    Reader {
        /// The stage that reads.
        stage: String,
        /// Where the stage that reads starts.
        from: u64,
    },
    /// The stage's own effects.
    Effects {
        /// Effects are due from this sequence on.
        from: u64,
    },
}

impl std::fmt::Display for HeldBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not from the one at {}, ", self.newest)?;
        match &self.by {
            NeededBy::Reader { stage, from } => {
                write!(f, "for stage {stage}, which reads it, starts at {from}")
            }
            NeededBy::Effects { from } => write!(f, "for its effects are due from {from} on"),
        }
    }
}

/// A snapshot that could not be used.
///
/// See the example of [`Restored`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSnapshot {
    /// The file. It is left where it is.
    pub path: PathBuf,
    /// Why it was refused.
    pub why: String,
}

impl std::fmt::Display for Restored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.end {
            Some(end) => write!(f, "{}: restored from the snapshot at {end}", self.stage)?,
            None => write!(f, "{}: no snapshot", self.stage)?,
        }
        if let Some(held_back) = &self.held_back {
            write!(f, "; {held_back}")?;
        }
        self.refused
            .iter()
            .try_for_each(|refused| write!(f, "; {} refused: {}", refused.path.display(), refused.why))
    }
}
