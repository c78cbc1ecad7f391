//! When notes are written: now and then, and of what is durable.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use slipring_journal::{RawReader, ReadError};

use super::identity::Identity;
use super::note::{AnchorNote, Counts, Note, NoteError, RejectsNote};
use crate::formats::source::{Day, Position};

/// The first notes come soon, for short recordings; the later ones seldom.
const FIRST: Duration = Duration::from_millis(5);
const SELDOM: Duration = Duration::from_secs(1);

/// How far a recording was at some time.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub position: Position,
    /// The sequence behind the last record.
    pub end: u64,
    pub counts: Counts,
    pub rejects: Option<RejectsNote>,
}

/// The notes of one recording.
#[derive(Debug)]
pub(super) struct Notes {
    journal: PathBuf,
    identity: Identity,
    format: String,
    day: Option<Day>,
    /// Marks whose records are not durable yet, oldest first.
    waiting: VecDeque<Mark>,
    next: Instant,
    pause: Duration,
}

impl Notes {
    pub fn new(journal: PathBuf, identity: Identity, format: &str, day: Option<Day>) -> Self {
        let (waiting, next) = (VecDeque::new(), Instant::now() + FIRST);
        Notes { journal, identity, format: format.to_owned(), day, waiting, next, pause: FIRST }
    }

    /// Whether it is time for the next one.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    /// Takes a mark, and gives the newest of which everything is durable.
    pub fn push(&mut self, now: Instant, mark: Mark, durable_end: u64) -> Option<Mark> {
        self.pause = (self.pause * 2).min(SELDOM);
        self.next = now + self.pause;
        self.waiting.push_back(mark);
        let durable = self.waiting.iter().take_while(|mark| mark.end <= durable_end).count();
        self.waiting.drain(..durable).next_back()
    }

    /// Writes a mark down.
    pub fn save(&mut self, mark: &Mark, reader: &mut RawReader, is_finished: bool) -> Result<(), NoteError> {
        let input = self.identity.at(&mark.position)?;
        let anchor = AnchorNote::before(reader, mark.end).map_err(NoteError::History)?;
        let note = Note {
            input,
            format: self.format.clone(),
            journal: reader.journal_id().to_string(),
            anchor,
            position: mark.position,
            counts: mark.counts,
            rejects: mark.rejects.clone(),
            day: self.day.clone(),
            is_finished,
        };
        note.save(&self.journal)
    }

    /// Whether a reader is needed to save: it is the journal's error if there is none.
    pub fn save_with(
        &mut self,
        mark: &Mark,
        reader: Result<RawReader, ReadError>,
        is_finished: bool,
    ) -> Result<(), NoteError> {
        self.save(mark, &mut reader.map_err(NoteError::History)?, is_finished)
    }
}
