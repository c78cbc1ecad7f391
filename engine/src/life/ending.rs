//! How an engine ends, whether it is joined or dropped: publishing is closed, what was published is drained,
//! and what could not be is counted.

use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use slipring_journal::__private::counted;
use slipring_journal::Event;

use super::engine::{Engine, LaneThread, Pause};
use crate::acknowledged::names::Unacknowledged;
use crate::cursors::cursor::Cursor;
use crate::error::Halted;
use crate::grace::{self, Grace};
use crate::kept::keeper::Keeper;
use crate::panics;
use crate::work::inside::is_inside;

/// What a stage was never given of the events whose publish returned `Ok`.
///
/// See the example of [`Ending`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The stage; the journal's too.
    pub stage: String,
    /// The first sequence that the stage did not finish.
    pub from: u64,
    /// How many events that are, up to the last one published.
    pub count: u64,
}

/// How an engine ended, for whoever asks when the engine is gone. From [`Engine::ending`].
///
/// ```
/// # use slipring::prelude::*;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let lane = Lane::named("main").stage("book", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
/// let (engine, publisher) = Engine::builder().lane(lane).go_live()?;
/// let ending = engine.ending();
/// drop(engine);
/// assert!(ending.has_ended());
/// for stage in ending.undelivered() {
///     println!("{} was not given {} events from {} on", stage.stage, stage.count, stage.from);
/// }
/// # Ok::<(), slipring::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<OnceLock<Ended>>);

#[derive(Debug)]
struct Ended {
    end: u64,
    halted: Option<Halted>,
    undelivered: Vec<Undelivered>,
}

impl Ending {
    /// Whether it has ended: it was shut down or dropped, and waits for its lanes no more.
    pub fn has_ended(&self) -> bool {
        self.0.get().is_some()
    }

    /// The sequence behind the last event published; `None` before the end.
    pub fn end_sequence(&self) -> Option<u64> {
        self.0.get().map(|ended| ended.end)
    }

    /// What stages were never given of the events published: nothing, if every handler returned and none
    /// failed. Empty before the end too.
    pub fn undelivered(&self) -> &[Undelivered] {
        self.0.get().map_or(&[], |ended| &ended.undelivered)
    }

    /// Why it had halted, if it had.
    pub fn halted(&self) -> Option<&Halted> {
        self.0.get().and_then(|ended| ended.halted.as_ref())
    }
}

/// How far everything is, to see whether something moves. What it waits for moves too.
#[derive(Default)]
struct Moves {
    sum: u64,
    asked_durable: u64,
}

impl<E: Event> Engine<E> {
    /// How the engine ends, to be asked when it is gone.
    ///
    /// ```
    /// # use slipring::{Context, Engine, Event, Gate, Lane};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// let fails = |tick: &Tick, _: &Context| if tick.price == 2 { Err("as told") } else { Ok(()) };
    /// let lane = Lane::named("own").invoked().stage("a", fails, Gate::PUBLISHED);
    /// let (engine, mut publisher) = Engine::builder().lane(lane).open()?.go_live()?;
    /// publisher.publish_all(&[Tick { price: 1 }, Tick { price: 2 }, Tick { price: 3 }])?;
    /// let ending = engine.ending();
    /// drop(engine);
    /// let undelivered = &ending.undelivered()[0];
    /// assert_eq!((&*undelivered.stage, undelivered.from, undelivered.count), ("a", 1, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ending(&self) -> Ending {
        self.shared.ending.clone()
    }

    /// Closes publishing and waits until no publisher is in the midst of a call, which takes no longer than
    /// copying its events, unless its thread is stopped. The sequence behind the last event; `None` if it
    /// gave up.
    pub(crate) fn close_publishing(&self, mut gives_up: impl FnMut() -> bool) -> Option<u64> {
        self.shared.status.refuse();
        let mut pause = Pause::default();
        loop {
            if let Some(end) = self.shared.outlet.settled_end() {
                self.shared.status.close(end);
                self.haste.end();
                return Some(end);
            }
            if self.pause(&mut pause) && gives_up() {
                return None;
            }
        }
    }

    /// Whether this process is a fork of the one that has the engine's threads.
    pub(crate) fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// Whether a stage is not at its end.
    pub(crate) fn is_running(&self) -> bool {
        self.lanes.iter().any(LaneThread::is_running)
            || self.invoked.as_ref().is_some_and(|lanes| lanes.is_running())
    }

    /// Asks the syncer for what is journalled: a stage behind a gate on durable need not wait for its pause
    /// to be over.
    fn hurry_syncer(&self, asked: &mut u64) -> u64 {
        let Some(journal) = &self.shared.journal else { return 0 };
        let end = journal.journalled_end();
        if end > *asked {
            *asked = end;
            journal.request_durable(end);
        }
        journal.durable_end()
    }

    /// Whether something has moved since the last look.
    fn has_moved(&self, moves: &mut Moves) -> bool {
        let durable_end = self.hurry_syncer(&mut moves.asked_durable);
        let ends = self.shared.stages.cursors.iter().map(Cursor::end);
        let acknowledged = self.shared.acknowledged.as_ref().map_or(0, |names| names.moves());
        // Each only rises.
        let sum = ends.fold(durable_end.wrapping_add(acknowledged), u64::wrapping_add);
        std::mem::replace(&mut moves.sum, sum) != sum
    }

    /// Waits until all lanes have ended, or `gives_up`, which is told whether anything has moved since it was
    /// last asked; whether they have ended.
    pub(crate) fn drain(&self, mut gives_up: impl FnMut(bool) -> bool) -> bool {
        let (mut moves, mut pause) = (Moves::default(), Pause::default());
        while self.is_running() {
            if self.pause(&mut pause) && gives_up(self.has_moved(&mut moves)) {
                return false;
            }
        }
        true
    }

    /// Takes no acknowledgement any more, and lets go of the notes of them; before the journal's lock goes,
    /// for they lie under that lock. What was not acknowledged.
    pub(crate) fn end_acknowledged(&self) -> Vec<Unacknowledged> {
        let Some(names) = &self.shared.acknowledged else { return Vec::new() };
        for fault in names.end() {
            self.shared.findings.fault("acknowledged", &fault);
        }
        names.left()
    }

    /// Counts what was not delivered, for whoever asks, and says so on standard error. The counters show it
    /// as lags.
    pub(crate) fn account(&self, end: u64) -> &[Undelivered] {
        let shared = &self.shared;
        let ended = shared.ending.0.get_or_init(|| {
            let stages = shared.stages.names.iter().zip(&shared.stages.cursors);
            let behind = stages.filter_map(|(stage, cursor)| {
                let from = cursor.end();
                let count = end.checked_sub(from).filter(|count| *count > 0)?;
                Some(Undelivered { stage: stage.clone(), from, count })
            });
            let undelivered: Vec<Undelivered> = behind.collect();
            // Of several publishers nobody else says it.
            shared.outlet.published.raise(end);
            let halted = shared.status.halted().cloned();
            for Undelivered { stage, from, count } in &undelivered {
                let why = halted.as_ref().map_or(String::new(), |halted| format!("; {halted}"));
                let events = counted(*count, "event published was", "events published were");
                let what = format!("slipring: {events} not delivered to stage {stage}");
                // Not by `eprintln`, which panics where nobody listens any more.
                let _ = writeln!(std::io::stderr(), "{what}, from sequence {from} on{why}");
            }
            Ended { end, halted, undelivered }
        });
        &ended.undelivered
    }

    /// Ends it on a thread of its own: this one is in one of its handlers, and would wait for itself.
    fn end_elsewhere(&mut self) {
        self.shared.status.refuse();
        let engine = Engine {
            shared: Arc::clone(&self.shared),
            lanes: std::mem::take(&mut self.lanes),
            invoked: self.invoked.take(),
            haste: Arc::clone(&self.haste),
            keeper: self.keeper.take(),
            counters_file: self.counters_file.take(),
            process: self.process,
            has_waited: self.has_waited,
        };
        let place = Arc::new(Mutex::new(Some(engine)));
        let take =
            |place: &Mutex<Option<Engine<E>>>| place.lock().unwrap_or_else(PoisonError::into_inner).take();
        let there = Arc::clone(&place);
        let thread = std::thread::Builder::new().name("slipring-ending".to_owned());
        if thread.spawn(move || drop(take(&there))).is_err() {
            let left = |engine: &mut Engine<E>| {
                // The caller's lanes have no thread that could be left.
                engine.invoked = None;
                std::mem::take(&mut engine.lanes)
            };
            for lane in take(&place).iter_mut().flat_map(left) {
                grace::left_behind("lane", &lane.name);
            }
        }
    }
}

impl<E: Event> Drop for Engine<E> {
    fn drop(&mut self) {
        if self.lanes.iter().all(|lane| !lane.thread.is_held()) && self.invoked.is_none() {
            return;
        }
        if self.is_forked() {
            // The caller's lanes hold a writer, whose maps are not here either.
            return std::mem::forget(self.invoked.take());
        }
        if is_inside(&self.shared.status) {
            return self.end_elsewhere();
        }
        let is_waited_for = || self.keeper.as_ref().is_some_and(Keeper::is_waited_for);
        let began = Instant::now();
        let mut grace = Grace::new(began);
        let closed = self.close_publishing(|| grace.is_over(Instant::now(), false));
        let end = closed.unwrap_or_else(|| self.shared.outlet.published.end());
        // A join that gave up has waited so long already.
        let longest = if self.has_waited { grace::DROP } else { self.shared.wait_timeout.max(grace::DROP) };
        let has_ended = self.drain(|moved| {
            let (waits, is_late) = (is_waited_for(), began.elapsed() >= longest);
            grace.is_over(Instant::now(), moved || waits) || is_late && !waits
        });
        if !has_ended {
            // What waits for a gate that does not open, or for room in the journal, ends now. What hangs does
            // not.
            self.haste.abandon();
            let mut grace = Grace::short(Instant::now());
            self.drain(|_| grace.is_over(Instant::now(), is_waited_for()));
        }
        // Their handlers may hold publishers, which hold the caller's lanes to drive them: nothing would go.
        let mut ended = self.invoked.as_ref().map_or_else(Vec::new, |lanes| lanes.take_ended());
        for lane in &mut self.lanes {
            if lane.is_running() {
                grace::left_behind("lane", &lane.name);
            } else {
                ended.extend(lane.join(&self.shared.status));
            }
        }
        self.account(end);
        // Before the journal's lock goes: the next writer's counters have the same name.
        if let Some(file) = &self.counters_file {
            file.hide();
        }
        self.end_acknowledged();
        // Before the journal goes, and its lock with it: what the keeper writes lies under that lock.
        if let Some(keeper) = &mut self.keeper {
            keeper.finish();
        }
        for (name, stage) in ended {
            if let Some(text) = panics::drop_of(stage) {
                let what =
                    format!("slipring: the handler of stage {name} panicked when it was dropped: {text}");
                let _ = writeln!(std::io::stderr(), "{what}");
            }
        }
        // The journal has gone: what readers see now is the last.
        self.counters_file = None;
    }
}
