//! The story of two segments ahead of the tail, which random lives met once in a million images: a process
//! removes the later one (a recovery, or a close in good order that has made a file nobody needs) and ends
//! before it has synced the folder; the next one removes the earlier, and power fails. The later one may be
//! back, the earlier gone: a gap.

use slipring_journal::{Journal, SyncMode};

use super::lives::Note;
use super::machine::Sim;

/// Plays it: the process ends by a close, or in the `first`-th system call of its recovery; power fails in
/// the `second`-th of the next one's, with what is left to chance taken from `seed`. What was violated, if
/// anything.
pub(crate) fn removed_twice(first: Option<u64>, second: u64, seed: u64) -> Result<(), String> {
    let story = |error: &dyn std::fmt::Display| {
        format!("calls {first:?} and {second}, seed {seed}: refused: {error}")
    };
    let journal = Journal::at("sim").segment_records(4).sync(SyncMode::EveryBatch).window_records(6);
    let sim = Sim::default();
    let (mut writer, _) = journal.open_on::<Note, Sim>(&sim, false).map_err(|error| story(&error))?;
    while writer.step_preparer() {}
    let _ = writer.try_append(1, &Note { unique: 1, filler: [1; 3] });
    let ahead = sim.files().into_keys().filter(|name| name.ends_with(".seg")).count() - 1;
    assert_eq!(ahead, 2, "the next segment, and the file for the one after it");
    match first {
        None => {
            writer.close().map_err(|error| story(&error))?;
        }
        Some(calls) => {
            writer.abandon();
            sim.next_process();
            sim.die_after(calls);
            let _ = journal.open_on::<Note, Sim>(&sim, false).map(|(writer, _)| writer.abandon());
        }
    }
    sim.next_process();
    sim.die_after(second);
    let _ = journal.open_on::<Note, Sim>(&sim, false).map(|(writer, _)| writer.abandon());
    let sim = sim.lose_power(&mut fastrand::Rng::with_seed(seed));
    let (writer, _) = journal.open_on::<Note, Sim>(&sim, false).map_err(|error| story(&error))?;
    writer.abandon();
    Ok(())
}
