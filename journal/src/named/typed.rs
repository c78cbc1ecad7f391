//! Named readers of events of one type.

use std::marker::PhantomData;
use std::ops::Range;

use super::raw::RawNamedReader;
use super::raw_shared::RawSharedReader;
use super::start::ReaderStart;
use crate::error::NamedReaderError;
use crate::event::Event;
use crate::judge::event_type::EventType;
use crate::read::typed::Chunk;
use crate::storage::Files;

/// A reader whose position persists in the journal's folder, under a name that it holds alone.
///
/// What is committed is not handed out again; what is not committed when the process ends is handed out again
/// by the next that opens the name: at least once. The writer's retention holds what the reader has not
/// committed, within [`Retention::reader_bytes`](crate::Retention::reader_bytes) and
/// [`reader_age`](crate::Retention::reader_age), whether the reader runs or not. The name is held by a lock,
/// which goes with the process.
///
/// It never waits; poll it.
///
/// ```
/// use slipring_journal::{Event, Journal, NamedReaderError, ReaderStart};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// /// Bills what has come since the last time, also if that was in another process.
/// fn bill(journal: &Journal) -> Result<(), NamedReaderError> {
///     let mut reader = journal.named_reader::<Tick>("billing")?;
///     while let Some(chunk) = reader.next_chunk()? {
///         let end = chunk.first_sequence + chunk.records.len() as u64;
///         chunk.records.iter().for_each(|record| println!("{:?}", record.event()));
///         reader.commit(end)?;
///     }
///     Ok(())
/// }
///
/// /// Has the next one bill again what came from a time on.
/// fn again(journal: &Journal, from_ns: u64) -> Result<u64, NamedReaderError> {
///     journal.set_reader("billing", ReaderStart::Time(from_ns))
/// }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # (1..=3).try_for_each(|n| writer.append(10 * n, &Tick { price: n }).map(drop))?;
/// # bill(&journal)?;
/// # assert_eq!(journal.named_reader::<Tick>("billing")?.position(), 3);
/// # assert_eq!(again(&journal, 20)?, 1);
/// # writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [read with a name](https://github.com/slipring/slipring/blob/main/docs/how-to/read-with-a-name.md).
#[derive(Debug)]
pub struct NamedReader<E: Event> {
    raw: RawNamedReader,
    event: PhantomData<fn() -> E>,
}

impl<E: Event> NamedReader<E> {
    pub(crate) fn open(journal: Files, name: &str) -> Result<Self, NamedReaderError> {
        Ok(NamedReader {
            raw: RawNamedReader::open(journal, name, Some(EventType::of::<E>()))?,
            event: PhantomData,
        })
    }

    /// Commits of fewer than so many records are only noted, and written with the next one that brings them
    /// to as many: fewer syncs, and at most so many records more that are handed out again after a crash.
    /// Each is written if not set.
    pub fn commit_every(mut self, records: u64) -> Self {
        self.raw = self.raw.commit_every(records);
        self
    }

    /// Hands out durable records alone: power loss takes none that was handed out, and so the log never ends
    /// before the reader's position.
    pub fn durable_only(mut self) -> Self {
        self.raw = self.raw.durable_only();
        self
    }

    /// The reader's name.
    pub fn name(&self) -> &str {
        self.raw.name()
    }

    /// The sequence behind the last record that is committed, durably.
    pub fn position(&self) -> u64 {
        self.raw.position()
    }

    /// The sequence of the next record that it will hand out.
    pub fn next_sequence(&self) -> u64 {
        self.raw.next_sequence()
    }

    /// The records that have come since the last call; `None` if there are none yet.
    ///
    /// # Errors
    /// [`NamedReaderError::Evicted`], again and again until [`NamedReader::resume_at_first`] or
    /// [`NamedReader::seek`] says how to go on; [`NamedReaderError::HistoryChanged`] and
    /// [`NamedReaderError::OtherJournal`], until [`NamedReader::seek`] does; [`NamedReaderError::Read`] as
    /// [`Follower::next_chunk`](crate::Follower::next_chunk) has it.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'_, E>>, NamedReaderError> {
        Ok(self.raw.next_chunk()?.map(Chunk::of))
    }

    /// All records before `end` are done. They are not handed out again, whatever ends the process, and the
    /// machine, once this has returned; unless [`NamedReader::commit_every`] is set, then once
    /// [`NamedReader::position`] says so. What is committed already stays so.
    ///
    /// # Errors
    /// [`NamedReaderError::NotHandedOut`]; [`NamedReaderError::NotCommitted`] if it can't be written: then it
    /// is noted, and written with the next commit.
    pub fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        self.raw.commit(end)
    }

    /// Writes what commits have noted.
    ///
    /// # Errors
    /// [`NamedReaderError::NotCommitted`].
    pub fn flush(&mut self) -> Result<(), NamedReaderError> {
        self.raw.flush()
    }

    /// Goes on elsewhere, from now on and durably. What commits have only noted is forgotten.
    ///
    /// # Errors
    /// [`NamedReaderError::Read`] if there is no such place; [`NamedReaderError::NotCommitted`].
    pub fn seek(&mut self, start: ReaderStart) -> Result<(), NamedReaderError> {
        self.raw.seek(start)
    }

    /// Goes on at the first record that is kept, if the position lies before it; how many records are passed
    /// over. They are counted in [`ReaderInfo::missed`](crate::ReaderInfo::missed).
    ///
    /// # Errors
    /// [`NamedReaderError::Read`] if the journal can't be read; [`NamedReaderError::NotCommitted`].
    pub fn resume_at_first(&mut self) -> Result<u64, NamedReaderError> {
        self.raw.resume_at_first()
    }

    /// Writes what commits have noted and lets go of the name; the position. Dropping does the same, and says
    /// nothing if it fails.
    ///
    /// # Errors
    /// [`NamedReaderError::NotCommitted`].
    pub fn close(self) -> Result<u64, NamedReaderError> {
        self.raw.close()
    }
}

/// One of up to 32 readers that share the work of a name, in one process or many.
///
/// Each claims a range of records, which no other of the name has, does it, and commits it. The name's
/// position moves over what is committed once all before it is. A range that was not committed when its
/// reader's process ended, however it ended, is given out again; one that was committed never is: at least
/// once. Nobody's range is taken from it as long as it lives.
///
/// Order is kept within a range, and not between ranges.
///
/// ```
/// use slipring_journal::{Event, Journal, NamedReaderError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// /// What each of the processes does that share the work.
/// fn work(journal: &Journal) -> Result<(), NamedReaderError> {
///     let mut reader = journal.shared_reader::<Tick>("thumbnails")?;
///     while let Some(range) = reader.claim(100)? {
///         while let Some(chunk) = reader.next_chunk()? {
///             chunk.records.iter().for_each(|record| println!("{:?}", record.event()));
///         }
///         reader.commit(range.end)?;
///     }
///     Ok(())
/// }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # (1..=3).try_for_each(|n| writer.append(10 * n, &Tick { price: n }).map(drop))?;
/// # work(&journal)?;
/// # assert_eq!(journal.shared_reader::<Tick>("thumbnails")?.position()?, 3);
/// # writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [read with a name](https://github.com/slipring/slipring/blob/main/docs/how-to/read-with-a-name.md).
#[derive(Debug)]
pub struct SharedReader<E: Event> {
    raw: RawSharedReader,
    event: PhantomData<fn() -> E>,
}

impl<E: Event> SharedReader<E> {
    pub(crate) fn open(journal: Files, name: &str) -> Result<Self, NamedReaderError> {
        Ok(SharedReader {
            raw: RawSharedReader::open(journal, name, Some(EventType::of::<E>()))?,
            event: PhantomData,
        })
    }

    /// Claims durable records alone: see [`NamedReader::durable_only`].
    pub fn durable_only(mut self) -> Self {
        self.raw = self.raw.durable_only();
        self
    }

    /// The readers' name.
    pub fn name(&self) -> &str {
        self.raw.name()
    }

    /// What is left of the range that it has in hand.
    pub fn claimed(&self) -> Option<Range<u64>> {
        self.raw.claimed()
    }

    /// The next records that nobody of the name has, at most so many (at least 1): what the dead have left
    /// first, then what has come. `None` if there are none now.
    ///
    /// # Errors
    /// [`NamedReaderError::StillClaimed`] if the range before is not done; [`NamedReaderError::Evicted`]
    /// until one of the name calls [`SharedReader::resume_at_first`]; that,
    /// [`NamedReaderError::HistoryChanged`] and [`NamedReaderError::OtherJournal`] until nobody has the name
    /// and it is [set](crate::Journal::set_reader); [`NamedReaderError::TooManyRanges`];
    /// [`NamedReaderError::NotCommitted`] if it can't be noted.
    pub fn claim(&mut self, records: u64) -> Result<Option<Range<u64>>, NamedReaderError> {
        self.raw.claim(records)
    }

    /// The next records of the range in hand; `None` at its end, also once that is committed.
    ///
    /// # Errors
    /// [`NamedReaderError::NotClaimed`]; else as [`NamedReader::next_chunk`].
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'_, E>>, NamedReaderError> {
        Ok(self.raw.next_chunk()?.map(Chunk::of))
    }

    /// All records of the range in hand that lie before `end` are done, durably; at its end it is out of this
    /// reader's hands.
    ///
    /// # Errors
    /// [`NamedReaderError::NotHandedOut`], [`NamedReaderError::NotClaimed`];
    /// [`NamedReaderError::NotCommitted`] if it can't be written: the range is still in hand, commit it
    /// again.
    pub fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        self.raw.commit(end)
    }

    /// Gives back what is left of the range in hand, for others. Dropping does the same.
    ///
    /// # Errors
    /// [`NamedReaderError::NotCommitted`] if that can't be written.
    pub fn release(&mut self) -> Result<(), NamedReaderError> {
        self.raw.release()
    }

    /// As [`NamedReader::resume_at_first`], for all that share the name; 0 if one of them has done it before.
    /// Who has a range in hand that retention took has only the rest of it then.
    ///
    /// # Errors
    /// As that.
    pub fn resume_at_first(&mut self) -> Result<u64, NamedReaderError> {
        self.raw.resume_at_first()
    }

    /// The name's position: all before it is committed, durably.
    ///
    /// # Errors
    /// As reading the file of the position has them.
    pub fn position(&self) -> Result<u64, NamedReaderError> {
        self.raw.position()
    }
}
