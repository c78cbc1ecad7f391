//! One-shot timers that a handler schedules: commands go through a bounded queue to a thread that publishes
//! each event at its time.
//!
//! The thread never waits for the ring: it tries, and comes back. So it always takes commands, and a handler
//! that finds the queue full may wait for it, even while the ring is full behind that very handler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::queue::ArrayQueue;
use slipring_journal::Event;

use super::TimerError;
use super::pending::{One, Pending};
use super::schedule::{Command, Schedule, TimersShared};
use super::steady::{Shift, Steady};
use crate::error::PublishError;
use crate::own_thread::OwnThread;
use crate::panics;
use crate::publish::publisher::Publisher;
use crate::ring::check_memory;

/// How often the thread looks for commands, and whether a time has come.
const LOOK: Duration = Duration::from_micros(500);

/// One-shot timers of an engine, and the thread that lets them go off.
///
/// Handlers schedule through a [`Schedule`]. Nothing goes off before [`Timers::arm`], so replay only
/// collects; what is still pending at that moment goes off at its time, late ones at once.
///
/// - What is scheduled follows from the events that the handler has seen, so it is not kept anywhere else:
///   replay schedules it again. A handler that is restored from a snapshot schedules what its state says is
///   pending.
/// - A timer whose event is in the journal has gone off. In replay its handler sees that event, and calls
///   [`Schedule::fired`], or the timer would go off again. Live the call changes nothing: what has gone off
///   is not pending, and a timer that was moved meanwhile stays.
/// - The event that was published last may have been lost with the process before it was journalled. Then the
///   timer is still pending in the next life, and goes off there: once in the journal, whatever happens.
///
/// Keep it until the engine has been shut down. It need not be disarmed for that: when the engine takes no
/// more events, the thread lets go of its publisher.
///
/// ```
/// use slipring::{Context, Engine, Event, Gate, Lane, Publishers, Timers};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Message { kind: u64, order: u64 }
/// const ORDER: u64 = 0;
/// const EXPIRED: u64 = 1;
///
/// let timers = Timers::start(1024)?;
/// let schedule = timers.schedule();
/// let book = move |message: &Message, context: &Context| match message.kind {
///     ORDER => {
///         let expired = Message { kind: EXPIRED, order: message.order };
///         schedule.schedule(message.order, context.time_ns() + 1_000_000, expired)
///     }
///     _ => schedule.fired(context, message.order, message),
/// };
/// let lane = Lane::named("main").stage("book", book, Gate::PUBLISHED);
/// let recovered = Engine::builder().publishers(Publishers::Multi).lane(lane).open()?;
/// let (engine, mut publisher) = recovered.go_live()?;
/// timers.arm(publisher.try_clone().expect("several publishers"))?;
/// publisher.publish(Message { kind: ORDER, order: 7 })?;
/// while timers.went_off() == 0 {
///     std::thread::yield_now();
/// }
/// let report = engine.join()?;
/// assert_eq!(report.end_sequence, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Timers<E: Event> {
    shared: Arc<TimersShared<E>>,
    thread: OwnThread<()>,
}

impl<E: Event> Timers<E> {
    /// Starts the thread. `capacity`: how many commands may wait for it; a handler that finds no room waits.
    ///
    /// # Errors
    /// [`TimerError::NoRoom`] if `capacity` is 0, [`TimerError::TooMuchRoom`] if it is beyond memory;
    /// [`TimerError::Thread`].
    pub fn start(capacity: usize) -> Result<Self, TimerError> {
        if capacity == 0 {
            return Err(TimerError::NoRoom);
        }
        // What a queue takes for each beside the command is a word.
        let bytes = size_of::<Command<E>>().saturating_add(16).saturating_mul(capacity);
        check_memory(bytes as u64).map_err(|_| TimerError::TooMuchRoom { capacity })?;
        let shared = Arc::new(TimersShared {
            commands: ArrayQueue::new(capacity),
            publisher: Mutex::new(None),
            armed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            pending: AtomicU64::new(0),
            went_off: AtomicU64::new(0),
            failure: OnceLock::new(),
        });
        let by_thread = Arc::clone(&shared);
        let spawned = std::thread::Builder::new().name("slipring-timers".to_owned()).spawn(move || {
            let mut thread = Thread::new(by_thread);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| thread.run())) {
                // Before it is known to be gone: whoever asks is told why.
                let _ = thread.shared.failure.set(TimerError::Panicked(panics::text(panic)));
            }
        });
        let thread = spawned.map_err(|error| TimerError::Thread(Arc::new(error)))?;
        Ok(Timers { shared, thread: OwnThread::new(thread) })
    }

    /// What a handler schedules with.
    pub fn schedule(&self) -> Schedule<E> {
        let thread = self.thread.thread().expect("taken only when dropped");
        Schedule { shared: Arc::clone(&self.shared), thread }
    }

    /// Lets timers go off, through this publisher: after [`go_live`](crate::Recovered::go_live), when replay
    /// has seen which ones did. Times are read from the engine's clock.
    ///
    /// A clock that is set back holds none of them up. The engine's time does not go back with it, and
    /// deadlines count from that: what was 50 ms away still is. Its event then gets the time that it was
    /// scheduled for. A clock that is set ahead has passed the times in between, and what was due at them
    /// goes off.
    ///
    /// # Errors
    /// [`TimerError::AlreadyArmed`].
    pub fn arm(&self, publisher: Publisher<E>) -> Result<(), TimerError> {
        let mut place = self.shared.publisher.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: under the lock.
        if self.shared.armed.swap(true, Ordering::Relaxed) {
            return Err(TimerError::AlreadyArmed);
        }
        *place = Some(publisher);
        drop(place);
        self.thread.unpark();
        Ok(())
    }

    /// How many are pending, as far as the thread has taken what handlers asked for.
    pub fn pending(&self) -> u64 {
        // Relaxed: a figure.
        self.shared.pending.load(Ordering::Relaxed)
    }

    /// How many have gone off in this life.
    pub fn went_off(&self) -> u64 {
        // Relaxed: a figure.
        self.shared.went_off.load(Ordering::Relaxed)
    }

    /// Why none goes off any more, if the engine has halted. Its shutdown is no failure.
    pub fn failure(&self) -> Option<TimerError> {
        self.shared.failure.get().cloned()
    }
}

impl<E: Event> Drop for Timers<E> {
    fn drop(&mut self) {
        // Relaxed: it only says stop; the thread is joined.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
        let _ = self.thread.join();
    }
}

/// The thread's own.
struct Thread<E: Event> {
    shared: Arc<TimersShared<E>>,
    pending: Pending<E>,
    publisher: Option<Publisher<E>>,
    steady: Steady,
}

impl<E: Event> Drop for Thread<E> {
    /// However it ends, a handler must not wait for it.
    fn drop(&mut self) {
        // Relaxed: see `Schedule::ask`.
        self.shared.gone.store(true, Ordering::Relaxed);
        // Given and not taken yet: handlers hold what is shared, and the engine's shutdown waits for every
        // publisher.
        drop(self.shared.publisher.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl<E: Event> Thread<E> {
    fn new(shared: Arc<TimersShared<E>>) -> Self {
        Thread { shared, pending: Pending::new(), publisher: None, steady: Steady::default() }
    }

    fn run(&mut self) {
        // Relaxed: see `Timers::drop`.
        while !self.shared.stop.load(Ordering::Relaxed) {
            // The publisher first, then all commands: what replay said of timers that had gone off was in the
            // queue before the timers were armed, and is taken before any goes off.
            let given = self.shared.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
            let is_new = given.is_some();
            self.publisher = given.or(self.publisher.take());
            let took = self.take_commands();
            if is_new {
                let shift = self.shift();
                self.pending.set_deadlines(|at_ns| shift.deadline(at_ns));
            }
            let busy = self.let_go_off();
            if !took && !busy {
                std::thread::park_timeout(self.sleep());
            }
        }
    }

    /// Takes all commands that are there, but no more than the queue holds, so that a handler that schedules
    /// without end can't keep timers from going off; whether there were any.
    fn take_commands(&mut self) -> bool {
        let most = self.shared.commands.len();
        let shift = if most > 0 { self.shift() } else { Shift::default() };
        for _ in 0..most {
            match self.shared.commands.pop() {
                Some(Command::Schedule { token, at_ns, event }) => {
                    self.pending.schedule(shift.deadline(at_ns), One { token, at_ns, event });
                }
                Some(Command::Cancel { token }) => self.pending.remove(token),
                Some(Command::Fired { token, time_ns, event }) => self.pending.fired(token, time_ns, &event),
                None => break,
            }
        }
        self.tell_pending();
        most > 0
    }

    /// What the clock says, and the steady one. Neither is known before there is a publisher.
    fn now(&mut self) -> Option<(u64, u64)> {
        let now_ns = self.publisher.as_ref()?.now_ns();
        Some((now_ns, self.steady.read(now_ns, Instant::now())))
    }

    /// By how much deadlines come before the times of what is scheduled now.
    fn shift(&mut self) -> Shift {
        let now = self.now();
        let engine_ns = self.publisher.as_ref().map_or(0, Publisher::engine_ns);
        now.map_or_else(Shift::default, |(now_ns, steady_ns)| Shift::now(engine_ns, now_ns, steady_ns))
    }

    /// Publishes what is due and finds room; whether there may be more to do at once.
    fn let_go_off(&mut self) -> bool {
        let mut any = false;
        while let Some((deadline_ns, One { token, at_ns, event })) =
            self.pending.first().map(|(deadline_ns, one)| (deadline_ns, *one))
        {
            let Some((now_ns, steady_ns)) = self.now() else { return false };
            if steady_ns < deadline_ns {
                break;
            }
            let Some(publisher) = &mut self.publisher else { return false };
            // By the clock, not by the time that it was due: event time does not go back for a late timer.
            // Nor does it lie before the timer's own, should the clock have been set back.
            match publisher.try_publish_at(now_ns.max(at_ns), event) {
                Ok(_) => {
                    self.pending.remove(token);
                    self.shared.pending.store(self.pending.len() as u64, Ordering::Relaxed);
                    // Relaxed: a figure.
                    self.shared.went_off.fetch_add(1, Ordering::Relaxed);
                    any = true;
                }
                // The ring is full: commands first, then again.
                Err(PublishError::Full(_)) => return any,
                // The clock slipped for a moment, and is looked at again.
                Err(PublishError::TimeTooFar { .. }) => return false,
                Err(PublishError::Halted(halted, _)) => {
                    let _ = self.shared.failure.set(TimerError::Halted(halted));
                    self.publisher = None;
                    return false;
                }
                Err(_) => {
                    self.publisher = None;
                    return false;
                }
            }
        }
        // Shutdown waits for every publisher to go.
        let Some(publisher) = &self.publisher else { return any };
        if !publisher.is_open() {
            if let Some(halted) = publisher.halted() {
                let _ = self.shared.failure.set(TimerError::Halted(halted));
            }
            self.publisher = None;
        }
        any
    }

    fn tell_pending(&self) {
        // Relaxed: a figure.
        self.shared.pending.store(self.pending.len() as u64, Ordering::Relaxed);
    }

    /// How long nothing can be due; never longer than a look, for nobody wakes the thread for a command.
    fn sleep(&mut self) -> Duration {
        let Some((_, steady_ns)) = self.now() else { return LOOK };
        let Some((deadline_ns, _)) = self.pending.first() else { return LOOK };
        let left_ns = deadline_ns.saturating_sub(steady_ns);
        // Of a full ring, some tens of microseconds.
        LOOK.min(Duration::from_nanos(left_ns)).max(Duration::from_micros(20))
    }
}
