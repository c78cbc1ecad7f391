//! A stage, as the user describes it: a name, a handler, a gate, and what it keeps beside the journal.

use slipring_journal::Event;

use super::gate::Gate;
use super::lane::Item;
use crate::column::Column;
use crate::handler::Handler;
use crate::handler::latency::{FromPublish, LatencyRecorder, Measured, Meter, Unmeasured};
use crate::kept::dead_letters::OnError;
use crate::kept::digests::{Digest, Digests};
use crate::kept::duties::{DigestCalls, Keeps, SnapshotCalls};
use crate::kept::effects::Effects;
use crate::kept::facts::StageFacts;
use crate::kept::snapshot::{Snapshot, Snapshots};
use crate::key::StageName;
use crate::work::described::DescribedHandler;

/// A stage with options; [`Lane::with`](crate::Lane::with) puts it on a lane. A stage without options is as
/// well made by [`Lane::stage`](crate::Lane::stage).
///
/// ```
/// # use slipring::{Context, Digest, Digests, Event, Gate, Handler, HandlerError, Lane};
/// # use slipring::{Snapshot, Snapshots, Stage};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
/// #[derive(Default)]
/// struct Volume { total: u64 }
///
/// impl Handler<Order> for Volume {
///     fn event(&mut self, order: &Order, _: &Context) -> Result<(), HandlerError> {
///         self.total += order.quantity;
///         Ok(())
///     }
/// }
/// impl Snapshot for Volume {
///     fn save(&self, out: &mut Vec<u8>) {
///         out.extend_from_slice(&self.total.to_le_bytes());
///     }
///     fn restore(&mut self, _version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
///         self.total = u64::from_le_bytes(bytes.try_into()?);
///         Ok(())
///     }
/// }
/// impl Digest for Volume {
///     fn digest(&self) -> u64 {
///         self.total
///     }
/// }
///
/// let stage = Stage::new("volume", Volume::default(), Gate::JOURNALLED)
///     .snapshots(Snapshots::every(100_000))
///     .digests(Digests::every(4_096));
/// let lane = Lane::named("main").journal().with(stage);
/// ```
///
/// More: [write a stage that recovers][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/write-a-recovering-stage.md
pub struct Stage<H, M = Unmeasured> {
    name: String,
    handler: H,
    meter: M,
    gate: Gate,
    keeps: Keeps<H>,
}

impl<H> Stage<H> {
    /// A stage that keeps nothing and halts the engine when its handler fails.
    pub fn new(name: impl StageName<H>, handler: H, gate: Gate) -> Self {
        Stage { name: name.into_name(), handler, meter: Unmeasured, gate, keeps: Keeps::nothing() }
    }

    /// Records how old each live event is when the handler has finished it, by the event's own time; see
    /// [`Latency`](crate::Latency) for what exactly is measured and what it costs.
    #[must_use]
    pub fn measured(self, recorder: LatencyRecorder) -> Stage<H, Measured> {
        let Stage { name, handler, meter: Unmeasured, gate, keeps } = self;
        Stage { name, handler, meter: Measured::new(recorder), gate, keeps }
    }

    /// Records how long ago each live event was published when the handler has finished it, whatever the
    /// event's own time; see [`Latency`](crate::Latency).
    #[must_use]
    pub fn measured_from_publish(self, recorder: LatencyRecorder) -> Stage<H, FromPublish> {
        let Stage { name, handler, meter: Unmeasured, gate, keeps } = self;
        Stage { name, handler, meter: FromPublish::new(recorder), gate, keeps }
    }
}

impl<H, M: Meter> Stage<H, M> {
    /// Takes snapshots of the handler's state, for [`ReplayFrom::Snapshot`](crate::ReplayFrom::Snapshot).
    #[must_use]
    pub fn snapshots(mut self, options: Snapshots) -> Self
    where
        H: Snapshot,
    {
        let (version, save, restore) = (H::VERSION, H::save, H::restore);
        self.keeps.snapshots = Some(SnapshotCalls { options, version, save, restore });
        self
    }

    /// Logs digests of the handler's state, and compares them in replay.
    #[must_use]
    pub fn digests(mut self, options: Digests) -> Self
    where
        H: Digest,
    {
        self.keeps.digests = Some(DigestCalls { options, digest: H::digest });
        self
    }

    /// Notes how far the handler's effects are, for [`Context::already_done`](crate::Context::already_done).
    #[must_use]
    pub fn effects(mut self, effects: Effects) -> Self {
        self.keeps.effects = Some(effects);
        self
    }

    /// What to do when the handler returns an error; the engine halts if not set.
    #[must_use]
    pub fn on_error(mut self, what: OnError) -> Self {
        self.keeps.on_error = what;
        self
    }

    /// The handler has no state that history makes. [`ReplayFrom::Snapshot`](crate::ReplayFrom::Snapshot)
    /// then gives it no events but those whose [effects](Stage::effects) are due, and those that a stage
    /// handles which
    /// [reads](crate::Gate::after) it.
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.keeps.stateless = true;
        self
    }

    /// The handler writes the column, for the stages behind this one: by
    /// [`Context::write`](crate::Context::write). A column has one stage that writes it.
    #[must_use]
    pub fn writes<T>(mut self, column: &Column<T>) -> Self {
        self.keeps.columns.writes.push(column.any().clone());
        self
    }

    /// The handler reads the column, by [`Context::read`](crate::Context::read). The stage must be gated
    /// behind the one that writes it, over other stages or not, by [`Gate::after`](crate::Gate::after) or
    /// [`Gate::after_only`](crate::Gate::after_only).
    ///
    /// [`ReplayFrom::Snapshot`](crate::ReplayFrom::Snapshot) starts the stage that writes no later than this
    /// one: what is to be read is made again.
    #[must_use]
    pub fn reads<T>(mut self, column: &Column<T>) -> Self {
        self.keeps.columns.reads.push(column.any().clone());
        self
    }

    pub(crate) fn into_item<E: Event>(self) -> Item<E>
    where
        H: Handler<E>,
    {
        let Stage { name, handler, meter, gate, keeps } = self;
        let facts = StageFacts { asks_publish: M::ASKS_PUBLISH, ..keeps.facts() };
        let columns = keeps.columns.clone();
        let stage = Box::new(DescribedHandler::new(name.clone(), handler, keeps, meter));
        Item { name, gate, facts, columns, stage: Some(stage) }
    }
}

impl<H, M> std::fmt::Debug for Stage<H, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("name", &self.name).field("gate", &self.gate).finish_non_exhaustive()
    }
}
