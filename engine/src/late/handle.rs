//! What the owner of a late consumer holds: watching it, ending it, and getting its handler back.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipring_journal::{Anchor, Event};

use super::consumer::LateHandler;
use super::error::LateError;
use super::run::{LateRun, LateShared};
use crate::grace;
use crate::own_thread::OwnThread;

/// A late consumer at work. Dropping the handle stops the consumer behind the event in hand, whatever is
/// still to come. If that event takes more than five seconds, the consumer is named on the standard error,
/// and its thread is left behind.
///
/// See the example of [`LateConsumer`](crate::LateConsumer).
pub struct LateHandle<H> {
    shared: Arc<LateShared>,
    thread: OwnThread<H>,
}

/// What a late consumer leaves.
///
/// See the example of [`LateConsumer`](crate::LateConsumer).
#[non_exhaustive]
pub struct LateEnd<H> {
    /// The handler, with what it has made of the events below `end`.
    pub handler: H,
    /// The sequence behind the last event that it finished.
    pub end: u64,
    /// The position of the last event that it finished: [`FollowFrom::Anchor`](crate::FollowFrom::Anchor)
    /// goes on behind it. `None` if there was none.
    pub anchor: Option<Anchor>,
    /// How many events of the journal were not acknowledged when it was asked, if it waits for
    /// [acknowledgements](crate::LateConsumer::acknowledged): those it was not given. 0 if it does not.
    pub unacknowledged: u64,
    /// Why it stopped, if neither its handle nor the engine's shutdown ended it.
    pub failure: Option<LateError>,
}

impl<H> LateHandle<H> {
    pub(super) fn spawn<E: Event>(shared: Arc<LateShared>, run: LateRun<E, H>) -> Result<Self, LateError>
    where
        H: LateHandler<E>,
    {
        let name = shared.name().to_owned();
        let spawned = std::thread::Builder::new().name(name.clone()).spawn(move || run.run());
        let thread = spawned.map_err(|source| LateError::Thread { name, source: Arc::new(source) })?;
        Ok(LateHandle { shared, thread: OwnThread::new(thread) })
    }

    /// The consumer's name.
    pub fn name(&self) -> &str {
        self.shared.name()
    }

    /// The sequence behind the last event that it finished.
    pub fn end(&self) -> u64 {
        self.shared.end()
    }

    /// How many journalled events it has not finished; `None` if another process writes the journal.
    pub fn lag(&self) -> Option<u64> {
        self.shared.lag()
    }

    /// The position of an event that it finished, of the last or one shortly before: to go on behind later.
    pub fn anchor(&self) -> Option<Anchor> {
        self.shared.anchor()
    }

    /// Why it has stopped, if it has failed.
    pub fn failure(&self) -> Option<LateError> {
        self.shared.failure().cloned()
    }

    /// Whether it is still at work.
    pub fn is_running(&self) -> bool {
        self.thread.is_running()
    }

    /// Stops it behind the event in hand.
    pub fn stop(self) -> LateEnd<H> {
        self.signal();
        self.join()
    }

    /// Waits until it ends by itself: when the engine has been shut down and it has seen everything, or when
    /// it fails. One that follows files of another process ends only when it fails; use [`LateHandle::stop`].
    ///
    /// # Panics
    /// In a fork of the process that has its thread.
    pub fn join(mut self) -> LateEnd<H> {
        let ended =
            self.thread.join().expect("joined only here and when dropped, in the process that has it");
        // The handler's panics are caught; any other is ours.
        let handler = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let shared = &self.shared;
        let (end, anchor, failure) = (shared.end(), shared.anchor(), shared.failure().cloned());
        LateEnd { handler, end, anchor, unacknowledged: shared.unacknowledged(), failure }
    }

    fn signal(&self) {
        self.shared.stop();
        self.thread.unpark();
    }
}

impl<H> Drop for LateHandle<H> {
    fn drop(&mut self) {
        self.signal();
        if self.thread.is_current() || self.thread.is_forked() {
            return;
        }
        let deadline = Instant::now() + grace::DROP;
        while self.thread.is_running() {
            if Instant::now() >= deadline {
                grace::left_behind("late consumer", self.name());
                return;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        let _ = self.thread.join();
    }
}

// By hand: a handler need not be `Debug`.
impl<H> fmt::Debug for LateHandle<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateHandle").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl<H> fmt::Debug for LateEnd<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("LateEnd");
        out.field("end", &self.end).field("anchor", &self.anchor);
        out.field("unacknowledged", &self.unacknowledged).field("failure", &self.failure);
        out.finish_non_exhaustive()
    }
}
