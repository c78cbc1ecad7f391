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
use slipring_journal::JournalId;

use super::back_off::BackOff;
use super::dead_letter_format::{Again, LetterPlace, encode, encode_again, published_again};
use super::dead_letter_log as log;
use super::dead_letter_log::LogTail;
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
    /// The event is tried again, and becomes a dead letter once it has been tried often enough. Made by
    /// [`OnError::retry`].
    Retry {
        /// Most tries behind the first.
        times: u32,
        /// The pauses between them.
        back_off: BackOff,
    },
}

impl OnError {
    /// Has an event whose try fails tried again, up to `times`, and made a dead letter behind the last. A
    /// panic and a [`Fatal`](crate::Fatal) halt at once, as ever.
    ///
    /// A try that fails must leave the handler's state as it was before the event. An effect before the error
    /// comes once for each try, with the same [key](crate::Context::key).
    ///
    /// - The lane waits for a pause itself as long as all its pauses for the event stay within
    ///   [`BackOff::inline_at_most`]; the events behind wait with it, in order.
    /// - A pause beyond that has the event *set aside*: it is a dead letter, the stage goes on with what
    ///   comes behind, and [`Engine::publish_due`](crate::Engine::publish_due) publishes the event again as a
    ///   new one when the pause is over. The tries are counted on, so there are no more than `times` behind
    ///   the first, unless a death has the event published once more: that one begins with its first try.
    /// - Each try that fails is noted before the next, so a later life begins with the try that was due, and
    ///   replay gives the handler the try that came out well, and waits for nothing.
    ///
    /// ```
    /// # use slipring::{Context, Event, Gate, OnError, Stage};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
    /// use slipring::BackOff;
    /// use std::time::Duration;
    ///
    /// let book = |_: &Order, context: &Context| if context.attempt() < 3 { Err("busy") } else { Ok(()) };
    /// let back_off = BackOff::doubling(Duration::from_micros(100), Duration::from_secs(1));
    /// let stage = Stage::new("book", book, Gate::JOURNALLED).on_error(OnError::retry(5, back_off));
    /// ```
    #[must_use]
    pub const fn retry(times: u32, back_off: BackOff) -> Self {
        OnError::Retry { times, back_off }
    }

    /// Whether an error makes a dead letter, sooner or later.
    pub(crate) fn keeps_letters(self) -> bool {
        self != OnError::Halt
    }
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
    /// How often the handler was given the event, those before it was published again included; 0 if that is
    /// not known, or it never was.
    pub tries: u32,
    /// When the event is to be published again, nanoseconds since 1970 by the engine's clock: of one that is
    /// [set aside](DeadLetterKind::SetAside).
    pub due_ns: Option<u64>,
    /// What the handler said, or who skipped it.
    pub cause: String,
}

impl DeadLetter {
    /// Whether it was set aside, and its pause is over at this time.
    pub fn is_due(&self, now_ns: u64) -> bool {
        self.due_ns.is_some_and(|due_ns| due_ns <= now_ns)
    }

    pub(crate) fn place(&self) -> LetterPlace {
        LetterPlace { sequence: self.sequence, epoch: self.epoch }
    }

    /// What a letter and the entry that settles it have in common.
    fn identity(&self) -> (&str, LetterPlace) {
        (&self.stage, self.place())
    }

    /// The entry that settles it.
    fn settled(&self, how: String) -> DeadLetter {
        DeadLetter { kind: DeadLetterKind::Settled, tries: 0, due_ns: None, cause: how, ..self.clone() }
    }
}

/// A letter whose event was published again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled<'l> {
    pub(crate) letter: &'l DeadLetter,
    /// Of the new event.
    pub(crate) sequence: u64,
    /// Where the tries are counted on with it.
    pub(crate) again: Option<Again>,
}

impl Settled<'_> {
    fn encode(&self, journal_id: JournalId) -> Vec<u8> {
        let (place, how) = (self.letter.place(), published_again(self.sequence));
        match self.again {
            Some(again) => encode_again(journal_id, place, again),
            None => encode(journal_id, place, DeadLetterKind::Settled, &how),
        }
    }
}

/// How an event became a dead letter, or what became of one.
///
/// See the example of [`DeadLetters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterKind {
    /// The handler returned an error, and is not asked again.
    Refused,
    /// The handler returned an error; the event is due again, as a new one, behind a pause that is too long
    /// for the lane to wait.
    SetAside,
    /// The event was skipped by hand.
    Skipped,
    /// The event was published again, or exported, and is settled.
    Settled,
}

impl std::fmt::Display for DeadLetterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DeadLetterKind::Refused => "refused",
            DeadLetterKind::SetAside => "set aside",
            DeadLetterKind::Skipped => "skipped",
            DeadLetterKind::Settled => "settled",
        })
    }
}

impl std::fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let DeadLetter { stage, sequence, epoch, kind, tries, cause, .. } = self;
        write!(f, "{stage}: sequence {sequence} (epoch {epoch}) {kind}")?;
        if *tries > 1 && *kind != DeadLetterKind::Settled {
            write!(f, " after {tries} tries")?;
        }
        write!(f, ": {cause}")
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

    /// Reads what has come since, and drops those of `picked` that are settled by now.
    pub(crate) fn read_again(&mut self, picked: &mut Vec<DeadLetter>) -> Result<(), KeepError> {
        *self = Self::read(self.journal.clone(), self.stages.clone())?;
        let settled = self.settled();
        picked.retain(|letter| !settled.contains(&letter.identity()));
        Ok(())
    }

    /// Which letters are settled.
    fn settled(&self) -> HashSet<(&str, LetterPlace)> {
        let settled = self.letters.iter().filter(|letter| letter.kind == DeadLetterKind::Settled);
        settled.map(DeadLetter::identity).collect()
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
        let settled = self.settled();
        let mut open: Vec<&DeadLetter> =
            self.letters.iter().filter(|letter| !settled.contains(&letter.identity())).collect();
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
        let entry = |journal_id| encode(journal_id, letter.place(), DeadLetterKind::Settled, how);
        self.note(&letter.stage, entry)?;
        self.letters.push(letter.settled(how.to_owned()));
        Ok(())
    }

    /// Settles letters whose events were published again, each log by one write and one sync. If it can't be,
    /// the index of a letter in whose log it could not; those of logs before it are settled.
    pub(crate) fn settle_all(&mut self, settled: &[Settled<'_>]) -> Result<(), (usize, KeepError)> {
        let mut left: Vec<usize> = (0..settled.len()).collect();
        while let Some(first) = left.first().copied() {
            let stage = &settled[first].letter.stage;
            let (own, others) = left.into_iter().partition(|at| settled[*at].letter.stage == *stage);
            left = others;
            let own: Vec<usize> = own;
            let entries = |journal_id| own.iter().flat_map(|at| settled[*at].encode(journal_id)).collect();
            self.note(stage, entries).map_err(|error| (first, error))?;
            let letters = own.iter().map(|at| &settled[*at]);
            self.letters
                .extend(letters.map(|settled| settled.letter.settled(published_again(settled.sequence))));
        }
        Ok(())
    }

    /// Appends what settles letters of a stage, durably.
    fn note(&mut self, stage: &str, entries: impl FnOnce(JournalId) -> Vec<u8>) -> Result<(), KeepError> {
        let path = stage_path(&self.journal, stage).join(log::NAME);
        let Some(folder) = stage_folder(&self.journal, stage)? else {
            return Err(nothing_kept(&self.journal, stage)?);
        };
        let mut read = log::read(&folder, stage)?;
        // A live stage may be at it: then the entry is whole a moment later. What a crash left stays as it
        // is.
        for _ in 0..LOOKS_AT_A_TORN_END {
            if read.tail == LogTail::Whole {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
            read = log::read(&folder, stage)?;
        }
        if let LogTail::Torn(_) = read.tail {
            let advice = "open the engine once, which cuts it off, and settle then";
            return Err(KeepError::Damaged {
                path,
                what: "a crash left part of an entry at its end",
                advice,
            });
        }
        let Some(journal_id) = read.journal_id else { return Err(log::damaged(path)) };
        let mut file = folder.open_file(log::NAME, Access::Append).map_err(io("open", &path))?;
        as_an_error(|| file.write_all(&entries(journal_id)))
            .and_then(|()| file.sync_all())
            .map_err(io("append to", &path))?;
        Ok(())
    }
}

/// The refusal of a stage that keeps nothing beside a journal.
fn nothing_kept(journal: &Files, stage: &str) -> Result<KeepError, KeepError> {
    let known = stages(journal)?;
    Ok(KeepError::NothingKept { path: journal.folder_path().to_owned(), stage: stage.to_owned(), known })
}
