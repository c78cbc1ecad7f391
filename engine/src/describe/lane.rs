//! A lane, as the user describes it: one thread that runs one or more stages in turn, pinned to a core or
//! not; or none, and the caller runs it.

use slipring_journal::Event;

use super::gate::Gate;
use super::stage::Stage;
use crate::column::StageColumns;
use crate::handler::Handler;
use crate::handler::latency::Meter;
use crate::kept::facts::StageFacts;
use crate::key::StageName;
use crate::names::JOURNAL;
use crate::work::stage::DescribedStage;
use crate::work::wait::{Wait, WaitStrategy};

/// A thread, and the stages that it runs.
///
/// Stages on one lane take turns. So journal and handler on one lane need one core; each on a lane of its own
/// needs a core of its own.
///
/// ```
/// # use slipring::prelude::*;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// let book = |tick: &Tick, _: &Context| println!("{}", tick.price);
/// let main = Lane::named("main").journal().stage("book", book, Gate::JOURNALLED);
///
/// let risk = |tick: &Tick, _: &Context| assert!(tick.price < 1_000_000);
/// let other = Lane::named("risk").core(3).wait(Wait::Spin).stage("risk", risk, Gate::PUBLISHED);
/// ```
///
/// More: [pin cores](https://github.com/slipring/slipring/blob/main/docs/how-to/pin-cores.md).
pub struct Lane<E: Event> {
    pub(crate) name: String,
    pub(crate) core: Option<usize>,
    pub(crate) wait: Wait,
    pub(crate) own_wait: Option<Box<dyn WaitStrategy>>,
    pub(crate) invoked: bool,
    pub(crate) batch: Option<u64>,
    pub(crate) items: Vec<Item<E>>,
}

/// What a lane runs: a stage, or the journal's.
pub(crate) struct Item<E: Event> {
    pub(crate) name: String,
    pub(crate) gate: Gate,
    pub(crate) facts: StageFacts,
    pub(crate) columns: StageColumns,
    /// None for the journal's: its writer is there when the engine starts.
    pub(crate) stage: Option<Box<dyn DescribedStage<E>>>,
}

impl<E: Event> Item<E> {
    fn journal() -> Self {
        let (facts, columns) = (StageFacts::JOURNAL, StageColumns::default());
        Item { name: JOURNAL.to_owned(), gate: Gate::PUBLISHED, facts, columns, stage: None }
    }

    pub(crate) fn is_journal(&self) -> bool {
        self.stage.is_none()
    }
}

impl<E: Event> Lane<E> {
    /// A lane of this name; its thread is named so too.
    pub fn named(name: impl Into<String>) -> Self {
        Lane {
            name: name.into(),
            core: None,
            wait: Wait::Auto,
            own_wait: None,
            invoked: false,
            batch: None,
            items: Vec::new(),
        }
    }

    /// Pins the lane's thread to a core, by the system's number.
    #[must_use]
    pub fn core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    /// How the lane waits when there is nothing to do; [`Wait::Auto`] if not set.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// Waits in a way of one's own.
    ///
    /// ```
    /// # use slipring::{Event, Lane, WaitStrategy};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// struct Nap;
    ///
    /// impl WaitStrategy for Nap {
    ///     fn idle(&mut self, empty_looks: u32) {
    ///         if empty_looks > 100 {
    ///             std::thread::sleep(std::time::Duration::from_micros(50));
    ///         }
    ///     }
    /// }
    ///
    /// let lane = Lane::<Tick>::named("slow").wait_with(Nap);
    /// ```
    #[must_use]
    pub fn wait_with(mut self, strategy: impl WaitStrategy) -> Self {
        self.own_wait = Some(Box::new(strategy));
        self
    }

    /// Has no thread: the caller runs it, a turn at a time, by [`Engine::invoke`](crate::Engine::invoke),
    /// from a loop that does other things too. Calls that wait (a publish on a full ring, `replay`,
    /// `wait_durable`, `join`) run it meanwhile, so that nobody waits for himself.
    #[must_use]
    pub fn invoked(mut self) -> Self {
        self.invoked = true;
        self
    }

    /// Most events that each stage here takes in one turn, if it should be other than the engine's.
    #[must_use]
    pub fn batch_cap(mut self, events: u64) -> Self {
        self.batch = Some(events);
        self
    }

    /// Runs the journal here.
    #[must_use]
    pub fn journal(mut self) -> Self {
        self.items.push(Item::journal());
        self
    }

    /// Runs a stage here: every event once, in order, after its gate.
    #[must_use]
    pub fn stage<H: Handler<E>>(mut self, name: impl StageName<H>, handler: H, gate: Gate) -> Self {
        self.items.push(Stage::new(name, handler, gate).into_item());
        self
    }

    /// Runs a stage with options here.
    #[must_use]
    pub fn with<H: Handler<E>, M: Meter>(mut self, stage: Stage<H, M>) -> Self {
        self.items.push(stage.into_item());
        self
    }
}

impl<E: Event> std::fmt::Debug for Lane<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.items.iter().map(|item| &item.name);
        f.debug_struct("Lane")
            .field("name", &self.name)
            .field("core", &self.core)
            .field("wait", &self.wait)
            .field("invoked", &self.invoked)
            .field("stages", &names.collect::<Vec<_>>())
            .finish()
    }
}
