//! From a description to running lanes: ring, cursors, gates and threads are made and wired.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use slipring_journal::storage::{Files, Folder};
use slipring_journal::{Change, Cursors, Event, Journal, JournalId, Writer};

use super::ending::Ending;
use super::engine::{Engine, EngineShared, LaneThread};
use crate::counters::board::Board;
use crate::counters::file;
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::cursors::status::EngineStatus;
use crate::cursors::watch::{Awaited, Watch};
use crate::describe::builder::{EngineBuilder, parks};
use crate::describe::gate::{Gate, Level};
use crate::describe::lane::{Item, Lane, item_name};
use crate::error::{BuildError, KeepError};
use crate::kept::epochs::Epochs;
use crate::kept::keeper::{Findings, Keeper, KeptStage, Work};
use crate::kept::plan::{Cuts, Standing, StateKind};
use crate::kept::trust::Trust;
use crate::late::{History, LateConsumers};
use crate::lines::format::{CursorLine, Static};
use crate::lines::told::Told;
use crate::names::JOURNAL;
use crate::publish::outlet::Outlet;
use crate::publish::publisher::Publisher;
use crate::publish::times::TimeBounds;
use crate::ring;
use crate::work::invoked::{Drive, Invoked};
use crate::work::journal_stage::JournalStage;
use crate::work::lane::{Haste, LOOKS, Run};
use crate::work::stage::{RunStage, Wiring};
use crate::work::wait::Waiter;

/// Most events that a lane with several stages takes in a turn: few enough that they are still in a cache near the core
/// when the next stage comes to them, and enough that what a turn costs does not count (512 were 3% slower).
const FUSED_BATCH: u64 = 1024;

/// Where an engine begins.
pub(crate) struct Begin {
    /// The sequence of the ring's first event.
    pub(crate) base: u64,
    /// The first live sequence.
    pub(crate) live_from: u64,
    /// Journal time before `base`.
    pub(crate) time_ns: u64,
    pub(crate) epochs: Epochs,
    /// Of a backtest: the journal that it is fed from.
    pub(crate) source: Option<JournalId>,
}

impl<E: Event> EngineBuilder<E> {
    /// Builds the ring and starts the lanes.
    pub(crate) fn start(
        mut self,
        writer: Option<Writer<E>>,
        begin: Begin,
    ) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        let Begin { base, live_from, time_ns, epochs, source } = begin;
        let crowded = self.is_crowded();
        let named = |lane: &Lane<E>| -> Vec<_> {
            lane.items.iter().map(|item| (item_name(item), lane.name.clone())).collect()
        };
        let folder = self.journal.as_ref().map(Journal::files);
        let identity = folder.as_ref().and_then(|files| files.folder().ok()).map(Folder::identity);
        let fixed = Static::of_engine(
            writer.as_ref().map(Writer::journal_id).zip(identity),
            self.capacity,
            live_from,
            self.lanes.iter().flat_map(named).collect(),
        );
        let (board, counters_file) = file::make(&self.shown, folder.as_ref(), &fixed, base)?;
        board.begin_time(time_ns);
        let times = TimeBounds::new(board.stage_times(), self.time_step_ns());
        let (names, lane_names): (Vec<String>, Vec<String>) = fixed.stages.into_iter().unzip();
        let parking = Arc::new(Parking::new(self.parking_lanes(), board.lanes()));
        let status = Arc::new(EngineStatus::new(Arc::clone(&parking), board.fate(), names.clone()));
        let journal = writer.as_ref().map(|writer| writer.cursors());
        let cursors: Vec<Cursor> = (0..names.len()).map(|index| board.stage(index)).collect();
        let places: HashMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (&**name, at)).collect();
        let place_of = |name: &str| places.get(name).map(|at| (cursors[*at].clone(), *at));
        let (producer, pollers) = ring::build::<E>(self.capacity, names.len(), self.publishers);
        let mut pollers = pollers.into_iter();
        let (published, durable) = (board.published(), board.durable());
        if let Some(journal) = &journal {
            board.begin_journal(journal.journalled_end());
            follow_journal(journal, &durable, &parking, &board);
        }
        let haste: Arc<Haste> = Arc::default();
        let findings: Arc<Findings> = Arc::default();
        // What a backtest is fed with has had its effects, whichever stage had them.
        let all_done = source.is_some();
        let journal_id = writer.as_ref().map(Writer::journal_id).or(source);
        let retention = writer.as_ref().and_then(Writer::retention);
        let history = match (&self.journal, &journal) {
            (Some(place), Some(written)) => {
                Some(History::new(place.files(), written.clone(), retention.clone()))
            }
            _ => None,
        };
        let keeper = match (self.journal.clone(), &journal) {
            (Some(place), Some(written)) => {
                let to_keep = self.keep_by(&place.files())?;
                let needs_all = self.needs_all_history(&place);
                let retention = retention.clone().filter(|_| !needs_all);
                let (reads, kinds) = self.reads();
                let work = Work {
                    cuts: Cuts::new(reads, kinds),
                    standing: vec![Standing::default(); cursors.len()],
                    stages: to_keep,
                    journal: place,
                    cursors: written.clone(),
                    findings: Arc::clone(&findings),
                    retention,
                    finished: cursors.clone(),
                    notes: self.notes()?,
                    trust: Trust::default(),
                    removes: true,
                };
                (!work.stages.is_empty() || work.retention.is_some() && !work.notes.is_empty())
                    .then(|| Keeper::start(work))
                    .transpose()
                    .map_err(|source| BuildError::Thread { lane: "slipring-keeper".to_owned(), source })?
            }
            _ => None,
        };
        let mut writer = writer;
        let mut gates = Vec::new();
        let mut runs = Vec::new();
        let mut invoked = Vec::new();
        let mut parking_count = 0;
        for lane in self.lanes {
            let parks = parks(&lane, crowded);
            let fused = lane.items.windows(2).position(is_fused);
            // Journal and stage that take turns as one need no small batch.
            let turns = lane.items.len() - usize::from(fused.is_some());
            let most = if turns > 1 { FUSED_BATCH } else { u64::MAX };
            // A turn gives its slots back at its end, so what it takes is withheld from publishers while its handler is at
            // work (trap 5).
            let quarter = (self.capacity as u64 / 4).max(1);
            let batch_cap = lane.batch.or(self.batch).unwrap_or(most).clamp(1, quarter);
            let mut stages: Vec<(String, Box<dyn RunStage<E>>)> = Vec::new();
            for item in lane.items {
                let name = item_name(&item);
                let (gate, mut stage): (Gate, Box<dyn RunStage<E>>) = match item {
                    Item::Journal => {
                        let writer = writer.take().expect("one lane runs the journal: checked in open");
                        (Gate::PUBLISHED, Box::new(JournalStage::new(writer)))
                    }
                    Item::Stage { gate, stage, .. } => (gate, stage),
                };
                stage.wire(Wiring {
                    batches: board.batches(gates.len()),
                    journal: board.journal(),
                    clock: Arc::clone(&self.clock),
                    poller: pollers.next().expect("every stage has one"),
                    watch: watch(&gate, &place_of, journal.as_ref(), &durable),
                    published: published.clone(),
                    parking: Arc::clone(&parking),
                    cursor: cursors[gates.len()].clone(),
                    status: Arc::clone(&status),
                    index: gates.len(),
                    base,
                    live_from,
                    time_ns,
                    batch_cap,
                    journal_id,
                    all_done,
                    epochs: epochs.clone(),
                    findings: Arc::clone(&findings),
                });
                gates.push(gate);
                stages.push((name, stage));
            }
            let parks_as = parks.then_some(parking_count);
            parking_count += usize::from(parks_as.is_some());
            let run = Run {
                core: lane.core,
                ended: Vec::with_capacity(stages.len()),
                stages,
                fused,
                waiter: lane.own_wait.map_or_else(|| Waiter::new(lane.wait, crowded), Waiter::own),
                looks: if self.publishers == ring::Publishers::Single { LOOKS } else { 0 },
                status: Arc::clone(&status),
                parking: Arc::clone(&parking),
                parks_as,
                haste: Arc::clone(&haste),
                hurries: false,
            };
            if lane.invoked { invoked.push(run) } else { runs.push((lane.name, run)) }
        }
        let invoked = (!invoked.is_empty()).then(|| Arc::new(Invoked::new(invoked)));

        let outlet = Arc::new(Outlet {
            status: Arc::clone(&status),
            clock: self.clock,
            base,
            capacity: self.capacity,
            claims: Mutex::default(),
            is_single: self.publishers == ring::Publishers::Single,
            published,
            stages: cursors.clone(),
            parking,
            counters: board.publishers(),
            told: board.told_published(),
            times,
            journal: folder,
            drive: invoked.clone().map(|lanes| lanes as Arc<dyn Drive>),
        });
        let shared = EngineShared {
            status,
            names,
            cursors,
            gates,
            journal,
            outlet: Arc::clone(&outlet),
            history,
            late: LateConsumers::new(Arc::clone(&board)),
            live_from,
            wait_timeout: self.wait_timeout,
            findings,
            retention,
            board,
            lanes: lane_names,
            ending: Ending::default(),
        };
        let (shared, lanes) = (Arc::new(shared), Vec::new());
        let mut engine = Engine { shared, lanes, invoked, haste, keeper, counters_file, has_waited: false };
        for (lane, run) in runs {
            engine.lanes.push(spawn(lane, run)?);
        }
        Ok((engine, Publisher::new(producer, outlet)))
    }

    /// What the keeper has to write for.
    fn keep_by(&mut self, journal: &Files) -> Result<Vec<KeptStage>, KeepError> {
        let mut all = Vec::new();
        for (place, item) in self.lanes.iter_mut().flat_map(|lane| &mut lane.items).enumerate() {
            if let Item::Stage { stage, .. } = item {
                all.extend(stage.keep_by(journal, place)?);
            }
        }
        Ok(all)
    }

    /// What has to be synced before retention may remove what stages have finished.
    fn notes(&self) -> Result<Vec<File>, KeepError> {
        let mut all = Vec::new();
        for item in self.lanes.iter().flat_map(|lane| &lane.items) {
            if let Item::Stage { stage, .. } = item {
                all.extend(stage.notes()?);
            }
        }
        Ok(all)
    }

    /// Whether a stage needs history that no snapshot holds. It may do with what is left, if the user asked for no more
    /// and no other stage's state needs a replay of all: then replay from the start goes on where history begins.
    fn needs_all_history(&self, journal: &Journal) -> bool {
        let must = journal.retires_only_behind_snapshots() || self.any_stage(|stage| stage.keeps_a_state());
        must && self.any_stage(|stage| stage.kind() == StateKind::Whole)
    }

    /// Whether a stage keeps what would be of no use without history.
    pub(crate) fn holds_history(&self) -> bool {
        self.any_stage(|stage| stage.holds_history())
    }

    fn any_stage(&self, is: impl Fn(&dyn RunStage<E>) -> bool) -> bool {
        let mut items = self.lanes.iter().flat_map(|lane| &lane.items);
        items.any(|item| matches!(item, Item::Stage { stage, .. } if is(&**stage)))
    }
}

/// Starts a lane's thread and waits until it is where it should be.
fn spawn<E: Event>(lane: String, run: Run<E>) -> Result<LaneThread<E>, BuildError> {
    let core = run.core;
    let (ready, is_ready) = sync_channel(1);
    let spawned = std::thread::Builder::new().name(lane.clone()).spawn(move || run.run(&ready));
    let thread = match spawned {
        Ok(thread) => thread,
        Err(source) => return Err(BuildError::Thread { lane, source }),
    };
    if !is_ready.recv().unwrap_or(false) {
        let _ = thread.join();
        let allowed = core_affinity::get_core_ids().map(|ids| {
            let list: Vec<String> = ids.iter().map(|id| id.id.to_string()).collect();
            format!("cores {}", list.join(", "))
        });
        return Err(BuildError::CoreNotAllowed { lane, core: core.unwrap_or(0), allowed });
    }
    Ok(LaneThread { name: lane, thread: Some(thread) })
}

/// Whether the first is the journal and the second a stage that waits for nothing else.
fn is_fused<E: Event>(items: &[Item<E>]) -> bool {
    matches!(items, [Item::Journal, Item::Stage { gate, .. }] if *gate == Gate::JOURNALLED)
}

/// Has the journal's threads move the durable cursor in the counters and wake lanes: those gated on durable, all when
/// the journal fails.
fn follow_journal(journal: &Cursors, durable: &Cursor, parking: &Arc<Parking>, board: &Arc<Board>) {
    let (ours, parking, shown) = (durable.clone(), Arc::clone(parking), Arc::clone(board));
    let (told, copy) = (board.told_durable(), board.told_durable());
    journal.on_change(move |Change { durable_end, failed, folder_moved }| {
        ours.raise(durable_end);
        show(&copy, durable_end);
        shown.set_folder_moved(folder_moved);
        parking.wake(&ours);
        if failed {
            parking.wake_all();
        }
    });
    // What was seen before.
    if journal.folder_moved() {
        board.set_folder_moved(true);
    }
    // What was durable before; the syncer may have raised it further since.
    durable.raise(journal.durable_end());
    show(&told, durable.end());
}

/// Tells other processes what is durable.
fn show(told: &Told<CursorLine>, durable_end: u64) {
    if let Some(copy) = told.copy() {
        // Relaxed: a figure.
        copy.end.fetch_max(durable_end, Ordering::Relaxed);
    }
}

/// Finds the cursors that a gate waits for.
fn watch(
    gate: &Gate,
    place_of: &impl Fn(&str) -> Option<(Cursor, usize)>,
    journal: Option<&Cursors>,
    durable: &Cursor,
) -> Watch {
    let stage = |name: &str| place_of(name).map(|(cursor, index)| Awaited::Stage(cursor, index));
    let mut sources: Vec<Awaited> = gate.after.iter().filter_map(|name| stage(name)).collect();
    match gate.level {
        Level::Published => {}
        Level::Journalled => sources.extend(stage(JOURNAL)),
        Level::Durable => {
            // Durable implies journalled, but replay passes the journal stage too: wait for both.
            sources.extend(stage(JOURNAL));
            sources.extend(journal.map(|journal| Awaited::Durable(journal.clone(), durable.clone())));
        }
    }
    Watch::new(sources)
}
