//! The counters from the inside: who writes which words, and how all of them are read.
//!
//! The words lie in this process's own memory. Where others are to read them, whoever owns some copies them
//! into a file, the cursors of stages once a batch: see `lines/told.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::figures::{
    AcknowledgedCounters, Counters, HaltedCounters, JournalStalls, JournalTime, LateCounters, StageCounters,
};
use super::meter::BatchMeter;
use crate::cursors::cursor::Cursor;
use crate::lines::fate::Fate;
use crate::lines::format::{
    ACKNOWLEDGED_PLACES, AcknowledgedLine, BatchLine, CAUSE_BYTES, CLOSED, CauseLine, CursorLine, ENDED,
    FateLine, HALTED, JournalLine, LATE_PLACES, LanesLine, LateHeadLine, LateLine, LineLayout,
    PublishersLine,
};
use crate::lines::memory::{LineMemory, LineRef, Words};
use crate::lines::told::{Told, forks};
use crate::names::JOURNAL;

/// The words of one engine's counters.
#[derive(Debug)]
pub(crate) struct Board {
    memory: Arc<LineMemory>,
    /// The file that others read, if there is one.
    copy: Option<Arc<LineMemory>>,
    /// How often this process's line had forked when the copy was made.
    forks: u32,
    layout: LineLayout,
}

impl Board {
    /// Of another process, to be read: in memory that is long enough for the layout.
    pub(super) fn of_other(memory: Arc<LineMemory>, layout: LineLayout) -> Self {
        Board { memory, copy: None, forks: 0, layout }
    }

    /// In this process alone.
    pub(crate) fn private(layout: LineLayout) -> Self {
        Board::of_other(LineMemory::private(layout.file_bytes()), layout)
    }

    /// In this process, with copies in `file` for others to read.
    pub(super) fn told_in(file: Arc<LineMemory>, layout: LineLayout) -> Self {
        Board { copy: Some(file), forks: forks(), ..Board::private(layout) }
    }

    fn told<T: Words>(&self, offset: usize) -> Told<T> {
        Told::new(self.memory.at(offset), self.copy.as_ref().map(|copy| copy.at(offset)), self.forks)
    }

    /// Sets every cursor to `base` before anybody looks.
    pub(crate) fn begin(&self, base: u64) {
        let stages = (0..self.layout.stages).map(|index| self.layout.stage(index));
        for offset in stages.chain([self.layout.published(), self.layout.durable()]) {
            // Relaxed: nobody looks yet.
            self.told::<CursorLine>(offset).each(|line| line.end.store(base, Ordering::Relaxed));
        }
    }

    /// Sets the time that every stage begins at.
    pub(crate) fn begin_time(&self, time_ns: u64) {
        for index in 0..self.layout.stages {
            // Relaxed: a figure; the lanes that store it from here on are started later.
            self.told::<BatchLine>(self.layout.batches(index))
                .each(|line| line.time_ns.store(time_ns, Ordering::Relaxed));
        }
    }

    /// Sets what the journal holds before its lane starts.
    pub(crate) fn begin_journal(&self, journalled_end: u64) {
        // Relaxed: a figure; the lane that stores it from here on is started later.
        self.journal().each(|line| line.journalled_end.store(journalled_end, Ordering::Relaxed));
    }

    pub(crate) fn published(&self) -> Cursor {
        Cursor::at(self.memory.at(self.layout.published()))
    }

    /// Where others read what is published, and what is durable.
    pub(crate) fn told_published(&self) -> Told<CursorLine> {
        self.told(self.layout.published())
    }

    pub(crate) fn told_durable(&self) -> Told<CursorLine> {
        self.told(self.layout.durable())
    }

    /// What is durable, as the journal's syncer tells it.
    pub(crate) fn durable(&self) -> Cursor {
        Cursor::at(self.memory.at(self.layout.durable()))
    }

    pub(crate) fn stage(&self, index: usize) -> Cursor {
        Cursor::at(self.memory.at::<CursorLine>(self.layout.stage(index)))
    }

    pub(crate) fn batches(&self, index: usize) -> BatchMeter {
        let (cursor, line) = (self.told(self.layout.stage(index)), self.told(self.layout.batches(index)));
        BatchMeter::new(cursor, line)
    }

    /// Where a stage's lane counts what its handler refuses.
    pub(crate) fn refusals(&self, index: usize) -> Told<BatchLine> {
        self.told(self.layout.batches(index))
    }

    /// Where each stage says what time it has come to.
    pub(crate) fn stage_times(&self) -> Vec<LineRef<BatchLine>> {
        (0..self.layout.stages).map(|index| self.memory.at(self.layout.batches(index))).collect()
    }

    pub(crate) fn journal(&self) -> Told<JournalLine> {
        self.told(self.layout.journal())
    }

    pub(crate) fn publishers(&self) -> Told<PublishersLine> {
        self.told(self.layout.publishers())
    }

    pub(crate) fn lanes(&self) -> Told<LanesLine> {
        self.told(self.layout.lanes())
    }

    pub(super) fn late_head(&self) -> Told<LateHeadLine> {
        self.told(self.layout.late_head())
    }

    /// The places for late consumers.
    pub(super) fn late_lines(&self) -> impl Iterator<Item = Told<LateLine>> {
        (0..LATE_PLACES).map(|index| self.told(self.layout.late(index)))
    }

    /// The places for names under which events are acknowledged.
    pub(super) fn acknowledged_lines(&self) -> impl Iterator<Item = Told<AcknowledgedLine>> {
        (0..ACKNOWLEDGED_PLACES).map(|index| self.told(self.layout.acknowledged(index)))
    }

    /// Where others read what becomes of the engine.
    pub(crate) fn fate(&self) -> Fate {
        Fate { line: self.told(self.layout.fate()), cause: self.told(self.layout.cause()) }
    }

    /// Says whether the name of the journal's folder means another one by now.
    pub(crate) fn set_folder_moved(&self, moved: bool) {
        // Relaxed: a figure, of the journal's threads alone.
        self.fate().line.each(|fate| fate.folder_moved.store(u64::from(moved), Ordering::Relaxed));
    }

    /// A standby has gone live: the header has where it began to take.
    pub(crate) fn set_live_from(&self, from: u64) {
        // Relaxed: a figure, stored once.
        self.fate().line.each(|fate| fate.live_from.store(from, Ordering::Relaxed));
    }

    /// Whoever has the file mapped still learns that nothing moves any more.
    pub(crate) fn end(&self) {
        let stages = (0..self.layout.stages).map(|index| self.layout.stage(index));
        for offset in stages.chain([self.layout.published(), self.layout.durable()]) {
            let line = self.told::<CursorLine>(offset);
            if let Some(copy) = line.copy() {
                // Acquire P and Release P: as where a lane tells of its own cursor, which may lie further
                // than it last told.
                copy.end.fetch_max(line.end.load(Ordering::Acquire), Ordering::Release);
            }
        }
        // Release N: the cursors have moved for the last time.
        self.fate().line.each(|fate| fate.word.fetch_or(ENDED, Ordering::Release));
    }

    /// Whether the engine has ended: what is read behind it is the last.
    pub(crate) fn has_ended(&self) -> bool {
        // Acquire N: see `end`.
        self.fate().line.word.load(Ordering::Acquire) & ENDED != 0
    }

    /// All of it, word by word: each is whole and fresh, but they need not be of the same moment.
    pub(crate) fn read<'a>(&self, about: About<'a>) -> Counters {
        let fate = self.fate().line;
        // Acquire N: see `Fate::halt`.
        let word = fate.word.load(Ordering::Acquire);
        // Late consumers and stages first: none is ever ahead of what is published, whenever that is read
        // after it. But for a late consumer that was told to begin at a sequence that is not there yet.
        let mut late_consumers = about.late.unwrap_or_else(|| self.read_late());
        let mut acknowledged = about.acknowledged.unwrap_or_else(|| self.read_acknowledged());
        let mut stages: Vec<StageCounters> = about
            .stages
            .enumerate()
            .map(|(index, (name, lane))| self.read_stage(index, name, lane))
            .collect();
        let furthest = stages.iter().map(|stage| stage.end).max().unwrap_or(0);
        // The word here moves once a batch, its stage's cursor every 128 events.
        let journal_at = stages.iter().position(|stage| stage.name == JOURNAL);
        let journal_stage = journal_at.map(|at| &stages[at]);
        let journal = self.journal();
        // Relaxed: figures, as all that follow.
        let journalled_end = journal.journalled_end.load(Ordering::Relaxed);
        let journalled_end = journalled_end.max(journal_stage.map_or(0, |stage| stage.end));
        let journal_time_ns = journal_at.map(|at| self.stage_time_ns(at));
        let durable_end = self.durable().end();
        let published_end = self.published().end().max(furthest);
        for stage in &mut stages {
            stage.lag = published_end - stage.end;
        }
        for late in &mut late_consumers {
            late.lag = published_end.saturating_sub(late.end);
        }
        for one in &mut acknowledged {
            one.lag = published_end.saturating_sub(one.end);
        }
        let (publishers, lanes) = (self.publishers(), self.lanes());
        let halted = (word & HALTED != 0).then(|| self.read_halt(&fate, &stages));
        Counters {
            process: about.process,
            published_end,
            journalled_end: about.has_journal.then_some(journalled_end),
            durable_end: about.has_journal.then_some(durable_end),
            journal_time: journal_time_ns.map(|last_ns| JournalTime {
                last_ns,
                regressions: journal.regressions.load(Ordering::Relaxed),
                ahead_ns: last_ns.saturating_sub(about.now_ns),
            }),
            journal_stalls: about.has_journal.then(|| JournalStalls {
                segment: journal.segment_stalls.load(Ordering::Relaxed),
                window: journal.window_stalls.load(Ordering::Relaxed),
                disk_full: journal.disk_full_stalls.load(Ordering::Relaxed),
            }),
            full_waits: publishers.full_waits.load(Ordering::Relaxed),
            full_refusals: publishers.full_refusals.load(Ordering::Relaxed),
            doubles: publishers.doubles.load(Ordering::Relaxed),
            missed_wakeups: lanes.missed_wakeups.load(Ordering::Relaxed),
            capacity: about.capacity,
            live_from: match fate.live_from.load(Ordering::Relaxed) {
                0 => about.live_from,
                from => from,
            },
            closed: word & CLOSED != 0,
            folder_moved: fate.folder_moved.load(Ordering::Relaxed) != 0,
            halted,
            stages,
            late_consumers,
            late_not_shown: self.late_not_shown(),
            acknowledged,
        }
    }

    fn stage_time_ns(&self, index: usize) -> u64 {
        self.memory.at::<BatchLine>(self.layout.batches(index)).time_ns.load(Ordering::Relaxed)
    }

    fn read_stage(&self, index: usize, name: &str, lane: &str) -> StageCounters {
        let line = self.memory.at::<BatchLine>(self.layout.batches(index));
        StageCounters {
            name: name.to_owned(),
            lane: lane.to_owned(),
            end: self.stage(index).end(),
            lag: 0,
            // Relaxed: figures.
            batches: line.batches.load(Ordering::Relaxed),
            last_batch: line.last_batch.load(Ordering::Relaxed),
            max_batch: line.max_batch.load(Ordering::Relaxed),
            retries: line.retries.load(Ordering::Relaxed),
            retry_wait_ns: line.retry_wait_ns.load(Ordering::Relaxed),
            dead_letters: line.dead_letters.load(Ordering::Relaxed),
            set_aside: line.set_aside.load(Ordering::Relaxed),
        }
    }

    fn read_halt(&self, fate: &FateLine, stages: &[StageCounters]) -> HaltedCounters {
        let line = self.memory.at::<CauseLine>(self.layout.cause());
        // Relaxed, as the rest: behind Acquire N in `read`.
        let mut text: Vec<u8> =
            line.text.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
        text.truncate(fate.cause_bytes.load(Ordering::Relaxed).min(CAUSE_BYTES as u64) as usize);
        let stage = usize::try_from(fate.stage.load(Ordering::Relaxed)).ok().and_then(|at| stages.get(at));
        HaltedCounters {
            stage: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
            sequence: fate.sequence.load(Ordering::Relaxed),
            cause: String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

/// What the words do not say.
pub(crate) struct About<'a> {
    pub(crate) process: u32,
    pub(crate) capacity: u64,
    pub(crate) live_from: u64,
    pub(crate) has_journal: bool,
    /// The time by the clock that is nearest.
    pub(crate) now_ns: u64,
    /// Each stage's name and its lane's.
    pub(crate) stages: Box<dyn Iterator<Item = (&'a str, &'a str)> + 'a>,
    /// The late consumers, if the reader knows of more than those that have places.
    pub(crate) late: Option<Vec<LateCounters>>,
    /// The names under which events are acknowledged, likewise.
    pub(crate) acknowledged: Option<Vec<AcknowledgedCounters>>,
}
