//! An in-process disruptor engine. A lock-free ring feeds lanes: threads that run stages. One stage is the
//! journal, which appends every event to memory-mapped segment files. Replay starts at a time in those files
//! and feeds the records into the same ring.
//!
//! One mechanism makes all of it: every stage has a cursor, how far it is, and a gate is the least of the
//! cursors that a stage waits for. So the dependency graph has any shape, and *published*, *journalled* and
//! *durable* are just cursors to be gated on.
//!
//! ```text
//!  publisher --> ring --+--> journal ----> segment files
//!                       |       |              |
//!                       |       | journalled   | synced
//!                       |       v              v
//!                       |     book          gateway  (Gate::DURABLE.after("risk"))
//!                       +--> risk  (Gate::PUBLISHED: beside the journal)
//! ```
//!
//! ```
//! use slipring::prelude::*;
//!
//! #[derive(Clone, Copy, Debug, Event)]
//! #[repr(C)]
//! struct Order { id: u64, price: i64, quantity: u32, side: u32 }
//!
//! # let folder = tempfile::tempdir()?;
//! # let place = folder.path().join("orders");
//! let mut volume = 0u64;
//! let mut recovered = Engine::builder()
//!     .journal(Journal::at(place))
//!     .lane(Lane::named("main").journal().stage(
//!         "volume",
//!         move |order: &Order, _: &Context| volume += u64::from(order.quantity),
//!         Gate::JOURNALLED,
//!     ))
//!     .open()?;
//! recovered.replay(ReplayFrom::Start)?;
//! let (engine, mut publisher) = recovered.go_live()?;
//! let sequence = publisher.publish(Order { id: 1, price: 5_853_300, quantity: 18, side: 1 })?;
//! engine.wait_durable(sequence)?;
//! engine.join()?;
//! # Ok::<(), slipring::Error>(())
//! ```
//!
//! Begin with the [tutorial]. What each level promises: [guarantees]. How it is made: [architecture].
//!
//! [tutorial]: https://github.com/slipring/slipring/blob/main/docs/tutorial.md
//! [guarantees]: https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md
//! [architecture]: https://github.com/slipring/slipring/blob/main/docs/architecture.md

#![deny(missing_docs)]

// The derive writes `::slipring::..`, in this crate's own tests and docs too.
extern crate self as slipring;

// A folder knows those below it. `engine/tests/house/layers.rs` says which those are, and holds each to it.
mod acknowledged;
mod any_error;
mod clock;
mod column;
mod counters;
mod cursors;
mod describe;
mod error;
mod grace;
mod handler;
mod kept;
mod key;
mod late;
mod life;
mod lines;
mod names;
mod output;
mod own_thread;
mod panics;
mod publish;
mod ring;
mod timers;
mod work;

pub use acknowledged::acknowledger::Acknowledger;
pub use acknowledged::error::{AcknowledgeError, ListenError};
pub use acknowledged::listener::AcknowledgementListener;
pub use acknowledged::name::{Acknowledged, SetBack};
pub use acknowledged::names::Unacknowledged;
pub use any_error::Error;
pub use clock::{Clock, SystemClock};
pub use column::Column;
pub use counters::figures::{
    AcknowledgedCounters, Counters, HaltedCounters, JournalStalls, JournalTime, LateCounters, StageCounters,
};
pub use counters::reader::{CountersError, CountersReader};
pub use describe::builder::EngineBuilder;
pub use describe::gate::{Gate, IntoNames, ManyNames, OneName};
pub use describe::lane::Lane;
pub use describe::stage::Stage;
pub use error::{
    BuildError, Cause, CountersFileError, Divergence, Halted, KeepError, OutputError, PublishError, WaitError,
};
pub use handler::context::{Batch, Context, EventKey};
pub use handler::latency::{
    FromPublish, Latency, LatencyIntervals, LatencyRecorder, Measured, Meter, Unmeasured,
};
pub use handler::running_digest::RunningDigest;
pub use handler::{Fatal, Handler, HandlerError, Outcome};
pub use kept::back_off::BackOff;
pub use kept::dead_letters::{DeadLetter, DeadLetterKind, DeadLetters, OnError};
pub use kept::digests::{Digest, Digests};
pub use kept::effects::{Effects, FirstTime};
pub use kept::info::{KeptInfo, SnapshotInfo};
pub use kept::keeper::KeptCounters;
pub use kept::restored::{HeldBack, NeededBy, RefusedSnapshot, Restored};
pub use kept::snapshot::{Snapshot, Snapshots};
pub use key::{StageKey, StageName};
pub use late::{FollowFrom, LateConsumer, LateContext, LateEnd, LateError, LateHandle, LateHandler};
pub use life::backtest::{Backtest, BacktestReport};
pub use life::ending::{Ending, Undelivered};
pub use life::engine::Engine;
pub use life::recovered::Recovered;
pub use life::replay::{Pace, Replay, ReplayFrom, ReplayReport, ReplayUntil, Step};
pub use life::replay_error::ReplayError;
pub use life::reprocess::{ReprocessError, Reprocessed};
pub use life::shutdown::{ShutdownError, ShutdownReport};
pub use life::standby::Standby;
pub use life::standby_error::StandbyError;
pub use lines::format::CountersFault;
pub use output::Output;
pub use publish::doubles::{ById, Doubles, IdOf};
pub use publish::idempotent::{IdempotentPublisher, Published};
pub use publish::publisher::Publisher;
pub use publish::republish::Republish;
pub use ring::Publishers;
pub use timers::{Schedule, Ticker, TimerError, Timers};
pub use work::wait::{Wait, WaitStrategy};

pub use bytemuck;
pub use hdrhistogram;
pub use slipring_journal::{
    AcknowledgementSender, Anchor, AppendError, CorruptRecord, Cursors, DiskFull, Event, Field, FileKind,
    Follower, HeldBy, Identified, IoFault, Journal, JournalFault, JournalId, Kind, Lease, NamedReader,
    NamedReaderError, NextTypeError, NotAcknowledged, NotOurs, OpenError, Origin, RawReader, RawRecord,
    ReadError, Reader, ReaderInfo, ReaderStart, ReaderStatus, Record, RecoveryReport, Refusal, Retention,
    RetentionHandle, SalvageError, Schema, SealedSegment, SharedReader, Stall, SyncError, SyncMode,
    TakeError, UnknownTag, WholeCall, Writer, promotion_epoch,
};

/// What most programs need: `use slipring::prelude::*`.
///
/// ```
/// use slipring::prelude::*;
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Tick { price: u64 }
///
/// let print = |tick: &Tick, _: &Context| drop(tick.price);
/// let lane = Lane::named("main").stage("print", print, Gate::PUBLISHED);
/// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
/// publisher.publish(Tick { price: 7 })?;
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
pub mod prelude {
    pub use crate::{
        Column, Context, Engine, Event, Gate, Handler, HandlerError, Journal, Lane, Publisher, Publishers,
        ReplayFrom, ReplayUntil, Snapshot, Snapshots, Stage, StageKey, SyncMode, Wait,
    };
}

#[doc(hidden)]
pub mod __private {
    pub use crate::acknowledged::by_hand::NoteByHand;
    pub use slipring_journal::__private::*;
}
