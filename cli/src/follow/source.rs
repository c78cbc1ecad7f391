//! Where the records come from that are followed.

use slipring_journal::{Anchor, Journal, RawChunk, RawFollower, ReadError};

use crate::args::FollowArgs;
use crate::error::CliError;
use crate::readers;

pub(super) enum Source {
    /// A place that was said.
    Place(Box<RawFollower>),
    /// A named reader, which is told what was written out.
    Named(Box<readers::Reading>),
}

/// Where it goes on, by the next record and the one before, if that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub sequence: u64,
    before: Option<Anchor>,
}

impl Source {
    /// The reader that was named; else from that sequence on.
    pub(super) fn open(args: &FollowArgs, journal: &Journal, sequence: u64) -> Result<Self, CliError> {
        match &args.reader {
            Some(name) => Ok(Source::Named(Box::new(readers::Reading::open(&args.journal, name)?))),
            None => Ok(Source::Place(Box::new(journal.follow_raw(sequence)?))),
        }
    }

    /// Goes on there, with a new look at what is the newest type. What was written out must be noted.
    pub(super) fn begin_anew(
        self,
        args: &FollowArgs,
        journal: &Journal,
        place: Place,
    ) -> Result<Self, CliError> {
        // A name is free for the next only behind this one.
        drop(self);
        if let (None, Some(before)) = (&args.reader, place.before) {
            match journal.resume_raw(before) {
                // The record before may have gone since, and what is behind it not.
                Err(ReadError::Evicted { .. }) => {}
                resumed => return Ok(Source::Place(Box::new(resumed?))),
            }
        }
        Self::open(args, journal, place.sequence)
    }

    pub(super) fn place(&self) -> Place {
        let before = match self {
            Source::Place(follower) => follower.anchor(),
            Source::Named(_) => None,
        };
        Place { sequence: self.next_sequence(), before }
    }

    pub(super) fn next_chunk(&mut self) -> Result<Option<RawChunk<'_>>, CliError> {
        match self {
            Source::Place(follower) => Ok(follower.next_chunk()?),
            Source::Named(reading) => Ok(reading.next_chunk()?),
        }
    }

    pub(super) fn next_sequence(&self) -> u64 {
        match self {
            Source::Place(follower) => follower.next_sequence(),
            Source::Named(reading) => reading.next_sequence(),
        }
    }

    pub(super) fn written(&mut self, end: u64) -> Result<(), CliError> {
        match self {
            Source::Place(_) => Ok(()),
            Source::Named(reading) => Ok(reading.written(end)?),
        }
    }

    pub(super) fn note(&mut self) -> Result<(), CliError> {
        match self {
            Source::Place(_) => Ok(()),
            Source::Named(reading) => Ok(reading.note()?),
        }
    }
}
