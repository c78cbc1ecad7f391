//! Before the first event: a stage takes from disk what it kept, and says from where on it must see history.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use slipring_journal::__private::storage::Files;
use slipring_journal::RawReader;

use super::duties::{Duties, Keeps};
use super::effects::{EffectsProgress, FirstTime};
use super::restored::{HeldBack, NeededBy, Restored};
use super::snapshot;
use super::{dead_letter_log, digests};
use crate::error::KeepError;
use crate::handler::HandlerError;
use crate::panics;

/// What a stage is opened with.
pub(crate) struct StageOpening<'a> {
    /// The journal's folder.
    pub(crate) folder: Files,
    pub(crate) reader: &'a mut RawReader,
    /// Restore states from snapshots, and start each stage where its own is.
    pub(crate) restore: bool,
    /// The records are another's, and so are their effects.
    pub(crate) is_standby: bool,
    /// The stage that reads this one and starts first, and where: this one starts no later.
    pub(crate) reader_starts: Option<(String, u64)>,
}

/// What a stage came to.
#[derive(Debug)]
pub(crate) struct OpenedStage {
    /// Where it would start to lose nothing and repeat nothing.
    pub(crate) from: u64,
    /// The stage must not start behind this sequence, wherever it is told to.
    pub(crate) must_from: Option<u64>,
    pub(crate) advice: &'static str,
    pub(crate) restored: Option<Restored>,
    /// Effects were emitted for events that the log has lost.
    pub(crate) lost_effects: Option<Range<u64>>,
    /// Bytes that a crash had left at the end of its log of dead letters.
    pub(crate) torn_dead_letters: u64,
}

const STATE_ADVICE: &str = "it keeps snapshots or digests, which must be of a state that saw all: replay ReplayFrom::Snapshot, or ReplayFrom::Start if nothing has been retired; or remove the stage's folder together with the option";
const EFFECTS_ADVICE: &str =
    "effects of events from there on have not been emitted: replay ReplayFrom::Snapshot";
const EFFECTS_BEFORE_ADVICE: &str = "effects of events from there on have not been emitted, and the snapshot lies behind them: replay ReplayFrom::Start";
const RETIRED_ADVICE: &str = "it has no snapshot, and the journal's start has been retired: give it snapshots, say that it is .stateless(), or replay ReplayFrom::Start what is left";

impl StageOpening<'_> {
    /// Opens all that a stage keeps.
    pub(crate) fn open<H>(
        &mut self,
        stage: &str,
        handler: &mut H,
        keeps: &Keeps<H>,
    ) -> Result<(Duties<H>, OpenedStage), KeepError> {
        let end = self.reader.end_sequence();
        // Who starts at the end reads nothing that is handled again.
        self.reader_starts = self.reader_starts.take().filter(|(_, from)| *from < end);
        let mut duties = Duties::new(keeps);
        let mut opened = OpenedStage {
            from: 0,
            must_from: keeps.facts().of_a_state().map(|_| 0),
            advice: STATE_ADVICE,
            restored: None,
            lost_effects: None,
            torn_dead_letters: 0,
        };
        if let Some(effects) = keeps.effects {
            let effects = if self.is_standby { effects.first_time(FirstTime::EmitNew) } else { effects };
            let found = EffectsProgress::open(&self.folder, stage, effects, self.reader)?;
            // Not what is in a snapshot: it may be older than the option. The keeper syncs the note before
            // it.
            duties.effects.end = found.end;
            duties.effects.progress = Some(found.progress);
            // They come again, from where the records came.
            opened.lost_effects = found.lost_to.filter(|_| !self.is_standby).map(|to| found.end..to);
            if opened.must_from.is_none_or(|must| must > found.end) {
                (opened.must_from, opened.advice) = (Some(found.end), EFFECTS_ADVICE);
            }
        }
        let due = keeps.effects.map(|_| duties.effects.end);
        if self.restore {
            if let Some(snapshots) = &keeps.snapshots {
                let mut panicked = None;
                let restore = |version, bytes: &[u8]| match &panicked {
                    Some(_) => Err("it panicked before".into()),
                    None => catch_unwind(AssertUnwindSafe(|| (snapshots.restore)(handler, version, bytes)))
                        .unwrap_or_else(|panic| Err(panicked.insert(panics::text(panic)).clone().into())),
                };
                let restored = self.restore(stage, due, restore)?;
                if let Some(text) = panicked {
                    return Err(KeepError::RestorePanicked { stage: stage.to_owned(), text });
                }
                opened.from = restored.end.unwrap_or(0);
                duties.snapshots.restored_end = opened.from;
                opened.restored = Some(restored);
            } else if keeps.stateless {
                opened.from = due.unwrap_or(end).min(self.reader_start());
            }
            duties.own_start = opened.from;
        }
        if keeps.on_error.keeps_letters() {
            let log = dead_letter_log::DeadLetterLog::open(&self.folder, stage, self.reader)?;
            opened.torn_dead_letters = log.torn_bytes();
            duties.dead_letters.log = Some(log);
        }
        if keeps.digests.is_some() {
            let mut log = digests::DigestLog::open(&self.folder, stage, self.reader)?;
            log.seek(duties.own_start)?;
            duties.digests.logged_end = log.end()?;
            duties.digests.log = Some(log);
        }
        Ok((duties, opened))
    }

    fn reader_start(&self) -> u64 {
        self.reader_starts.as_ref().map_or(u64::MAX, |(_, from)| *from)
    }

    /// The newest snapshot that can be used and lies behind nothing that is to be handled again: what a
    /// reader reads, what is `due`.
    fn restore(
        &mut self,
        stage: &str,
        due: Option<u64>,
        restore: impl FnMut(u32, &[u8]) -> Result<(), HandlerError>,
    ) -> Result<Restored, KeepError> {
        let of_reader = self.reader_start();
        let most = of_reader.min(due.unwrap_or(u64::MAX));
        let (end, refused) = snapshot::restore(&self.folder, stage, self.reader, most, restore)?;
        let behind = snapshot::ends_behind(&self.folder, stage, most)?;
        if let (None, Some(due)) = (end, due)
            && let Some((from, _)) =
                snapshot::newest_in(&self.folder, stage, self.reader, due + 1..=of_reader)?
        {
            // Its effects are younger than its state, or a file was put back: not to be settled unasked.
            let (stage, needs_from, advice) = (stage.to_owned(), due, EFFECTS_BEFORE_ADVICE);
            return Err(KeepError::NeedsHistory { stage, needs_from, from, advice });
        }
        let by = match (&self.reader_starts, due) {
            (Some((stage, from)), _) if *from == most => {
                Some(NeededBy::Reader { stage: stage.clone(), from: *from })
            }
            (_, due) => due.map(|from| NeededBy::Effects { from }),
        };
        let held_back = by.zip(behind.last()).map(|(by, newest)| HeldBack { newest: *newest, by });
        Ok(Restored { stage: stage.to_owned(), end, refused, held_back })
    }

    /// Refuses a restored stage's start if it lies before all that is left.
    pub(crate) fn check_start(&self, stage: &str, opened: &OpenedStage) -> Result<(), KeepError> {
        let (stage, needs_from, from) = (stage.to_owned(), opened.from, self.reader.first_sequence());
        if needs_from >= from {
            return Ok(());
        }
        let held_back = opened.restored.as_ref().and_then(|restored| restored.held_back.as_ref());
        if let Some(HeldBack { newest, by: NeededBy::Reader { stage: reader, from: reader_from } }) =
            held_back
        {
            let (reader, reader_from, newest) = (reader.clone(), *reader_from, *newest);
            return Err(KeepError::NoCut { stage, newest, reader, reader_from, first: from });
        }
        let advice = if opened.must_from.is_some() { opened.advice } else { RETIRED_ADVICE };
        Err(KeepError::NeedsHistory { stage, needs_from, from, advice })
    }
}
