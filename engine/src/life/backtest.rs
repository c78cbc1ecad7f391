//! Backtests: history through other handlers, and no journal of their own.

use std::time::Instant;

use slipring_journal::{Event, Reader};

use super::feed::feed;
use super::held::Held;
use super::replay::{Replay, ReplayFrom, ReplayReport, ReplayUntil, time_before};
use super::replay_error::ReplayError;
use super::shutdown::{ShutdownError, ShutdownReport};
use super::start::Begin;
use crate::describe::builder::EngineBuilder;
use crate::kept::epochs::Epochs;

/// An engine without a journal of its own that history is put through. Made by [`EngineBuilder::backtest`].
///
/// The handlers see the sequences, times and [keys](crate::Context::key) of the journal, and every event as
/// replayed. History has had its effects, so [`Context::already_done`](crate::Context::already_done) holds
/// for all of it and in every stage: a gateway that asks it sends nothing. Its stage may say
/// [`effects`](crate::Stage::effects), and no note of them is made. An
/// [`Output::shared`](crate::Output::shared) puts nothing out either, an
/// [`Output::only`](crate::Output::only) what the engine behind it does not hold: give it one without a
/// journal.
///
/// ```
/// # use slipring::{Context, Engine, Event, Gate, Journal, Lane, Replay, ReplayFrom, ReplayUntil};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let place = folder.path().join("ticks");
/// # let engine = Engine::builder().journal(Journal::at(&place)).lane(Lane::named("journal").journal());
/// # let (engine, mut publisher) = engine.open()?.go_live()?;
/// # for price in 0..10 { publisher.publish_at(price, Tick { price })?; }
/// # engine.join()?;
/// let mut sum = 0;
/// let add = move |tick: &Tick, _: &Context| sum += tick.price;
/// let lane = Lane::named("try").stage("sum", add, Gate::PUBLISHED);
/// let backtest = Engine::builder().lane(lane).backtest(&Journal::at(&place))?;
/// let report = backtest.run(Replay::new(ReplayFrom::Time(3)).until(ReplayUntil::Time(6)))?;
/// assert_eq!(report.replay.events(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [backtest](https://github.com/slipring/slipring/blob/main/docs/how-to/backtest.md).
#[derive(Debug)]
pub struct Backtest<E: Event> {
    builder: EngineBuilder<E>,
    reader: Reader<E>,
}

/// What a backtest did.
///
/// See the example of [`Backtest`].
#[derive(Debug)]
pub struct BacktestReport {
    /// Which records were replayed, and how fast.
    pub replay: ReplayReport,
    /// Gives the handlers back.
    pub shutdown: ShutdownReport,
}

impl<E: Event> Backtest<E> {
    pub(crate) fn new(builder: EngineBuilder<E>, reader: Reader<E>) -> Self {
        Backtest { builder, reader }
    }

    /// Puts a range of history through the engine and ends it.
    ///
    /// # Errors
    /// [`ReplayError`]: a range that is not there, a record that does not validate, a stage that fails.
    pub fn run<'a>(self, replay: impl Into<Replay<'a>>) -> Result<BacktestReport, ReplayError> {
        let mut replay = replay.into();
        replay.check()?;
        let Backtest { builder, mut reader } = self;
        let started = Instant::now();
        let first = match replay.from {
            ReplayFrom::Start => reader.first_sequence(),
            ReplayFrom::Time(time_ns) => reader.lower_bound(time_ns)?,
            ReplayFrom::Sequence(sequence) => sequence,
            ReplayFrom::Snapshot => return Err(ReplayError::NoSnapshots),
        };
        let end = match replay.until {
            None => reader.end_sequence(),
            Some(ReplayUntil::Time(time_ns)) => reader.lower_bound(time_ns)?,
            Some(ReplayUntil::Sequence(sequence)) => sequence.min(reader.end_sequence()),
        };
        let end = end.max(first);
        let time_ns = time_before(&mut reader, first)?;
        let raw = reader.as_raw();
        let (epochs, source) = (Epochs::of(raw, first, end)?, Some(raw.journal_id()));
        let begin = Begin { base: first, live_from: end, time_ns, epochs, source };
        let (engine, mut publisher) = builder.start(Held::Nothing, begin)?;
        feed(&mut reader, (first, end), &engine, &mut publisher, &mut replay)?;
        let replay = ReplayReport { first_sequence: first, end_sequence: end, elapsed: started.elapsed() };
        match engine.join() {
            Ok(shutdown) => Ok(BacktestReport { replay, shutdown }),
            Err(ShutdownError::Halted(halted, _)) => Err(halted.into()),
            Err(error) => Err(ReplayError::Shutdown(error)),
        }
    }
}
