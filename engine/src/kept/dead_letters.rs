//! Dead letters: events that a stage's handler refused and that its state never saw.
//!
//! Replay skips exactly what the log of them says ([`super::dead_letter_log`]): it never tries again, so that
//! state comes out as it was.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use slipring_journal::__private::storage::size_limit::as_an_error;
use slipring_journal::__private::storage::{Access, Files};

use super::dead_letter_format::encode;
use super::dead_letter_log as log;
use super::dead_letter_log::Tail;
use super::folders::{stage_folder, stage_path, stages};
use crate::error::{KeepError, io};

/// What a stage does when its handler returns an error.
///
/// ```
/// # use slipring::{Context, Event, Gate, OnError, Stage};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
/// let check = |order: &Order, _: &Context| if order.quantity == 0 { Err("of nothing") } else { Ok(()) };
/// let stage = Stage::new("check", check, Gate::JOURNALLED).on_error(OnError::DeadLetter);
/// ```
///
/// More: [dead letters].
///
/// [dead letters]: https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md#dead-letters
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The engine halts.
    #[default]
    Halt,
    /// The event becomes a dead letter and the stage goes on. The handler must have left its state as it was
    /// before the event; it is not called for that event again. A panic halts all the same, and so does an
    /// error that is [`Fatal`](crate::Fatal).
    DeadLetter,
}

/// An event that a stage did not process.
///
/// See the example of [`DeadLetters`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The stage that refused it.
    pub stage: String,
    /// The event's sequence.
    pub sequence: u64,
    /// The event's epoch; the letter counts only while the record there has the same.
    pub epoch: u32,
    /// Why.
    pub kind: DeadLetterKind,
    /// What the handler said, or who skipped it.
    pub cause: String,
}

/// How an event became a dead letter, or what became of one.
///
/// See the example of [`DeadLetters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterKind {
    /// The handler returned an error.
    Refused,
    /// The event was skipped by hand.
    Skipped,
    /// The event was published again, or exported, and is settled.
    Settled,
}

impl std::fmt::Display for DeadLetterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DeadLetterKind::Refused => "refused",
            DeadLetterKind::Skipped => "skipped",
            DeadLetterKind::Settled => "settled",
        })
    }
}

impl std::fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let DeadLetter { stage, sequence, epoch, kind, cause } = self;
        write!(f, "{stage}: sequence {sequence} (epoch {epoch}) {kind}: {cause}")
    }
}

/// How often a torn end is looked at again, a millisecond apart, before it counts as such.
const LOOKS_AT_A_TORN_END: u32 = 20;

/// The dead letters of a journal, as they are on disk.
///
/// The events themselves lie in the journal, at their sequences.
///
/// ```
/// use slipring::{DeadLetter, DeadLetters, KeepError};
///
/// fn settle_by_hand(journal: &std::path::Path) -> Result<(), KeepError> {
///     let mut letters = DeadLetters::of(journal)?;
///     let open: Vec<DeadLetter> = letters.open().into_iter().cloned().collect();
///     for letter in open {
///         println!("{} {} {}: {}", letter.stage, letter.kind, letter.sequence, letter.cause);
///         letters.settle(&letter, "booked by hand")?;
///     }
///     Ok(())
/// }
/// ```
///
/// More: [dead letters].
///
/// [dead letters]: https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md#dead-letters
#[derive(Debug)]
pub struct DeadLetters {
    journal: Files,
    stages: Vec<String>,
    letters: Vec<DeadLetter>,
}

impl DeadLetters {
    /// Reads the dead letters of every stage of the journal in this folder. A writer may go on meanwhile.
    ///
    /// # Errors
    /// [`KeepError`]: the folder or a log can't be read.
    pub fn of(journal: impl Into<PathBuf>) -> Result<Self, KeepError> {
        Self::of_files(Files::new(journal))
    }

    /// Reads the dead letters of one stage, as [`DeadLetters::of`] those of all.
    ///
    /// # Errors
    /// [`KeepError::NothingKept`]: no such stage keeps anything beside the journal. As [`DeadLetters::of`].
    pub fn of_stage(journal: impl Into<PathBuf>, stage: &str) -> Result<Self, KeepError> {
        let journal = Files::new(journal);
        if !stages(&journal)?.iter().any(|known| known == stage) {
            return Err(nothing_kept(&journal, stage)?);
        }
        Self::read(journal, vec![stage.to_owned()])
    }

    pub(crate) fn of_files(journal: Files) -> Result<Self, KeepError> {
        let stages = stages(&journal)?;
        Self::read(journal, stages)
    }

    fn read(journal: Files, stages: Vec<String>) -> Result<Self, KeepError> {
        let mut letters = Vec::new();
        for stage in &stages {
            if let Some(folder) = stage_folder(&journal, stage)? {
                letters.extend(log::read(&folder, stage)?.letters);
            }
        }
        Ok(DeadLetters { journal, stages, letters })
    }

    /// The stages whose letters were read: those that keep anything beside the journal, or the one asked for.
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// The journal's folder.
    pub(crate) fn journal(&self) -> &Files {
        &self.journal
    }

    /// Every entry, by stage and in the order of writing.
    pub fn all(&self) -> &[DeadLetter] {
        &self.letters
    }

    /// Those that are not settled, by stage and sequence.
    pub fn open(&self) -> Vec<&DeadLetter> {
        let place = |letter: &DeadLetter| (letter.stage.clone(), letter.sequence, letter.epoch);
        let is_settled = |letter: &&DeadLetter| letter.kind == DeadLetterKind::Settled;
        let settled: HashSet<_> = self.letters.iter().filter(is_settled).map(place).collect();
        let mut open: Vec<&DeadLetter> = self
            .letters
            .iter()
            .filter(|letter| !is_settled(letter) && !settled.contains(&place(letter)))
            .collect();
        open.sort_by(|a, b| (&a.stage, a.sequence).cmp(&(&b.stage, b.sequence)));
        open
    }

    /// Notes, durably, that a dead letter is settled: it was published again as another event, or taken
    /// elsewhere. Replay goes on to skip it.
    ///
    /// The entry and what settles it are two steps: a crash between them leaves it open, so what settles it
    /// should stand being done twice. [`DeadLetters::reprocess`] does both.
    ///
    /// The engine may be live meanwhile.
    ///
    /// # Errors
    /// [`KeepError::NothingKept`] if the letter's stage keeps nothing here; [`KeepError::Io`];
    /// [`KeepError::Damaged`] if the log does not end with a whole entry, for nobody would
    /// read what lies behind such a one. Opening the engine cuts off what a crash left.
    pub fn settle(&mut self, letter: &DeadLetter, how: &str) -> Result<(), KeepError> {
        let path = stage_path(&self.journal, &letter.stage).join(log::NAME);
        let Some(folder) = stage_folder(&self.journal, &letter.stage)? else {
            return Err(nothing_kept(&self.journal, &letter.stage)?);
        };
        let mut read = log::read(&folder, &letter.stage)?;
        // A live stage may be at it: then the entry is whole a moment later. What a crash left stays as it
        // is.
        for _ in 0..LOOKS_AT_A_TORN_END {
            if read.tail == Tail::Whole {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
            read = log::read(&folder, &letter.stage)?;
        }
        if let Tail::Torn(_) = read.tail {
            let advice = "open the engine once, which cuts it off, and settle then";
            return Err(KeepError::Damaged {
                path,
                what: "a crash left part of an entry at its end",
                advice,
            });
        }
        let Some(journal_id) = read.journal_id else { return Err(log::damaged(path)) };
        let mut file = folder.open_file(log::NAME, Access::Append).map_err(io("open", &path))?;
        let entry = encode(journal_id, letter.sequence, letter.epoch, DeadLetterKind::Settled, how);
        as_an_error(|| file.write_all(&entry))
            .and_then(|()| file.sync_all())
            .map_err(io("append to", &path))?;
        self.letters.push(DeadLetter {
            kind: DeadLetterKind::Settled,
            cause: how.to_owned(),
            ..letter.clone()
        });
        Ok(())
    }
}

/// The refusal of a stage that keeps nothing beside a journal.
fn nothing_kept(journal: &Files, stage: &str) -> Result<KeepError, KeepError> {
    let known = stages(journal)?;
    Ok(KeepError::NothingKept { path: journal.folder_path().to_owned(), stage: stage.to_owned(), known })
}
