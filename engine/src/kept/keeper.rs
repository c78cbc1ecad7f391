//! The keeper: the thread that writes what lanes hand over, so that no lane waits for a disk.
//!
//! It writes a snapshot only when the record that it was taken behind is durable, and when the dead letters
//! before it are. It looks every few milliseconds instead of being woken: lanes make no system call for it.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slipring_journal::__private::storage::Folder;
use slipring_journal::{Cursors, Journal, RetentionHandle};

use super::dead_letter_log;
use super::digests;
use super::findings::Findings;
use super::link::{DIGEST_QUEUE, Saved, ToKeeper};
use super::plan::{Cuts, KeepPlan, Standing};
use super::snapshot::{Snapshots, StageSnapshots};
use super::trust::Trust;
use crate::cursors::cursor::Cursor;
use crate::error::{KeepError, io};
use crate::own_thread::OwnThread;
use crate::{grace, panics};

const THREAD: &str = "slipring-keeper";
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What the keeper has of a stage.
pub(crate) struct KeptStage {
    pub(crate) name: String,
    pub(crate) folder: Folder,
    pub(crate) link: Arc<ToKeeper>,
    pub(crate) snapshots: Option<(Snapshots, u32)>,
    pub(crate) digest_log: Option<digests::DigestLog>,
    /// To be synced before a snapshot counts.
    pub(crate) dead_letters: Option<File>,
    /// To be synced before a snapshot, which says that the effects before it are out.
    pub(crate) effects: Option<File>,
    pub(crate) trust: Trust,
    pub(crate) files: StageSnapshots,
    /// Among all stages.
    pub(crate) place: usize,
}

/// What a stage keeps, in figures.
///
/// ```
/// use slipring::{Engine, Event};
///
/// fn warn<E: Event>(engine: &Engine<E>) {
///     for kept in engine.kept().iter().filter(|kept| kept.missed_snapshots > 0) {
///         println!("{}: {} snapshots left out", kept.stage, kept.missed_snapshots);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCounters {
    /// The stage.
    pub stage: String,
    /// Snapshots written in this life.
    pub snapshots: u64,
    /// Snapshots left out because the one before was still on its way.
    pub missed_snapshots: u64,
    /// The sequence behind the last event in the newest snapshot written in this life; 0 if there is none.
    pub snapshot_end: u64,
    /// Digests not logged because the keeper did not keep up.
    pub dropped_digests: u64,
}

/// The keeper's thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: Arc<AtomicBool>,
    thread: Option<OwnThread<()>>,
    links: Vec<(String, Arc<ToKeeper>)>,
}

/// What the thread works on.
pub(crate) struct Work {
    pub(crate) stages: Vec<KeptStage>,
    pub(crate) journal: Journal,
    pub(crate) cursors: Cursors,
    pub(crate) findings: Arc<Findings>,
    /// Told what snapshots cover; `None` if a stage needs history that no snapshot holds.
    pub(crate) retention: Option<RetentionHandle>,
    pub(crate) cuts: Cuts,
    /// Every stage's.
    pub(crate) standing: Vec<Standing>,
    /// Every stage's: what one has not finished, it still needs.
    pub(crate) finished: Vec<Cursor>,
    /// The stages' files that say what is done with what they have finished.
    pub(crate) notes: Vec<File>,
    pub(crate) trust: Trust,
    /// Snapshots that no cut needs are removed.
    pub(crate) removes: bool,
}

impl Keeper {
    pub(crate) fn start(work: Work) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let links = work.stages.iter().map(|stage| (stage.name.clone(), Arc::clone(&stage.link))).collect();
        let told = Arc::clone(&stop);
        let findings = Arc::clone(&work.findings);
        let run = move || guarded(&findings, || work.run(&told));
        let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(run)?;
        Ok(Keeper { stop, thread: Some(OwnThread::new(thread)), links })
    }

    pub(crate) fn counters(&self) -> Vec<KeptCounters> {
        let counters = |(stage, link): &(String, Arc<ToKeeper>)| KeptCounters {
            stage: stage.clone(),
            snapshots: link.taken.load(Ordering::Relaxed),
            missed_snapshots: link.missed.load(Ordering::Relaxed),
            snapshot_end: link.last_end.load(Ordering::Relaxed),
            dropped_digests: link.dropped.load(Ordering::Relaxed),
        };
        self.links.iter().map(counters).collect()
    }

    /// Whether a lane that ends waits to hand over its last state.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.links.iter().any(|(_, link)| link.waits.load(Ordering::Relaxed))
    }

    /// Has what was handed over written, as far as it is durable or becomes so, and ends the thread.
    pub(crate) fn finish(&mut self) {
        // Release: partner of the acquire in `Work::run`; what lanes handed over before is seen in the last
        // rounds.
        self.stop.store(true, Ordering::Release);
        if let Some(mut thread) = self.thread.take() {
            thread.unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Does the keeper's work. Should it panic, that is a fault like any other of what stages keep: nothing is
/// lost that a longer replay does not bring back, but somebody has to know.
fn guarded(findings: &Findings, work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        let text = panics::text(panic);
        let what =
            format!("it panicked, and nothing is kept any more until the engine is opened again: {text}");
        findings.fault(THREAD, &what);
    }
}

impl Work {
    fn run(mut self, stop: &AtomicBool) {
        let mut stopped_at = None;
        loop {
            // Acquire: see `Keeper::finish`. Looked at before the round, so that a last round comes after it.
            if stop.load(Ordering::Acquire) && stopped_at.is_none() {
                stopped_at = Some(Instant::now());
            }
            let waits = self.round(stopped_at.is_some());
            match stopped_at {
                Some(since) if !waits || since.elapsed() > grace::LAST_SNAPSHOT => return,
                Some(_) => std::thread::sleep(Duration::from_millis(1)),
                None => std::thread::park_timeout(LOOK_EVERY),
            }
        }
    }

    /// Writes what can be written; whether something waits for its record to become durable. `ended`: the
    /// lanes have, so that what is not journalled by now never is.
    fn round(&mut self, ended: bool) -> bool {
        let (mut waits, mut wrote) = (false, false);
        for stage in &mut self.stages {
            let (name, findings) = (stage.name.clone(), &self.findings);
            match stage.round(&self.journal, &self.cursors, ended) {
                Ok(StageRound::Waits) => waits = true,
                Ok(StageRound::Wrote) => wrote = true,
                Ok(StageRound::Nothing) => {}
                Err(error) => findings.fault(&name, &error),
            }
        }
        if wrote || self.retention.as_ref().is_some_and(|retention| retention.waits_for(u64::MAX)) {
            self.let_go(wrote);
        }
        waits
    }

    /// Has go what no cut needs any more: snapshots, if one was written, and records.
    fn let_go(&mut self, wrote: bool) {
        let Some(KeepPlan { keep, needed_from }) = self.plan(wrote) else { return };
        // Not whenever a stage has finished an event: each time costs a sync of the notes.
        let retires = |retention: &RetentionHandle| wrote || retention.waits_for(needed_from);
        let retires = self.retention.as_ref().is_some_and(retires);
        let by_effects = self.cuts.depend_on_effects();
        // What is finished is noted: effects, dead letters. Power loss must not take the note once what it
        // makes needless may go.
        if (retires || wrote && self.removes && by_effects)
            && let Err(error) = self.trust.sync(|| self.notes.iter().try_for_each(File::sync_data))
        {
            let error = io("sync what stages keep in", self.journal.path())(error);
            self.findings.fault(THREAD, &error);
            // No later sync counts, so nothing more can be said to it in this life.
            self.retention = None;
            self.removes &= !by_effects;
        }
        if wrote && self.removes {
            for stage in &mut self.stages {
                let most_others = stage.snapshots.map_or(0, |(options, _)| options.keep);
                if let Err(error) = stage.files.remove_all_but(&stage.folder, &keep[stage.place], most_others)
                {
                    self.findings.fault(&stage.name, &error);
                }
            }
        }
        if let Some(retention) = self.retention.as_ref().filter(|_| retires) {
            retention.snapshot(needed_from);
        }
    }

    /// What is to be kept; `None` if that can't be told.
    fn plan(&mut self, wrote: bool) -> Option<KeepPlan> {
        // Before the snapshots on their way: what a lane hands over later ends no earlier than this.
        for (standing, finished) in self.standing.iter_mut().zip(&self.finished) {
            standing.done = finished.end();
        }
        for stage in &mut self.stages {
            if (wrote || !stage.files.has_looked())
                && let Err(error) = stage.files.look(&stage.folder, &self.journal)
            {
                self.findings.fault(&stage.name, &error);
                return None;
            }
            let standing = &mut self.standing[stage.place];
            standing.pending = stage.link.pending_end();
            standing.ends = stage.files.ends();
        }
        Some(self.cuts.plan(&self.standing))
    }
}

enum StageRound {
    Nothing,
    Wrote,
    Waits,
}

impl KeptStage {
    fn round(&mut self, journal: &Journal, cursors: &Cursors, ended: bool) -> Result<StageRound, KeepError> {
        if let Some(log) = &mut self.digest_log
            && !self.link.digests.is_empty()
        {
            log.append(std::iter::from_fn(|| self.link.digests.pop()).take(DIGEST_QUEUE))?;
        }
        let Some((_, version)) = self.snapshots else { return Ok(StageRound::Nothing) };
        let Some(saved) = self.link.saved.pop() else { return Ok(StageRound::Nothing) };
        let never = cursors.sync_failure().is_some() || ended && cursors.journalled_end() < saved.end;
        if cursors.durable_end() < saved.end && !never {
            cursors.request_durable(saved.end);
            // Room for it there is: nobody else pushes while the buffer is out.
            let _ = self.link.saved.push(saved);
            return Ok(StageRound::Waits);
        }
        let written = match never {
            // It never becomes durable.
            true => Ok(None),
            false => self.write(journal, &saved, version).map(Some),
        };
        let _ = self.link.buffer.push(saved.bytes);
        if written?.is_some() {
            self.link.taken.fetch_add(1, Ordering::Relaxed);
            self.link.last_end.store(saved.end, Ordering::Relaxed);
            return Ok(StageRound::Wrote);
        }
        Ok(StageRound::Nothing)
    }

    fn write(&mut self, journal: &Journal, saved: &Saved, version: u32) -> Result<(), KeepError> {
        let anchor = journal.raw_reader()?.anchor(saved.end - 1)?;
        if let Some(file) = &self.dead_letters {
            self.trust
                .sync(|| dead_letter_log::sync_and_mark(file, anchor.journal_id))
                .map_err(io("sync the dead letters in", self.folder.path()))?;
        }
        if let Some(file) = &self.effects {
            self.trust.sync(|| file.sync_data()).map_err(io("sync the effects in", self.folder.path()))?;
        }
        self.files.write(&self.folder, &anchor, version, &saved.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_that_panics_is_said_among_the_faults() {
        let findings = Findings::default();
        guarded(&findings, || panic!("no more paper"));
        let faults = findings.faults();
        assert!(faults.len() == 1 && faults[0].contains(THREAD), "{faults:?}");
        assert!(faults[0].contains("no more paper") && faults[0].contains("opened again"), "{faults:?}");
    }

    #[test]
    fn a_lane_that_waits_for_the_last_state_before_is_seen_to_wait() {
        let link = Arc::new(ToKeeper::new(false));
        let stop = Arc::new(AtomicBool::new(true));
        let keeper = Keeper { stop, thread: None, links: vec![("stage".to_owned(), Arc::clone(&link))] };
        assert!(link.save(1, |state| state.push(1)) && !keeper.is_waited_for());
        std::thread::scope(|scope| {
            let lane = scope.spawn(|| link.wait_for_buffer());
            while !keeper.is_waited_for() {
                assert!(!lane.is_finished(), "it waited unseen");
                std::thread::yield_now();
            }
            let saved = link.saved.pop().expect("handed over");
            assert!(link.buffer.push(saved.bytes).is_ok());
        });
        assert!(!keeper.is_waited_for());
        assert!(link.save(2, |state| state.push(2)));
    }
}
