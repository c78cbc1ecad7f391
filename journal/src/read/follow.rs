//! Following a journal while it is written, by this process or another: every committed record once, in
//! order, across rolls, and never one that is not committed.

mod end;

use std::path::Path;
use std::sync::Arc;

use crate::error::{IoFault, JournalFault, ReadError};
use crate::event::Schema;
use crate::format::Anchor;
use crate::format::crc::RecordCrc;
use crate::format::{Bond, JournalId, MAX_EPOCH, SegmentHeader, segment_name, valid_record};
use crate::judge::chain;
use crate::judge::control;
use crate::judge::event_type::EventType;
use crate::judge::layout::Layout;
use crate::judge::scan::Follow;
use crate::read::chunk::CHUNK_BYTES;
use crate::read::raw_chunk::RawChunk;
use crate::read::refused;
use crate::read::stored::StoredRun;
use crate::read::view::View;
use crate::storage::{Files, Storage, StorageFile};
use crate::tools::read_buffer::ReadBuffer;

/// Bytes read where no more than a few new records are expected.
const FIRST_BYTES: usize = 4 << 10;

/// A position in a journal of whatever event type that moves on as records come.
///
/// Events of a known type: [`Follower`](crate::Follower), which says more.
///
/// ```
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # writer.append(1, &Tick { price: 7 })?;
/// let mut follower = journal.follow_raw(0)?;
/// while let Some(chunk) = follower.next_chunk()? {
///     for record in chunk.records() {
///         println!("{}: {:?}", record.sequence, record.event);
///     }
/// }
/// # writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawFollower<S: Storage = Files> {
    storage: S,
    journal_id: JournalId,
    crc: RecordCrc,
    next: u64,
    last: Option<Anchor>,
    order: Follow,
    segment: Option<Followed<S>>,
    /// Where a segment ends, and so the next one begins: where it stood last, to find that without a look at
    /// all names.
    ends_at: Option<u64>,
    buffer: ReadBuffer,
    /// Records that were handed out last, as they lie at the start of the buffer.
    handed: usize,
    /// Bytes to read next: few behind a slow writer, for what lies ahead of it is read for nothing; the whole
    /// buffer behind one that is far ahead.
    ahead_bytes: usize,
    /// As what records are handed out: if no type was asked for, as the newest when it first looked.
    view: View,
    /// The layouts met so far.
    met: Vec<Arc<Layout>>,
}

/// The segment that is read.
#[derive(Debug)]
struct Followed<S: Storage> {
    header: SegmentHeader,
    layout: Arc<Layout>,
    file: S::File,
    /// The file had its whole length when it was opened.
    is_whole: bool,
}

impl<S: Storage> RawFollower<S> {
    /// Follows from `sequence` on, which may lie ahead of what is written so far.
    ///
    /// # Errors
    /// [`ReadError::Evicted`] if retention has removed it.
    #[doc(hidden)]
    pub fn open_on(storage: S, sequence: u64) -> Result<Self, ReadError> {
        let loaded = control::load(&storage)?;
        let Some(loaded) = loaded else {
            return Err(JournalFault::NoJournal { path: storage.path("") }.into());
        };
        let first = loaded.state.first;
        if sequence < first {
            return Err(ReadError::Evicted { sequence, first });
        }
        let journal_id = loaded.state.journal_id;
        Ok(RawFollower {
            storage,
            journal_id,
            crc: RecordCrc::new(journal_id.0),
            next: sequence,
            last: None,
            order: Follow::default(),
            segment: None,
            ends_at: None,
            buffer: ReadBuffer::default(),
            handed: 0,
            ahead_bytes: CHUNK_BYTES,
            view: View::default(),
            met: Vec::new(),
        })
    }

    /// Goes on behind a saved position.
    ///
    /// # Errors
    /// [`ReadError::HistoryChanged`] if the log no longer holds the record that it was saved from,
    /// [`ReadError::Evicted`] if retention has removed that.
    #[doc(hidden)]
    pub fn resume_on(storage: S, anchor: Anchor) -> Result<Self, ReadError> {
        let mut follower = Self::open_on(storage, anchor.sequence)?;
        if anchor.journal_id != follower.journal_id {
            return Err(ReadError::HistoryChanged { anchor, what: "it is another journal" });
        }
        follower.check(anchor)?;
        follower.next = anchor.sequence + 1;
        follower.last = Some(anchor);
        // Should the log be recovered before the first chunk, that meets a newer epoch and asks again.
        follower.order.epoch = anchor.epoch;
        Ok(follower)
    }

    /// As events of a type.
    pub(crate) fn only(mut self, asked: EventType) -> Self {
        self.view = View::of(asked);
        self
    }

    /// Records as they lie, whatever their type.
    pub(crate) fn of_stored(mut self) -> Self {
        self.view = View::of_stored();
        self
    }

    /// The records that were handed out last, if they are handed out as they lie.
    pub(crate) fn stored_run(&self) -> Option<StoredRun<'_>> {
        let Followed { layout, .. } = self.segment.as_ref().filter(|_| self.view.is_as_stored())?;
        let (record_bytes, event_bytes) = (layout.record_bytes as usize, layout.event_bytes as usize);
        let bytes = self.buffer.bytes(self.handed * record_bytes);
        let first = self.next - self.handed as u64;
        let records = RawChunk::new(first, bytes, record_bytes, event_bytes);
        Some(StoredRun { schema: &layout.schema, records })
    }

    /// As what was the newest when another looked.
    pub(crate) fn with_newest(mut self, newest: Arc<Layout>) -> Self {
        self.view = View::of_newest(Some(newest));
        self
    }

    /// What was the newest when it first looked, if no type was asked for.
    pub(crate) fn looked_newest(&self) -> Option<Arc<Layout>> {
        self.view.newest().cloned()
    }

    /// What the events are that it hands out; `None` until there is a segment. Those of older types are
    /// handed out as the newest that there was when it first looked.
    pub fn schema(&self) -> Option<&Schema> {
        self.met.first().and_then(|_| self.view.schema())
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.journal_id
    }

    /// The sequence behind the last record that the files say is durable. It trails by a sync at most.
    ///
    /// # Errors
    /// [`ReadError::Journal`] if the control file can't be read, [`ReadError::AnotherJournal`] if it is
    /// another's.
    pub fn durable_end(&self) -> Result<u64, ReadError> {
        Ok(control::load_same(&self.storage, self.journal_id)?.state.durable_end)
    }

    /// The sequence of the next record that it will hand out.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The position of the last record handed out, to be saved.
    pub fn anchor(&self) -> Option<Anchor> {
        self.last
    }

    /// Journal time of the last record handed out; 0 before there was one.
    pub(crate) fn last_time_ns(&self) -> u64 {
        self.order.time_ns
    }

    /// The records that have come since the last call; `None` if there are none yet.
    ///
    /// # Errors
    /// [`ReadError::HistoryChanged`] if the log was cut behind the follower's back,
    /// [`ReadError::AnotherJournal`] if it is gone or another journal has taken its place; the faults of
    /// opening a segment; a segment that lost bytes.
    pub fn next_chunk(&mut self) -> Result<Option<RawChunk<'_>>, ReadError> {
        self.next_chunk_below(u64::MAX)
    }

    /// As [`RawFollower::next_chunk`], but nothing from `end` on.
    ///
    /// # Errors
    /// As [`RawFollower::next_chunk`].
    pub fn next_chunk_below(&mut self, end: u64) -> Result<Option<RawChunk<'_>>, ReadError> {
        self.look(end, true)
    }

    /// Looks for records below `end`; `again` where a segment turns out to have ended, in the next one.
    fn look(&mut self, end: u64, again: bool) -> Result<Option<RawChunk<'_>>, ReadError> {
        if end <= self.next {
            return Ok(None);
        }
        self.open_segment()?;
        let Some(Followed { header, layout, file, .. }) = &self.segment else {
            self.check_end(false)?;
            return Ok(None);
        };
        let path = || self.storage.path(&segment_name(header.base));
        let is_older = self.view.is_older(layout, path)?;
        let (record_bytes, event_bytes) = (header.record_bytes as usize, self.view.event_bytes);
        let most = (self.ahead_bytes / record_bytes.max(self.view.record_bytes)).max(1) as u64;
        let slots = (header.end().min(end) - self.next).min(most) as usize;
        let offset = header.slots().offset(self.next);
        let bytes = self.buffer.room(slots * record_bytes);
        let read = file.read_at(bytes, offset).map_err(|error| IoFault::new("read", path(), error))?;
        let (mut order, mut last, mut count) = (self.order, self.last, 0);
        for (i, record) in bytes[..read].chunks_exact(record_bytes).enumerate() {
            let sequence = self.next + i as u64;
            let Some(found) = valid_record(&self.crc, sequence, record) else { break };
            let before = order;
            if !order.accept(found, MAX_EPOCH) {
                break;
            }
            // Another life of the writer goes on here. That it goes on from the record handed out last, and
            // not from an earlier one, is the one thing that recovery may have changed.
            if before.epoch != 0 && found.epoch() != before.epoch && count > 0 {
                // So that the next chunk meets the new epoch, and asks.
                order = before;
                break;
            }
            last = Some(Anchor::at(self.journal_id, sequence, Bond::of(found)));
            count += 1;
        }
        self.ahead_bytes = if count < slots { FIRST_BYTES } else { CHUNK_BYTES.min(4 * self.ahead_bytes) };
        if count == 0 {
            let (short, base) = (read < bytes.len(), header.base);
            self.check_end(short)?;
            let has_ended = self.segment.as_ref().is_none_or(|segment| segment.header.base != base);
            return if again && has_ended { self.look(end, false) } else { Ok(None) };
        }
        if is_older {
            let bytes = self.buffer.bytes(count * record_bytes);
            self.view.turn(self.next, bytes, path)?;
            let turned = self.view.turned_count();
            if turned < count {
                // Those before one that can't be shown.
                return self.look(self.next + turned as u64, again);
            }
        }
        let new_epoch = self.order.epoch != 0 && order.epoch != self.order.epoch;
        if new_epoch && let Some(anchor) = self.last {
            self.check(anchor)?;
        }
        let first_sequence = self.next;
        (self.next, self.handed) = (self.next + count as u64, count);
        self.order = order;
        self.last = last;
        let mut bytes = self.buffer.bytes(count * record_bytes);
        if is_older {
            bytes = self.view.turned();
        }
        Ok(Some(RawChunk::new(first_sequence, bytes, self.view.record_bytes, event_bytes)))
    }

    /// Opens the segment that holds `next`, if it is there by now; `self.segment` says so.
    fn open_segment(&mut self) -> Result<(), ReadError> {
        if self.segment.as_ref().is_some_and(|segment| segment.header.slots().holds(self.next)) {
            return Ok(());
        }
        self.segment = None;
        // There may be very many names: behind the end of a segment only one of them is the next one's.
        if self.ends_at == Some(self.next) {
            return self.try_segment(self.next);
        }
        match chain::segment_bases(&self.storage)?.into_iter().rev().find(|base| *base <= self.next) {
            Some(base) => self.try_segment(base),
            None => Ok(()),
        }
    }

    /// Opens the segment that starts at `base`, if it is there and holds `next`.
    fn try_segment(&mut self, base: u64) -> Result<(), ReadError> {
        let name = segment_name(base);
        // It is not there yet, or recovery removed it between the look and the opening.
        let Some(file) = chain::open_if_there(&self.storage, &name, false)? else { return Ok(()) };
        let path = self.storage.path(&name);
        let header = self.own_header(&file, &path)?;
        self.ends_at = Some(header.end());
        let layout = self.meet(&header, &path)?;
        if header.slots().holds(self.next) {
            let bytes = file.size().map_err(|error| IoFault::new("look at", path, error))?;
            let is_whole = bytes >= header.file_bytes();
            self.segment = Some(Followed { header, layout, file, is_whole });
        }
        Ok(())
    }

    /// The header of a segment, which must be this journal's.
    fn own_header(&self, file: &S::File, path: &Path) -> Result<SegmentHeader, ReadError> {
        let (header, _) = chain::read_header(file, path)?;
        if header.journal_id != self.journal_id {
            // Of another journal; or alone a stranger in this one.
            control::load_same(&self.storage, self.journal_id)?;
            chain::check_journal(&self.storage, &header, self.journal_id, path)?;
        }
        Ok(header)
    }

    /// Takes note of what a segment holds, which it must be able to hand out.
    fn meet(&mut self, header: &SegmentHeader, path: &Path) -> Result<Arc<Layout>, ReadError> {
        let own = Layout::of(header);
        if let Some(last) = self.met.last().filter(|last| ***last == own) {
            return Ok(Arc::clone(last));
        }
        let own = Arc::new(own);
        if !self.view.is_as_stored() && self.view.asked().is_none() && self.view.newest().is_none() {
            self.view = View::of_newest(Some(self.newest(&own)?));
        }
        self.met.push(Arc::clone(&own));
        let checked =
            self.view.check(&self.met, path).and_then(|()| self.view.is_older(&own, || path.to_owned()));
        if let Err(fault) = checked {
            self.met.pop();
            let is_typed = self.view.is_as_stored() || self.view.asked().is_some();
            let told = if is_typed { fault } else { refused::at(&self.storage, self.next, fault) };
            return Err(told.into());
        }
        Ok(own)
    }

    /// The newest layout of the journal, by the last of its files.
    fn newest(&self, own: &Arc<Layout>) -> Result<Arc<Layout>, ReadError> {
        for base in chain::segment_bases(&self.storage)?.into_iter().rev() {
            let name = segment_name(base);
            // An empty one, that a writer has removed.
            let Some(file) = chain::open_if_there(&self.storage, &name, false)? else { continue };
            let newest = Layout::of(&self.own_header(&file, &self.storage.path(&name))?);
            return Ok(if newest == **own { Arc::clone(own) } else { Arc::new(newest) });
        }
        Ok(Arc::clone(own))
    }
}
