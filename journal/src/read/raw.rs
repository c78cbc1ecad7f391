//! Reading: any record by its sequence, and all of them in order. Every record handed out has been validated
//! on a copy, so that a file that changes or shrinks meanwhile gives an error and nothing worse.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{IoFault, JournalFault, ReadError};
use crate::event::Schema;
use crate::event::record::RawRecord;
use crate::format::Anchor;
use crate::format::crc::RecordCrc;
use crate::format::{Bond, ControlState, JournalId, RECORD_HEADER_BYTES, RecordHeader};
use crate::judge::chain::{self, Chain, OpenSegment};
use crate::judge::control;
use crate::judge::event_type::EventType;
use crate::retention::holders::Lease;
use crate::storage::{Files, Storage, StorageFile};
use crate::tools::read_buffer::ReadBuffer;

use super::held_maps::HeldMaps;
use super::opened::OpenSegments;
use super::stored::JournalIdentity;
use super::times::KnownTimes;
use super::view::View;

/// Reads a journal whatever its event type.
///
/// A reader sees the records that were there when it was opened or last [refreshed](RawReader::refresh); a
/// writer may go on meanwhile.
///
/// ```
/// use std::ops::ControlFlow;
/// use slipring_journal::{Journal, ReadError};
///
/// fn dump(journal: &Journal) -> Result<(), ReadError> {
///     let mut reader = journal.raw_reader()?;
///     let all = reader.first_sequence()..reader.end_sequence();
///     reader.for_each(all, |record| {
///         println!("{} at {} ns: {:02x?}", record.sequence, record.time_ns, record.event);
///         ControlFlow::Continue(())
///     })
/// }
/// ```
#[derive(Debug)]
pub struct RawReader<S: Storage = Files> {
    pub(super) storage: S,
    pub(super) control: ControlState,
    /// One control slot is damaged: it may have held a later D and W.
    pub(super) other_slot_bad: bool,
    pub(super) chain: Chain,
    pub(super) crc: RecordCrc,
    pub(super) end: u64,
    /// Holds the chunk handed out last.
    pub(super) buffer: ReadBuffer,
    /// What replay has mapped.
    pub(super) held: Option<HeldMaps<S>>,
    pub(super) opened: OpenSegments<S>,
    /// Keeps retention from the records.
    pub(super) hold: Option<Lease>,
    pub(super) times: KnownTimes,
    /// As what records are handed out.
    pub(super) view: View,
}

impl<S: Storage> RawReader<S> {
    pub(crate) fn open_to(storage: S, end: Option<u64>) -> Result<Self, ReadError> {
        Self::open_as(storage, end, None)
    }

    /// As [`RawReader::open_to`], for a type that was asked for.
    pub(super) fn open_as(storage: S, end: Option<u64>, asked: Option<EventType>) -> Result<Self, ReadError> {
        let (loaded, mut chain, opened) = loop {
            let Some((loaded, chain)) = chain::load_both(&storage)? else {
                return Err(control::no_control(&storage).into());
            };
            if let Some(opened) = OpenSegments::oldest(&storage, &chain, loaded.state.durable_end) {
                break (loaded, chain, opened);
            }
        };
        let control = loaded.state;
        if control.cutting {
            // What a rejoin cuts off is on its way out, and its type with it. Else who opens the replica as
            // the newest type there would begin that type where records of the older one come next.
            chain.segments.retain(|segment| segment.base < control.durable_end);
        }
        let view = view_of(&storage, &chain, asked)?;
        let crc = RecordCrc::new(control.journal_id.0);
        let other_slot_bad = loaded.other_slot_bad;
        let (durable_end, buffer) = (control.durable_end, ReadBuffer::default());
        let mut reader = RawReader {
            storage,
            control,
            other_slot_bad,
            chain,
            crc,
            end: durable_end,
            buffer,
            held: None,
            opened,
            hold: None,
            times: KnownTimes::default(),
            view,
        };
        reader.end = match end {
            Some(end) => end,
            None => reader.find_end()?,
        };
        reader.times = KnownTimes::among(reader.end.saturating_sub(reader.first_sequence()));
        Ok(reader)
    }

    /// Looks again how far the journal goes by now.
    ///
    /// # Errors
    /// As opening does; [`ReadError::AnotherJournal`] if it is not there any more.
    pub fn refresh(&mut self) -> Result<(), ReadError> {
        control::load_same(&self.storage, self.control.journal_id)?;
        let fresh = Self::open_as(self.storage.clone(), None, self.view.asked().cloned())?;
        let (buffer, hold) = (std::mem::take(&mut self.buffer), self.hold.take());
        *self = RawReader { buffer, hold, ..fresh };
        Ok(())
    }

    /// The first sequence kept.
    pub fn first_sequence(&self) -> u64 {
        self.control.first
    }

    /// The sequence behind the last record.
    pub fn end_sequence(&self) -> u64 {
        self.end
    }

    /// D on disk when the reader was opened: the sequence behind the last record known to be durable.
    pub fn durable_end(&self) -> u64 {
        self.control.durable_end
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.control.journal_id
    }

    /// Which copy of the journal it is; zeros for the one that was made first.
    pub fn branch(&self) -> [u8; 16] {
        self.control.branch
    }

    /// Whether the journal is a [replica](crate::Replica).
    pub fn is_replica(&self) -> bool {
        self.control.replica
    }

    /// Whose records these are, by the control file as it was when the reader was opened.
    pub fn identity(&self) -> JournalIdentity {
        JournalIdentity::of(&self.control)
    }

    /// The schema of the events, if there is a segment yet. A journal whose events have changed shows them
    /// all as the newest, also those of one layout whose numbers count otherwise.
    pub fn schema(&self) -> Option<Schema> {
        self.chain.segments.first().and(self.view.schema()).cloned()
    }

    /// Size of a record in bytes, header included, as it is handed out; 0 if there is no segment yet.
    pub fn record_bytes(&self) -> usize {
        self.view.record_bytes
    }

    pub(super) fn event_bytes(&self) -> usize {
        self.view.event_bytes
    }

    pub(crate) fn parts(&self) -> (&S, &ControlState, &Chain) {
        (&self.storage, &self.control, &self.chain)
    }

    /// The record at `sequence`.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`], [`JournalFault::CorruptRecord`] if it does not validate, or
    /// [`JournalFault::SchemaMismatch`] if it can't be shown as the newest type.
    pub fn at(&mut self, sequence: u64) -> Result<RawRecord<'_>, ReadError> {
        let event_bytes = self.event_bytes();
        Ok(RawRecord::new(sequence, self.record(sequence)?, event_bytes))
    }

    /// The record at `sequence`, validated, as it is handed out.
    pub(super) fn record(&mut self, sequence: u64) -> Result<&[u8], ReadError> {
        let index = self.fill(sequence)?;
        if self.is_older(index)? {
            let bytes = self.buffer.bytes(self.chain.segments[index].record_bytes());
            let path = || self.storage.path(&self.chain.segments[index].name());
            self.view.turn(sequence, bytes, path)?;
            return Ok(self.view.turned());
        }
        Ok(self.buffer.bytes(self.record_bytes()))
    }

    /// From where on records are handed out as they lie in the files: before it, some are of an older type,
    /// or their numbers count otherwise.
    #[doc(hidden)]
    pub fn as_they_lie_from(&mut self) -> u64 {
        let all = 0..self.chain.segments.len();
        let older = all.rev().find(|index| !matches!(self.is_older(*index), Ok(false)));
        older.map_or(self.control.first, |index| self.chain.segments[index].end)
    }

    /// Which bytes of its event the record at `sequence` tells: they are set. The others were no part of the
    /// older type that it is of.
    #[doc(hidden)]
    pub fn told_at(&mut self, sequence: u64) -> Result<Vec<u8>, ReadError> {
        let index = self.fill(sequence)?;
        self.is_older(index)?;
        let record = self.buffer.bytes(self.chain.segments[index].record_bytes());
        Ok(self.view.told(record))
    }

    /// Whether the records of a segment are of an older type than they are handed out as.
    #[inline]
    pub(super) fn is_older(&mut self, index: usize) -> Result<bool, ReadError> {
        self.look_older(index).map_err(|fault| self.refusal(index, fault).into())
    }

    #[inline]
    pub(super) fn look_older(&mut self, index: usize) -> Result<bool, JournalFault> {
        let segment = &self.chain.segments[index];
        self.view.is_older(&segment.layout, || self.storage.path(&segment.name()))
    }

    /// Reads and validates the record at `sequence` into the start of the buffer, as it lies in the file.
    pub(crate) fn header_at(&mut self, sequence: u64) -> Result<RecordHeader, ReadError> {
        self.fill(sequence)?;
        Ok(RecordHeader::decode(self.buffer.bytes(RECORD_HEADER_BYTES)))
    }

    /// Time of the record at `sequence`.
    pub(crate) fn time_at(&mut self, sequence: u64) -> Result<u64, ReadError> {
        Ok(self.header_at(sequence)?.time_ns)
    }

    /// Reads the record at `sequence` and validates it; it lies at the start of the buffer, as in the file.
    /// The index of its segment.
    pub(super) fn fill(&mut self, sequence: u64) -> Result<usize, ReadError> {
        let in_range = sequence < self.end.max(self.control.durable_end);
        let index = self.chain.holding(sequence).filter(|_| in_range).ok_or(ReadError::OutOfRange {
            sequence,
            first: self.control.first,
            end: self.end,
        })?;
        let record_bytes = self.chain.segments[index].record_bytes();
        self.read(index, sequence, 1)?;
        let bytes = self.buffer.bytes(record_bytes);
        self.validate(index, sequence, bytes, record_bytes)?;
        Ok(index)
    }

    /// Reads `count` records of one segment into the buffer, as they are.
    pub(super) fn read(&mut self, index: usize, sequence: u64, count: usize) -> Result<(), ReadError> {
        self.open(index, sequence)?;
        let Some(OpenSegment { name, slots, file }) = self.opened.get(index) else { return Ok(()) };
        let byte_count = count * slots.record_bytes as usize;
        let bytes = self.buffer.room(byte_count);
        let path = || self.storage.path(name);
        let read = file
            .read_at(bytes, slots.offset(sequence))
            .map_err(|error| IoFault::new("read", path(), error))?;
        if read < bytes.len() {
            let (found_bytes, wanted_bytes) = (slots.offset(sequence) + read as u64, slots.file_bytes());
            let fault = JournalFault::SegmentTruncated { path: path(), found_bytes, wanted_bytes };
            return Err(self.own(fault.into()));
        }
        Ok(())
    }

    /// Calls `visit` for every record of `range`, in order, until it says stop.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if the range starts before the first record kept; the fault of a record that
    /// can't be read.
    pub fn for_each(
        &mut self,
        range: std::ops::Range<u64>,
        mut visit: impl FnMut(RawRecord<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut at = range.start;
        let end = range.end.min(self.end);
        let (record_bytes, event_bytes) = (self.record_bytes(), self.event_bytes());
        while at < end {
            let chunk = self.chunk_bytes(at)?;
            for record in chunk.chunks_exact(record_bytes) {
                if at >= end || visit(RawRecord::new(at, record, event_bytes)).is_break() {
                    return Ok(());
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// The position of `sequence`, to be saved and checked later.
    ///
    /// # Errors
    /// As [`RawReader::at`].
    pub fn anchor(&mut self, sequence: u64) -> Result<Anchor, ReadError> {
        let header = self.header_at(sequence)?;
        Ok(Anchor::at(self.journal_id(), sequence, Bond::of(header)))
    }

    /// Checks that the log still holds the record that `anchor` was saved from.
    ///
    /// # Errors
    /// [`ReadError::HistoryChanged`] if it does not.
    pub fn check_anchor(&mut self, anchor: &Anchor) -> Result<(), ReadError> {
        let changed = |what| Err(ReadError::HistoryChanged { anchor: *anchor, what });
        if anchor.journal_id != self.journal_id() {
            return changed("it is another journal");
        }
        if anchor.sequence >= self.end {
            return changed("the log ends before it");
        }
        if anchor.sequence < self.first_sequence() {
            return changed("retention has removed it");
        }
        let found = self.anchor(anchor.sequence)?;
        if found == *anchor { Ok(()) } else { changed("another record lies there") }
    }
}

/// What a reader of this chain shows, which must be able to show all of it if a type was asked for.
fn view_of<S: Storage>(storage: &S, chain: &Chain, asked: Option<EventType>) -> Result<View, JournalFault> {
    let Some(last) = chain.segments.last() else {
        return Ok(asked.map_or_else(View::default, View::of));
    };
    let Some(asked) = asked else { return Ok(View::of_newest(Some(Arc::clone(&last.layout)))) };
    let mut view = View::of(asked);
    view.check(&chain.layouts(), &storage.path(&last.name()))?;
    Ok(view)
}

const _: () = assert!(RECORD_HEADER_BYTES == 16, "records start at multiples of 8 in a buffer aligned to 16");
