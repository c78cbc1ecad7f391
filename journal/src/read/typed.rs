//! Reading as events of one type, checked against the journal's schema when it is opened.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::chunk::all_valid;
use super::held_maps::HeldMaps;
use super::raw::RawReader;
use super::raw_chunk::RawChunk;
use crate::error::ReadError;
use crate::event::Event;
use crate::event::record::Record;
use crate::format::crc::RecordCrc;
use crate::judge::event_type::EventType;
use crate::retention::holders::Lease;
use crate::storage::{Files, Storage};

/// Reads a journal of events `E`.
///
/// A reader sees the records that were there when it was opened or last [refreshed](Reader::refresh); a
/// writer may go on meanwhile. See [`Journal`](crate::Journal) for an example.
///
/// ```
/// use slipring_journal::{Event, Journal, Kind, ReadError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
///
/// fn print(journal: &Journal) -> Result<(), ReadError> {
///     let mut reader = journal.reader::<Tick>()?;
///     let first = reader.first_sequence();
///     let mut chunks = reader.chunks(first)?;
///     while let Some(chunk) = chunks.next_chunk()? {
///         for (sequence, record) in (chunk.first_sequence..).zip(chunk.records) {
///             if record.kind() == Kind::Event {
///                 println!("{sequence} at {} ns: {:?}", record.time_ns(), record.event());
///             }
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Reader<E: Event, S: Storage = Files> {
    raw: RawReader<S>,
    event: PhantomData<fn() -> E>,
}

impl<E: Event, S: Storage> Reader<E, S> {
    #[doc(hidden)]
    pub fn open_to(storage: S, end: Option<u64>) -> Result<Self, ReadError> {
        let asked = (!E::IS_UNTYPED).then(EventType::of::<E>);
        Ok(Reader { raw: RawReader::open_as(storage, end, asked)?, event: PhantomData })
    }

    /// A reader for the journal's own writer: everything below `end` is committed, and `hold` keeps retention
    /// from it.
    pub(crate) fn open_held(storage: S, end: u64, hold: Option<Lease>) -> Result<Self, ReadError> {
        let mut reader = Self::open_to(storage, Some(end))?;
        reader.raw.hold = hold;
        Ok(reader)
    }

    /// The same for replay: while it has the lock too, what it reads once may lie in maps.
    pub(crate) fn under(mut self, lock: Option<Arc<S::Lock>>) -> Self {
        self.raw.held = lock.map(HeldMaps::new);
        self
    }

    /// Looks again how far the journal goes by now.
    ///
    /// # Errors
    /// As opening does.
    pub fn refresh(&mut self) -> Result<(), ReadError> {
        self.raw.refresh()
    }

    pub(crate) fn into_raw(self) -> RawReader<S> {
        self.raw
    }

    /// The reader without its event type.
    pub fn as_raw(&mut self) -> &mut RawReader<S> {
        &mut self.raw
    }

    /// The first sequence kept.
    pub fn first_sequence(&self) -> u64 {
        self.raw.first_sequence()
    }

    /// The sequence behind the last record.
    pub fn end_sequence(&self) -> u64 {
        self.raw.end_sequence()
    }

    /// The first sequence whose journal time is `time_ns` or later; the end if there is none.
    ///
    /// No event whose own time is `time_ns` or later lies before it.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn lower_bound(&mut self, time_ns: u64) -> Result<u64, ReadError> {
        self.raw.lower_bound(time_ns)
    }

    /// The first sequence whose journal time is later than `time_ns`; the end if there is none.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn upper_bound(&mut self, time_ns: u64) -> Result<u64, ReadError> {
        self.raw.upper_bound(time_ns)
    }

    /// The sequences whose journal times lie in `times`, an end not included. Empty, and where they would
    /// lie, if there are none; so too if `times` ends before it starts.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn range(&mut self, times: std::ops::Range<u64>) -> Result<std::ops::Range<u64>, ReadError> {
        self.raw.range(times)
    }

    /// The record at `sequence`.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`], or the fault of a record that does not validate.
    pub fn at(&mut self, sequence: u64) -> Result<Record<E>, ReadError> {
        Ok(Record::slice(self.raw.record(sequence)?)[0])
    }

    /// All records from `from` to the end, in chunks.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if `from` lies before the first record kept or behind the end; the end
    /// itself gives no chunks.
    pub fn chunks(&mut self, from: u64) -> Result<Chunks<'_, E, S>, ReadError> {
        let (first, end) = (self.first_sequence(), self.end_sequence());
        if from < first || from > end {
            return Err(ReadError::OutOfRange { sequence: from, first, end });
        }
        Ok(Chunks { reader: self, next: from })
    }
}

/// The records of a journal in order, a chunk at a time.
///
/// See the example of [`Reader`].
#[derive(Debug)]
pub struct Chunks<'r, E: Event, S: Storage = Files> {
    reader: &'r mut Reader<E, S>,
    next: u64,
}

impl<E: Event, S: Storage> Chunks<'_, E, S> {
    /// The next chunk, every record validated; `None` at the end.
    ///
    /// # Errors
    /// The fault of the first record that does not validate. Records before it in the same chunk can still be
    /// had one by one, by [`Reader::at`].
    pub fn next_chunk(&mut self) -> Result<Option<Chunk<'_, E>>, ReadError> {
        let first_sequence = self.next;
        let records = Record::slice(self.reader.raw.chunk_of(first_sequence, Record::<E>::BYTES)?);
        self.next += records.len() as u64;
        Ok((!records.is_empty()).then_some(Chunk { first_sequence, records }))
    }

    /// The next chunk, no record validated yet: for the engine, which checks and copies in one pass. `None`
    /// at the end.
    ///
    /// # Errors
    /// As reading does.
    #[doc(hidden)]
    #[inline(always)]
    pub fn next_unchecked(&mut self) -> Result<Option<Unchecked<'_, E>>, ReadError> {
        let (raw, first_sequence) = (&mut self.reader.raw, self.next);
        let Some(index) = raw.find_chunk(first_sequence)? else { return Ok(None) };
        let is_checked = raw.is_older(index)?;
        let bytes = if is_checked {
            raw.older_chunk(index, first_sequence)?;
            raw.view.turned()
        } else if let Some(held) = raw.held_chunk(index, first_sequence, Record::<E>::BYTES)? {
            raw.held_bytes(held)
        } else {
            let count = raw.load_chunk(index, first_sequence, Record::<E>::BYTES)?;
            raw.buffer.bytes(count * Record::<E>::BYTES)
        };
        let records = Record::slice(bytes);
        self.next += records.len() as u64;
        Ok(Some(Unchecked { first_sequence, records, bytes, crc: &raw.crc, is_checked }))
    }

    /// Goes back to `sequence` and says what is wrong there.
    ///
    /// # Errors
    /// The fault of the first record of the chunk from there on that does not validate.
    #[doc(hidden)]
    pub fn recheck(&mut self, sequence: u64) -> Result<(), ReadError> {
        self.next = sequence;
        self.reader.raw.chunk_of(sequence, Record::<E>::BYTES).map(drop)
    }
}

/// Records that follow each other, of which each is validated when it is asked for.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unchecked<'a, E> {
    pub first_sequence: u64,
    records: &'a [Record<E>],
    bytes: &'a [u8],
    crc: &'a RecordCrc,
    /// They were of an older type and have been validated as such.
    is_checked: bool,
}

impl<'a, E: Event> Unchecked<'a, E> {
    /// The records, as they are.
    #[inline(always)]
    pub fn records(&self) -> &'a [Record<E>] {
        self.records
    }

    /// Whether checksums come from the processor's own instruction: what `HARDWARE` must be.
    pub fn hardware(&self) -> bool {
        self.crc.hardware()
    }

    /// Shows the records of `range` to `take`, in order, and checks them on the way: whether all of them
    /// validate. Without branches, so that what is shown may be anything until the answer is there.
    ///
    /// # Panics
    /// If there are not so many records.
    #[inline(always)]
    pub fn check<const HARDWARE: bool>(
        &self,
        range: Range<usize>,
        mut take: impl FnMut(&'a Record<E>),
    ) -> bool {
        let (crc, size) = (*self.crc, Record::<E>::BYTES);
        let sequence = self.first_sequence + range.start as u64;
        let bytes = &self.bytes[range.start * size..range.end * size];
        let mut records = self.records[range].iter();
        if self.is_checked {
            records.for_each(take);
            return true;
        }
        all_valid::<HARDWARE>(&crc, sequence, bytes, size, || {
            if let Some(record) = records.next() {
                take(record);
            }
        })
    }
}

/// Validated records that follow each other.
///
/// See the example of [`Reader`].
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a, E> {
    /// The sequence of the first record.
    pub first_sequence: u64,
    /// The records.
    pub records: &'a [Record<E>],
}

impl<'a, E: Event> Chunk<'a, E> {
    /// Of records that are handed out as events of this type.
    pub(crate) fn of(raw: RawChunk<'a>) -> Self {
        Chunk { first_sequence: raw.first_sequence(), records: Record::slice(raw.bytes()) }
    }
}
