//! The files that a reader has open: never one for each segment, for there may be more of those than handles.

use super::raw::RawReader;
use crate::error::ReadError;
use crate::judge::chain::{self, Chain, ChainSegment, OpenSegment};
use crate::judge::control;
use crate::storage::Storage;

/// Of the segments that a reader finds, so many of the oldest stay open: they are what retention takes first,
/// and a reader that is about to read them has them then.
const OLDEST: usize = 8;

#[derive(Debug)]
pub(super) struct OpenSegments<S: Storage> {
    /// The oldest, from the first segment of the chain on.
    oldest: Vec<OpenSegment<S::File>>,
    /// The one that was read last, by its index.
    current: Option<(usize, OpenSegment<S::File>)>,
}

impl<S: Storage> OpenSegments<S> {
    /// Opens the oldest segments of a chain that was just looked at; `None` if one of them has gone since.
    pub(super) fn oldest(storage: &S, chain: &Chain, durable_end: u64) -> Option<Self> {
        let mut oldest = Vec::new();
        for segment in chain.segments.iter().take(OLDEST) {
            match chain.open(storage, segment, false) {
                Ok(Some(opened)) => oldest.push(opened),
                Ok(None) if segment.base < durable_end => return None,
                // An empty one that a writer has removed; or no handle can be spared. Who reads it will hear
                // of it.
                Ok(None) | Err(_) => break,
            }
        }
        Some(OpenSegments { oldest, current: None })
    }

    pub(super) fn get(&self, index: usize) -> Option<&OpenSegment<S::File>> {
        let current = self.current.as_ref().filter(|(open, _)| *open == index);
        self.oldest.get(index).or(current.map(|(_, segment)| segment))
    }
}

impl<S: Storage> RawReader<S> {
    /// Has the file of a segment open, of which `sequence` is wanted.
    pub(super) fn open(&mut self, index: usize, sequence: u64) -> Result<(), ReadError> {
        if self.opened.get(index).is_some() {
            return Ok(());
        }
        // Closed first: there may be no handle to spare.
        self.opened.current = None;
        let segment = &self.chain.segments[index];
        match self.chain.open(&self.storage, segment, false) {
            Ok(Some(opened)) => self.opened.current = Some((index, opened)),
            Ok(None) => return Err(self.gone(segment, sequence)),
            Err(fault) => return Err(self.own(fault.into())),
        }
        Ok(())
    }

    /// A fault of this journal; nothing that lies in the folder is one if that holds another journal by now.
    pub(super) fn own(&self, fault: ReadError) -> ReadError {
        match control::load_same(&self.storage, self.control.journal_id) {
            Err(other @ ReadError::AnotherJournal { .. }) => other,
            _ => fault,
        }
    }

    /// What it means that a segment of the chain is not there any more.
    pub(super) fn gone(&self, segment: &ChainSegment, sequence: u64) -> ReadError {
        match control::load_same(&self.storage, self.control.journal_id) {
            Ok(now) if now.state.first > segment.base => {
                ReadError::Evicted { sequence, first: now.state.first }
            }
            Ok(_) => chain::missing(&self.storage, segment.base).into(),
            Err(fault) => fault,
        }
    }
}
