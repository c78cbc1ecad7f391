//! A name that several readers share, in one process or many: each claims a range, does it, and commits it.

use std::ops::Range;

use super::check;
use super::name::HeldName;
use super::start::{self, ReaderStart};
use super::tail::{self, Tail};
use crate::error::{NamedReaderError, ReadError};
use crate::format::{Bond, ControlState, ReaderState};
use crate::judge::event_type::EventType;
use crate::read::follow::RawFollower;
use crate::read::raw_chunk::RawChunk;
use crate::storage::Files;
use crate::tools::clock;

/// One of the readers that share a name, of a journal of whatever event type.
///
/// Events of a known type: [`SharedReader`](crate::SharedReader), which says more.
///
/// ```
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # writer.append(1, &Tick { price: 7 })?;
/// let mut reader = journal.shared_reader_raw("thumbnails")?;
/// while let Some(range) = reader.claim(100)? {
///     while let Some(chunk) = reader.next_chunk()? {
///         chunk.records().for_each(|record| println!("{}: {:?}", record.sequence, record.event));
///     }
///     reader.commit(range.end)?;
/// }
/// # writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RawSharedReader {
    name: HeldName,
    member: u32,
    tail: Tail,
    /// Stands where the next records will come that nobody has: not opened anew with each look.
    ahead: Option<RawFollower>,
    /// What is left of what it has in hand; empty once all of it is done.
    claimed: Option<Range<u64>>,
    /// In which epoch the log was last found to be the one that was read.
    checked_epoch: u32,
    durable_only: bool,
}

impl RawSharedReader {
    pub(crate) fn open(
        journal: Files,
        name: &str,
        asked: Option<EventType>,
    ) -> Result<Self, NamedReaderError> {
        let name = HeldName::hold(journal, name, false)?;
        let member = {
            let _turn = name.lock.turn().map_err(|error| name.lock_fault(error))?;
            let member = name.take_member()?;
            let mut state = name.load_or_begin()?;
            // Of one that had the place before, and died.
            if state.free(|holder| holder == member) {
                name.store(&state, state.position.end)?;
            }
            member
        };
        let (tail, ahead, claimed) = (Tail::new(asked), None, None);
        Ok(RawSharedReader { name, member, tail, ahead, claimed, checked_epoch: 0, durable_only: false })
    }

    /// As [`SharedReader::durable_only`](crate::SharedReader::durable_only).
    pub fn durable_only(mut self) -> Self {
        self.durable_only = true;
        self
    }

    /// The readers' name.
    pub fn name(&self) -> &str {
        self.name.name()
    }

    /// What is left of what it has in hand.
    pub fn claimed(&self) -> Option<Range<u64>> {
        self.claimed.clone().filter(|left| !left.is_empty())
    }

    /// Changes what is shared, in turn: `change` is given the state as it is now, and says whether it has
    /// changed it.
    fn in_turn<T>(
        &self,
        change: impl FnOnce(&mut ReaderState) -> Result<(T, bool), NamedReaderError>,
    ) -> Result<T, NamedReaderError> {
        self.name.check_process()?;
        let _turn = self.name.lock.turn().map_err(|error| self.name.lock_fault(error))?;
        let mut state = self.name.load()?.ok_or_else(|| self.name.no_reader())?;
        let position = state.position.end;
        let (answer, has_changed) = change(&mut state)?;
        if has_changed {
            self.name.store(&state, position)?;
        }
        Ok(answer)
    }

    /// As [`SharedReader::claim`](crate::SharedReader::claim).
    ///
    /// # Errors
    /// As that.
    pub fn claim(&mut self, records: u64) -> Result<Option<Range<u64>>, NamedReaderError> {
        if let Some(range) = self.claimed() {
            return Err(NamedReaderError::StillClaimed { name: self.name().to_owned(), range });
        }
        let mut ahead = self.ahead.take();
        let claimed = self.in_turn(|state| {
            let control = self.name.control()?;
            self.check(state, &control)?;
            let freed = self.free_dead(state)?;
            let (start, limit) = state.hole();
            let most = start.saturating_add(records.max(1)).min(limit.unwrap_or(u64::MAX));
            let end = self.end_of(&mut ahead, start..most, &control)?;
            if end <= start {
                return Ok(((None, control.epoch), freed));
            }
            if !state.claim(self.member, start..end) {
                return Err(NamedReaderError::TooManyRanges { name: self.name().to_owned() });
            }
            Ok(((Some(start..end), control.epoch), true))
        });
        self.ahead = ahead;
        let (claimed, epoch) = claimed?;
        self.checked_epoch = epoch;
        if let Some(range) = &claimed
            && self.tail.next_sequence() != Some(range.start)
        {
            self.tail.close();
        }
        self.claimed.clone_from(&claimed);
        Ok(claimed)
    }

    /// Refuses a log that is not the one that was read. All of it is looked at once in each life of the
    /// writer: only that may have cut it.
    fn check(&self, state: &ReaderState, control: &ControlState) -> Result<(), NamedReaderError> {
        check::check_journal(self.name(), state, control)?;
        if control.epoch == self.checked_epoch && state.position.end >= control.first {
            return Ok(());
        }
        check::check_log(self.name(), state, &mut self.name.reader()?)
    }

    /// Takes back what the dead had in hand; whether they had anything.
    fn free_dead(&self, state: &mut ReaderState) -> Result<bool, NamedReaderError> {
        let mut dead = Vec::new();
        for member in state.ranges.iter().filter_map(|range| range.member) {
            // This reader's own: it has nothing in hand, whatever a call that failed has left there.
            let lives = member != self.member
                && self.name.lock.is_another(member).map_err(|e| self.name.lock_fault(e))?;
            dead.extend((!lives).then_some(member));
        }
        Ok(state.free(|member| dead.contains(&member)))
    }

    /// Where a range ends that is to be `range`, or end where the records end that are there.
    fn end_of(
        &self,
        ahead: &mut Option<RawFollower>,
        range: Range<u64>,
        control: &ControlState,
    ) -> Result<u64, NamedReaderError> {
        let Range { start, end: most } = range;
        if start < control.durable_end || self.durable_only {
            return Ok(most.min(control.durable_end));
        }
        let mut look = || -> Result<u64, ReadError> {
            let mut follower = match ahead.take() {
                Some(follower) if follower.next_sequence() == start => follower,
                _ => self.tail.another(self.name.journal(), start)?,
            };
            let count = follower.next_chunk_below(most)?.map_or(0, |chunk| chunk.len() as u64);
            if count == 0 {
                *ahead = Some(follower);
            }
            Ok(start + count)
        };
        look().map_err(|error| tail::explain(&self.name, None, error))
    }

    fn not_claimed(&self) -> NamedReaderError {
        NamedReaderError::NotClaimed { name: self.name().to_owned() }
    }

    /// As [`SharedReader::next_chunk`](crate::SharedReader::next_chunk).
    ///
    /// # Errors
    /// As that.
    pub fn next_chunk(&mut self) -> Result<Option<RawChunk<'_>>, NamedReaderError> {
        self.name.check_process()?;
        let Some(claimed) = self.claimed.clone() else { return Err(self.not_claimed()) };
        if claimed.is_empty() {
            return Ok(None);
        }
        if self.tail.next_sequence().is_none() {
            let opened = self.tail.open_at(self.name.journal(), claimed.start);
            opened.map_err(|error| tail::explain(&self.name, None, error))?;
        }
        let at = self.tail.handed();
        match self.tail.next_chunk_below(claimed.end) {
            Ok(chunk) => Ok(chunk),
            Err(error) => Err(tail::explain(&self.name, at, error)),
        }
    }

    /// As [`SharedReader::commit`](crate::SharedReader::commit).
    ///
    /// # Errors
    /// As that.
    pub fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        let claimed = self.claimed.clone().filter(|claimed| end <= claimed.end);
        let Some(claimed) = claimed else { return Err(self.not_claimed()) };
        if end <= claimed.start {
            return Ok(());
        }
        let next = self.tail.next_sequence().unwrap_or(claimed.start);
        if end > next {
            return Err(NamedReaderError::NotHandedOut { name: self.name().to_owned(), end, next });
        }
        let done = self.tail.place(&self.name, end)?;
        let has_it = self.in_turn(|state| {
            let has_it = match done.last == Bond::UNKNOWN {
                // What retention took meanwhile was done all the same, and nobody is given it.
                true => state.claimed_by(self.member).is_some(),
                // Written again too what a call that failed may have left there.
                false => state.commit(self.member, done) || state.is_done(&(claimed.start..end)),
            };
            state.committed_ns = clock::now_ns();
            Ok((has_it, has_it))
        })?;
        if !has_it {
            self.claimed = None;
            return Err(self.not_claimed());
        }
        self.claimed = Some(end..claimed.end);
        Ok(())
    }

    /// As [`SharedReader::release`](crate::SharedReader::release).
    ///
    /// # Errors
    /// As that.
    pub fn release(&mut self) -> Result<(), NamedReaderError> {
        self.in_turn(|state| Ok(((), state.free(|member| member == self.member))))?;
        self.claimed = None;
        Ok(())
    }

    /// As [`SharedReader::resume_at_first`](crate::SharedReader::resume_at_first).
    ///
    /// # Errors
    /// As that.
    pub fn resume_at_first(&mut self) -> Result<u64, NamedReaderError> {
        let (missed, claimed) = self.in_turn(|state| {
            let first = start::resolve(&mut self.name.reader()?, ReaderStart::First)?;
            let is_behind = state.position.end < first.end;
            let missed = state.pass_over(first);
            Ok(((missed, state.claimed_by(self.member)), is_behind))
        })?;
        self.claimed = self.claimed.take().and(claimed);
        let start = self.claimed.as_ref().map_or(0, |claimed| claimed.start);
        if self.tail.next_sequence().is_some_and(|next| next < start) {
            self.tail.close();
        }
        Ok(missed)
    }

    /// Ends as its process would by kill -9: what it has in hand stays noted as its own.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.claimed = None;
    }

    /// As [`SharedReader::position`](crate::SharedReader::position).
    ///
    /// # Errors
    /// As that.
    pub fn position(&self) -> Result<u64, NamedReaderError> {
        self.in_turn(|state| Ok((state.position.end, false)))
    }
}

impl Drop for RawSharedReader {
    /// Gives back what it has in hand; should that fail, its end gives it back.
    fn drop(&mut self) {
        if self.claimed().is_some() {
            let _ = self.release();
        }
    }
}
