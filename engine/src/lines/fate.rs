//! What monitors read of an engine's fate.

use std::sync::atomic::Ordering;

use super::format::{CAUSE_BYTES, CLOSED, CauseLine, FateLine, HALTED, cut};
use super::told::Told;

/// The words of an engine's fate, and of why it has halted.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) line: Told<FateLine>,
    pub(crate) cause: Told<CauseLine>,
}

impl Fate {
    /// Writes down why the engine has halted; called once. `stage` is the stage's place, if it is one.
    pub(crate) fn halt(&self, stage: Option<usize>, sequence: u64, cause: &str) {
        let text = cut(cause, CAUSE_BYTES).as_bytes();
        self.cause.each(|line| {
            for (word, bytes) in line.text.iter().zip(text.chunks(8)) {
                let mut padded = [0; 8];
                padded[..bytes.len()].copy_from_slice(bytes);
                // Relaxed, as the rest: ordered by the word below.
                word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
            }
        });
        self.line.each(|line| {
            line.cause_bytes.store(text.len() as u64, Ordering::Relaxed);
            line.sequence.store(sequence, Ordering::Relaxed);
            line.stage.store(stage.map_or(u64::MAX, |index| index as u64), Ordering::Relaxed);
            // Release N: the cause is there before the word says so. Partner: Acquire N.
            line.word.fetch_or(HALTED, Ordering::Release);
        });
    }

    /// Publishing is closed.
    pub(crate) fn close(&self) {
        // Release N: as in `halt`.
        self.line.each(|line| line.word.fetch_or(CLOSED, Ordering::Release));
    }
}
