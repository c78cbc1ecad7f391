//! Gates: what a stage waits for. One mechanism for the dependency graph and for the levels of safety, for
//! both are cursors.

use crate::key::StageKey;

/// The level of safety that an event must have reached before a stage sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Published,
    Journalled,
    Durable,
}

/// What a stage waits for: a level of safety, and other stages.
///
/// ```
/// use slipring::{Gate, StageKey};
///
/// # struct Book;
/// let gate = Gate::DURABLE.after("risk");
/// let gate = Gate::PUBLISHED.after(["book", "risk"]);
/// let book: StageKey<Book> = StageKey::named("book");
/// let gate = Gate::JOURNALLED.after(&book);
/// ```
///
/// More: [which gate].
///
/// [which gate]: https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md#which-gate
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    pub(crate) level: Level,
    /// All that it waits for.
    pub(crate) after: Vec<String>,
    /// Those of them whose results it reads.
    pub(crate) reads: Vec<String>,
    /// The names under which the event must be acknowledged.
    pub(crate) acknowledged: Vec<String>,
    /// Publishers may stop for as long as nobody acknowledges.
    pub(crate) may_hold_the_ring: bool,
}

impl Gate {
    /// As soon as the event is in the ring, beside the journal.
    pub const PUBLISHED: Gate = Gate::of(Level::Published);
    /// Once the event is in the journal: it survives the death of the process.
    pub const JOURNALLED: Gate = Gate::of(Level::Journalled);
    /// Once the event is synced: it survives power loss. The ring must hold what is published during the
    /// slowest sync that is to be ridden out: capacity >= rate x sync time at p99.9.
    pub const DURABLE: Gate = Gate::of(Level::Durable);

    const fn of(level: Level) -> Gate {
        Gate {
            level,
            after: Vec::new(),
            reads: Vec::new(),
            acknowledged: Vec::new(),
            may_hold_the_ring: false,
        }
    }

    /// Once somebody outside has acknowledged the event under this name, or under each of several: a server
    /// that keeps a copy of the journal, say, over [`Engine::acknowledge`](crate::Engine::acknowledge). Such
    /// an event is journalled here too; whether it is durable here is for who acknowledges to say.
    ///
    /// While nobody acknowledges, a stage that is gated so holds what it waits for in the ring, and once the
    /// ring is full publishers stop. So its ordinary place is a late consumer
    /// ([`LateConsumer::acknowledged`](crate::LateConsumer::acknowledged)), which holds nobody up. A stage is
    /// refused unless the gate says [`Gate::may_hold_the_ring`].
    ///
    /// ```
    /// use slipring::Gate;
    ///
    /// let gate = Gate::acknowledged("standby").after("risk").may_hold_the_ring();
    /// let both = Gate::acknowledged(["standby", "archive"]).may_hold_the_ring();
    /// ```
    ///
    /// Over a restart it stays so: what was acknowledged passes at once when it is replayed, and what was not
    /// waits, also once the engine is live.
    pub fn acknowledged<M>(names: impl IntoNames<M>) -> Gate {
        let mut gate = Gate::JOURNALLED;
        names.each(|name| gate.acknowledged.push(name.to_owned()));
        gate
    }

    /// Publishers may stop as long as the stage waits for [acknowledgements](Gate::acknowledged): no event
    /// gets further from what is acknowledged than the ring is long.
    #[must_use]
    pub fn may_hold_the_ring(mut self) -> Self {
        self.may_hold_the_ring = true;
        self
    }

    /// Also waits until the stages named have finished the event, and may read what they made of it: a
    /// [`Column`](crate::Column), say.
    ///
    /// So [`ReplayFrom::Snapshot`](crate::ReplayFrom::Snapshot) starts none of them behind this stage: what
    /// it is to read is made again. For that an older snapshot of theirs may be taken, or none. More:
    /// [what stages keep](https://github.com/slipring/slipring/blob/main/docs/reference/kept.md).
    #[must_use]
    pub fn after<M>(mut self, stages: impl IntoNames<M>) -> Self {
        stages.each(|name| {
            self.after.push(name.to_owned());
            self.reads.push(name.to_owned());
        });
        self
    }

    /// Also waits until the stages named have finished the event, and reads nothing of theirs: order, no
    /// more. Each starts from its own snapshot then, whatever the other needs. What [`Gate::after`] names too
    /// is read, and so is a column that the stage [reads](crate::Stage::reads).
    #[must_use]
    pub fn after_only<M>(mut self, stages: impl IntoNames<M>) -> Self {
        stages.each(|name| self.after.push(name.to_owned()));
        self
    }
}

/// One stage's name, or anything that yields names: an array, a slice, a `Vec`, an iterator, of `&str` or
/// `String`.
///
/// `M` only tells the two kinds apart, and is found by the compiler.
///
/// See the example of [`Gate`].
pub trait IntoNames<M> {
    /// Calls `take` with each name.
    fn each(self, take: impl FnMut(&str));
}

/// Marks one name, for [`IntoNames`].
///
/// See the example of [`Gate`].
#[derive(Debug)]
pub enum OneName {}

/// Marks several names, for [`IntoNames`].
///
/// See the example of [`Gate`].
#[derive(Debug)]
pub enum ManyNames {}

impl IntoNames<OneName> for &str {
    fn each(self, mut take: impl FnMut(&str)) {
        take(self);
    }
}

impl IntoNames<OneName> for &String {
    fn each(self, mut take: impl FnMut(&str)) {
        take(self);
    }
}

impl<H> IntoNames<OneName> for &StageKey<H> {
    fn each(self, mut take: impl FnMut(&str)) {
        take(self.name());
    }
}

impl<I: IntoIterator<Item: AsRef<str>>> IntoNames<ManyNames> for I {
    fn each(self, mut take: impl FnMut(&str)) {
        self.into_iter().for_each(|name| take(name.as_ref()));
    }
}
