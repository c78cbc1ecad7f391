//! The end in good order, and what it leaves.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use slipring_journal::{Event, Writer};

use super::ending::Undelivered;
use super::engine::{Engine, Pause};
use crate::describe::gate::Level;
use crate::error::{Halted, ShutdownError};
use crate::kept::keeper::KeptCounters;
use crate::names::JOURNAL;
use crate::publish::publisher::Publisher;
use crate::work::inside::is_inside;
use crate::work::lane::Named;

impl<E: Event> Engine<E> {
    /// Ends the engine in good order: publishing is closed, every stage finishes everything published, the
    /// journal is synced and closed. Every event whose publish returned `Ok` is in.
    ///
    /// # Errors
    /// [`ShutdownError::Halted`] if a stage had failed: what was published is journalled and handled all the same by all that
    /// do not stand behind it; [`ShutdownError::Journal`] if the journal had failed, before or after such a stage, or can't be
    /// closed. [`ShutdownError::PublishersActive`] if other publishers do not go within the builder's `wait_timeout`;
    /// [`ShutdownError::TimedOut`] if stages do not finish; [`ShutdownError::InHandler`] inside a handler of this
    /// engine, which is then ended all the same, as by a drop. What was not delivered [`Engine::ending`] tells.
    pub fn shutdown(mut self, publisher: Publisher<E>) -> Result<ShutdownReport, ShutdownError> {
        let timeout = self.shared.wait_timeout;
        let deadline = Instant::now().checked_add(timeout);
        let late = || deadline.is_some_and(|at| Instant::now() >= at);
        if !Arc::ptr_eq(publisher.outlet(), &self.shared.outlet) {
            return Err(ShutdownError::ForeignPublisher);
        }
        if is_inside(&self.shared.status) {
            return Err(ShutdownError::InHandler);
        }
        self.has_waited = true;
        drop(publisher);
        self.shared.status.refuse();
        let mut pause = Pause::default();
        while self.shared.outlet.active() > 0 {
            if self.pause(&mut pause) && late() {
                return Err(ShutdownError::PublishersActive(self.shared.outlet.active()));
            }
        }
        let Some(end) = self.close_publishing(late) else {
            return Err(ShutdownError::PublishersActive(self.shared.outlet.active()));
        };
        self.drain(|_| late());
        if self.is_running() {
            return Err(ShutdownError::TimedOut { timeout, waiting: self.waiting(end) });
        }
        let mut stages: Vec<Named<E>> = self.invoked.iter().flat_map(|lanes| lanes.take_ended()).collect();
        stages.extend(self.lanes.iter_mut().flat_map(|lane| lane.join(&self.shared.status)));
        let undelivered = self.account(end).to_vec();
        // Before the journal's lock goes: the next writer's counters have the same name, and its stages the same folders.
        if let Some(file) = &self.counters_file {
            file.hide();
        }
        let kept = self.keeper.as_mut().map_or_else(Vec::new, |keeper| {
            keeper.finish();
            keeper.counters()
        });
        let mut handlers = Vec::new();
        let mut durable_end = None;
        for (name, stage) in stages {
            let part = stage.into_any();
            if name != JOURNAL {
                handlers.push((name, part));
            } else if let Ok(writer) = part.downcast::<Writer<E>>() {
                durable_end = Some(writer.close()?);
            }
        }
        // What readers see now is the last.
        self.counters_file = None;
        let keep_faults = self.shared.findings.faults();
        match self.shared.status.halted() {
            Some(halted) => Err(halted.clone().into()),
            None => Ok(ShutdownReport {
                end_sequence: end,
                durable_end,
                undelivered,
                kept,
                keep_faults,
                handlers,
            }),
        }
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
    /// What stages were not given of the events published: nothing, for every stage was at the end.
    pub undelivered: Vec<Undelivered>,
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
