//! The process, or the machine, dies in each system call in turn of a life that makes a journal, rolls twice
//! and is recovered: between create, header, rename and folder sync of every file that there is.

use slipring_journal::{Journal, Retention, SyncMode};

use super::lives::Note;
use super::machine::Sim;

const CAPACITY: u64 = 4;
const RECORDS: u64 = 10;

fn note(unique: u64) -> Note {
    Note { unique, filler: [!unique; 3] }
}

/// One life on the machine: opens, appends up to [`RECORDS`], with syncs. How many records were committed and
/// how many acknowledged as durable.
fn live(journal: &Journal, sim: &Sim) -> (u64, u64) {
    let Ok((mut writer, _)) = journal.open_on::<Note, Sim>(sim, false) else { return (0, 0) };
    let cursors = writer.cursors();
    let mut durable = 0;
    for _ in 0..4 * RECORDS {
        while writer.step_preparer() {}
        let next = writer.end_sequence();
        if next < RECORDS {
            let _ = writer.try_append(next, &note(next));
        }
        if next % 3 == 2 {
            writer.step_syncer();
        }
        if !sim.is_dead() {
            durable = cursors.durable_end();
        }
    }
    let committed = writer.end_sequence();
    writer.abandon();
    (committed, durable)
}

/// Dies in the `first`-th system call and, in the recovery after that, in the `second`-th; with the machine
/// if `power`; with retention that keeps nothing that it need not, if `retire`. What was violated, if
/// anything; `Ok(false)` if no life was long enough to die.
pub(crate) fn die_in(
    (first, second): (u64, u64),
    power: bool,
    retire: bool,
    seed: u64,
) -> Result<bool, String> {
    let story = |what: String| {
        format!("calls {first} and {second}, power {power}, retention {retire}, seed {seed}: {what}")
    };
    let mut random = fastrand::Rng::with_seed(seed);
    let mut journal =
        Journal::at("sim").segment_records(CAPACITY).sync(SyncMode::EveryBatch).window_records(6);
    if retire {
        journal = journal.retention(Retention::new().keep_records(0));
    }
    let mut sim = Sim::default();
    let (mut committed, mut durable) = (0, 0);
    let mut died = false;
    for calls in [first, second] {
        sim.die_after(calls);
        let (c, d) = live(&journal, &sim);
        died |= sim.is_dead();
        (committed, durable) = (committed.max(c), durable.max(d));
        if power {
            sim = sim.lose_power(&mut random);
        } else {
            sim.next_process();
        }
    }
    let (writer, report) =
        journal.open_on::<Note, Sim>(&sim, false).map_err(|error| story(format!("refused: {error}")))?;
    let end = report.end_sequence;
    if end < durable || (!power && end < committed) {
        return Err(story(format!("{committed} committed, {durable} acknowledged, {end} there")));
    }
    let mut reader = writer.reader().map_err(|error| story(error.to_string()))?;
    let kept_from = reader.first_sequence();
    if !retire && kept_from > 0 {
        return Err(story(format!("the records below {kept_from} are gone")));
    }
    for sequence in kept_from..end {
        let record = reader.at(sequence).map_err(|error| story(error.to_string()))?;
        if *record.event() != note(sequence) {
            return Err(story(format!("record {sequence} is {record:?}")));
        }
    }
    // Left-overs are gone, and one segment is active: the last.
    let names: Vec<String> = sim.files().into_keys().collect();
    if names.iter().any(|name| name.ends_with(".tmp")) {
        return Err(story(format!("left-overs: {names:?}")));
    }
    let segments = names.iter().filter(|name| name.ends_with(".seg")).count() as u64;
    if segments != (end - kept_from) / CAPACITY + 1 {
        return Err(story(format!("{end} records in {names:?}")));
    }
    writer.abandon();
    Ok(died)
}
