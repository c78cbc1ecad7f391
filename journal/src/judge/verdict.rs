//! What opening makes of the log behind D: where it ends, what is cut off, and what no crash can leave and is
//! refused.
//!
//! It only reads, and it is the one place that decides: recovery does what it says, and `verify` tells it.

use std::ops::ControlFlow;

use crate::error::JournalFault;
use crate::format::crc::RecordCrc;
use crate::format::{ControlState, RecordHeader, valid_record};
use crate::judge::bonds;
use crate::judge::chain::{self, Chain, OpenSegment};
use crate::judge::control::{self, Loaded};
use crate::judge::scan::{self, Follow};
use crate::storage::Storage;
use crate::tools::protect;

/// What is wrong with a record of the last writer at or behind D + W.
pub(crate) const BEYOND_WINDOW: &str = "it lies beyond the window that its writer kept to";
const BEHIND_CLOSE: &str = "it lies behind the end at which its writer closed the journal";
const STRANDED: &str = "whole records of the same writer follow it, and the machine never went down";

/// The log as the next writer will have it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judged {
    /// The sequence behind the last record that counts.
    pub(crate) end: u64,
    /// The epoch and time of that record.
    pub(crate) last: Follow,
    /// The sequence behind the last slot beyond `end` that is not all zero.
    pub(crate) used_end: u64,
    /// Records beyond `end` that are whole and yet not part of the log.
    pub(crate) valid_discarded: u64,
    /// What is cut off may have been acknowledged as durable.
    pub(crate) may_include_acknowledged: bool,
    /// No record was written at or behind it.
    pub(crate) window_end: u64,
    /// The last writer closed the journal, and nothing lies behind its end. So too on disk: all that it wrote
    /// was synced, it wrote nothing behind, and what an earlier life left there was zeroed before it began.
    pub(crate) is_in_order: bool,
}

impl Judged {
    /// Something lies behind the end.
    pub(crate) fn is_cut(&self) -> bool {
        self.used_end > self.end
    }
}

/// Judges the log behind D. With `locked` nobody writes meanwhile; without, what would be refused is looked
/// at again in the light of a newer control file.
pub(crate) fn judge<S: Storage>(
    storage: &S,
    loaded: &Loaded,
    chain: &Chain,
    locked: bool,
) -> Result<Judged, JournalFault> {
    let state = loaded.state;
    let (last, end) = (last_durable(storage, chain, &state)?, state.durable_end);
    let mut walk = TailWalk {
        storage,
        crc: RecordCrc::new(state.journal_id.0),
        known: state,
        locked,
        go_on: loaded.other_slot_bad,
        judged: Judged { end, last, used_end: end, ..Judged::default() },
        broken: None,
        is_stranded: false,
        was_committed: false,
    };
    if protect::on(protect::SCAN) {
        walk.all(chain)?;
        bonds::check_tail(storage, chain, end, walk.judged.end)?;
    }
    walk.verdict(chain, is_same_boot(storage, &state))
}

/// Whether the machine has not been restarted since the last writer.
pub(crate) fn is_same_boot<S: Storage>(storage: &S, state: &ControlState) -> bool {
    state.boot_id == storage.boot_id() && state.boot_id != [0; 16]
}

/// Epoch and time of the record just below D; it must be whole.
fn last_durable<S: Storage>(
    storage: &S,
    chain: &Chain,
    control: &ControlState,
) -> Result<Follow, JournalFault> {
    let Some(index) = control.durable_end.checked_sub(1).and_then(|last| chain.holding(last)) else {
        return Ok(Follow::default());
    };
    let segment = chain.open_there(storage, &chain.segments[index], false)?;
    let crc = RecordCrc::new(control.journal_id.0);
    let mut found = Ok(Follow::default());
    let last = control.durable_end - 1..control.durable_end;
    scan::for_each_slot(storage, &segment, last, |sequence, record| {
        found = match valid_record(&crc, sequence, record) {
            Some(header) if header.epoch() > control.epoch => {
                Err(chain::outdated(storage, &segment.name, header.epoch(), control.epoch))
            }
            Some(header) => Ok(Follow { epoch: header.epoch(), time_ns: header.time_ns }),
            None => {
                let path = storage.path(&segment.name);
                let what = "the last durable record";
                Err(scan::corrupt(path, &crc, segment.slots, sequence, record, what).into())
            }
        };
        ControlFlow::Break(())
    })?;
    found
}

struct TailWalk<'a, S: Storage> {
    storage: &'a S,
    crc: RecordCrc,
    /// What the control file says; without the lock, as it is by now.
    known: ControlState,
    locked: bool,
    /// A control slot is damaged: it may have held a later D, so whole records count on beyond the window.
    go_on: bool,
    judged: Judged,
    /// The first slot that holds no record of the log.
    broken: Option<u64>,
    /// A whole record of the last writer lies behind it.
    is_stranded: bool,
    /// Of what is cut off a slot had been committed, whatever became of its bytes.
    was_committed: bool,
}

impl<S: Storage> TailWalk<'_, S> {
    /// Looks at every slot that can have been written, at as many again behind them, and of each segment
    /// further on at the first slot: in good order all those are empty.
    fn all(&mut self, chain: &Chain) -> Result<(), JournalFault> {
        let start = self.known.durable_end;
        for segment in chain.from(start) {
            let Some(opened) = chain.open(self.storage, segment, false)? else {
                // A writer has removed it; if this is one, nobody may.
                if self.locked {
                    return Err(chain::missing(self.storage, segment.base));
                }
                break;
            };
            if segment.base < self.search_end() {
                self.slots(&opened, start, false)?;
            } else if !is_spare(self.storage, &opened)? {
                self.slots(&opened, start, true)?;
            }
        }
        Ok(())
    }

    /// No record was written from here on.
    fn window_end(&self) -> u64 {
        let moved = if self.go_on { self.judged.end } else { 0 };
        self.known.durable_end.max(moved).saturating_add(self.known.window)
    }

    fn search_end(&self) -> u64 {
        self.window_end().saturating_add(self.known.window).saturating_add(1)
    }

    /// Looks at the slots of a segment from `start` on: all of them, or as far as the search goes.
    fn slots(&mut self, segment: &OpenSegment<S::File>, start: u64, all: bool) -> Result<(), JournalFault> {
        let mut refused = None;
        scan::for_each_slot(self.storage, segment, start..u64::MAX, |sequence, record| {
            if !all && sequence >= self.search_end() {
                return ControlFlow::Break(());
            }
            match self.slot(segment, sequence, record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => {
                    refused = Some(fault);
                    ControlFlow::Break(())
                }
            }
        })?;
        refused.map_or(Ok(()), Err)
    }

    fn slot(
        &mut self,
        segment: &OpenSegment<S::File>,
        sequence: u64,
        record: &[u8],
    ) -> Result<(), JournalFault> {
        let valid = valid_record(&self.crc, sequence, record);
        if let Some(header) = valid {
            if self.cant_be(segment, sequence, record, header).is_some() && !self.locked {
                self.look_again()?;
            }
            if let Some(fault) = self.cant_be(segment, sequence, record, header) {
                return Err(fault);
            }
            if self.broken.is_none() && self.judged.last.accept(header, self.known.epoch) {
                self.judged.end = sequence + 1;
                return Ok(());
            }
            self.judged.valid_discarded += 1;
            self.is_stranded |= self.is_of_last_life(header.epoch());
        }
        self.broken.get_or_insert(sequence);
        if !scan::is_zero(record) {
            self.judged.used_end = sequence + 1;
            // The commit word comes last: before it nobody was told that the record is there.
            self.was_committed |= RecordHeader::decode(record).epoch_kind != 0;
        }
        Ok(())
    }

    /// Why a whole record can't lie where it does.
    fn cant_be(
        &self,
        segment: &OpenSegment<S::File>,
        sequence: u64,
        record: &[u8],
        header: RecordHeader,
    ) -> Option<JournalFault> {
        let (epoch, known) = (header.epoch(), &self.known);
        if epoch > known.epoch {
            return Some(chain::outdated(self.storage, &segment.name, epoch, known.epoch));
        }
        // What an earlier life left has lost its meaning, wherever it lies.
        let what = match self.is_of_last_life(epoch) {
            true if known.closed && sequence >= known.durable_end => BEHIND_CLOSE,
            true if sequence >= self.window_end() => BEYOND_WINDOW,
            _ => return None,
        };
        let path = self.storage.path(&segment.name);
        Some(scan::corrupt(path, &self.crc, segment.slots, sequence, record, what).into())
    }

    /// Whether the last life can have written a record of that epoch. A replica's has those of the records
    /// that it took; and what lives before it left, each recovery zeroes before the next life begins.
    fn is_of_last_life(&self, epoch: u32) -> bool {
        epoch == self.known.epoch || self.known.replica
    }

    /// A writer may have moved on since the control file was read.
    fn look_again(&mut self) -> Result<(), JournalFault> {
        if let Some(now) = control::load(self.storage)?
            && now.state.journal_id == self.known.journal_id
        {
            self.known = now.state;
        }
        Ok(())
    }

    fn verdict(mut self, chain: &Chain, same_boot: bool) -> Result<Judged, JournalFault> {
        // The process died and the machine went on: memory holds every store up to the last, so a whole
        // record of the last writer behind one that is not can't be.
        if same_boot && self.is_stranded && protect::on(protect::SAME_BOOT) {
            self.refuse_stranded(chain)?;
        }
        let window_end = self.window_end();
        let judged = &mut self.judged;
        judged.used_end = judged.used_end.max(judged.end);
        judged.may_include_acknowledged = judged.is_cut()
            && !self.known.closed
            && (judged.valid_discarded > 0 || self.go_on || self.was_committed);
        judged.window_end = window_end;
        judged.is_in_order =
            self.known.closed && !self.go_on && !judged.is_cut() && judged.end == self.known.durable_end;
        Ok(self.judged)
    }

    fn refuse_stranded(&self, chain: &Chain) -> Result<(), JournalFault> {
        let Some(index) = self.broken.and_then(|at| chain.holding(at)) else { return Ok(()) };
        let segment = chain.open_there(self.storage, &chain.segments[index], false)?;
        let at = self.judged.end;
        let mut refused = None;
        scan::for_each_slot(self.storage, &segment, at..at + 1, |sequence, record| {
            // A writer that goes on meanwhile has written it since.
            if self.locked || valid_record(&self.crc, sequence, record).is_none() {
                let path = self.storage.path(&segment.name);
                refused = Some(scan::corrupt(path, &self.crc, segment.slots, sequence, record, STRANDED));
            }
            ControlFlow::Break(())
        })?;
        refused.map_or(Ok(()), |corrupt| Err(corrupt.into()))
    }
}

/// Whether nothing was ever written to a segment, by its first slot.
fn is_spare<S: Storage>(storage: &S, segment: &OpenSegment<S::File>) -> Result<bool, JournalFault> {
    let base = segment.slots.base;
    let mut is_spare = true;
    scan::for_each_slot(storage, segment, base..base + 1, |_, record| {
        is_spare = scan::is_zero(record);
        ControlFlow::Break(())
    })?;
    Ok(is_spare)
}
