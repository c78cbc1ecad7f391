//! What a stage is named by, and which handler it runs.

use std::fmt;
use std::marker::PhantomData;

/// A stage's name, with the type of its handler: made before the engine, given to the stage in place of its
/// name, and used afterwards to [take](crate::ShutdownReport::take) the handler back. The compiler sees to it
/// that stage and key are of one type; that of a closure need not be named.
///
/// ```
/// # use slipring::{Context, Engine, Event, Gate, Handler, HandlerError, Lane, StageKey};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// #[derive(Default)]
/// struct Sum(u64);
///
/// impl Handler<Tick> for Sum {
///     fn event(&mut self, tick: &Tick, _: &Context) -> Result<(), HandlerError> {
///         self.0 += tick.price;
///         Ok(())
///     }
/// }
///
/// let sum = StageKey::named("sum");
/// let lane = Lane::named("main").stage(&sum, Sum::default(), Gate::PUBLISHED);
/// let (engine, mut publisher) = Engine::builder().lane(lane).open()?.go_live()?;
/// publisher.publish(Tick { price: 7 })?;
/// let mut report = engine.join()?;
/// assert_eq!(report.take(&sum).map(|sum| sum.0), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StageKey<H> {
    name: String,
    handler: PhantomData<fn() -> H>,
}

impl<H> StageKey<H> {
    /// A key for the stage of this name.
    pub fn named(name: impl Into<String>) -> Self {
        StageKey { name: name.into(), handler: PhantomData }
    }

    /// The stage's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

// By hand: a handler need be neither.
impl<H> Clone for StageKey<H> {
    fn clone(&self) -> Self {
        StageKey::named(&self.name)
    }
}

impl<H> fmt::Debug for StageKey<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StageKey").field(&self.name).finish()
    }
}

/// What a stage with the handler `H` may be named by: text, or a [`StageKey`] of that handler.
///
/// See the example of [`StageKey`].
pub trait StageName<H> {
    /// The name.
    fn into_name(self) -> String;
}

impl<H> StageName<H> for &str {
    fn into_name(self) -> String {
        self.to_owned()
    }
}

impl<H> StageName<H> for String {
    fn into_name(self) -> String {
        self
    }
}

impl<H> StageName<H> for &String {
    fn into_name(self) -> String {
        self.clone()
    }
}

impl<H> StageName<H> for &StageKey<H> {
    fn into_name(self) -> String {
        self.name.clone()
    }
}
