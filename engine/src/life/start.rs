//! From a description to running lanes: what all share is made, lanes are wired, threads started.

use std::sync::atomic::AtomicU64;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use slipring_journal::{Event, Journal, JournalId};

use super::common::Common;
use super::ending::Ending;
use super::engine::{Engine, EngineShared, LaneThread, Stages};
use super::held::Held;
use super::wiring::Wirer;
use crate::describe::builder::EngineBuilder;
use crate::error::BuildError;
use crate::kept::epochs::Epochs;
use crate::late::{History, LateConsumers};
use crate::own_thread::OwnThread;
use crate::publish::outlet::{Outlet, PublishedEnd};
use crate::publish::publisher::Publisher;
use crate::publish::times::TimeBounds;
use crate::ring::{self, Publishers, Stamps};
use crate::work::invoked::{Drive, Invoked};
use crate::work::lane::Run;

/// Where an engine begins.
pub(crate) struct Begin {
    /// The sequence of the ring's first event.
    pub(crate) base: u64,
    /// The first live sequence. Of a standby: the first that it takes.
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
        held: Held<E>,
        begin: Begin,
    ) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        let (common, counters_file) = self.common(&held, &begin)?;
        let stamps = self.has_stamps().then(|| Arc::new(Stamps::new(self.capacity)));
        let stages = common.names.len();
        let (producer, pollers) =
            ring::build::<E>(self.capacity, begin.base, stages, self.publishers, stamps.clone());
        self.bind_columns(common.first_seat, &common.names);
        common.follow_journal();
        if let Some(names) = &self.acknowledged {
            names.run(&common.parking, &common.board);
        }
        let retention = held.retention();
        let keeper = self.lane_cores().away(|| self.keeper(&common, retention.clone()))?;
        let cores = self.cores();
        let lanes = std::mem::take(&mut self.lanes);
        let mut wirer = Wirer::new((&self, cores), &common, &begin, held, pollers, stamps);
        let (mut invoked, mut threads) = (Vec::new(), Vec::new());
        for lane in lanes {
            let (name, is_invoked) = (lane.name.clone(), lane.invoked);
            let run = wirer.lane(lane);
            if is_invoked { invoked.push(run) } else { threads.push((name, run)) }
        }
        let gates = wirer.into_gates();
        let invoked = (!invoked.is_empty()).then(|| Arc::new(Invoked::new(invoked)));
        let drive = invoked.clone().map(|lanes| lanes as Arc<dyn Drive>);
        let outlet = Arc::new(self.outlet(&common, drive));
        let haste = Arc::clone(&common.haste);
        let history = match (&self.journal, &common.journal) {
            (Some(place), Some(written)) => Some(History::new(place.files(), written.clone(), retention)),
            _ => None,
        };
        let shared = Arc::new(EngineShared {
            status: common.status,
            stages: Stages { names: common.names, lanes: common.lane_names, cursors: common.cursors, gates },
            journal: common.journal,
            outlet: Arc::clone(&outlet),
            history,
            late: LateConsumers::new(Arc::clone(&common.board)),
            acknowledged: self.acknowledged.clone(),
            live_from: AtomicU64::new(begin.live_from),
            wait_timeout: self.wait_timeout,
            findings: common.findings,
            again: common.again,
            board: common.board,
            ending: Ending::default(),
        });
        let lanes = Vec::new();
        let mut engine = Engine {
            shared,
            lanes,
            invoked,
            haste,
            keeper,
            counters_file,
            process: std::process::id(),
            has_waited: false,
        };
        for (lane, run) in threads {
            engine.lanes.push(spawn(lane, run)?);
        }
        Ok((engine, Publisher::new(producer, outlet)))
    }

    /// What publishers share.
    fn outlet(&self, common: &Common, drive: Option<Arc<dyn Drive>>) -> Outlet {
        let board = &common.board;
        Outlet {
            status: Arc::clone(&common.status),
            clock: Arc::clone(&self.clock),
            capacity: self.capacity,
            claims: Mutex::default(),
            is_single: self.publishers == Publishers::Single,
            published: PublishedEnd::new(common.published.clone(), board.told_published()),
            stages: common.cursors.clone(),
            parking: Arc::clone(&common.parking),
            counters: board.publishers(),
            times: TimeBounds::new(board.stage_times(), self.time_step_ns()),
            journal: self.journal.as_ref().map(Journal::files),
            drive,
        }
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
    Ok(LaneThread { name: lane, thread: OwnThread::new(thread) })
}
