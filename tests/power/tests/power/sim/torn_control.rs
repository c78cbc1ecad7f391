//! The story of a control file torn twice, which random lives meet too seldom: power fails in an update and
//! tears one slot; the next life mends that slot, but its sync fails, so that the cache has the slot and the
//! disk has not; the life after that overwrites the other slot, the only good one on disk, and power fails
//! again. Opening therefore writes the newest slot again before it touches the other.

use slipring_journal::{Journal, SyncMode};

use super::lives::Note;
use super::machine::Sim;

/// Plays the story with everything that is left to chance taken from `seed`; what was violated, if anything.
pub(crate) fn torn_twice(seed: u64) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let journal = Journal::at("sim").segment_records(8).sync(SyncMode::EveryBatch).window_records(16);
    let open = |sim: &Sim| {
        journal.open_on::<Note, Sim>(sim, false).map(|(writer, _)| {
            let end = writer.end_sequence();
            writer.abandon();
            end
        })
    };
    let mut sim = Sim::default();
    open(&sim).map_err(|error| format!("seed {seed}: a new journal: {error}"))?;
    // Power fails in an opening: a slot may be torn.
    sim.next_process();
    sim.die_after(random.u64(1..12));
    let _ = open(&sim);
    sim = sim.lose_power(&mut random);
    // One of the next opening's syncs fails; the process gives up, the machine goes on.
    sim.fail_sync_after(random.u64(0..3));
    let _ = open(&sim);
    sim.next_process();
    // Power fails in the opening after that.
    sim.die_after(random.u64(1..12));
    let _ = open(&sim);
    sim = sim.lose_power(&mut random);
    match open(&sim) {
        Ok(0) => Ok(()),
        Ok(end) => Err(format!("seed {seed}: {end} records where none were written")),
        Err(error) => Err(format!("seed {seed}: refused to open: {error}")),
    }
}
