//! An in-process disruptor engine: a lock-free ring feeds pinned consumer lanes while a journaller appends every
//! event to memory-mapped segment files; replay starts at a time in those files and feeds the records into the
//! same ring.
//!
//! One mechanism makes all of it: every stage publishes a cursor, and a gate is the least of the cursors that a
//! stage waits for. So the dependency graph has any shape, and *published*, *journalled* and *durable* are just
//! cursors to be gated on.
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
//! use slipring::{Context, Engine, Event, From, Gate, Journal, Lane};
//!
//! #[derive(Clone, Copy, Debug, Event)]
//! #[event(pod)]
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
//! println!("{}", recovered.report());
//! recovered.replay(From::Start)?;
//! let (engine, mut publisher) = recovered.go_live()?;
//! let sequence = publisher.publish(Order { id: 1, price: 5_853_300, quantity: 18, side: 1 })?;
//! engine.wait_durable(sequence)?;
//! engine.shutdown(publisher)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What each level promises is in `docs/reference/guarantees.md`; how it is made, in `docs/architecture.md`.

#![deny(missing_docs)]

// The derive writes `::slipring::..`, in this crate's own tests and docs too.
extern crate self as slipring;

mod barrier;
mod builder;
mod clock;
mod context;
mod counters;
mod cursor;
mod duties;
mod ending;
mod engine;
mod error;
mod feed;
mod gate;
mod grace;
mod graph;
mod handler;
mod handler_stage;
mod held;
mod inside;
mod invoke;
mod journal_stage;
mod kept;
mod lane;
mod late;
mod latency;
mod output;
mod panics;
mod park;
mod pass;
mod publisher;
mod recovered;
mod replay;
mod ring;
mod run;
mod run_stage;
mod running_digest;
mod shutdown;
mod stage;
mod start;
mod status;
mod timers;
mod wait;

pub use builder::EngineBuilder;
pub use clock::{Clock, SystemClock};
pub use context::{Batch, Context, EventKey};
pub use counters::{
    Counters, CountersError, CountersFault, CountersFileError, CountersReader, HaltedCounters, JournalStalls,
    JournalTime, LateCounters, StageCounters,
};
pub use ending::{Ending, Undelivered};
pub use engine::Engine;
pub use error::{BuildError, PublishError, ReplayError, ShutdownError, WaitError};
pub use gate::{Gate, IntoNames};
pub use handler::{Fatal, Handler, HandlerError, Outcome};
pub use kept::KeepError;
pub use kept::dead_letters::{DeadLetter, DeadLetterKind, DeadLetters, OnError};
pub use kept::digests::{Digest, Digests, Divergence};
pub use kept::effects::{Effects, FirstTime};
pub use kept::info::{KeptInfo, SnapshotInfo};
pub use kept::keeper::KeptCounters;
pub use kept::reprocess::{ReprocessError, Reprocessed};
pub use kept::snapshot::{HeldBack, NeededBy, RefusedSnapshot, Restored, Snapshot, Snapshots};
pub use lane::Lane;
pub use late::{FollowFrom, LateConsumer, LateContext, LateEnd, LateError, LateHandle, LateHandler};
pub use latency::{Latency, LatencyIntervals, LatencyRecorder};
pub use output::{Output, OutputError};
pub use publisher::Publisher;
pub use recovered::Recovered;
pub use replay::{Backtest, BacktestReport, From, Pace, Replay, ReplayReport, Step, Until};
pub use ring::Publishers;
pub use running_digest::RunningDigest;
pub use shutdown::ShutdownReport;
pub use stage::Stage;
pub use status::{Cause, Halted};
pub use timers::{Schedule, Ticker, TimerError, Timers};
pub use wait::{Wait, WaitStrategy};

pub use bytemuck;
pub use hdrhistogram;
pub use slipring_journal::{
    Anchor, CorruptRecord, Cursors, DiskFull, Event, Field, Follower, Journal, JournalFault, JournalId, Kind,
    Lease, ReadError, Reader, Record, RecoveryReport, Retention, RetentionHandle, Schema, Sync, UnknownTag,
};

#[doc(hidden)]
pub use slipring_journal::__private;
