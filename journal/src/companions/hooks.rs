//! Hooks: what an embedder is told of the files, on the syncer's thread.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A segment that is full and durable: it never changes again, and may be copied elsewhere.
///
/// ```
/// use slipring_journal::Journal;
///
/// let (sealed, files) = std::sync::mpsc::channel();
/// let journal = Journal::at("data/ticks").on_sealed(move |segment| {
///     // On the journal's own thread: hand it over, and return.
///     let _ = sealed.send((segment.path.clone(), segment.base..segment.end));
/// });
/// ```
///
/// More: [archive][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/back-up-and-archive.md#archive-each-sealed-segment
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedSegment {
    /// The segment's file, by the name that the folder had when the journal was first opened. Once the folder
    /// has moved ([`Cursors::folder_moved`](crate::Cursors::folder_moved)) nothing lies there, or a file of
    /// another journal.
    pub path: PathBuf,
    /// The segment's first sequence.
    pub base: u64,
    /// The sequence behind its last record.
    pub end: u64,
}

type OnSealed = Arc<dyn Fn(&SealedSegment) + Send + Sync>;
type OnDurable = Arc<dyn Fn(u64) + Send + Sync>;

/// What was asked for.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) sealed: Option<OnSealed>,
    pub(crate) durable: Option<OnDurable>,
    /// What the first has not been told of: a segment that an opening ended early.
    pub(crate) due: Vec<SealedSegment>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sealed, durable) = (self.sealed.is_some(), self.durable.is_some());
        f.debug_struct("Hooks").field("sealed", &sealed).field("durable", &durable).finish_non_exhaustive()
    }
}

impl Hooks {
    /// Tells of what is due; `false` if the hook panicked.
    pub(crate) fn call_due(&mut self) -> bool {
        let due = std::mem::take(&mut self.due);
        due.is_empty() || self.call(&due, None)
    }

    /// Calls them; `false` if one panicked.
    pub(crate) fn call(&self, sealed: &[SealedSegment], durable_end: Option<u64>) -> bool {
        let call = || {
            if let Some(hook) = &self.sealed {
                sealed.iter().for_each(|segment| hook(segment));
            }
            if let (Some(hook), Some(durable_end)) = (&self.durable, durable_end) {
                hook(durable_end);
            }
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_ok()
    }
}
