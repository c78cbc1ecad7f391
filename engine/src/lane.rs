//! A lane: one thread that runs one or more stages in turn, pinned to a core or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use crate::Event;
use crate::gate::Gate;
use crate::handler::Handler;
use crate::stage::{HandlerStage, RunStage, Turn, panic_text};
use crate::status::{Cause, Halted, Status};
use crate::wait::{Wait, Waiter};

/// One thread's worth of stages.
///
/// Stages on one lane take turns, so journal and handler fused on one lane need one core; each on its own lane
/// needs one each.
pub struct Lane<E: Event> {
    pub(crate) name: String,
    pub(crate) core: Option<usize>,
    pub(crate) wait: Wait,
    pub(crate) items: Vec<Item<E>>,
}

/// What a lane runs.
pub(crate) enum Item<E: Event> {
    Journal,
    Stage { name: String, gate: Gate, stage: Box<dyn RunStage<E>> },
}

impl<E: Event> Lane<E> {
    /// A lane of this name; its thread is named so too.
    pub fn named(name: impl Into<String>) -> Self {
        Lane { name: name.into(), core: None, wait: Wait::Auto, items: Vec::new() }
    }

    /// Pins the lane's thread to a core, by the system's number.
    #[must_use]
    pub fn core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    /// How the lane waits when there is nothing to do; [`Wait::Auto`] if not set.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Runs the journal here.
    #[must_use]
    pub fn journal(mut self) -> Self {
        self.items.push(Item::Journal);
        self
    }

    /// Runs a stage here: every event once, in order, after its gate.
    #[must_use]
    pub fn stage(mut self, name: impl Into<String>, handler: impl Handler<E>, gate: Gate) -> Self {
        let name = name.into();
        let stage = Box::new(HandlerStage::new(name.clone(), handler));
        self.items.push(Item::Stage { name, gate, stage });
        self
    }
}

impl<E: Event> std::fmt::Debug for Lane<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.items.iter().map(|item| match item {
            Item::Journal => crate::journal_stage::JOURNAL,
            Item::Stage { name, .. } => name,
        });
        f.debug_struct("Lane")
            .field("name", &self.name)
            .field("core", &self.core)
            .field("wait", &self.wait)
            .field("stages", &names.collect::<Vec<_>>())
            .finish()
    }
}

/// A stage with its name, as a lane's thread holds it.
pub(crate) type Named<E> = (String, Box<dyn RunStage<E>>);

/// What a lane's thread is given.
pub(crate) struct Run<E: Event> {
    pub(crate) core: Option<usize>,
    pub(crate) stages: Vec<Named<E>>,
    pub(crate) waiter: Waiter,
    pub(crate) status: Arc<Status>,
    /// The engine's handle is gone: end as soon as nothing more can be done.
    pub(crate) abandon: Arc<AtomicBool>,
}

impl<E: Event> Run<E> {
    /// The lane's thread: says whether it could be pinned, runs its stages to their end, and gives them back.
    pub(crate) fn run(mut self, ready: &SyncSender<bool>) -> Vec<Named<E>> {
        let pinned = self.core.is_none_or(pin);
        let _ = ready.send(pinned);
        if !pinned {
            return self.stages;
        }
        let mut ended = Vec::with_capacity(self.stages.len());
        self.guarded(&mut ended, |stage| {
            stage.start();
            Turn::Idle
        });
        while !self.stages.is_empty() {
            let worked = self.guarded(&mut ended, |stage| stage.turn());
            if worked > 0 {
                self.waiter.worked(worked);
                continue;
            }
            // Acquire: partner of the release store in `Engine::drop`.
            if self.abandon.load(Ordering::Acquire) {
                self.guarded(&mut ended, |_| Turn::Ended);
            } else if self.status.halted().is_some() {
                // What was published is still drained, but nobody hurries and no core is burnt.
                std::thread::sleep(std::time::Duration::from_micros(200));
            } else {
                self.waiter.idle();
            }
        }
        ended
    }

    /// Calls each stage; those that end or fail leave the lane, the others go on. The events finished.
    fn guarded(
        &mut self,
        ended: &mut Vec<Named<E>>,
        mut call: impl FnMut(&mut Box<dyn RunStage<E>>) -> Turn,
    ) -> u64 {
        let mut worked = 0;
        let mut index = 0;
        while index < self.stages.len() {
            let (name, stage) = &mut self.stages[index];
            // A panic in a handler's event is caught inside, where its sequence is known; this is for the calls
            // around it.
            let turn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let turn = call(stage);
                if turn == Turn::Ended {
                    stage.end();
                }
                turn
            }));
            match turn {
                Ok(Turn::Worked(count)) => worked += count,
                Ok(Turn::Idle) => {}
                Ok(Turn::Ended | Turn::Failed) => {
                    ended.push(self.stages.remove(index));
                    continue;
                }
                Err(panic) => {
                    let cause = Cause::Panic(panic_text(&*panic));
                    let sequence = stage.done();
                    self.status.halt(Halted { stage: name.clone(), sequence, cause });
                    ended.push(self.stages.remove(index));
                    continue;
                }
            }
            index += 1;
        }
        worked
    }
}

/// Pins this thread to a core; whether it worked.
///
/// The kernel is asked, not the thread's mask: the mask is inherited, and who starts the engine may be pinned
/// elsewhere.
fn pin(core: usize) -> bool {
    // More cores than a CPU set counts are no cores.
    const MOST_CORES: usize = 1024;
    core < MOST_CORES && core_affinity::set_for_current(core_affinity::CoreId { id: core })
}
