//! A late consumer's thread: it reads what has come, hands it over, and sleeps when nothing has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use slipring_journal::{Anchor, Cursors, Event, Follower, Kind, Lease, ReadError};

use super::consumer::{LateContext, LateHandler};
use super::error::LateError;
use crate::counters::late::LatePlace;
use crate::cursors::cursor::Cursor;
use crate::panics;

/// The sleep after the first look that found nothing; each further one is twice as long, up to the longest.
pub(super) const FIRST_SLEEP: Duration = Duration::from_micros(50);

/// What the thread and those who watch it share.
#[derive(Debug)]
pub(crate) struct LateShared {
    name: String,
    /// Its cursor, which others read too.
    place: LatePlace,
    stop: AtomicBool,
    anchor: Mutex<Option<Anchor>>,
    failure: OnceLock<LateError>,
    /// Where the journal is, if this process writes it.
    cursors: Option<Cursors>,
    /// Up to where it may read, if it waits for acknowledgements.
    acknowledged: Option<Cursor>,
}

impl LateShared {
    pub(super) fn new(
        name: String,
        place: LatePlace,
        anchor: Option<Anchor>,
        cursors: Option<Cursors>,
        acknowledged: Option<Cursor>,
    ) -> Self {
        let (stop, anchor) = (AtomicBool::new(false), Mutex::new(anchor));
        LateShared { name, place, stop, anchor, failure: OnceLock::new(), cursors, acknowledged }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn end(&self) -> u64 {
        self.place.end()
    }

    pub(super) fn lag(&self) -> Option<u64> {
        // The cursor first, which never is ahead of the journal.
        let end = self.end();
        self.cursors.as_ref().map(|cursors| cursors.journalled_end().saturating_sub(end))
    }

    /// How many events are in the journal and not acknowledged, if it waits for that.
    pub(super) fn unacknowledged(&self) -> u64 {
        let (Some(cursors), Some(acknowledged)) = (&self.cursors, &self.acknowledged) else { return 0 };
        // The acknowledged first, which never is ahead of the journal.
        let end = acknowledged.end();
        cursors.journalled_end().saturating_sub(end)
    }

    pub(super) fn anchor(&self) -> Option<Anchor> {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_anchor(&self, anchor: Option<Anchor>) {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = anchor;
    }

    fn fail(&self, failure: LateError) {
        let evicted = failure.is_evicted();
        let _ = self.failure.set(failure);
        self.place.fail(evicted);
    }

    pub(super) fn failure(&self) -> Option<&LateError> {
        self.failure.get()
    }

    pub(super) fn stop(&self) {
        // Relaxed: it only says stop. Nothing is handed over with it, and the thread is woken or looks again.
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Everything that the thread has.
pub(super) struct LateRun<E: Event, H> {
    pub(super) follower: Follower<E>,
    pub(super) lease: Option<Lease>,
    pub(super) handler: H,
    pub(super) shared: Arc<LateShared>,
    pub(super) durable: bool,
    /// Records before this journal time are passed over.
    pub(super) not_before_ns: u64,
    pub(super) longest_sleep: Duration,
}

/// What a look came to.
enum Looked {
    Read,
    Nothing,
    /// The journal is closed, and everything in it has been seen.
    Ended,
}

impl<E: Event, H: LateHandler<E>> LateRun<E, H> {
    /// Runs until it is stopped, has seen everything or fails; gives the handler back.
    pub(super) fn run(mut self) -> H {
        let mut sleep = FIRST_SLEEP;
        while !self.shared.is_stopped() {
            match self.look() {
                Ok(Looked::Read) => sleep = FIRST_SLEEP,
                Ok(Looked::Nothing) => {
                    std::thread::park_timeout(sleep);
                    sleep = (2 * sleep).min(self.longest_sleep);
                }
                Ok(Looked::Ended) => break,
                Err(failure) => {
                    self.shared.fail(failure);
                    break;
                }
            }
        }
        self.handler
    }

    fn look(&mut self) -> Result<Looked, LateError> {
        // Closed first: an end that is read after it is the last.
        let closed = self.shared.cursors.as_ref().is_some_and(Cursors::is_closed);
        let end = self.readable_end().map_err(|source| self.unreadable(source))?;
        let next = self.follower.next_sequence();
        if next >= end {
            self.guarded(next, H::idle)?;
            return Ok(if closed { Looked::Ended } else { Looked::Nothing });
        }
        let done = self.read(end)?;
        if done == 0 {
            self.guarded(next, H::idle)?;
            return Ok(Looked::Nothing);
        }
        // One record back, so that the position can still be resumed from.
        let held = (next + done as u64).saturating_sub(1);
        let advanced = self.lease.as_ref().map_or(Ok(()), |lease| lease.advance(held));
        advanced.map_err(|source| self.unreadable(source))?;
        Ok(Looked::Read)
    }

    /// Everything below it may be read; without a bound if only the files can tell.
    fn readable_end(&self) -> Result<u64, ReadError> {
        let end = match (&self.shared.cursors, self.durable) {
            (Some(cursors), true) => Ok(cursors.durable_end()),
            (Some(cursors), false) => Ok(cursors.journalled_end()),
            (None, true) => self.follower.durable_end(),
            (None, false) => Ok(u64::MAX),
        };
        Ok(self.shared.acknowledged.as_ref().map_or(u64::MAX, Cursor::end).min(end?))
    }

    fn unreadable(&self, source: ReadError) -> LateError {
        let (name, sequence) = (self.shared.name.clone(), self.follower.next_sequence());
        LateError::Read { name, sequence, source }
    }

    /// Hands over the next records below `end`; how many. A failure or a stop leaves the cursor behind the
    /// last one that was finished.
    fn read(&mut self, end: u64) -> Result<usize, LateError> {
        let (shared, handler, not_before_ns) = (&*self.shared, &mut self.handler, self.not_before_ns);
        let (name, sequence) = (&shared.name, self.follower.next_sequence());
        let journal_id = self.follower.journal_id();
        let chunk = self.follower.next_chunk_below(end);
        let unreadable = |source| LateError::Read { name: name.clone(), sequence, source };
        let Some(chunk) = chunk.map_err(unreadable)? else { return Ok(0) };
        let first = chunk.first_sequence;
        let anchor = |index: usize| {
            let record = &chunk.records[index];
            let (sequence, epoch, crc) = (first + index as u64, record.epoch(), record.crc());
            Anchor { journal_id, sequence, epoch, crc }
        };
        let mut done = 0;
        // The handler is not used again after a panic but to be given back.
        let result = catch_unwind(AssertUnwindSafe(|| {
            for (index, record) in chunk.records.iter().enumerate() {
                if shared.is_stopped() {
                    break;
                }
                if record.kind() != Kind::Void && record.time_ns() >= not_before_ns {
                    let remaining = (chunk.records.len() - index - 1) as u32;
                    let context = LateContext { anchor: anchor(index), time_ns: record.time_ns(), remaining };
                    handler.event(record.event(), &context)?;
                }
                done = index + 1;
                shared.place.set_end(first + done as u64);
            }
            Ok(())
        }));
        let sequence = first + done as u64;
        if done > 0 {
            shared.set_anchor(Some(anchor(done - 1)));
        }
        let name = || name.clone();
        match result {
            Ok(Ok(())) => Ok(done),
            Ok(Err(error)) => {
                let source: crate::handler::HandlerError = error;
                Err(LateError::Handler { name: name(), sequence, source: source.into() })
            }
            Err(panic) => {
                let message = panics::text(panic);
                Err(LateError::Panicked { name: name(), sequence, message })
            }
        }
    }

    /// Calls the handler outside of events; a panic is its failure all the same.
    fn guarded(&mut self, sequence: u64, call: impl FnOnce(&mut H)) -> Result<(), LateError> {
        catch_unwind(AssertUnwindSafe(|| call(&mut self.handler))).map_err(|panic| LateError::Panicked {
            name: self.shared.name.clone(),
            sequence,
            message: panics::text(panic),
        })
    }
}
