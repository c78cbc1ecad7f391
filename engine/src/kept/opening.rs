//! Before the first event: a stage takes from disk what it kept, and says from where on it must see history.

use std::ops::Range;

use slipring_journal::RawReader;
use slipring_journal::storage::Files;

use super::effects::Progress;
use super::snapshot::{self, Restored};
use super::{KeepError, dead_letter_log, digests};
use crate::duties::{Duties, Keeps};

/// What a stage is opened with.
pub(crate) struct Opening<'a> {
    /// The journal's folder.
    pub(crate) folder: Files,
    pub(crate) reader: &'a mut RawReader,
    /// Restore states from snapshots, and start each stage where its own is.
    pub(crate) restore: bool,
}

/// What a stage came to.
#[derive(Debug)]
pub(crate) struct Opened {
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

const STATE_ADVICE: &str = "it keeps snapshots or digests, which must be of a state that saw all: replay From::Snapshot, or From::Start if nothing has been retired; or remove the stage's folder together with the option";
const EFFECTS_ADVICE: &str = "effects of events from there on have not been emitted: replay From::Snapshot";
const EFFECTS_BEFORE_ADVICE: &str = "effects of events from there on have not been emitted, and the snapshot lies behind them: replay From::Start";

impl Opening<'_> {
    /// Opens all that a stage keeps.
    pub(crate) fn open<H>(
        &mut self,
        stage: &str,
        handler: &mut H,
        keeps: &Keeps<H>,
    ) -> Result<(Duties<H>, Opened), KeepError> {
        let mut duties = Duties::new(keeps);
        let mut opened = Opened {
            from: 0,
            must_from: None,
            advice: STATE_ADVICE,
            restored: None,
            lost_effects: None,
            torn_dead_letters: 0,
        };
        if keeps.snapshots.is_some() || keeps.digests.is_some() {
            opened.must_from = Some(0);
        }
        if let (Some(snapshots), true) = (&keeps.snapshots, self.restore) {
            let restore = |version, bytes: &[u8]| (snapshots.restore)(handler, version, bytes);
            let restored = snapshot::restore(&self.folder, stage, self.reader, restore)?;
            opened.from = restored.end.unwrap_or(0);
            opened.must_from = Some(opened.from);
            duties.restored_end = opened.from;
            opened.restored = Some(restored);
        }
        if keeps.stateless {
            opened.from = self.reader.end_sequence();
        }
        if let Some(effects) = keeps.effects {
            let found = Progress::open(&self.folder, stage, effects, self.reader)?;
            // Not what is in the snapshot: it may be older than the option. The keeper syncs the note before it.
            duties.effects_end = found.end;
            duties.progress = Some(found.progress);
            opened.lost_effects = found.lost_to.map(|to| found.end..to);
            if keeps.stateless {
                opened.from = duties.effects_end;
            }
            if opened.must_from.is_none_or(|must| must > duties.effects_end) {
                opened.must_from = Some(duties.effects_end);
                let is_behind = duties.restored_end > duties.effects_end;
                opened.advice = if is_behind { EFFECTS_BEFORE_ADVICE } else { EFFECTS_ADVICE };
            }
        }
        if self.restore {
            duties.own_start = opened.from;
        }
        if keeps.dead_letters {
            let log = dead_letter_log::Log::open(&self.folder, stage, self.reader)?;
            opened.torn_dead_letters = log.torn_bytes();
            duties.dead_letters = Some(log);
        }
        if keeps.digests.is_some() {
            let mut log = digests::Log::open(&self.folder, stage, self.reader)?;
            log.seek(duties.own_start)?;
            duties.logged_end = log.end()?;
            duties.digest_log = Some(log);
        }
        Ok((duties, opened))
    }
}
