//! Why an engine stopped for good.

use std::sync::Arc;

use slipring_journal::AppendError;

use super::KeepError;

/// Why and where the engine stopped for good.
///
/// ```
/// # use slipring::prelude::*;
/// use slipring::Cause;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
///
/// let check = |order: &Order, _: &Context| if order.quantity == 0 { Err("of nothing") } else { Ok(()) };
/// let lane = Lane::named("main").stage("check", check, Gate::PUBLISHED);
/// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
/// let sequence = publisher.publish(Order { quantity: 0 })?;
/// assert!(engine.wait_stage("check", sequence).is_err());
/// let halted = engine.halted().expect("the handler refused the order");
/// assert_eq!((halted.stage.as_str(), halted.sequence), ("check", sequence));
/// assert!(matches!(halted.cause, Cause::Error(_)));
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [handle errors](https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md).
#[derive(Clone, Debug, thiserror::Error)]
#[error("halted by stage {stage} at sequence {sequence}: {cause}")]
pub struct Halted {
    /// The stage that failed.
    pub stage: String,
    /// The sequence that it did not finish. Stages gated on it stop before it.
    pub sequence: u64,
    /// What happened.
    pub cause: Cause,
}

/// What made a stage fail.
///
/// See the example of [`Halted`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The handler panicked; the panic's message.
    #[error("its handler panicked: {0}")]
    Panic(String),
    /// The handler returned an error.
    #[error("its handler failed: {0}")]
    Error(Arc<dyn std::error::Error + Send + Sync>),
    /// The wait strategy of the stage's lane panicked, or the lane did.
    #[error("its lane panicked while it waited: {0}")]
    Lane(String),
    /// The engine's clock panicked when it was asked for the time of a publish.
    #[error("the clock panicked: {0}")]
    Clock(String),
    /// The journal took no more.
    #[error("the journal failed: {0}")]
    Journal(AppendError),
    /// Replay came to another state than the one that was logged.
    #[error(transparent)]
    Diverged(Divergence),
    /// What the stage keeps beside the journal could not be read or written.
    #[error("what it keeps beside the journal failed: {0}")]
    Keep(Arc<KeepError>),
}

/// Replay came to another state than the one that was logged: a handler that is not deterministic, or not the
/// same code.
///
/// ```
/// use slipring::{Event, Recovered};
///
/// fn tell<E: Event>(recovered: &Recovered<E>) {
///     for divergence in recovered.divergences() {
///         println!("{} differs between {} and {}", divergence.stage, divergence.after, divergence.end);
///     }
/// }
/// ```
///
/// More: [digests].
///
/// [digests]: https://github.com/slipring/slipring/blob/main/docs/how-to/write-a-recovering-stage.md#digests
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "replay of stage {stage} went another way between sequences {after} and {end} (excluded): digest {found:#018x}, logged was {logged:#018x}; is its handler deterministic, and the same code?"
)]
pub struct Divergence {
    /// The stage.
    pub stage: String,
    /// Up to this sequence (excluded) the state was the same, or none was logged.
    pub after: u64,
    /// Behind the last event before this sequence it was not.
    pub end: u64,
    /// The digest that was logged there.
    pub logged: u64,
    /// The digest that replay found.
    pub found: u64,
}
