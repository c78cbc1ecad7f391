//! What takes the records of a stream while it stands by.

use std::path::Path;
use std::time::Duration;

use slipring::{Event, Standby};
use slipring_journal::Replica;

use super::error::WarmError;
use crate::incoming::{Here, IntoReplica, Run};

/// How long the disk may take for what was taken last.
const DURABLE_WITHIN: Duration = Duration::from_secs(60);

/// Takes the records of a stream while it stands by: a replica alone, or an engine kept warm behind one.
///
/// ```no_run
/// use slipring_jetstream::incoming::IntoReplica;
/// use slipring_jetstream::standby::Warm;
/// use slipring_journal::Journal;
///
/// let replica = IntoReplica::open(Journal::at("standby"))?;
/// println!("it ends at {}", Warm::here(&replica).map_or(0, |here| here.end));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Warm {
    /// What it holds already; `None` if it is not made yet.
    fn here(&self) -> Option<Here>;

    /// Takes records that come next; the sequence behind the last.
    ///
    /// # Errors
    /// [`WarmError`]: none of them was taken, or it can take no more.
    fn take(&mut self, run: &Run) -> Result<u64, WarmError>;

    /// Waits until all that was taken is durable, and finished by whoever it is for.
    ///
    /// # Errors
    /// [`WarmError`].
    fn settle(&self) -> Result<(), WarmError>;

    /// Journal time of the last record, in nanoseconds; 0 if there is none.
    fn last_time_ns(&self) -> u64;

    /// The greatest epoch that it knows; 0 if it is not made yet.
    fn known_epoch(&self) -> u32;

    /// The replica's folder.
    fn folder(&self) -> &Path;
}

impl Warm for IntoReplica {
    fn here(&self) -> Option<Here> {
        IntoReplica::here(self)
    }

    fn take(&mut self, run: &Run) -> Result<u64, WarmError> {
        Ok(IntoReplica::take(self, run)?)
    }

    fn settle(&self) -> Result<(), WarmError> {
        let Some(replica) = self.replica() else { return Ok(()) };
        match replica.end_sequence().checked_sub(1) {
            Some(last) if replica.last().is_some() => {
                Ok(replica.cursors().wait_durable(last, DURABLE_WITHIN)?)
            }
            _ => Ok(()),
        }
    }

    fn last_time_ns(&self) -> u64 {
        self.replica().and_then(Replica::last_time_ns).unwrap_or(0)
    }

    fn known_epoch(&self) -> u32 {
        self.replica().map_or(0, Replica::known_epoch)
    }

    fn folder(&self) -> &Path {
        self.path()
    }
}

impl<E: Event> Warm for Standby<E> {
    fn here(&self) -> Option<Here> {
        let (journal_id, branch) = (self.journal_id()?, self.branch()?);
        Some(Here { journal_id, branch, end: self.end_sequence(), last: self.last() })
    }

    fn take(&mut self, run: &Run) -> Result<u64, WarmError> {
        self.next_type(&run.schema().events)?;
        Ok(Standby::take(self, run.first_sequence(), run.before(), run.bytes())?)
    }

    fn settle(&self) -> Result<(), WarmError> {
        let end = Standby::settle(self)?;
        match (end.checked_sub(1), self.cursors()) {
            (Some(last), Some(cursors)) if self.last().is_some() => {
                Ok(cursors.wait_durable(last, DURABLE_WITHIN)?)
            }
            _ => Ok(()),
        }
    }

    fn last_time_ns(&self) -> u64 {
        Standby::last_time_ns(self).unwrap_or(0)
    }

    fn known_epoch(&self) -> u32 {
        Standby::known_epoch(self)
    }

    fn folder(&self) -> &Path {
        self.path()
    }
}
