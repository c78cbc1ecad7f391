//! What a stage has to do between two events besides handling them: snapshots, digests, skipping, another
//! epoch.
//!
//! All of it falls on sequences that are known before, so a turn only ends its batch there; nothing of it
//! costs the events between.

use std::sync::Arc;

use super::dead_letter_format::LetterPlace;
use super::dead_letter_log;
use super::dead_letters::OnError;
use super::digests::{self, DigestEntry, Digests};
use super::effects::{Effects, EffectsProgress};
use super::epochs::Epochs;
use super::facts::StageFacts;
use super::findings::Findings;
use super::link::ToKeeper;
use super::refusals::{AfterRefusal, Next, RefusalWiring, Refusals};
use super::snapshot::Snapshots;
use crate::column::StageColumns;
use crate::error::{Cause, Divergence, OutputError};
use crate::handler::{Fatal, HandlerError};

/// What the user asked a stage to keep, with the calls into its handler.
pub(crate) struct Keeps<H> {
    pub(crate) snapshots: Option<SnapshotCalls<H>>,
    pub(crate) digests: Option<DigestCalls<H>>,
    pub(crate) effects: Option<Effects>,
    pub(crate) on_error: OnError,
    pub(crate) stateless: bool,
    /// What a refused event must leave nothing in.
    pub(crate) columns: StageColumns,
}

pub(crate) struct SnapshotCalls<H> {
    pub(crate) options: Snapshots,
    pub(crate) version: u32,
    pub(crate) save: fn(&H, &mut Vec<u8>),
    pub(crate) restore: fn(&mut H, u32, &[u8]) -> Result<(), HandlerError>,
}

pub(crate) struct DigestCalls<H> {
    pub(crate) options: Digests,
    pub(crate) digest: fn(&H) -> u64,
}

// By hand: a derive would ask for `H: Clone` and `H: Copy`.
impl<H> Clone for SnapshotCalls<H> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<H> Copy for SnapshotCalls<H> {}
impl<H> Clone for DigestCalls<H> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<H> Copy for DigestCalls<H> {}

impl<H> Keeps<H> {
    pub(crate) fn nothing() -> Self {
        Keeps {
            snapshots: None,
            digests: None,
            effects: None,
            on_error: OnError::Halt,
            stateless: false,
            columns: StageColumns::default(),
        }
    }

    /// The same as a value, without the calls.
    pub(crate) fn facts(&self) -> StageFacts {
        StageFacts {
            snapshots: self.snapshots.map(|calls| calls.options.keep),
            digests: self.digests.is_some(),
            effects: self.effects.is_some(),
            dead_letters: self.on_error.keeps_letters(),
            stateless: self.stateless,
            asks_publish: false,
        }
    }
}

/// A stage's duties, and where the next one falls.
pub(crate) struct Duties<H> {
    /// Before the event of this sequence there is something to do.
    pub(crate) next: u64,
    /// Events below it are passed without the handler: they are in its snapshot, or to be skipped.
    pub(crate) pass_to: u64,
    /// The handler sees nothing below it.
    pub(crate) own_start: u64,
    /// Of the event in hand.
    pub(crate) epoch: u32,
    /// Which try the next event begins with: 1 but of one whose tries failed in an earlier life.
    pub(crate) attempt: u32,
    epochs: Epochs,
    live_from: u64,
    pub(crate) effects: EffectsDuty,
    pub(crate) dead_letters: DeadLetterDuty,
    columns: StageColumns,
    pub(crate) digests: DigestDuty<H>,
    pub(crate) snapshots: SnapshotDuty<H>,
    pub(crate) to_keeper: Option<Arc<ToKeeper>>,
}

/// The duty to note how far effects are out.
#[derive(Default)]
pub(crate) struct EffectsDuty {
    /// Those of events below it are known to have been emitted.
    pub(crate) end: u64,
    pub(crate) progress: Option<EffectsProgress>,
}

/// The duty to try again what the handler refuses, and to keep what becomes a dead letter.
pub(crate) struct DeadLetterDuty {
    pub(crate) log: Option<dead_letter_log::DeadLetterLog>,
    refusals: Refusals,
}

/// The duty to log digests, and to compare them in replay.
pub(crate) struct DigestDuty<H> {
    calls: Option<DigestCalls<H>>,
    pub(crate) log: Option<digests::DigestLog>,
    /// Digests are logged behind it and compared up to it.
    pub(crate) logged_end: u64,
    /// Up to here replay is known to be right.
    same_to: u64,
    has_diverged: bool,
    findings: Arc<Findings>,
}

/// The duty to take snapshots.
pub(crate) struct SnapshotDuty<H> {
    calls: Option<SnapshotCalls<H>>,
    /// Where the snapshot ends that the state was restored from; 0 if there was none.
    pub(crate) restored_end: u64,
    last_end: u64,
}

impl<H> Duties<H> {
    pub(crate) fn new(keeps: &Keeps<H>) -> Self {
        Duties {
            next: 0,
            pass_to: 0,
            own_start: 0,
            epoch: 0,
            attempt: 1,
            epochs: Epochs::none(),
            live_from: 0,
            effects: EffectsDuty::default(),
            dead_letters: DeadLetterDuty { log: None, refusals: Refusals::new(keeps.on_error) },
            columns: keeps.columns.clone(),
            digests: DigestDuty {
                calls: keeps.digests,
                log: None,
                logged_end: 0,
                same_to: 0,
                has_diverged: false,
                findings: Arc::default(),
            },
            snapshots: SnapshotDuty { calls: keeps.snapshots, restored_end: 0, last_end: 0 },
            to_keeper: None,
        }
    }

    /// Says what it needs to deal with refusals.
    pub(crate) fn wire(&mut self, wiring: RefusalWiring) {
        self.dead_letters.refusals.wire(wiring);
    }

    /// Begins at `base`.
    pub(crate) fn begin(&mut self, base: u64, live_from: u64, epochs: Epochs, findings: Arc<Findings>) {
        self.own_start = self.own_start.max(base);
        self.digests.same_to = self.own_start;
        self.snapshots.last_end = self.own_start;
        self.live_from = live_from;
        self.epochs = epochs;
        self.digests.findings = findings;
        self.plan(base);
    }

    /// Takes note, before the event `at`, that the epoch changes at `from`, which none of them has come to.
    pub(crate) fn learn_epoch(&mut self, at: u64, from: u64, epoch: u32) {
        self.epochs.add(from, epoch);
        if from <= at {
            self.epoch = epoch;
        } else {
            self.next = self.next.min(from);
        }
    }

    /// Does what is due before the event `at`, which is `self.next`.
    #[cold]
    pub(crate) fn reach(&mut self, at: u64, handler: &H, stage: &str) -> Result<(), Cause> {
        if at > self.own_start {
            // First: what the digest refuses is not saved.
            self.compare_or_log(at, handler, stage)?;
            if self.snapshots.calls.is_some_and(|calls| self.next_snapshot(at - 1, &calls.options) == at) {
                self.save(at, handler);
            }
        }
        self.plan(at);
        Ok(())
    }

    /// Hands the state over to the keeper, unless the one before is still with it.
    fn save(&mut self, at: u64, handler: &H) {
        let (Some(calls), Some(keeper)) = (&self.snapshots.calls, &self.to_keeper) else { return };
        if at < self.digests.logged_end {
            // A later digest may yet refuse it, and the good one would have been replaced.
            return;
        }
        if keeper.save(at, |buffer| (calls.save)(handler, buffer)) {
            self.snapshots.last_end = at;
        }
    }

    /// The snapshot at shutdown: waits for the keeper if it must.
    pub(crate) fn save_last(&mut self, done: u64, handler: &H) {
        let Some(calls) = self.snapshots.calls else { return };
        if !calls.options.at_shutdown || done <= self.snapshots.last_end {
            return;
        }
        if let Some(keeper) = &self.to_keeper {
            keeper.wait_for_buffer();
        }
        self.save(done, handler);
    }

    fn compare_or_log(&mut self, at: u64, handler: &H, stage: &str) -> Result<(), Cause> {
        let Some(DigestCalls { options, digest }) = self.digests.calls else { return Ok(()) };
        if at % options.every != 0 {
            return Ok(());
        }
        let found = digest(handler);
        if at > self.digests.logged_end {
            if let Some(keeper) = &self.to_keeper {
                keeper.log(DigestEntry { end: at, digest: found, epoch: self.epoch });
            }
            return Ok(());
        }
        let Some(log) = &mut self.digests.log else { return Ok(()) };
        let logged = log.logged(at).map_err(|error| Cause::Keep(Arc::new(error)))?;
        match logged {
            Some(logged) if logged != found && !self.digests.has_diverged => {
                let (stage, after) = (stage.to_owned(), self.digests.same_to);
                let divergence = Divergence { stage, after, end: at, logged, found };
                self.digests.has_diverged = true;
                self.digests.findings.diverged(divergence.clone());
                if options.report_only { Ok(()) } else { Err(Cause::Diverged(divergence)) }
            }
            Some(_) if !self.digests.has_diverged => {
                self.digests.same_to = at;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The sequence of the next snapshot behind `at`. During replay one is taken: at the last multiple, or
    /// behind the last digest that it is compared with if that comes later.
    fn next_snapshot(&self, at: u64, options: &Snapshots) -> u64 {
        let of_replay = (self.live_from / options.every * options.every).max(self.digests.logged_end);
        if at < of_replay { of_replay } else { next_multiple(at, options.every) }
    }

    /// Finds where the next duty falls behind `at`.
    fn plan(&mut self, at: u64) {
        let (epoch, change) = self.epochs.at(at);
        self.epoch = epoch;
        self.next = change;
        if at < self.own_start {
            self.pass_to = self.own_start;
        }
        if let Some(skip) = self.dead_letters.log.as_mut().and_then(|log| log.next_skip(at)) {
            if skip == at {
                self.pass_to = self.pass_to.max(at + 1);
                let later = self.dead_letters.log.as_mut().and_then(|log| log.next_skip(at + 1));
                self.next = self.next.min(later.unwrap_or(u64::MAX));
            } else {
                self.next = self.next.min(skip);
            }
        }
        if self.pass_to > at {
            self.next = self.next.min(self.pass_to);
        }
        self.plan_tries(at);
        if let Some(calls) = &self.snapshots.calls {
            self.next = self.next.min(self.next_snapshot(at.max(self.own_start), &calls.options));
        }
        if let Some(calls) = &self.digests.calls {
            self.next = self.next.min(next_multiple(at.max(self.own_start), calls.options.every));
        }
    }

    /// Which try the event at `at` begins with; a batch ends before and behind one that is not its first.
    fn plan_tries(&mut self, at: u64) {
        self.attempt = 1;
        match self.dead_letters.log.as_mut().and_then(|log| log.next_tried(at)) {
            Some((tried, tries)) if tried == at => {
                self.attempt = tries.saturating_add(1);
                self.next = self.next.min(at + 1);
            }
            Some((tried, _)) => self.next = self.next.min(tried),
            None => {}
        }
    }

    /// What comes behind the try `attempt` of an event, which has failed; notes it, and waits if it is to be
    /// tried again.
    #[cold]
    pub(crate) fn refuse(
        &mut self,
        sequence: u64,
        attempt: u32,
        error: HandlerError,
    ) -> Result<AfterRefusal, Cause> {
        // Nobody behind this stage is to read what it made of an event that it then refused.
        self.columns.clear(sequence);
        let DeadLetterDuty { log, refusals } = &mut self.dead_letters;
        let Some(log) = log.as_mut().filter(|_| !is_fatal(&error)) else {
            return Err(Cause::Error(error.into()));
        };
        let (place, cause) = (LetterPlace { sequence, epoch: self.epoch }, error.to_string());
        let fault = |error| Cause::Keep(Arc::new(error));
        match refusals.next(log, sequence, attempt) {
            Next::Try { pause_ns } => {
                log.note_try(place, &cause).map_err(fault)?;
                refusals.wait(pause_ns);
                Ok(AfterRefusal::Again)
            }
            Next::Letter(tries) => {
                let noted = log.refuse(place, tries, &cause);
                // A note of progress says that the event is dealt with, and the system may write it to the
                // disk at any time: were the letter not there by then, power loss would leave neither effect
                // nor letter.
                let synced =
                    noted.and_then(|()| if self.effects.progress.is_some() { log.sync() } else { Ok(()) });
                synced.map_err(fault)?;
                refusals.count_letter(tries);
                Ok(AfterRefusal::DeadLetter)
            }
        }
    }
}

/// Whether it halts whatever the stage does with others: the handler says so, or the next event would meet it
/// too.
fn is_fatal(error: &HandlerError) -> bool {
    use OutputError::{Ahead, Differs, Unreadable};
    let of_history = |error: &OutputError| matches!(error, Ahead { .. } | Differs { .. } | Unreadable { .. });
    error.is::<Fatal>() || error.downcast_ref().is_some_and(of_history)
}

/// The first multiple of `every` above `at`.
fn next_multiple(at: u64, every: u64) -> u64 {
    (at / every).saturating_add(1).saturating_mul(every)
}
