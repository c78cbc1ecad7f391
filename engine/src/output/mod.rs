//! Outputs: what a handler publishes into the ring of another engine.
//!
//! ```text
//! ring --> journal --> orders (Output) --> ring of the next engine --> its journal --> ...
//! ```
//!
//! Replay makes the handler put everything out again. The other engine must not get an event twice, nor miss
//! one that was lost when the process died. So an output finds out what the other side has:
//!
//! - [`Output::only`]: the output is the only publisher of the other ring. Then the n-th event put out is
//!   record n of the other journal. What that journal lacks is published, each event once; what it has is
//!   suppressed. An engine without a journal has nothing, and gets everything again.
//!   - Counting needs a history as long as what the other side has. So gate the stage on
//!     [`Gate::DURABLE`](crate::Gate::DURABLE) if this is to hold over power loss, on
//!     [`Gate::JOURNALLED`](crate::Gate::JOURNALLED) if over the death of the process. Replay all of history,
//!     or from a snapshot.
//!   - A live event that would be suppressed is refused: [`OutputError::Ahead`]. An event that replay puts
//!     out again is compared with the record that is there, and refused if it differs:
//!     [`OutputError::Differs`]. Of a record of an older type counts what that had: a field that has come
//!     since is not compared, and of what an `Upcast` turns only the time is.
//! - [`Output::shared`]: others publish there too, so nothing can be counted. An event for which
//!   [`Context::already_done`] holds is suppressed. Every other event is published, and then waited for until
//!   the other journal has it. So the stage's progress is never ahead of the effect: at least once.
//!
//! The folder knows handlers, publishers and a running engine; no part of an engine knows of outputs.

mod held;

use std::time::{Duration, Instant};

use slipring_journal::__private::storage::Files;
use slipring_journal::{Cursors, Event, ReadError};

use crate::error::{OutputError, PublishError};
use crate::handler::context::Context;
use crate::handler::running_digest::RunningDigest;
use crate::life::engine::Engine;
use crate::publish::publisher::Publisher;
use crate::work::inside::is_innermost;
use held::OtherJournal;

/// A handler's way into another engine.
///
/// Every event goes into a digest, whether it is published or suppressed, so that replay can be compared with
/// what was put out live: return [`Output::digest`] from the handler's
/// [`Digest::digest`](crate::Digest::digest). Events get the time of the event that they follow from, so that
/// they do not depend on a clock.
///
/// If the handler fails on an event (and its stage dead-letters it), it must not have put anything out for
/// it.
///
/// The stage below is gated on [`Gate::DURABLE`](crate::Gate::DURABLE), for the two journals are synced each
/// for itself: behind [`Gate::JOURNALLED`](crate::Gate::JOURNALLED) power loss may take a tick and leave the
/// order that followed from it. Its digests make the engine refuse to start without all of its history.
///
/// ```
/// use slipring::{Context, Digest, Digests, Engine, Event, Gate, Handler, HandlerError};
/// use slipring::{Journal, Lane, Output, Stage};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Tick { price: u64 }
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Order { price: u64 }
///
/// struct Strategy { orders: Output<Order> }
///
/// impl Handler<Tick> for Strategy {
///     fn event(&mut self, tick: &Tick, context: &Context) -> Result<(), HandlerError> {
///         if tick.price < 100 {
///             self.orders.emit(context, Order { price: tick.price })?;
///         }
///         Ok(())
///     }
/// }
///
/// impl Digest for Strategy {
///     fn digest(&self) -> u64 {
///         self.orders.digest()
///     }
/// }
///
/// # let folder = tempfile::tempdir()?;
/// let gateway = Lane::named("gateway").journal();
/// let gateway = Engine::builder().journal(Journal::at(folder.path().join("orders"))).lane(gateway);
/// let (gateway, orders) = gateway.open()?.go_live()?;
///
/// let strategy = Strategy { orders: Output::only("orders", orders)? };
/// let stage = Stage::new("strategy", strategy, Gate::DURABLE).digests(Digests::every(1_000));
/// let lane = Lane::named("main").journal().with(stage);
/// let builder = Engine::builder().journal(Journal::at(folder.path().join("ticks"))).lane(lane);
/// let (engine, mut ticks) = builder.open()?.go_live()?;
/// for price in [101, 99, 102, 98] {
///     ticks.publish(Tick { price })?;
/// }
/// let strategy: Strategy = engine.join()?.take(&slipring::StageKey::named("strategy")).expect("it ran");
/// assert_eq!(gateway.join()?.end_sequence, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [cases](https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md#cases).
#[derive(Debug)]
pub struct Output<E: Event> {
    name: &'static str,
    publisher: Publisher<E>,
    other_side: OtherSide,
    patience: Duration,
    digest: RunningDigest,
    /// How many events were put out in the whole history.
    count: u64,
    published: u64,
    /// What the other side has, once something was suppressed.
    held: Option<OtherJournal<E>>,
}

/// How to tell what the other side has.
#[derive(Debug)]
enum OtherSide {
    /// It has the first so many, in the journal there, if it has one.
    Counted { held: u64, journal: Option<Files> },
    /// Its journal's cursors, if it has one.
    Shared { journal: Option<Cursors> },
}

impl<E: Event> Output<E> {
    /// An output that is the only publisher of the other engine, which is live already. What that engine's
    /// journal holds must come from this output alone, from its first event on, and the handler must have
    /// seen all of its history, or be restored from a snapshot: a stage with
    /// [snapshots](crate::Stage::snapshots) or [digests](crate::Stage::digests) does not start otherwise. In
    /// a [backtest](crate::Backtest) it publishes as in any replay, so give it an engine without a journal
    /// there.
    ///
    /// # Errors
    /// [`OutputError::NotOnly`] if the engine takes several publishers.
    pub fn only(name: &'static str, publisher: Publisher<E>) -> Result<Self, OutputError> {
        if !publisher.is_only() {
            return Err(OutputError::NotOnly { name });
        }
        let (held, journal) = (publisher.end(), publisher.outlet().journal.clone());
        Ok(Self::new(name, publisher, OtherSide::Counted { held, journal }))
    }

    /// An output beside other publishers of `engine`. The stage that uses it must note its
    /// [effects](crate::Stage::effects), or everything is put out again in every replay.
    pub fn shared(name: &'static str, engine: &Engine<E>, publisher: Publisher<E>) -> Self {
        Self::new(name, publisher, OtherSide::Shared { journal: engine.shared.journal.clone() })
    }

    fn new(name: &'static str, publisher: Publisher<E>, other_side: OtherSide) -> Self {
        let (patience, digest) = (Duration::ZERO, RunningDigest::new());
        Output { name, publisher, other_side, patience, digest, count: 0, published: 0, held: None }
    }

    /// How long to wait at most for room in the other ring (and, where the output is shared, for its journal,
    /// which has a second at least). Not at all if not set: a full ring is an error at once. While it waits,
    /// so does the stage.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Puts an event out; its sequence in the other engine, or `None` if that has it already.
    ///
    /// # Errors
    /// [`OutputError`]. After [`OutputError::NotJournalled`] the event may come twice.
    /// [`OutputError::Ahead`], [`OutputError::Differs`] and [`OutputError::Unreadable`] stay: nothing more
    /// goes out in this life, so return them. They halt the engine, and never make a dead letter.
    #[inline]
    pub fn emit(&mut self, context: &Context, event: E) -> Result<Option<u64>, OutputError> {
        let has_it = match self.other_side {
            OtherSide::Counted { held, .. } if self.count < held => {
                self.compare(context, &event, held)?;
                true
            }
            OtherSide::Counted { .. } => false,
            OtherSide::Shared { .. } => context.already_done(),
        };
        let sequence = if has_it { None } else { Some(self.publish(context, event)?) };
        self.count += 1;
        self.digest.word(context.sequence());
        self.digest.bytes(bytemuck::bytes_of(&event));
        Ok(sequence)
    }

    /// Whether what is about to be suppressed is what the other side has.
    #[cold]
    fn compare(&mut self, context: &Context, event: &E, held: u64) -> Result<(), OutputError> {
        let (name, sequence, count) = (self.name, context.sequence(), self.count);
        // What it holds was put out before this life: a live event can't be among it.
        if !context.is_replay() {
            return Err(OutputError::Ahead { name, sequence, count, held });
        }
        let OtherSide::Counted { journal: Some(journal), .. } = &self.other_side else { return Ok(()) };
        let unreadable = |error: ReadError| {
            let what = error.to_string();
            OutputError::Unreadable { name, sequence, number: count, what }
        };
        let records = match &mut self.held {
            Some(records) => records,
            none => none.insert(OtherJournal::open(journal).map_err(unreadable)?),
        };
        match records.is(count, context.time_ns(), event).map_err(unreadable)? {
            true => Ok(()),
            false => Err(OutputError::Differs { name, sequence, number: count }),
        }
    }

    fn publish(&mut self, context: &Context, event: E) -> Result<u64, OutputError> {
        let (name, sequence, patience) = (self.name, context.sequence(), self.patience);
        if is_innermost(&self.publisher.outlet().status) {
            return Err(OutputError::OwnRing { name });
        }
        let done = if patience.is_zero() {
            self.publisher.try_publish_at(context.time_ns(), event)
        } else {
            self.publisher.publish_timeout(context.time_ns(), event, patience)
        };
        let number = done.map_err(|error| match error {
            PublishError::Halted(halted, _) => OutputError::Halted { name, sequence, halted },
            PublishError::Closed(_) => OutputError::Closed { name, sequence },
            PublishError::TimeTooFar { time_ns, bound_ns, .. } => {
                OutputError::TimeTooFar { name, sequence, time_ns, bound_ns }
            }
            PublishError::Full(_) | PublishError::TimedOut(_) | PublishError::InHandler(_) => {
                OutputError::Full { name, sequence, patience }
            }
        })?;
        self.published += 1;
        if let OtherSide::Shared { journal: Some(journal) } = &self.other_side {
            self.wait_journalled(journal, number, sequence)?;
        }
        Ok(number)
    }

    /// Until it is journalled the event would die with the process, and the stage's note of it would not.
    fn wait_journalled(&self, journal: &Cursors, number: u64, sequence: u64) -> Result<(), OutputError> {
        let (name, patience) = (self.name, self.patience.max(Duration::from_secs(1)));
        let mut started = None;
        let mut looks = 0_u32;
        while journal.journalled_end() <= number {
            looks += 1;
            if looks < 1_000 {
                std::hint::spin_loop();
                continue;
            }
            std::thread::yield_now();
            if let Some(halted) = self.publisher.halted() {
                return Err(OutputError::Halted { name, sequence, halted });
            }
            if started.get_or_insert_with(Instant::now).elapsed() >= patience {
                return Err(OutputError::NotJournalled { name, sequence, patience });
            }
        }
        Ok(())
    }

    /// Over everything put out so far, suppressed or not, and the events that it followed from: the same in
    /// replay.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// How many events were put out, suppressed ones too.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were published in this life; the others the other side had.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// What belongs into a handler's [snapshot](crate::Snapshot::save).
    pub fn state(&self) -> [u64; 2] {
        [self.count, self.digest.value()]
    }

    /// Goes on from a snapshot's state.
    ///
    /// # Errors
    /// [`OutputError::Gap`] if the other side has lost what was put out before it, with the power: the
    /// snapshot must be refused, so that an earlier one is taken.
    pub fn restore(&mut self, [count, digest]: [u64; 2]) -> Result<(), OutputError> {
        if let OtherSide::Counted { held, .. } = self.other_side
            && held < count
        {
            return Err(OutputError::Gap { name: self.name, count, held });
        }
        self.count = count;
        self.digest = RunningDigest::resume(digest);
        Ok(())
    }

    /// The publisher into the other engine.
    pub fn into_publisher(self) -> Publisher<E> {
        self.publisher
    }
}
