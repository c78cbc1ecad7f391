//! What can go wrong with an output.

use std::time::Duration;

use slipring_journal::__private::counted;

use super::Halted;

/// Why nothing was put out. The output is as it was before the call.
///
/// ```
/// # use slipring::prelude::*;
/// use slipring::{Output, OutputError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
///
/// # let lane = Lane::named("out").stage("send", |_: &Order, _: &Context| (), Gate::PUBLISHED);
/// let (gateway, orders) = Engine::builder().publishers(Publishers::Multi).lane(lane).go_live()?;
/// assert!(matches!(Output::only("orders", orders), Err(OutputError::NotOnly { .. })));
/// gateway.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [cases](https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md#cases).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The other engine's ring is full, or its journal behind.
    #[error(
        "output {name}, after event {sequence}: the engine behind it has had no room for {patience:?}: its slowest stage is a whole ring behind; see its counters, enlarge its ring, or give the output more Output::patience"
    )]
    Full {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The event is in the other engine's ring, and its journal does not take it.
    #[error(
        "output {name}, after event {sequence}: published, and not journalled by the engine behind it within {patience:?}; see its counters, or give the output more Output::patience"
    )]
    NotJournalled {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The event's time lies too far ahead for the other engine.
    #[error(
        "output {name}, after event {sequence}: its time, {time_ns} ns, lies too far ahead for the engine behind it, which takes \
         {bound_ns} ns at most: raise that engine's max_time_step, to this one's if need be"
    )]
    TimeTooFar {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// The event's time, nanoseconds.
        time_ns: u64,
        /// The latest time that would have been taken.
        bound_ns: u64,
    },
    /// The other engine has halted.
    #[error("output {name}, after event {sequence}: the engine behind it has {halted}")]
    Halted {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// Why.
        halted: Halted,
    },
    /// The other engine is shut down.
    #[error(
        "output {name}, after event {sequence}: the engine behind it is shut down; shut this one down first"
    )]
    Closed {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
    },
    /// The output leads into the handler's own engine.
    #[error(
        "output {name} leads into the engine whose handler uses it: replay could not tell its events from others; publish into another engine"
    )]
    OwnRing {
        /// The output.
        name: &'static str,
    },
    /// The engine takes several publishers, so what others publish can't be told from what this output did.
    #[error(
        "output {name} is to be the only publisher of an engine that takes several (Publishers::Multi): build that with Publishers::Single, or use Output::shared"
    )]
    NotOnly {
        /// The output.
        name: &'static str,
    },
    /// The other side has more than this side's history put out, so that an event that is live would be taken
    /// for one that is there.
    #[error(
        "output {name}, after event {sequence}, which is live: {} put out, and the other journal holds {held}, which this history does not account for. Replay all of it before going live (ReplayFrom::Start, or ReplayFrom::Snapshot with snapshots); if it was, this engine's journal has lost what those followed from, as power loss does behind another gate than Gate::DURABLE, or the other journal is not this output's alone: give the output a new one, or use Output::shared",
        counted(*count, "event has been", "events have been")
    )]
    Ahead {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// Events put out.
        count: u64,
        /// Events that the other side has.
        held: u64,
    },
    /// Replay puts out another event than the other journal has in its place.
    #[error(
        "output {name}, after event {sequence}: record {number} of the other journal is another event, or was put out at another time. This history is not the one that it followed from (power loss has cut it short, and it went on another way; or replay began in its midst), or the handler does not do what it did then. Nothing was put out: replay all of it, with the code that wrote it; else give the output a new journal"
    )]
    Differs {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// The other journal's record.
        number: u64,
    },
    /// The other journal could not be compared with.
    #[error(
        "output {name}, after event {sequence}: record {number} of the other journal can't be read, so nobody can tell whether it is this event: {what}"
    )]
    Unreadable {
        /// The output.
        name: &'static str,
        /// The event in hand.
        sequence: u64,
        /// The other journal's record.
        number: u64,
        /// Why.
        what: String,
    },
    /// A saved state is ahead of what the other side has.
    #[error(
        "output {name}: {} had been put out, and the other journal holds {held}: the rest is gone and must be made again; replay from an earlier snapshot",
        counted(*count, "event", "events")
    )]
    Gap {
        /// The output.
        name: &'static str,
        /// Events put out.
        count: u64,
        /// Events that the other side has.
        held: u64,
    },
}
