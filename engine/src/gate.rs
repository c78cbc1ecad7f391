//! Gates: what a stage waits for. One mechanism for the dependency graph and for the levels of safety, for both
//! are cursors.

use slipring_journal::Cursors;

use crate::cursor::Cursor;
use crate::status::Status;

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
/// use slipring::Gate;
///
/// let gate = Gate::DURABLE.after("risk");
/// let gate = Gate::PUBLISHED.after(["book", "risk"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    pub(crate) level: Level,
    /// All that it waits for.
    pub(crate) after: Vec<String>,
    /// Those of them whose results it reads.
    pub(crate) reads: Vec<String>,
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
        Gate { level, after: Vec::new(), reads: Vec::new() }
    }

    /// Also waits until the stages named have finished the event, and may read what they made of it.
    ///
    /// So [`From::Snapshot`](crate::From::Snapshot) starts none of them behind this stage: what it is to read
    /// is made again. For that an older snapshot of theirs may be taken, or none; see `docs/reference/kept.md`.
    #[must_use]
    pub fn after<'a>(mut self, stages: impl IntoNames<'a>) -> Self {
        stages.each(|name| {
            self.after.push(name.to_owned());
            self.reads.push(name.to_owned());
        });
        self
    }

    /// Also waits until the stages named have finished the event, and reads nothing of theirs: order, no
    /// more. Each starts from its own snapshot then, whatever the other needs. What [`Gate::after`] names too
    /// is read.
    #[must_use]
    pub fn after_only<'a>(mut self, stages: impl IntoNames<'a>) -> Self {
        stages.each(|name| self.after.push(name.to_owned()));
        self
    }
}

/// One stage's name or several.
pub trait IntoNames<'a> {
    /// Calls `take` with each name.
    fn each(self, take: impl FnMut(&str));
}

impl<'a> IntoNames<'a> for &'a str {
    fn each(self, mut take: impl FnMut(&str)) {
        take(self);
    }
}

impl<'a, const N: usize> IntoNames<'a> for [&'a str; N] {
    fn each(self, take: impl FnMut(&str)) {
        self.into_iter().for_each(take);
    }
}

impl<'a> IntoNames<'a> for &'a [&'a str] {
    fn each(self, take: impl FnMut(&str)) {
        self.iter().copied().for_each(take);
    }
}

/// One cursor that a stage waits for.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A stage's, and its place among them.
    Stage(Cursor, usize),
    /// The durable end, and the cursor of it in the counters: the syncer moves it later, and wakes who is parked there.
    Durable(Cursors, Cursor),
}

impl Source {
    #[inline]
    fn end(&self) -> u64 {
        match self {
            Source::Stage(cursor, _) => cursor.end(),
            Source::Durable(cursors, _) => cursors.durable_end(),
        }
    }

    /// Whether it never moves again.
    fn is_final(&self, status: &Status) -> bool {
        match self {
            Source::Stage(_, index) => status.is_gone(*index),
            // Whether more is journalled the journal's stage tells, which the gate waits for too.
            Source::Durable(cursors, _) => cursors.sync_failure().is_some(),
        }
    }

    /// Where to park until it moves.
    fn parking_place(&self) -> &Cursor {
        match self {
            Source::Stage(cursor, _) | Source::Durable(_, cursor) => cursor,
        }
    }
}

/// A gate with its cursors found. Open for everything published if there are none.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    sources: Vec<Source>,
    /// The least of the cursors when last looked at; they only rise.
    known_end: u64,
}

impl Watch {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        Watch { sources, known_end: 0 }
    }

    /// Where to park until the gate opens for `done`: at a source that keeps it closed. `None` if it is open.
    pub(crate) fn closed_by(&self, done: u64) -> Option<&Cursor> {
        self.sources.iter().find(|source| source.end() <= done).map(Source::parking_place)
    }

    /// Whether the gate never opens for `done`: what it waits for has failed, or stands behind what has.
    pub(crate) fn is_hopeless(&self, done: u64, status: &Status) -> bool {
        // Where it is, only behind that it stays there.
        self.sources.iter().any(|source| source.is_final(status) && source.end() <= done)
    }

    /// Sequences below it have passed the gate. Looks at the cursors only when the last look is used up.
    #[inline]
    pub(crate) fn end(&mut self, done: u64) -> u64 {
        if self.sources.is_empty() {
            return u64::MAX;
        }
        if self.known_end <= done {
            self.known_end = self.sources.iter().map(Source::end).min().unwrap_or(u64::MAX);
        }
        self.known_end
    }
}
