//! From described lanes to lanes that can run: each stage is given its place, its gate's cursors and its
//! poller.

use std::collections::HashMap;
use std::sync::Arc;

use slipring_journal::{Cursors, Event, JournalId};

use super::common::Common;
use super::held::{Held, Replicated};
use super::start::Begin;
use crate::cursors::cursor::Cursor;
use crate::cursors::watch::{Awaited, Watch};
use crate::describe::builder::{EngineBuilder, parks};
use crate::describe::gate::{Gate, Level};
use crate::describe::lane::{Item, Lane};
use crate::kept::refusals::RefusalWiring;
use crate::names::JOURNAL;
use crate::ring::{Poller, Publishers, Stamps};
use crate::work::journal_stage::JournalStage;
use crate::work::lane::{LOOKS, Named, Run};
use crate::work::news::{Listener, News};
use crate::work::stage::{Life, RunStage, Wiring};
use crate::work::stage_cursor::StageCursor;
use crate::work::standby_journal::StandbyJournal;
use crate::work::wait::{Cores, Waiter};

/// Most events that a lane with several stages takes in a turn: few enough that they are still in a cache
/// near the core when the next stage comes to them, and enough that what a turn costs does not count.
const FUSED_BATCH: u64 = 1024;

/// Wires an engine's lanes, one after the other.
pub(super) struct Wirer<'a, E: Event> {
    builder: &'a EngineBuilder<E>,
    common: &'a Common,
    begin: &'a Begin,
    cores: Cores,
    journal_id: Option<JournalId>,
    /// For the journal's stage.
    held: Held<E>,
    /// Of a standby.
    news: Option<Arc<News>>,
    pollers: std::vec::IntoIter<Poller<E>>,
    /// If a stage is measured from publish.
    stamps: Option<Arc<Stamps>>,
    /// Each stage's place, by its name.
    places: HashMap<&'a str, usize>,
    /// Of the stages wired so far.
    gates: Vec<Gate>,
    /// Lanes so far that can park.
    parking: usize,
}

impl<'a, E: Event> Wirer<'a, E> {
    pub(super) fn new(
        (builder, cores): (&'a EngineBuilder<E>, Cores),
        common: &'a Common,
        begin: &'a Begin,
        held: Held<E>,
        pollers: Vec<Poller<E>>,
        stamps: Option<Arc<Stamps>>,
    ) -> Self {
        let (journal_id, news) = (held.journal_id().or(begin.source), held.news().cloned());
        let pollers = pollers.into_iter();
        let places = common.names.iter().enumerate().map(|(at, name)| (&**name, at)).collect();
        let (gates, parking) = (Vec::new(), 0);
        Wirer {
            builder,
            common,
            begin,
            cores,
            journal_id,
            held,
            news,
            pollers,
            stamps,
            places,
            gates,
            parking,
        }
    }

    /// Each stage's gate.
    pub(super) fn into_gates(self) -> Vec<Gate> {
        self.gates
    }

    pub(super) fn lane(&mut self, lane: Lane<E>) -> Run<E> {
        let parks_as = parks(&lane, self.cores).then_some(self.parking);
        self.parking += usize::from(parks_as.is_some());
        let fused = lane.items.windows(2).position(is_fused);
        // Journal and stage that take turns as one need no small batch.
        let turns = lane.items.len() - usize::from(fused.is_some());
        let most = if turns > 1 { FUSED_BATCH } else { u64::MAX };
        // A turn gives its slots back at its end, so what it takes is withheld from publishers while its
        // handler is at work.
        let quarter = (self.builder.capacity as u64 / 4).max(1);
        let batch_cap = lane.batch.or(self.builder.batch).unwrap_or(most).clamp(1, quarter);
        let stages: Vec<Named<E>> = lane.items.into_iter().map(|item| self.stage(item, batch_cap)).collect();
        let cores = self.cores;
        Run {
            core: lane.core,
            ended: Vec::with_capacity(stages.len()),
            stages,
            fused,
            waiter: lane.own_wait.map_or_else(|| Waiter::new(lane.wait, cores), Waiter::own),
            looks: if self.builder.publishers == Publishers::Single { LOOKS } else { 0 },
            status: Arc::clone(&self.common.status),
            parking: Arc::clone(&self.common.parking),
            parks_as,
            haste: Arc::clone(&self.common.haste),
            hurries: false,
            no_room: false,
            unsynced: false,
        }
    }

    fn stage(&mut self, item: Item<E>, batch_cap: u64) -> Named<E> {
        let (common, index) = (self.common, self.gates.len());
        let Item { name, gate, stage, .. } = item;
        let (cursor, parking) = (common.cursors[index].clone(), Arc::clone(&common.parking));
        let wiring = Wiring {
            poller: self.pollers.next().expect("every stage has one"),
            watch: self.watch(&gate),
            published: common.published.clone(),
            cursor: StageCursor::new(cursor, parking, common.board.batches(index)),
            status: Arc::clone(&common.status),
            index,
            batch_cap,
        };
        self.gates.push(gate);
        let stage = match stage {
            Some(stage) => stage.wire(wiring, self.life(index)),
            None => self.journal(wiring),
        };
        (name, stage)
    }

    /// The journal's stage.
    fn journal(&mut self, wiring: Wiring<E>) -> Box<dyn RunStage<E>> {
        let told = self.common.board.journal();
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Writer(writer) => Box::new(JournalStage::new(*writer, told, wiring)),
            Held::Replica(Replicated { cursors, slot, news, .. }) => {
                let listener = Listener::new(&news, wiring.index, 0);
                let heard = (listener, self.begin.time_ns);
                Box::new(StandbyJournal::new((slot, cursors), told, wiring, heard))
            }
            Held::Nothing => unreachable!("one lane runs the journal, if there is one: checked in open"),
        }
    }

    /// What the handler's stage of this place needs to know.
    fn life(&self, index: usize) -> Life {
        let Begin { base, live_from, time_ns, ref epochs, source } = *self.begin;
        Life {
            seat: self.common.first_seat + index as u64,
            base,
            live_from,
            time_ns,
            journal_id: self.journal_id,
            // What a backtest is fed with has had its effects, whichever stage had them.
            // And what a standby takes is the primary's to answer for.
            all_done: source.is_some() || self.news.is_some(),
            epochs: epochs.clone(),
            news: self.news.clone(),
            findings: Arc::clone(&self.common.findings),
            refusals: RefusalWiring {
                again: Arc::clone(&self.common.again),
                clock: Arc::clone(&self.builder.clock),
                figures: self.common.board.refusals(index),
            },
            clock: Arc::clone(&self.builder.clock),
            stamps: self.stamps.clone(),
        }
    }

    /// Finds the cursors that a gate waits for.
    fn watch(&self, gate: &Gate) -> Watch {
        let cursor = |at: usize| -> Cursor { self.common.cursors[at].clone() };
        let stage = |name: &str| self.places.get(name).map(|at| Awaited::Stage(cursor(*at), *at));
        let mut awaited: Vec<Awaited> = gate.after.iter().filter_map(|name| stage(name)).collect();
        match gate.level {
            Level::Published => {}
            Level::Journalled => awaited.extend(stage(JOURNAL)),
            Level::Durable => {
                // Durable implies journalled, but replay passes the journal stage too: wait for both.
                awaited.extend(stage(JOURNAL));
                let durable =
                    |journal: &Cursors| Awaited::Durable(journal.clone(), self.common.durable.clone());
                awaited.extend(self.common.journal.as_ref().map(durable));
            }
        }
        let names = self.builder.acknowledged.as_ref();
        let acknowledged = |name: &String| names.and_then(|names| names.awaited(name));
        awaited.extend(gate.acknowledged.iter().filter_map(acknowledged));
        Watch::new(awaited)
    }
}

/// Whether the first is the journal and the second a stage that waits for nothing else.
fn is_fused<E: Event>(items: &[Item<E>]) -> bool {
    matches!(items, [first, second] if first.is_journal() && second.gate == Gate::JOURNALLED)
}
