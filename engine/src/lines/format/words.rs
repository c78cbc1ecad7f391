//! What changes: words in lines, each line of one writer, and where the lines lie.

use std::sync::atomic::AtomicU64;

use super::super::memory::Words;
use super::{BLOCK_BYTES, CRC_BYTES, HEADER_BYTES, LINE_BYTES, NAME_BYTES, STAGE_ENTRY_BYTES};

/// Longest cause of a halt that the file holds.
pub(crate) const CAUSE_BYTES: usize = 256;
/// Places for late consumers. They come and go while the engine runs, so their number can't be known when the
/// file is made; one that finds no place is only counted.
pub(crate) const LATE_PLACES: usize = 16;
/// Places for names under which events are acknowledged. A late consumer may bring a name while the engine
/// runs; one that finds no place is shown to nobody else.
pub(crate) const ACKNOWLEDGED_PLACES: usize = 8;

/// In the fate's word: halted; publishing is closed; the engine's handle is gone and the file with it.
pub(crate) const HALTED: u64 = 1;
pub(crate) const CLOSED: u64 = 2;
pub(crate) const ENDED: u64 = 4;

/// In the state of a late consumer's place: somebody has it; it has failed; because retention removed what it
/// was to read. How often the place was given away is counted above them, in steps of `LATE_GENERATION`.
pub(crate) const LATE_TAKEN: u64 = 1;
pub(crate) const LATE_FAILED: u64 = 2;
pub(crate) const LATE_EVICTED: u64 = 4;
pub(crate) const LATE_GENERATION: u64 = 256;

/// A cursor: the sequence behind the last one finished, and the lanes that are parked until it moves.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct CursorLine {
    pub(crate) end: AtomicU64,
    pub(crate) parked: AtomicU64,
}

/// The journal lane's own.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct JournalLine {
    pub(crate) journalled_end: AtomicU64,
    pub(crate) segment_stalls: AtomicU64,
    pub(crate) window_stalls: AtomicU64,
    pub(crate) disk_full_stalls: AtomicU64,
    pub(crate) regressions: AtomicU64,
}

/// Of publishers that found the ring full, or a double.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct PublishersLine {
    pub(crate) full_waits: AtomicU64,
    pub(crate) full_refusals: AtomicU64,
    /// Events that were not published, for their id was there already.
    pub(crate) doubles: AtomicU64,
}

/// Of all lanes.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct LanesLine {
    pub(crate) missed_wakeups: AtomicU64,
}

/// Whether the engine runs, and if not, why.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct FateLine {
    /// Stored last: what follows is there once `HALTED` is set.
    pub(crate) word: AtomicU64,
    pub(crate) stage: AtomicU64,
    pub(crate) sequence: AtomicU64,
    pub(crate) cause_bytes: AtomicU64,
    /// 1: the name of the journal's folder means another one than the one that is written.
    pub(crate) folder_moved: AtomicU64,
    /// Of a standby that has gone live: where; else 0, and the header says it.
    pub(crate) live_from: AtomicU64,
}

/// The text of a cause, UTF-8, eight bytes a word.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct CauseLine {
    pub(crate) text: [AtomicU64; CAUSE_BYTES / 8],
}

/// A stage's batches; its lane's own.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct BatchLine {
    pub(crate) batches: AtomicU64,
    pub(crate) last_batch: AtomicU64,
    pub(crate) max_batch: AtomicU64,
    /// The time that it has come to: the latest of the events that it has finished.
    pub(crate) time_ns: AtomicU64,
    /// Tries behind the first of an event.
    pub(crate) retries: AtomicU64,
    /// What its lane waited for before those.
    pub(crate) retry_wait_ns: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    /// Those of them that are due again.
    pub(crate) set_aside: AtomicU64,
}

/// Late consumers that found no place.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct LateHeadLine {
    pub(crate) not_shown: AtomicU64,
}

/// A late consumer's place. Its thread alone stores here while it runs: `counters/late.rs` says how places
/// change hands.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct LateLine {
    pub(crate) state: AtomicU64,
    pub(crate) end: AtomicU64,
    /// UTF-8, eight bytes a word, zero padded.
    pub(crate) name: [AtomicU64; NAME_BYTES / 8],
}

/// A name under which events are acknowledged. Whoever acknowledges stores here, one at a time; the place is
/// never given back.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct AcknowledgedLine {
    /// Stored behind the name: 1 if somebody has the place.
    pub(crate) taken: AtomicU64,
    pub(crate) end: AtomicU64,
    /// UTF-8, eight bytes a word, zero padded.
    pub(crate) name: [AtomicU64; NAME_BYTES / 8],
}

// SAFETY: each is `repr(C)` and of `AtomicU64` alone, and what lies behind them up to the alignment is
// padding of no meaning: any bytes are a value, and all access is atomic.
unsafe impl Words for CursorLine {}
// SAFETY: as above.
unsafe impl Words for JournalLine {}
// SAFETY: as above.
unsafe impl Words for PublishersLine {}
// SAFETY: as above.
unsafe impl Words for LanesLine {}
// SAFETY: as above.
unsafe impl Words for FateLine {}
// SAFETY: as above.
unsafe impl Words for CauseLine {}
// SAFETY: as above.
unsafe impl Words for BatchLine {}
// SAFETY: as above.
unsafe impl Words for LateHeadLine {}
// SAFETY: as above.
unsafe impl Words for LateLine {}
// SAFETY: as above.
unsafe impl Words for AcknowledgedLine {}

const PUBLISHED_AT: usize = 0;
const DURABLE_AT: usize = PUBLISHED_AT + size_of::<CursorLine>();
const JOURNAL_AT: usize = DURABLE_AT + size_of::<CursorLine>();
const PUBLISHERS_AT: usize = JOURNAL_AT + size_of::<JournalLine>();
const LANES_AT: usize = PUBLISHERS_AT + size_of::<PublishersLine>();
const FATE_AT: usize = LANES_AT + size_of::<LanesLine>();
const CAUSE_AT: usize = FATE_AT + size_of::<FateLine>();
const LATE_HEAD_AT: usize = CAUSE_AT + size_of::<CauseLine>();
const LATE_AT: usize = LATE_HEAD_AT + size_of::<LateHeadLine>();
const ACKNOWLEDGED_AT: usize = LATE_AT + LATE_PLACES * size_of::<LateLine>();
const STAGES_AT: usize = ACKNOWLEDGED_AT + ACKNOWLEDGED_PLACES * size_of::<AcknowledgedLine>();
const STAGE_BYTES: usize = size_of::<CursorLine>() + size_of::<BatchLine>();

const _: () = {
    assert!(size_of::<CursorLine>() == LINE_BYTES && align_of::<CursorLine>() == LINE_BYTES);
    assert!(size_of::<BatchLine>() == LINE_BYTES && size_of::<FateLine>() == LINE_BYTES);
    assert!(size_of::<JournalLine>() == LINE_BYTES && size_of::<PublishersLine>() == LINE_BYTES);
    assert!(size_of::<LanesLine>() == LINE_BYTES && size_of::<CauseLine>() == CAUSE_BYTES);
    assert!(JOURNAL_AT == 256 && PUBLISHERS_AT == 384 && LANES_AT == 512 && FATE_AT == 640);
    assert!(size_of::<LateHeadLine>() == LINE_BYTES && size_of::<LateLine>() == LINE_BYTES);
    assert!(size_of::<AcknowledgedLine>() == LINE_BYTES && ACKNOWLEDGED_AT == 3200);
    assert!(CAUSE_AT == 768 && LATE_AT == 1152 && STAGES_AT == 4224 && STAGE_BYTES == 256);
};

/// Where everything lies, which follows from the number of stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineLayout {
    pub(crate) stages: usize,
}

impl LineLayout {
    /// The part that never changes: header, names, CRC, in whole blocks.
    pub(crate) fn static_bytes(self) -> usize {
        (HEADER_BYTES + self.stages * STAGE_ENTRY_BYTES + CRC_BYTES).next_multiple_of(BLOCK_BYTES)
    }

    pub(crate) fn file_bytes(self) -> usize {
        self.stage(self.stages).next_multiple_of(BLOCK_BYTES)
    }

    pub(crate) fn published(self) -> usize {
        self.static_bytes() + PUBLISHED_AT
    }

    pub(crate) fn durable(self) -> usize {
        self.static_bytes() + DURABLE_AT
    }

    pub(crate) fn journal(self) -> usize {
        self.static_bytes() + JOURNAL_AT
    }

    pub(crate) fn publishers(self) -> usize {
        self.static_bytes() + PUBLISHERS_AT
    }

    pub(crate) fn lanes(self) -> usize {
        self.static_bytes() + LANES_AT
    }

    pub(crate) fn fate(self) -> usize {
        self.static_bytes() + FATE_AT
    }

    pub(crate) fn cause(self) -> usize {
        self.static_bytes() + CAUSE_AT
    }

    pub(crate) fn late_head(self) -> usize {
        self.static_bytes() + LATE_HEAD_AT
    }

    /// A place for a late consumer.
    pub(crate) fn late(self, index: usize) -> usize {
        debug_assert!(index < LATE_PLACES);
        self.static_bytes() + LATE_AT + index * size_of::<LateLine>()
    }

    /// A place for a name under which events are acknowledged.
    pub(crate) fn acknowledged(self, index: usize) -> usize {
        debug_assert!(index < ACKNOWLEDGED_PLACES);
        self.static_bytes() + ACKNOWLEDGED_AT + index * size_of::<AcknowledgedLine>()
    }

    /// A stage's cursor.
    pub(crate) fn stage(self, index: usize) -> usize {
        self.static_bytes() + STAGES_AT + index * STAGE_BYTES
    }

    /// A stage's batches.
    pub(crate) fn batches(self, index: usize) -> usize {
        self.stage(index) + size_of::<CursorLine>()
    }
}
