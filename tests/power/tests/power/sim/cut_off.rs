//! The story of what recovery cuts off: power fails and leaves records behind a hole, recovery saves them
//! beside the journal and zeroes the tail, and power fails again in the midst of it, and once it is done.
//! Each byte that was cut off must be in the file that was saved, for the log has it no more.

use slipring_journal::{Journal, SyncMode};

use super::lives::Note;
use super::machine::Sim;

const RECORD_BYTES: usize = 48;
const HEADER_BYTES: usize = slipring_journal::HEADER_BYTES as usize;

/// Plays it with everything that is left to chance taken from `seed`. Whether anything was cut off, or what
/// was violated.
pub(crate) fn cut_off(seed: u64) -> Result<bool, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let story = |what: &dyn std::fmt::Display| format!("seed {seed}: {what}");
    let journal = Journal::at("sim").segment_records(64).sync(SyncMode::EveryBatch).window_records(40);
    let sim = Sim::default();
    let (mut writer, _) = journal.open_on::<Note, Sim>(&sim, false).map_err(|error| story(&error))?;
    for unique in 1..=random.u64(12..40) {
        let _ = writer.try_append(unique, &Note { unique, filler: [!unique; 3] });
        sim.observe();
    }
    writer.abandon();
    let sim = sim.lose_power(&mut random);
    let before = sim.files();
    sim.die_after(random.u64(1..20));
    let _ = journal.open_on::<Note, Sim>(&sim, false).map(|(writer, _)| writer.abandon());
    let sim = sim.lose_power(&mut random);
    let (writer, report) = journal.open_on::<Note, Sim>(&sim, false).map_err(|error| story(&error))?;
    writer.abandon();
    let after = sim.lose_power(&mut random).files();
    let Some(segment) = before.get("00000000000000000000.seg") else { return Ok(false) };
    let cut = HEADER_BYTES + report.end_sequence as usize * RECORD_BYTES;
    let slots = segment.get(cut..HEADER_BYTES + 64 * RECORD_BYTES).unwrap_or_default();
    let saved: Vec<_> = after.iter().filter(|(name, _)| name.starts_with("discarded-")).collect();
    for (slot, bytes) in slots.chunks_exact(RECORD_BYTES).enumerate() {
        let at = slot * RECORD_BYTES;
        let is_saved = || saved.iter().any(|(_, file)| file.get(at..at + RECORD_BYTES) == Some(bytes));
        if bytes.iter().any(|byte| *byte != 0) && !is_saved() {
            return Err(story(&format!("slot {slot} behind the cut is nowhere: {report}")));
        }
    }
    Ok(!saved.is_empty())
}
