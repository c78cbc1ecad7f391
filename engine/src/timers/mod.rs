//! Timers: events that a thread of their own publishes, so that they are journalled like any other.
//!
//! ```text
//!            schedule, cancel, fired (a bounded queue)
//!  handler -------------------------------------------> timer thread
//!     ^                                                      | try_publish, once its time has come
//!     +-------------------- ring <---------------------------+
//! ```
//!
//! A handler must not look at a clock, or replay would see another time than the handler saw. With timers a
//! handler never does. What a handler schedules follows from the events alone. When a timer goes off is
//! decided once, by the place of the timer's event in the sequence, and replay finds the event there. A
//! [`Ticker`] publishes an event every so often; [`Timers`] publish the events that a handler asks for.
//!
//! Both need an engine of several publishers ([`Publishers::Multi`](crate::Publishers::Multi)), and end by
//! themselves when the engine is shut down.
//!
//! The folder knows publishers and what a handler is told; nothing of the engine around them.

mod one_shot;
mod pending;
mod schedule;
mod steady;
mod ticker;

use std::io;
use std::sync::Arc;

use crate::error::Halted;

pub use one_shot::Timers;
pub use schedule::Schedule;
pub use ticker::Ticker;

/// Why timers do not go off.
///
/// ```
/// # use slipring::prelude::*;
/// use std::time::Duration;
/// use slipring::{Ticker, TimerError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// # let lane = Lane::named("main").stage("book", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
/// let (engine, publisher) = Engine::builder().publishers(Publishers::Multi).lane(lane).go_live()?;
/// let ticker = Ticker::start(publisher, Duration::ZERO, |_| Tick { price: 0 });
/// assert!(matches!(ticker, Err(TimerError::NoInterval)));
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimerError {
    /// The engine has halted.
    #[error("timers end with their engine: {0}")]
    Halted(Halted),
    /// A ticker without an interval.
    #[error("an interval of zero: give a ticker the time between two ticks")]
    NoInterval,
    /// There is no room for commands.
    #[error(
        "a queue of no commands: give timers room for what a handler schedules between two looks of their thread"
    )]
    NoRoom,
    /// The room for commands does not fit into memory.
    #[error(
        "a queue of {capacity} commands does not fit into memory: what handlers schedule between two looks of the timers' thread, half a millisecond, is enough"
    )]
    TooMuchRoom {
        /// Commands asked for.
        capacity: usize,
    },
    /// The thread could not be started.
    #[error("the thread of the timers can't be started: {0}")]
    Thread(Arc<io::Error>),
    /// A publisher has been given already.
    #[error("the timers have a publisher already: arm them once a life")]
    AlreadyArmed,
    /// The timers are gone, and what was asked of them would never happen.
    #[error("the timers are gone: keep Timers until the engine has been shut down")]
    Gone,
    /// The caller's code panicked on the timers' thread.
    #[error(
        "what makes the tick's event, or other code of the caller's on the timers' thread, panicked: {0}"
    )]
    Panicked(String),
}
