//! Gates at work: the cursors that a stage waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slipring_journal::Cursors;

use super::cursor::Cursor;
use super::status::EngineStatus;

/// One cursor that a stage waits for.
#[derive(Clone, Debug)]
pub(crate) enum Awaited {
    /// A stage's, and its place among them.
    Stage(Cursor, usize),
    /// The durable end, and the cursor of it in the counters: the syncer moves it later, and wakes who is
    /// parked there.
    Durable(Cursors, Cursor),
    /// Up to where events are acknowledged under a name; and whether nobody waits for that any more.
    Acknowledged(Cursor, Arc<AtomicBool>),
}

impl Awaited {
    #[inline]
    fn end(&self) -> u64 {
        match self {
            Awaited::Stage(cursor, _) | Awaited::Acknowledged(cursor, _) => cursor.end(),
            Awaited::Durable(cursors, _) => cursors.durable_end(),
        }
    }

    /// Whether it never moves again.
    fn is_final(&self, status: &EngineStatus) -> bool {
        match self {
            Awaited::Stage(_, index) => status.is_gone(*index),
            // Whether more is journalled the journal's stage tells, which the gate waits for too.
            Awaited::Durable(cursors, _) => cursors.sync_failure().is_some(),
            // Relaxed: it is a decision, and hands nothing over. What is acknowledged behind it comes too
            // late.
            Awaited::Acknowledged(_, given_up) => given_up.load(Ordering::Relaxed),
        }
    }

    /// Where to park until it moves.
    fn parking_place(&self) -> &Cursor {
        match self {
            Awaited::Stage(cursor, _) | Awaited::Durable(_, cursor) | Awaited::Acknowledged(cursor, _) => {
                cursor
            }
        }
    }
}

/// A gate with its cursors found. Open for everything published if there are none.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    sources: Vec<Awaited>,
    /// The least of the cursors when last looked at; they only rise.
    known_end: u64,
}

impl Watch {
    pub(crate) fn new(sources: Vec<Awaited>) -> Self {
        Watch { sources, known_end: 0 }
    }

    /// Where to park until the gate opens for `done`: at a source that keeps it closed. `None` if it is open.
    pub(crate) fn closed_by(&self, done: u64) -> Option<&Cursor> {
        self.sources.iter().find(|source| source.end() <= done).map(Awaited::parking_place)
    }

    /// Whether the gate, closed when last looked at, waits for a sync that is under way.
    pub(crate) fn awaits_sync(&self) -> bool {
        self.sources.iter().any(|source| {
            let Awaited::Durable(cursors, _) = source else { return false };
            let durable_end = cursors.durable_end();
            durable_end == self.known_end && durable_end < cursors.journalled_end() && cursors.is_syncing()
        })
    }

    /// Whether the gate never opens for `done`: what it waits for has failed, or stands behind what has.
    pub(crate) fn is_hopeless(&self, done: u64, status: &EngineStatus) -> bool {
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
            self.known_end = self.sources.iter().map(Awaited::end).min().unwrap_or(u64::MAX);
        }
        self.known_end
    }
}
