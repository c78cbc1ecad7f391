//! What a handler may know of the event that it is given, and what it may say of it.

use std::cell::Cell;

use bytemuck::Pod;
use slipring_journal::JournalId;

use crate::column::{Column, NO_SEAT};
use crate::cursors::cursor::Cursor;

/// What a handler may know of the event that it is given. A clone knows the same, and can't use columns.
///
/// See the example of [`Handler`](crate::Handler).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    pub(crate) sequence: u64,
    pub(crate) time_ns: u64,
    pub(crate) live_from: u64,
    pub(crate) remaining: u32,
    pub(crate) epoch: u32,
    pub(crate) attempt: u32,
    pub(crate) journal_id: Option<JournalId>,
    /// Effects of events below it are known to have been emitted.
    pub(crate) effects_end: u64,
    pub(crate) release: Cell<bool>,
    /// Tells columns who asks.
    pub(crate) seat: Seat,
}

impl Context {
    /// The event's sequence.
    #[inline]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The event's time in nanoseconds: the greatest time of any event up to this one, the same in every
    /// stage, in the journal and in replay. The only time that a deterministic handler may look at.
    #[inline]
    pub fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// Whether the event comes from the journal, from before this life. State must not depend on it, and it
    /// alone must never mute an effect: the process may have died between record and effect. See
    /// [`Context::already_done`].
    #[inline]
    pub fn is_replay(&self) -> bool {
        self.sequence < self.live_from
    }

    /// Whether the event's effect is known to have been emitted in an earlier life: the stage must not emit
    /// it again. Always false in a stage without [`Effects`](crate::Effects), and always true in a
    /// [backtest](crate::Backtest).
    ///
    /// When it is false the effect may have been emitted all the same, if the process died between the effect
    /// and the note of it: at least once, never less. The other side drops doubles by their
    /// [key](Context::key).
    #[inline]
    pub fn already_done(&self) -> bool {
        self.sequence < self.effects_end
    }

    /// Which try of the event this is: 1, but behind an error of a stage that [tries
    /// again](crate::OnError::retry). Replay says the try that came out well. An event that was set aside and
    /// published again is a new one, whose tries begin at 1 here.
    #[inline]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What identifies the event for ever, for whoever must drop doubles: no other event has it, the same
    /// event replayed has it again, in a [backtest](crate::Backtest) too. `None` without a journal.
    #[inline]
    pub fn key(&self) -> Option<EventKey> {
        let journal_id = self.journal_id?;
        Some(EventKey { journal_id, epoch: self.epoch, sequence: self.sequence })
    }

    /// Whether this is the last event of the batch: a good moment to flush. Not deterministic.
    ///
    /// On the journal's lane a batch that the journal fails in ends before:
    /// [`batch_end`](crate::Handler::batch_end) says so.
    #[inline]
    pub fn end_of_batch(&self) -> bool {
        self.remaining == 0
    }

    /// Ends the batch with this event: as soon as the handler returns, publishers may use its slot again, and
    /// stages gated on this one see it. For handlers that now and then take long.
    ///
    /// Without it both happen at the end of the batch (gated stages see every 128th event).
    #[inline]
    pub fn release(&self) {
        self.release.set(true);
    }

    /// Writes what this stage made of the event into a column, for the stages behind it. Written again for
    /// the same event, the last value holds. One of an event that becomes a
    /// [dead letter](crate::OnError::DeadLetter) is taken back.
    ///
    /// # Panics
    /// If the stage does not say that it [writes](crate::Stage::writes) the column. As any panic of a handler
    /// it halts the engine.
    #[inline]
    pub fn write<T: Pod>(&self, column: &Column<T>, value: T) {
        column.write(self.seat.0, self.sequence, &value);
    }

    /// What the column's stage made of the event. `None` if that stage wrote nothing, has not handled the
    /// event (a dead letter, or one that it is to [skip](crate::Recovered::skip)), or has started behind it;
    /// never what it made of another event. The stage that writes may read what it has written.
    ///
    /// # Panics
    /// If the stage does not say that it [reads](crate::Stage::reads) or writes the column. As any panic of a
    /// handler it halts the engine.
    #[inline]
    pub fn read<T: Pod>(&self, column: &Column<T>) -> Option<T> {
        column.read(self.seat.0, self.sequence)
    }
}

/// A stage's seat. A clone is of no stage: columns are the event's for as long as the stage handles it, and a
/// clone may outlive that.
#[derive(Debug)]
pub(crate) struct Seat(pub(crate) u64);

impl Clone for Seat {
    fn clone(&self) -> Self {
        Seat(NO_SEAT)
    }
}

impl PartialEq for Seat {
    /// Who asks is nothing of the event.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Seat {}

/// What a handler may know of the batch that it is about to be given.
///
/// See the example of [`Handler`](crate::Handler).
#[derive(Debug)]
pub struct Batch<'a> {
    pub(crate) first: u64,
    pub(crate) size: u64,
    pub(crate) published: &'a Cursor,
}

impl Batch<'_> {
    /// The sequence of its first event.
    #[inline]
    pub fn first_sequence(&self) -> u64 {
        self.first
    }

    /// How many events there are in it.
    #[inline]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many events have been published and not finished by the stage, these included. With several
    /// publishers it is the least that it can be: a publisher tells how far it is only when it goes.
    ///
    /// It reads what the publisher writes, a cache line from another core: not for every batch of one event.
    #[inline]
    pub fn lag(&self) -> u64 {
        self.size.max(self.published.end().saturating_sub(self.first))
    }
}

/// What identifies an event of a journal for ever. A later life that uses the sequence again, after power
/// loss took the event, has another epoch.
///
/// See the example of [`Handler`](crate::Handler).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    /// The journal.
    pub journal_id: JournalId,
    /// The epoch of the life that journalled it.
    pub epoch: u32,
    /// Its sequence.
    pub sequence: u64,
}

impl std::fmt::Display for EventKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.journal_id, self.epoch, self.sequence)
    }
}
