//! The end in good order, and what it leaves.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use slipring_journal::Writer;

use crate::Event;
use crate::cursor::Cursor;
use crate::engine::{Engine, LaneThread, Pause};
use crate::error::ShutdownError;
use crate::gate::Level;
use crate::journal_stage::JOURNAL;
use crate::kept::keeper::KeptCounters;
use crate::publisher::Publisher;
use crate::status::Halted;

impl<E: Event> Engine<E> {
    /// Ends the engine in good order: publishing is closed, every stage finishes everything published, the
    /// journal is synced and closed. Every event whose publish returned `Ok` is in.
    ///
    /// # Errors
    /// [`ShutdownError::Halted`] if a stage had failed: what was published is journalled all the same, unless the
    /// journal was that stage. [`ShutdownError::PublishersActive`] if other publishers do not go within the
    /// builder's `wait_timeout`; [`ShutdownError::TimedOut`] if stages do not finish.
    pub fn shutdown(mut self, publisher: Publisher<E>) -> Result<ShutdownReport, ShutdownError> {
        let timeout = self.shared.wait_timeout;
        let deadline = Instant::now().checked_add(timeout);
        let late = || deadline.is_some_and(|at| Instant::now() >= at);
        if !Arc::ptr_eq(publisher.outlet(), &self.shared.outlet) {
            return Err(ShutdownError::ForeignPublisher);
        }
        drop(publisher);
        self.shared.status.refuse();
        let mut pause = Pause::default();
        // Acquire: partner of the release in `Publisher::drop`.
        while self.shared.outlet.active.load(Ordering::Acquire) > 0 {
            if self.pause(&mut pause) && late() {
                let active = self.shared.outlet.active.load(Ordering::Acquire);
                return Err(ShutdownError::PublishersActive(active));
            }
        }
        let end = self.shared.outlet.published.end();
        self.shared.status.close(end);
        let mut before = Vec::new();
        while self.is_running() {
            if !self.pause(&mut pause) {
                continue;
            }
            if late() {
                return Err(ShutdownError::TimedOut { timeout, waiting: self.waiting(end) });
            }
            if self.shared.status.halted().is_some() {
                // Stages behind the failed one never get there. When nothing moves any more and the journal has
                // all, it is over.
                let now: Vec<u64> = self.shared.cursors.iter().map(Cursor::end).collect();
                if now == before && self.journal_is_done(end) {
                    self.abandon.store(true, Ordering::Release);
                }
                before = now;
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        // Before the journal's lock goes: the next writer's counters have the same name, and its stages the same folders.
        self.shared.counters_file = None;
        let kept = self.keeper.as_mut().map_or_else(Vec::new, |keeper| {
            keeper.finish();
            keeper.counters()
        });
        let mut handlers = Vec::new();
        let mut durable_end = None;
        let own = self.invoked.iter().flat_map(|lanes| lanes.take_ended()).collect::<Vec<_>>();
        for (name, stage) in self.lanes.iter_mut().flat_map(|lane| lane.join(&self.shared.status)).chain(own)
        {
            let part = stage.into_any();
            if name != JOURNAL {
                handlers.push((name, part));
            } else if let Ok(writer) = part.downcast::<Writer<E>>() {
                durable_end = Some(writer.close()?);
            }
        }
        let keep_faults = self.shared.findings.faults();
        match self.shared.status.halted() {
            Some(halted) => Err(halted.clone().into()),
            None => Ok(ShutdownReport { end_sequence: end, durable_end, kept, keep_faults, handlers }),
        }
    }

    fn is_running(&self) -> bool {
        self.lanes.iter().any(LaneThread::is_running)
            || self.invoked.as_ref().is_some_and(|lanes| lanes.is_running())
    }

    fn journal_is_done(&self, end: u64) -> bool {
        let failed = self.shared.status.halted().is_some_and(|halted| halted.stage == JOURNAL);
        failed || self.shared.journal.as_ref().is_none_or(|journal| journal.journalled_end() >= end)
    }

    /// Why the engine has halted if it has; of each stage that is not at `end` where it stands and what it waits for; and
    /// each lane that is still there.
    fn waiting(&self, end: u64) -> Vec<String> {
        let shared = &self.shared;
        let place = |name: &str| {
            let at = shared.names.iter().position(|n| n == name);
            at.map_or(String::new(), |at| format!("{name} at {}", shared.cursors[at].end()))
        };
        let stages = shared.names.iter().zip(&shared.cursors).zip(&shared.gates);
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
            format!("{name} at {} of {end} waits for [{}]", cursor.end(), waits.join(", "))
        });
        halted.into_iter().chain(stages).chain(lanes).collect()
    }
}

/// What a clean shutdown left.
pub struct ShutdownReport {
    /// The sequence behind the last event published.
    pub end_sequence: u64,
    /// The sequence behind the last durable record: the same, if there is a journal.
    pub durable_end: Option<u64>,
    /// What stages kept beside the journal, in figures.
    pub kept: Vec<KeptCounters>,
    /// What went wrong in that; nothing was lost that a longer replay does not bring back.
    pub keep_faults: Vec<String>,
    handlers: Vec<(String, Box<dyn Any + Send>)>,
}

impl ShutdownReport {
    /// Gives a stage's handler back, with the state that it has built; `None` if there is no such stage, it is of
    /// another type, or it was taken before.
    pub fn take_handler<H: 'static>(&mut self, name: &str) -> Option<H> {
        let at = self.handlers.iter().position(|(n, handler)| n == name && handler.is::<H>())?;
        let (_, handler) = self.handlers.swap_remove(at);
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
