//! A stage at work: takes what its gate lets through, hands it to its handler, moves its cursor.

use std::any::Any;
use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crate::Event;
use crate::context::{Batch, Context};
use crate::cursor::Cursor;
use crate::duties::{Duties, Keeps};
use crate::handler::Handler;
use crate::kept::keeper::{KeptStage, ToKeeper};
use crate::kept::opening::{Opened, Opening};
use crate::kept::trust::Trust;
use crate::kept::{KeepError, snapshot, stage_folder};
use crate::latency::Meter;
use crate::ring::Visit;
use crate::run_stage::{RunStage, Turn, Wiring};
use crate::status::{Cause, Halted};

/// Events between two moves of a stage's cursor: a slow batch must not look like a full ring.
const CURSOR_STRIDE: u64 = 128;

pub(crate) struct HandlerStage<E, H, M> {
    name: String,
    handler: H,
    meter: M,
    keeps: Keeps<H>,
    duties: Duties<H>,
    wiring: Option<Wiring<E>>,
    done: u64,
    is_live: bool,
}

impl<E: Event, H: Handler<E>, M: Meter> HandlerStage<E, H, M> {
    pub(crate) fn new(name: String, handler: H, keeps: Keeps<H>, meter: M) -> Self {
        let duties = Duties::new(&keeps);
        HandlerStage { name, handler, meter, keeps, duties, wiring: None, done: 0, is_live: false }
    }

    fn fail(&self, sequence: u64, cause: Cause) -> Turn {
        if let Some(wiring) = &self.wiring {
            wiring.status.halt(Halted { stage: self.name.clone(), sequence, cause });
        }
        Turn::Failed
    }

    /// Passes events that the handler is not to see.
    #[cold]
    fn pass(&mut self, limit: u64) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let (start, mut time_ns) = (self.done, wiring.time_ns);
        let passed = wiring.poller.batch(limit, |slot, _| {
            time_ns = time_ns.max(slot.time_ns);
            Visit::Done
        });
        wiring.time_ns = time_ns;
        self.done = start + passed;
        if passed == 0 {
            return Turn::Idle;
        }
        wiring.cursor.set(self.done);
        wiring.parking.wake(&wiring.cursor);
        self.after(self.done, passed)
    }

    /// Behind a batch that ended at `at`: what is due there.
    #[inline(always)]
    fn after(&mut self, at: u64, count: u64) -> Turn {
        if at >= self.duties.next
            && let Err(cause) = self.duties.reach(at, &self.handler, &self.name)
        {
            return self.fail(at, cause);
        }
        Turn::Worked(count)
    }
}

impl<E: Event, H: Handler<E>, M: Meter> RunStage<E> for HandlerStage<E, H, M> {
    fn wire(&mut self, wiring: Wiring<E>) {
        self.meter.wire(&wiring.clock);
        self.done = wiring.base;
        let findings = Arc::clone(&wiring.findings);
        if wiring.all_done {
            self.duties.effects_end = u64::MAX;
        }
        self.duties.begin(wiring.base, wiring.live_from, wiring.epochs.clone(), findings);
        self.wiring = Some(wiring);
    }

    fn start(&mut self) {
        self.handler.start();
    }

    fn turn(&mut self) -> Turn {
        let Some(wiring) = &mut self.wiring else { return Turn::Ended };
        let start = self.done;
        if !self.is_live && start >= wiring.live_from {
            self.is_live = true;
            self.handler.live(wiring.live_from);
        }
        let gate_end = wiring.watch.end(start);
        if gate_end <= start {
            // Never poll behind a closed gate: with several publishers each poll scans all that is published.
            self.handler.idle();
            return if wiring.status.final_end() <= start { Turn::Ended } else { Turn::Idle };
        }
        let limit = (gate_end.min(self.duties.next) - start).min(wiring.batch);
        if start < self.duties.pass_to {
            let final_end = wiring.status.final_end();
            return match self.pass(limit) {
                Turn::Idle if final_end <= start => Turn::Ended,
                turn => turn,
            };
        }
        let (handler, meter) = (&mut self.handler, &mut self.meter);
        let (cursor, parking) = (&wiring.cursor, &*wiring.parking);
        let (duties, published) = (&mut self.duties, &wiring.published);
        let mut context = Context {
            sequence: start,
            time_ns: wiring.time_ns,
            live_from: wiring.live_from,
            remaining: 0,
            epoch: duties.epoch,
            journal_id: wiring.journal_id,
            effects_end: duties.effects_end,
            release: Cell::new(false),
        };
        let (mut at, mut time_ns, mut failure) = (start, wiring.time_ns, None);
        // The handler is not used again after a panic but to be given back.
        let result = catch_unwind(AssertUnwindSafe(|| {
            wiring.poller.batch(limit, |slot, remaining| {
                if at == start {
                    handler.batch_start(&Batch { first: start, size: remaining as u64 + 1, published });
                }
                time_ns = time_ns.max(slot.time_ns);
                if !slot.void {
                    context.sequence = at;
                    context.time_ns = time_ns;
                    context.remaining = remaining as u32;
                    match handler.event(&slot.event, &context) {
                        Ok(()) => meter.finished(slot.time_ns, !context.is_replay()),
                        Err(error) => {
                            if let Err(cause) = duties.refuse(at, error) {
                                failure = Some(cause);
                                return Visit::Stop;
                            }
                        }
                    }
                    if let Some(progress) = &mut duties.progress
                        && !context.already_done()
                    {
                        progress.note(at + 1, context.epoch);
                    }
                }
                at += 1;
                if context.release.get() {
                    context.release.set(false);
                    handler.batch_end();
                    return Visit::Release;
                }
                if at % CURSOR_STRIDE == 0 {
                    cursor.set(at);
                    parking.wake(cursor);
                }
                if remaining == 0 {
                    handler.batch_end();
                }
                Visit::Done
            })
        }));
        // Only what is finished counts, whatever happened: `at` is the event in hand when it did.
        wiring.time_ns = time_ns;
        self.done = at;
        if at > start {
            wiring.batches.took(at - start);
            cursor.set(at);
            parking.wake(cursor);
        }
        let cause = match (result, failure) {
            (Ok(_), None) if at > start => return self.after(at, at - start),
            (Ok(_), None) => {
                handler.idle();
                return if wiring.status.final_end() <= at { Turn::Ended } else { Turn::Idle };
            }
            (Ok(_), Some(cause)) => cause,
            (Err(panic), _) => Cause::Panic(panic_text(&*panic)),
        };
        self.fail(at, cause)
    }

    fn end(&mut self) {
        self.duties.save_last(self.done, &self.handler);
        self.handler.shutdown();
    }

    fn parks_at(&self) -> Option<&Cursor> {
        let wiring = self.wiring.as_ref()?;
        let closed_by = wiring.watch.closed_by(self.done);
        closed_by.or_else(|| (!wiring.poller.has_news()).then_some(&wiring.published))
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn needs_journal(&self, is_backtest: bool) -> Option<&'static str> {
        self.keeps.needs_journal(is_backtest)
    }

    fn contradicts_itself(&self) -> Option<&'static str> {
        self.keeps.of_a_state().filter(|_| self.keeps.stateless)
    }

    fn keeps_dead_letters(&self) -> bool {
        self.keeps.dead_letters
    }

    fn needs_all_history(&self) -> bool {
        self.keeps.snapshots.is_none() && !self.keeps.stateless
    }

    fn open(&mut self, opening: &mut Opening<'_>) -> Result<Option<Opened>, KeepError> {
        let (duties, opened) = opening.open(&self.name, &mut self.handler, &self.keeps)?;
        self.duties = duties;
        Ok(Some(opened))
    }

    fn keep_by(&mut self, journal: &Path) -> Result<Option<KeptStage>, KeepError> {
        let snapshots = self.keeps.snapshots.map(|calls| (calls.options, calls.version));
        if snapshots.is_none() && self.keeps.digests.is_none() {
            return Ok(None);
        }
        let link = Arc::new(ToKeeper::new(self.keeps.digests.is_some()));
        self.duties.to_keeper = Some(Arc::clone(&link));
        let folder = match snapshots {
            Some(_) => crate::kept::make_folder(journal, &self.name)?,
            None => stage_folder(journal, &self.name),
        };
        crate::kept::remove_unfinished(&folder)?;
        Ok(Some(KeptStage {
            name: self.name.clone(),
            link,
            snapshots,
            digest_log: self.duties.digest_log.as_ref().map(|log| log.try_clone()).transpose()?,
            dead_letters: self.duties.dead_letters.as_ref().map(|log| log.to_sync()).transpose()?,
            trust: Trust::default(),
            covers: snapshot::covers(&folder, self.duties.restored_end)?,
            folder,
        }))
    }

    fn notes(&self) -> Result<Vec<File>, KeepError> {
        let effects = self.duties.progress.as_ref().map(|progress| progress.to_sync());
        let dead_letters = self.duties.dead_letters.as_ref().map(|log| log.to_sync());
        effects.into_iter().chain(dead_letters).collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.handler)
    }
}

/// The message of a panic, if it has one.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
