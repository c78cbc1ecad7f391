//! The end in good order, and what it leaves.

use std::any::Any;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use slipring_journal::{Cursors, Event, SyncError, Writer};

use super::ending::Undelivered;
use super::engine::Engine;
use crate::acknowledged::names::Unacknowledged;
use crate::describe::gate::Level;
use crate::error::Halted;
use crate::grace::{self, Grace};
use crate::kept::keeper::KeptCounters;
use crate::key::StageKey;
use crate::names::JOURNAL;
use crate::work::inside::is_inside;
use crate::work::lane::Named;

impl<E: Event> Engine<E> {
    /// Closes publishing, and returns at once: every later publish is refused with
    /// [`PublishError::Closed`](crate::PublishError::Closed), and what was published is still handled.
    /// Publishers need not be gone. Any thread may call it, a handler of the engine too; again it changes
    /// nothing. [`Engine::join`] waits for the end.
    ///
    /// ```
    /// # use slipring::{Context, Engine, Event, Gate, Lane, PublishError};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// let lane = Lane::named("main").stage("print", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    /// let (engine, mut publisher) = Engine::builder().lane(lane).open()?.go_live()?;
    /// publisher.publish(Tick { price: 7 })?;
    /// engine.close();
    /// assert!(matches!(publisher.publish(Tick { price: 8 }), Err(PublishError::Closed(_))));
    /// assert_eq!(engine.join()?.end_sequence, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) {
        self.shared.status.refuse();
    }

    /// Ends the engine in good order: publishing is [closed](Engine::close), every stage finishes everything
    /// published, the journal is synced and closed. Every event whose publish returned `Ok` is in. Publishers
    /// that are still there are refused from then on. For [acknowledgements](crate::Gate::acknowledged) it
    /// waits until none has come, and nothing else has moved, for five seconds, or for half of the builder's
    /// `wait_timeout` if that is less; what stages were not given then is in the report, and comes again in
    /// the next life.
    ///
    /// # Errors
    /// [`ShutdownError::Halted`] if a stage had failed: what was published is journalled and handled all the
    /// same by all that do not stand behind it; [`ShutdownError::Journal`] if the journal had failed, before
    /// or after such a stage, or can't be closed. Both hold the report, and so the
    /// [handlers](ShutdownError::report). [`ShutdownError::PublisherStuck`] if a publisher's thread stands
    /// still in the midst of a publish for longer than the builder's `wait_timeout`;
    /// [`ShutdownError::TimedOut`] if stages do not finish; [`ShutdownError::InHandler`] inside a handler of
    /// this engine, which is then ended all the same, as by a drop; [`ShutdownError::Forked`] in a fork of
    /// the process. What was not delivered [`Engine::ending`] tells.
    pub fn join(mut self) -> Result<ShutdownReport, ShutdownError> {
        let timeout = self.shared.wait_timeout;
        let deadline = Instant::now().checked_add(timeout);
        let late = || deadline.is_some_and(|at| Instant::now() >= at);
        if self.is_forked() {
            return Err(ShutdownError::Forked { process: self.process });
        }
        if is_inside(&self.shared.status) {
            return Err(ShutdownError::InHandler);
        }
        self.has_waited = true;
        let Some(end) = self.close_publishing(late) else {
            return Err(ShutdownError::PublisherStuck { timeout });
        };
        let mut grace = Grace::of(Instant::now(), grace::ACKNOWLEDGED.min(timeout / 2));
        let drained = self.drain(|moved| {
            if grace.is_over(Instant::now(), moved)
                && let Some(names) = &self.shared.acknowledged
            {
                names.give_up();
            }
            late()
        });
        if !drained {
            return Err(ShutdownError::TimedOut { timeout, waiting: self.waiting(end) });
        }
        self.finish(end)
    }

    /// All stages have ended: takes them apart.
    fn finish(&mut self, end: u64) -> Result<ShutdownReport, ShutdownError> {
        let mut stages: Vec<Named<E>> = self.invoked.iter().flat_map(|lanes| lanes.take_all()).collect();
        stages.extend(self.lanes.iter_mut().flat_map(|lane| lane.join(&self.shared.status)));
        let undelivered = self.account(end).to_vec();
        // Before the journal's lock goes: the next writer's counters have the same name, and its stages the
        // same folders.
        if let Some(file) = &self.counters_file {
            file.hide();
        }
        let kept = self.keeper.as_mut().map_or_else(Vec::new, |keeper| {
            keeper.finish();
            keeper.counters()
        });
        let unacknowledged = self.end_acknowledged();
        let mut handlers = Vec::new();
        let mut closed = None;
        for (name, stage) in stages {
            let part = stage.into_any();
            if name != JOURNAL {
                handlers.push((name, part));
            } else if let Ok(writer) = part.downcast::<Writer<E>>() {
                closed = Some(writer.close());
            }
        }
        // What readers see now is the last.
        self.counters_file = None;
        let (durable_end, failure) = match closed.transpose() {
            Ok(durable_end) => (durable_end, None),
            Err(error) => (self.shared.journal.as_ref().map(Cursors::durable_end), Some(error)),
        };
        let keep_faults = self.shared.findings.faults();
        let report = ShutdownReport {
            end_sequence: end,
            durable_end,
            undelivered,
            unacknowledged,
            kept,
            keep_faults,
            handlers: handlers.into(),
        };
        match (failure, self.shared.status.halted()) {
            (Some(error), _) => Err(ShutdownError::Journal(error, Box::new(report))),
            (None, Some(halted)) => Err(ShutdownError::Halted(halted.clone(), Box::new(report))),
            (None, None) => Ok(report),
        }
    }

    /// Why the engine has halted if it has; of each stage that is not at `end` where it stands and what it
    /// waits for; and each lane that is still there.
    fn waiting(&self, end: u64) -> Vec<String> {
        let shared = &self.shared;
        let place = |name: &str| {
            let at = shared.stages.names.iter().position(|n| n == name);
            at.map_or(String::new(), |at| format!("{name} at {}", shared.stages.cursors[at].end()))
        };
        let stages = shared.stages.names.iter().zip(&shared.stages.cursors).zip(&shared.stages.gates);
        let halted = shared.status.halted().map(Halted::to_string);
        let lanes = self.lanes.iter().filter(|lane| lane.is_running());
        let lanes = lanes.map(|lane| format!("lane {} has not ended", lane.name));
        let stages = stages.filter(|((_, cursor), _)| cursor.end() < end).map(|((name, cursor), gate)| {
            let mut waits: Vec<String> = gate.after.iter().map(|name| place(name)).collect();
            match (gate.level, &shared.journal) {
                (Level::Journalled, Some(journal)) => {
                    waits.push(format!("journalled at {}", journal.journalled_end()))
                }
                (Level::Durable, Some(journal)) => {
                    waits.push(format!("durable at {}", journal.durable_end()))
                }
                _ => {}
            }
            if let Some(known) = &shared.acknowledged {
                let acknowledged = gate.acknowledged.iter();
                waits.extend(
                    acknowledged.map(|name| format!("acknowledged {name} at {}", known.end_of(name))),
                );
            }
            format!("{name} at {} of {end} waits for [{}]", cursor.end(), waits.join(", "))
        });
        halted.into_iter().chain(stages).chain(lanes).collect()
    }
}

/// What an engine left, once all its stages have ended.
///
/// See the example of [`StageKey`](crate::StageKey).
pub struct ShutdownReport {
    /// The sequence behind the last event published.
    pub end_sequence: u64,
    /// The sequence behind the last durable record: the same, if there is a journal and neither it nor a
    /// stage failed.
    pub durable_end: Option<u64>,
    /// What stages were not given of the events published: nothing, unless a stage or the journal failed, or
    /// [acknowledgements](crate::Gate::acknowledged) did not come.
    pub undelivered: Vec<Undelivered>,
    /// What was not acknowledged of the events journalled, by name.
    pub unacknowledged: Vec<Unacknowledged>,
    /// What stages kept beside the journal, in figures.
    pub kept: Vec<KeptCounters>,
    /// What went wrong in writing it; nothing was lost that a longer replay does not bring back.
    pub keep_faults: Vec<String>,
    /// Behind a lock that nobody waits for, so that an error with a report in it may go to any thread.
    handlers: Mutex<Vec<(String, Box<dyn Any + Send>)>>,
}

impl ShutdownReport {
    /// Gives a stage's handler back, with the state that it has built. `None` if it was taken before, or the
    /// key was never given to a stage of this engine.
    pub fn take<H: 'static>(&mut self, key: &StageKey<H>) -> Option<H> {
        let handlers = self.handlers.get_mut().unwrap_or_else(PoisonError::into_inner);
        let at = handlers.iter().position(|(name, handler)| name == key.name() && handler.is::<H>())?;
        let (_, handler) = handlers.swap_remove(at);
        handler.downcast().ok().map(|handler| *handler)
    }
}

impl std::fmt::Debug for ShutdownReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShutdownReport")
            .field("end_sequence", &self.end_sequence)
            .field("durable_end", &self.durable_end)
            .finish_non_exhaustive()
    }
}

/// Why an engine did not end in good order.
///
/// ```
/// use slipring::{ShutdownError, ShutdownReport, StageKey};
///
/// fn last_state<H: 'static>(ended: Result<ShutdownReport, ShutdownError>, key: &StageKey<H>) -> Option<H> {
///     match ended {
///         Ok(mut report) => report.take(key),
///         Err(mut error) => {
///             eprintln!("{error}");
///             error.report()?.take(key)
///         }
///     }
/// }
/// ```
///
/// More: [handle errors](https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// A stage had failed. What was published before is journalled, unless the journal was that stage.
    #[error("{0}")]
    Halted(Halted, Box<ShutdownReport>),
    /// A publisher is in the midst of a publish, and does not go on: its thread was stopped.
    #[error(
        "a publisher stood still in the midst of a publish for {timeout:?}, so the engine was ended as if it were dropped: \
         its thread is stopped, by a debugger or a signal; let it go on"
    )]
    PublisherStuck {
        /// The time allowed.
        timeout: Duration,
    },
    /// Stages did not finish within the time allowed. Their threads are left behind.
    #[error("not drained within {timeout:?}: {}", waiting.join("; "))]
    TimedOut {
        /// The time allowed.
        timeout: Duration,
        /// Each stage that did not finish, where it stands, and what it waits for.
        waiting: Vec<String>,
    },
    /// The call came from a handler of the same engine, and would have waited for itself. The engine ends all
    /// the same, by a thread of its own.
    #[error(
        "a handler that shuts its own engine down would wait for itself: tell another thread to; the engine ends, and nobody \
         is told how but by Engine::ending"
    )]
    InHandler,
    /// This process is a fork of the engine's. The engine goes on there; nothing of it was touched here.
    #[error(
        "this process was forked from process {process}, which has the engine's threads; only that one can end the engine"
    )]
    Forked {
        /// The engine's process.
        process: u32,
    },
    /// The journal had failed, or could not be synced or closed.
    #[error("{0}")]
    Journal(SyncError, Box<ShutdownReport>),
}

impl ShutdownError {
    /// What the engine left, if all its stages have ended all the same: to take handlers back after a halt.
    pub fn report(&mut self) -> Option<&mut ShutdownReport> {
        match self {
            ShutdownError::Halted(_, report) | ShutdownError::Journal(_, report) => Some(report),
            _ => None,
        }
    }
}
