//! The cursors as whoever waits for a journal or watches it sees them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::progress::{CursorChange, Progress};
use crate::error::SyncError;
use crate::tools::whole_calls::WholeCall;

/// The cursors of a journal that is being written, for whoever waits for it or watches it.
///
/// Cursors change at any time and never go back.
///
/// ```
/// # use slipring_journal::{Event, Journal};
/// # use std::time::Duration;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path()).segment_records(1024);
/// let (mut writer, _) = journal.open::<Tick>()?;
/// let cursors = writer.cursors();
/// let sequence = writer.append(1_000, &Tick { price: 101 })?;
/// cursors.wait_durable(sequence, Duration::from_secs(10))?;
/// assert!(sequence < cursors.durable_end() && cursors.durable_end() <= cursors.journalled_end());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cursors {
    progress: Arc<Progress>,
}

impl Cursors {
    pub(crate) fn new(progress: Arc<Progress>) -> Self {
        Cursors { progress }
    }

    /// The sequence behind the last journalled record.
    #[inline]
    pub fn journalled_end(&self) -> u64 {
        self.progress.journalled_end()
    }

    /// The sequence behind the last durable record.
    #[inline]
    pub fn durable_end(&self) -> u64 {
        self.progress.durable_end()
    }

    /// How often an append had to wait for room.
    pub fn stalls(&self) -> u64 {
        self.progress.stalls.load(Ordering::Relaxed)
    }

    /// Whether the next segment can't be made because the disk is full.
    pub fn disk_full(&self) -> bool {
        self.progress.disk_full()
    }

    /// Whether the folder's name means another folder by now, or none: it was renamed, removed or mounted
    /// over, or a link in its path was turned. The journal goes on in the folder that was opened. Looked at
    /// about once a second, and at closing.
    pub fn folder_moved(&self) -> bool {
        // Relaxed: a figure.
        self.progress.folder_moved.load(Ordering::Relaxed)
    }

    /// What the calls took of a core that the journal's own threads can't cut into pieces, one entry for each
    /// kind, since the opening. All else they do in pieces of some tens of microseconds where there is time.
    pub fn whole_calls(&self) -> Vec<WholeCall> {
        self.progress.whole_calls.read()
    }

    /// Why the journal has failed for good, if it has.
    pub fn failure(&self) -> Option<SyncError> {
        self.progress.failure().cloned()
    }

    /// The failure, if closing will tell of it.
    #[doc(hidden)]
    pub fn closing_failure(&self) -> Option<SyncError> {
        self.progress.closing_failure().cloned()
    }

    /// The failure, if it keeps what was appended from becoming durable; [`Cursors::failure`] tells of want
    /// of room too.
    #[doc(hidden)]
    pub fn sync_failure(&self) -> Option<SyncError> {
        self.progress.sync_failure().cloned()
    }

    /// Whether the writer has been closed: the other cursors, read after this, never move again.
    pub fn is_closed(&self) -> bool {
        // Acquire C: partner of the store in `set_closed`; the cursors are final by then.
        self.progress.closed.load(Ordering::Acquire)
    }

    /// Whether a sync is under way.
    #[doc(hidden)]
    pub fn is_syncing(&self) -> bool {
        // Relaxed: a hint.
        self.progress.syncing.load(Ordering::Relaxed)
    }

    /// Has `call` called on one of the journal's threads whenever the durable cursor has moved, the journal
    /// has failed or its folder's name means another one, so that whoever sleeps till then can be woken. It
    /// must be quick and not panic. Once only: false if something is set already.
    ///
    /// `call` must not hold these cursors, or they would hold each other.
    #[doc(hidden)]
    pub fn on_change(&self, call: impl Fn(CursorChange) + Send + Sync + 'static) -> bool {
        self.progress.on_change.0.set(Box::new(call)).is_ok()
    }

    /// Asks the syncer to make every record below `end` durable soon, in whatever mode it is. Does not wait.
    pub fn request_durable(&self, end: u64) {
        self.progress.want(end);
    }

    /// Waits until the record `sequence` is durable.
    ///
    /// It asks the syncer for it, so that it works in every mode, `SyncMode::None` too.
    ///
    /// # Errors
    /// [`SyncError::TimedOut`] after `timeout`; [`SyncError::NotJournalled`] if there is no such record yet;
    /// [`SyncError::Closed`] or the journal's failure if it will never be.
    pub fn wait_durable(&self, sequence: u64, timeout: Duration) -> Result<(), SyncError> {
        let progress = &*self.progress;
        let deadline = Instant::now().checked_add(timeout);
        let journalled_end = progress.journalled_end();
        if sequence >= journalled_end {
            let failure = progress.failure().cloned();
            return Err(failure.unwrap_or(SyncError::NotJournalled { sequence, journalled_end }));
        }
        progress.want(sequence + 1);
        let mut guard = progress.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let durable_end = progress.durable_end();
            if durable_end > sequence {
                return Ok(());
            }
            if let Some(failure) = progress.sync_failure() {
                return Err(failure.clone());
            }
            // Acquire C: partner of the store in `set_closed`; D is final by then.
            if progress.closed.load(Ordering::Acquire) && progress.durable_end() <= sequence {
                return Err(SyncError::Closed { durable_end });
            }
            let left =
                deadline.map_or(Duration::from_secs(3600), |d| d.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(SyncError::TimedOut { sequence, durable_end });
            }
            let waited = progress.changed.wait_timeout(guard, left);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
