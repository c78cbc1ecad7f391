//! A handler's end of the timers: commands into a bounded queue.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::Backoff;
use slipring_journal::Event;

use super::TimerError;
use crate::handler::context::Context;
use crate::publish::publisher::Publisher;

/// What a handler asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command<E> {
    Schedule {
        token: u64,
        at_ns: u64,
        event: E,
    },
    Cancel {
        token: u64,
    },
    /// This event has come, at this time of the journal's.
    Fired {
        token: u64,
        time_ns: u64,
        event: E,
    },
}

/// What handlers, the owner and the thread share.
#[derive(Debug)]
pub(super) struct TimersShared<E: Event> {
    pub(super) commands: ArrayQueue<Command<E>>,
    /// What `arm` gave, until the thread takes it.
    pub(super) publisher: Mutex<Option<Publisher<E>>>,
    /// A publisher has been given in this life.
    pub(super) armed: AtomicBool,
    pub(super) stop: AtomicBool,
    pub(super) gone: AtomicBool,
    pub(super) pending: AtomicU64,
    pub(super) went_off: AtomicU64,
    pub(super) failure: OnceLock<TimerError>,
}

impl<E: Event> TimersShared<E> {
    /// Why nothing can be asked of the thread any more.
    #[cold]
    fn gone(&self) -> TimerError {
        match self.failure.get() {
            Some(failure @ TimerError::Panicked(_)) => failure.clone(),
            _ => TimerError::Gone,
        }
    }
}

/// A handler's end of [`Timers`](crate::Timers).
///
/// Each call puts a command into a bounded queue: no lock, no allocation. If the queue is full, the call
/// waits for the timers' thread, which is never held up.
///
/// Tokens are the caller's own numbers, one for each timer: an order's id, a counter in the handler's state.
/// An event that was published before its timer was cancelled or moved still arrives, in replay too; a
/// handler that does either must be able to tell, as by the time that it was scheduled for, kept in the
/// event.
///
/// See the example of [`Timers`](crate::Timers).
#[derive(Clone, Debug)]
pub struct Schedule<E: Event> {
    pub(super) shared: Arc<TimersShared<E>>,
    pub(super) thread: std::thread::Thread,
}

impl<E: Event> Schedule<E> {
    /// Has `event` published when it is `at_ns` by the engine's clock, or as soon as may be after it. A
    /// pending timer of the same token is moved.
    ///
    /// To be deterministic, take `at_ns` from [`Context::time_ns`](crate::Context::time_ns), never from a
    /// clock.
    ///
    /// # Errors
    /// [`TimerError::Gone`] if the [`Timers`](crate::Timers) have been dropped.
    #[inline]
    pub fn schedule(&self, token: u64, at_ns: u64, event: E) -> Result<(), TimerError> {
        self.ask(Command::Schedule { token, at_ns, event })
    }

    /// Has the timer not go off, if it has not.
    ///
    /// # Errors
    /// As [`Schedule::schedule`].
    #[inline]
    pub fn cancel(&self, token: u64) -> Result<(), TimerError> {
        self.ask(Command::Cancel { token })
    }

    /// The timer's event has come: to be called for each one, whether the handler still wants it or not, so
    /// that what went off in an earlier life does not go off again.
    ///
    /// An event that was published before its timer was moved takes nothing back: what is pending is another
    /// event, or is due later than this one came. If it is neither, nothing tells the two apart, and the
    /// timer has gone off.
    ///
    /// # Errors
    /// As [`Schedule::schedule`].
    #[inline]
    pub fn fired(&self, context: &Context, token: u64, event: &E) -> Result<(), TimerError> {
        self.ask(Command::Fired { token, time_ns: context.time_ns(), event: *event })
    }

    #[inline]
    fn ask(&self, command: Command<E>) -> Result<(), TimerError> {
        // Relaxed: whoever misses the news asked before it; nothing is handed over with it.
        if self.shared.gone.load(Ordering::Relaxed) {
            return Err(self.shared.gone());
        }
        match self.shared.commands.push(command) {
            Ok(()) => Ok(()),
            Err(command) => self.wait_for_room(command),
        }
    }

    #[cold]
    fn wait_for_room(&self, mut command: Command<E>) -> Result<(), TimerError> {
        let backoff = Backoff::new();
        loop {
            // Relaxed: as in `ask`; whoever misses it looks again.
            if self.shared.gone.load(Ordering::Relaxed) {
                return Err(self.shared.gone());
            }
            self.thread.unpark();
            backoff.snooze();
            match self.shared.commands.push(command) {
                Ok(()) => return Ok(()),
                Err(again) => command = again,
            }
        }
    }
}
