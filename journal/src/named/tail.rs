//! Records behind a position, and what lay at each place that may be committed.

use std::sync::Arc;

use super::check;
use super::name::HeldName;
use super::start;
use crate::error::{NamedReaderError, ReadError};
use crate::format::{Anchor, Bond, ReaderPlace, ReaderState};
use crate::judge::event_type::EventType;
use crate::judge::layout::Layout;
use crate::read::follow::RawFollower;
use crate::read::raw_chunk::RawChunk;
use crate::read::stored::StoredRun;
use crate::storage::Files;

/// A follower that is opened when it is needed.
#[derive(Debug)]
pub(super) struct Tail {
    /// What the events are handed out as, if it was said.
    asked: Option<EventType>,
    /// If it was not: what they were handed out as first, and so are as long as it lives.
    newest: Option<Arc<Layout>>,
    /// They are handed out as they lie.
    as_stored: bool,
    follower: Option<RawFollower>,
    /// Where it was opened, if it is known what lay before that.
    opened: Option<ReaderPlace>,
}

impl Tail {
    pub(super) fn new(asked: Option<EventType>) -> Self {
        Tail { asked, newest: None, as_stored: false, follower: None, opened: None }
    }

    /// Hands out records as they lie.
    pub(super) fn of_stored() -> Self {
        Tail { as_stored: true, ..Tail::new(None) }
    }

    /// The sequence of the next record that it hands out; `None` if it is not open.
    pub(super) fn next_sequence(&self) -> Option<u64> {
        self.follower.as_ref().map(RawFollower::next_sequence)
    }

    /// Where the chunk ends that was handed out last; before that, where it was opened.
    pub(super) fn handed(&self) -> Option<ReaderPlace> {
        let follower = self.follower.as_ref()?;
        let opened = self.opened.filter(|opened| opened.end == follower.next_sequence());
        opened.or_else(|| place_behind(follower))
    }

    pub(super) fn close(&mut self) {
        self.newest = self.newest.take().or_else(|| self.follower.as_ref()?.looked_newest());
        (self.follower, self.opened) = (None, None);
    }

    /// Opens it at the position of a state, if the log is the one that this is of.
    pub(super) fn open(&mut self, name: &HeldName, state: &ReaderState) -> Result<(), NamedReaderError> {
        self.close();
        let mut reader = name.reader()?;
        check::check_log(name.name(), state, &mut reader)?;
        let position = state.position;
        let resumed = (position.end > reader.first_sequence()).then(|| {
            let anchor = Anchor::at(state.journal_id, position.end - 1, position.last);
            RawFollower::resume_on(name.journal().clone(), anchor)
        });
        let follower = match resumed {
            // The record before it may have gone since, and what is behind it not.
            None | Some(Err(ReadError::Evicted { .. })) => {
                RawFollower::open_on(name.journal().clone(), position.end)
            }
            Some(resumed) => resumed,
        };
        let follower = follower.map_err(|error| explain(name, Some(position), error))?;
        self.take(follower, Some(position));
        Ok(())
    }

    /// Has it stand at a sequence, of which nothing is known.
    pub(super) fn open_at(&mut self, journal: &Files, sequence: u64) -> Result<(), ReadError> {
        if self.next_sequence() != Some(sequence) {
            self.close();
            let follower = RawFollower::open_on(journal.clone(), sequence)?;
            self.take(follower, None);
        }
        Ok(())
    }

    /// Has it stand behind a record that the log holds.
    pub(super) fn open_behind(&mut self, name: &HeldName, anchor: &Anchor) -> Result<(), NamedReaderError> {
        self.close();
        let follower = RawFollower::resume_on(name.journal().clone(), *anchor)?;
        let place = start::place(&mut name.reader()?, anchor.sequence + 1)?;
        self.take(follower, Some(place).filter(|place| place.last == anchor.bond()));
        Ok(())
    }

    /// The records that were handed out last, where they are handed out as they lie.
    pub(super) fn stored_run(&self) -> Option<StoredRun<'_>> {
        self.follower.as_ref()?.stored_run()
    }

    /// Another follower from a sequence on: what this one can hand out, that one can.
    pub(super) fn another(&self, journal: &Files, sequence: u64) -> Result<RawFollower, ReadError> {
        Ok(self.alike(RawFollower::open_on(journal.clone(), sequence)?))
    }

    fn take(&mut self, follower: RawFollower, opened: Option<ReaderPlace>) {
        self.follower = Some(self.alike(follower));
        self.opened = opened;
    }

    /// Has a follower hand out what this one does.
    fn alike(&self, follower: RawFollower) -> RawFollower {
        if self.as_stored {
            return follower.of_stored();
        }
        match (&self.asked, &self.newest) {
            (Some(asked), _) => follower.only(asked.clone()),
            (None, Some(newest)) => follower.with_newest(Arc::clone(newest)),
            (None, None) => follower,
        }
    }

    /// The next records, none from `end` on.
    pub(super) fn next_chunk_below(&mut self, end: u64) -> Result<Option<RawChunk<'_>>, ReadError> {
        self.follower.as_mut().map_or(Ok(None), |follower| follower.next_chunk_below(end))
    }

    /// The place before `end`, which was handed out.
    pub(super) fn place(&self, name: &HeldName, end: u64) -> Result<ReaderPlace, NamedReaderError> {
        if let Some(handed) = self.handed().filter(|handed| handed.end == end) {
            return Ok(handed);
        }
        let changed =
            |what| NamedReaderError::HistoryChanged { name: name.name().to_owned(), position: end, what };
        name.control()?;
        let mut one = match self.another(name.journal(), end - 1) {
            // It was read, and has gone since: nothing is left to tell it by.
            Err(ReadError::Evicted { .. }) => {
                return Ok(ReaderPlace { end, last: Bond::UNKNOWN, last_ns: 0 });
            }
            opened => opened?,
        };
        one.next_chunk_below(end)?;
        let place = place_behind(&one).ok_or_else(|| changed("the log ends before it"))?;
        match self.handed() {
            Some(handed) if handed.last.is_known() && place.last.epoch > handed.last.epoch => {
                Err(changed("another record lies there"))
            }
            _ => Ok(place),
        }
    }
}

/// The place behind the last record that was handed out, as it lies in the file, whatever it was handed out
/// as.
fn place_behind(follower: &RawFollower) -> Option<ReaderPlace> {
    let anchor = follower.anchor()?;
    let (last, last_ns) = (anchor.bond(), follower.last_time_ns());
    Some(ReaderPlace { end: anchor.sequence + 1, last, last_ns })
}

/// What it means for a named reader that its follower, which stood at `at`, can't go on.
pub(super) fn explain(name: &HeldName, at: Option<ReaderPlace>, error: ReadError) -> NamedReaderError {
    match error {
        ReadError::Evicted { sequence, first } => {
            let unknown = ReaderPlace { end: sequence, last: Bond::UNKNOWN, last_ns: 0 };
            let from = at.filter(|at| at.end == sequence).unwrap_or(unknown);
            let looked = name.control().and_then(|control| Ok((control, name.reader()?)));
            match looked {
                Ok((control, mut reader)) => check::evicted(name.name(), from, &control, &mut reader),
                Err(_) => NamedReaderError::Evicted {
                    name: name.name().to_owned(),
                    missed: sequence..first,
                    first,
                    after_ns: None,
                    before_ns: None,
                },
            }
        }
        ReadError::HistoryChanged { anchor, what } => NamedReaderError::HistoryChanged {
            name: name.name().to_owned(),
            position: anchor.sequence + 1,
            what,
        },
        error => error.into(),
    }
}
