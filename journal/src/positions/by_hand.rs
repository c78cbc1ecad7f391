//! A reader's file without its lock and without the records: for tests that take the power away.

use std::io;
use std::ops::Range;

use super::files::{self, ReaderFile, StoreFault};
use crate::format::{Bond, READERS_NAME, ReaderPlace, ReaderState};
use crate::judge::control;
use crate::storage::Storage;

/// What a reader's file says, or is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand(ReaderState);

impl ByHand {
    /// Of a journal that is there: nothing is done.
    pub fn begin<S: Storage>(storage: &S) -> io::Result<Self> {
        let loaded = control::load(storage).map_err(io::Error::other)?;
        let state = loaded.ok_or(io::ErrorKind::NotFound)?.state;
        Ok(ByHand(ReaderState {
            journal_id: state.journal_id,
            branch: state.branch,
            position: place(0),
            committed_ns: 0,
            missed: 0,
            ranges: Vec::new(),
        }))
    }

    /// What the file says; `None` if there is none.
    pub fn load<S: Storage>(storage: &S, name: &str) -> io::Result<Option<Self>> {
        let Some(folder) = storage.subfolder(READERS_NAME)? else { return Ok(None) };
        match files::load(&folder, name)? {
            None => Ok(None),
            Some(ReaderFile::State(state)) => Ok(Some(ByHand(state))),
            Some(ReaderFile::Damaged(fault)) => Err(io::Error::other(format!("{fault:?}"))),
        }
    }

    /// Writes the file.
    pub fn store<S: Storage>(&self, storage: &S, name: &str) -> io::Result<()> {
        let folder = storage.subfolder(READERS_NAME)?.ok_or(io::ErrorKind::NotFound)?;
        files::store(&folder, name, &self.0).map_err(|fault| match fault {
            StoreFault::Before(error) | StoreFault::Behind(error) => error,
        })
    }

    /// All before it is done.
    pub fn position(&self) -> u64 {
        self.0.position.end
    }

    /// What a member has in hand.
    pub fn claimed_by(&self, member: u32) -> Option<Range<u64>> {
        self.0.claimed_by(member)
    }

    /// Gives a member records up to `end`; which, if there are any and there is room to note them.
    pub fn claim(&mut self, member: u32, count: u64, end: u64) -> Option<Range<u64>> {
        let (start, limit) = self.0.hole();
        let range = start..limit.unwrap_or(end).min(end).min(start + count);
        (!range.is_empty() && self.0.claim(member, range.clone())).then_some(range)
    }

    /// Notes that a member has done what it has in hand up to `end`; whether it has that.
    pub fn commit(&mut self, member: u32, end: u64) -> bool {
        self.0.commit(member, place(end))
    }

    /// Takes from all members what they have in hand.
    pub fn free(&mut self) {
        self.0.free(|_| true);
    }
}

fn place(end: u64) -> ReaderPlace {
    // Of no record: nobody compares it here.
    ReaderPlace { end, last: Bond { epoch: 1, crc: end as u32 }, last_ns: 0 }
}
