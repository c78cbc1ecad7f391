//! Following as events of one type.

use std::marker::PhantomData;

use super::follow::RawFollower;
use super::typed::Chunk;
use crate::error::ReadError;
use crate::event::Event;
use crate::format::{Anchor, JournalId};
use crate::judge::event_type::EventType;
use crate::storage::{Files, Storage};

/// A position in a journal that moves on as records come.
///
/// A follower reads with plain reads and validates its copies: a record is handed out only when its checksum
/// holds, and the checksum is stored last. It never waits; poll it.
///
/// ```
/// use slipring_journal::{Anchor, Event, Journal, ReadError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// /// Prints what has come since; the position to go on from.
/// fn more(journal: &Journal, last: Option<Anchor>) -> Result<Option<Anchor>, ReadError> {
///     let mut follower = match last {
///         Some(anchor) => journal.resume::<Tick>(anchor)?,
///         None => journal.follow::<Tick>(0)?,
///     };
///     while let Some(chunk) = follower.next_chunk()? {
///         chunk.records.iter().for_each(|record| println!("{:?}", record.event()));
///     }
///     Ok(follower.anchor().or(last))
/// }
/// ```
#[derive(Debug)]
pub struct Follower<E: Event, S: Storage = Files> {
    raw: RawFollower<S>,
    event: PhantomData<fn() -> E>,
}

impl<E: Event, S: Storage> Follower<E, S> {
    /// Follows from `sequence` on, which may lie ahead of what is written so far.
    ///
    /// # Errors
    /// [`ReadError::Evicted`] if retention has removed it.
    #[doc(hidden)]
    pub fn open_on(storage: S, sequence: u64) -> Result<Self, ReadError> {
        Ok(Self::of(RawFollower::open_on(storage, sequence)?))
    }

    /// Goes on behind a saved position.
    ///
    /// # Errors
    /// [`ReadError::HistoryChanged`] if the log no longer holds the record that it was saved from,
    /// [`ReadError::Evicted`] if retention has removed that.
    #[doc(hidden)]
    pub fn resume_on(storage: S, anchor: Anchor) -> Result<Self, ReadError> {
        Ok(Self::of(RawFollower::resume_on(storage, anchor)?))
    }

    fn of(raw: RawFollower<S>) -> Self {
        Follower { raw: raw.only(EventType::of::<E>()), event: PhantomData }
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.raw.journal_id()
    }

    /// The sequence behind the last record that the files say is durable. It trails by a sync at most.
    ///
    /// # Errors
    /// [`ReadError::Journal`] if the control file can't be read, [`ReadError::AnotherJournal`] if it is
    /// another's.
    pub fn durable_end(&self) -> Result<u64, ReadError> {
        self.raw.durable_end()
    }

    /// The sequence of the next record that it will hand out.
    pub fn next_sequence(&self) -> u64 {
        self.raw.next_sequence()
    }

    /// The position of the last record handed out, to be saved.
    pub fn anchor(&self) -> Option<Anchor> {
        self.raw.anchor()
    }

    /// The records that have come since the last call; `None` if there are none yet.
    ///
    /// # Errors
    /// [`ReadError::HistoryChanged`] if the log was cut behind the follower's back,
    /// [`ReadError::AnotherJournal`] if it is gone or another journal has taken its place; the faults of
    /// opening a segment; a segment that lost bytes.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'_, E>>, ReadError> {
        self.next_chunk_below(u64::MAX)
    }

    /// As [`Follower::next_chunk`], but nothing from `end` on.
    ///
    /// # Errors
    /// As [`Follower::next_chunk`].
    pub fn next_chunk_below(&mut self, end: u64) -> Result<Option<Chunk<'_, E>>, ReadError> {
        Ok(self.raw.next_chunk_below(end)?.map(Chunk::of))
    }
}
