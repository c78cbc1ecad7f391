//! A name that one reader holds alone.

use super::name::HeldName;
use super::start::{self, ReaderStart};
use super::tail::{self, Tail};
use crate::error::NamedReaderError;
use crate::format::{Anchor, ControlState, ReaderPlace, ReaderState};
use crate::judge::event_type::EventType;
use crate::read::raw_chunk::RawChunk;
use crate::read::stored::StoredRun;
use crate::storage::Files;
use crate::tools::clock;

/// A named reader of a journal of whatever event type.
///
/// Events of a known type: [`NamedReader`](crate::NamedReader), which says more.
///
/// ```
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # writer.append(1, &Tick { price: 7 })?;
/// let mut reader = journal.named_reader_raw("billing")?;
/// while let Some(chunk) = reader.next_chunk()? {
///     let end = chunk.first_sequence() + chunk.len() as u64;
///     chunk.records().for_each(|record| println!("{}: {:?}", record.sequence, record.event));
///     reader.commit(end)?;
/// }
/// assert_eq!(reader.position(), 1);
/// # writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawNamedReader {
    name: HeldName,
    /// As it is on the disk.
    state: ReaderState,
    tail: Tail,
    /// What was committed and not written yet.
    noted: Option<ReaderPlace>,
    /// A commit of fewer records than these is only noted.
    batch_records: u64,
    durable_only: bool,
}

impl RawNamedReader {
    pub(crate) fn open(
        journal: Files,
        name: &str,
        asked: Option<EventType>,
    ) -> Result<Self, NamedReaderError> {
        Self::open_with(journal, name, Tail::new(asked))
    }

    /// Whose records are handed out as they lie.
    pub(super) fn open_stored(journal: Files, name: &str) -> Result<Self, NamedReaderError> {
        Self::open_with(journal, name, Tail::of_stored())
    }

    fn open_with(journal: Files, name: &str, tail: Tail) -> Result<Self, NamedReaderError> {
        let name = HeldName::hold(journal, name, true)?;
        let mut state = name.load_or_begin()?;
        // What those had in hand that shared the name: they are gone.
        state.free(|_| true);
        Ok(RawNamedReader { name, state, tail, noted: None, batch_records: 0, durable_only: false })
    }

    /// As [`NamedReader::commit_every`](crate::NamedReader::commit_every).
    pub fn commit_every(mut self, records: u64) -> Self {
        self.batch_records = records;
        self
    }

    /// As [`NamedReader::durable_only`](crate::NamedReader::durable_only).
    pub fn durable_only(mut self) -> Self {
        self.durable_only = true;
        self
    }

    /// The reader's name.
    pub fn name(&self) -> &str {
        self.name.name()
    }

    /// The sequence behind the last record that is committed, durably.
    pub fn position(&self) -> u64 {
        self.state.position.end
    }

    /// The sequence of the next record that it will hand out.
    pub fn next_sequence(&self) -> u64 {
        self.tail.next_sequence().unwrap_or_else(|| self.done().end)
    }

    fn done(&self) -> ReaderPlace {
        self.noted.unwrap_or(self.state.position)
    }

    /// As [`NamedReader::next_chunk`](crate::NamedReader::next_chunk).
    ///
    /// # Errors
    /// As that.
    pub fn next_chunk(&mut self) -> Result<Option<RawChunk<'_>>, NamedReaderError> {
        let end = match self.durable_only {
            true => self.name.control()?.durable_end,
            false => u64::MAX,
        };
        self.next_chunk_below(end)
    }

    /// As [`RawNamedReader::next_chunk`], but nothing from `end` on.
    ///
    /// # Errors
    /// As that.
    pub fn next_chunk_below(&mut self, end: u64) -> Result<Option<RawChunk<'_>>, NamedReaderError> {
        self.name.check_process()?;
        if self.tail.next_sequence().is_none() {
            self.tail.open(&self.name, &self.state)?;
        }
        let end = self.pass_done()?.min(end);
        let at = self.tail.handed();
        match self.tail.next_chunk_below(end) {
            Ok(chunk) => Ok(chunk),
            Err(error) => Err(tail::explain(&self.name, at, error)),
        }
    }

    /// As [`RawNamedReader::next_chunk_below`], of one whose records are handed out as they lie, and what the
    /// segment says of them.
    pub(super) fn next_run_below(&mut self, end: u64) -> Result<Option<StoredRun<'_>>, NamedReaderError> {
        let has_some = self.next_chunk_below(end)?.is_some();
        Ok(if has_some { self.tail.stored_run() } else { None })
    }

    /// What the control file says now.
    pub(super) fn control(&self) -> Result<ControlState, NamedReaderError> {
        self.name.control()
    }

    /// The record before the position, if it is known which one that was.
    pub(super) fn position_anchor(&self) -> Option<Anchor> {
        let position = self.state.position;
        let sequence = position.end.checked_sub(1).filter(|_| position.last.is_known())?;
        Some(Anchor::at(self.state.journal_id, sequence, position.last))
    }

    /// Hands out next what follows a record that the log holds.
    pub(super) fn go_on_behind(&mut self, anchor: &Anchor) -> Result<(), NamedReaderError> {
        self.name.check_process()?;
        if self.position_anchor().as_ref() == Some(anchor) {
            return self.tail.open(&self.name, &self.state);
        }
        self.tail.open_behind(&self.name, anchor)
    }

    /// Passes over what others that shared the name have done before; where the next of that begins.
    fn pass_done(&mut self) -> Result<u64, NamedReaderError> {
        loop {
            let next = self.next_sequence();
            let Some(done) = self.state.done_ahead().find(|range| next < range.end.end) else {
                return Ok(u64::MAX);
            };
            if next < done.start {
                return Ok(done.start);
            }
            let (at, end) = (self.tail.handed(), done.end.end);
            let opened = self.tail.open_at(self.name.journal(), end);
            opened.map_err(|error| tail::explain(&self.name, at, error))?;
        }
    }

    /// As [`NamedReader::commit`](crate::NamedReader::commit).
    ///
    /// # Errors
    /// As that.
    pub fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        self.name.check_process()?;
        if end <= self.state.position.end {
            return Ok(());
        }
        let next = self.next_sequence();
        if end > next {
            return Err(NamedReaderError::NotHandedOut { name: self.name().to_owned(), end, next });
        }
        // It stays noted also if it can't be written now: then it is with the next one.
        if end > self.done().end {
            self.noted = Some(self.tail.place(&self.name, end)?);
        }
        if end - self.state.position.end < self.batch_records { Ok(()) } else { self.flush() }
    }

    /// As [`NamedReader::flush`](crate::NamedReader::flush).
    ///
    /// # Errors
    /// As that.
    pub fn flush(&mut self) -> Result<(), NamedReaderError> {
        let Some(noted) = self.noted else { return Ok(()) };
        let mut next = self.state.clone();
        next.advance(noted);
        next.committed_ns = clock::now_ns();
        self.write(next)
    }

    fn write(&mut self, next: ReaderState) -> Result<(), NamedReaderError> {
        self.name.store(&next, self.state.position.end)?;
        (self.state, self.noted) = (next, None);
        Ok(())
    }

    /// As [`NamedReader::seek`](crate::NamedReader::seek).
    ///
    /// # Errors
    /// As that.
    pub fn seek(&mut self, start: ReaderStart) -> Result<(), NamedReaderError> {
        self.name.check_process()?;
        self.state = self.name.begin(start, self.state.missed)?;
        self.noted = None;
        self.tail.close();
        Ok(())
    }

    /// As [`NamedReader::resume_at_first`](crate::NamedReader::resume_at_first).
    ///
    /// # Errors
    /// As that.
    pub fn resume_at_first(&mut self) -> Result<u64, NamedReaderError> {
        self.flush()?;
        let first = start::resolve(&mut self.name.reader()?, ReaderStart::First)?;
        let mut next = self.state.clone();
        let missed = next.pass_over(first);
        if self.state.position.end < first.end {
            self.write(next)?;
            self.tail.close();
        }
        Ok(missed)
    }

    /// Ends as its process would by kill -9: nothing is written, and the name is free.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.noted = None;
    }

    /// As [`NamedReader::close`](crate::NamedReader::close).
    ///
    /// # Errors
    /// As that.
    pub fn close(mut self) -> Result<u64, NamedReaderError> {
        self.flush()?;
        Ok(self.position())
    }
}

impl Drop for RawNamedReader {
    /// What is lost if it fails is done again: at least once.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
