//! The process, or the machine, dies in each system call in turn of the opening by which a program of a newer
//! type ends the older type's last segment and begins one of its own; and again in the opening after that.

use slipring_journal::__private::storage::{Storage, StorageFile};
use slipring_journal::{Journal, Kind, SyncMode};
use slipring_tests::types::{Fill, golden};

use super::lives::{LongNote, Note, Noted};
use super::machine::Sim;

const CAPACITY: u64 = 4;

fn open<E: Noted>(journal: &Journal, sim: &Sim, end: u64) -> Result<u64, String> {
    let (mut writer, report) = journal.open_on::<E, Sim>(sim, false).map_err(|error| error.to_string())?;
    for unique in writer.end_sequence()..end {
        while writer.step_preparer() {}
        if writer.try_append(unique, &E::of(unique)).is_err() {
            writer.step_syncer();
            let _ = writer.try_append(unique, &E::of(unique));
        }
        sim.observe();
    }
    let mut reader = writer.reader().map_err(|error| error.to_string())?;
    for sequence in 0..report.end_sequence {
        let record = reader.at(sequence).map_err(|error| error.to_string())?;
        if record.kind() == Kind::Event && *record.event() != E::of(sequence) {
            return Err(format!("record {sequence} is {record:?}"));
        }
    }
    writer.abandon();
    Ok(report.end_sequence)
}

impl Noted for Fill {
    fn of(unique: u64) -> Self {
        Fill::golden(unique)
    }
}

/// Where and how it dies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dying {
    /// The system calls: of the opening, and of the one behind it.
    pub(crate) calls: (u64, u64),
    /// With the machine.
    pub(crate) power: bool,
    pub(crate) seed: u64,
}

/// A journal whose last segment is full, or not, and all of it durable, or not; then programs of a newer type
/// that die. What was violated, if anything; `Ok(false)` if neither was long enough to die.
pub(crate) fn change(dying: Dying) -> Result<bool, String> {
    let seed = dying.seed;
    let (written, closes) = (5 + seed % 4, seed % 3 != 0);
    let sim = Sim::default();
    let (mut writer, _) = options().open_on::<Note, Sim>(&sim, false).map_err(|error| error.to_string())?;
    for unique in 0..written {
        while writer.step_preparer() {}
        writer.try_append(unique, &Note::of(unique)).map_err(|error| error.to_string())?;
    }
    match closes {
        true => drop(writer.close()),
        false => writer.abandon(),
    }
    die_twice::<LongNote>(sim, written, closes, dying).map_err(|what| format!("{dying:?}: {what}"))
}

/// The same, of a journal of version 1 of the format, whose segments end otherwise.
pub(crate) fn change_golden(dying: Dying) -> Result<bool, String> {
    let sim = Sim::default();
    for (name, bytes) in golden(1) {
        let file = sim.create(&name).map_err(|error| error.to_string())?;
        file.write_at(&bytes, 0).and_then(|()| file.sync()).map_err(|error| error.to_string())?;
    }
    sim.sync_folder().map_err(|error| error.to_string())?;
    die_twice::<Fill>(sim, 20, true, dying).map_err(|what| format!("{dying:?}: {what}"))
}

fn options() -> Journal {
    Journal::at("sim").segment_records(CAPACITY).sync(SyncMode::EveryBatch).window_records(16)
}

fn die_twice<E: Noted>(mut sim: Sim, written: u64, is_closed: bool, dying: Dying) -> Result<bool, String> {
    let Dying { calls: (first, second), power, seed } = dying;
    let (journal, mut random) = (options(), fastrand::Rng::with_seed(seed));
    let mut has_died = false;
    for calls in [first, second] {
        sim.next_process();
        sim.die_after(calls);
        match open::<E>(&journal, &sim, 0) {
            Ok(_) => {}
            Err(_) if sim.is_dead() => has_died = true,
            Err(what) => return Err(what),
        }
        if power {
            sim = sim.lose_power(&mut random);
        }
    }
    sim.next_process();
    let end = open::<E>(&journal, &sim, written + 6)?;
    if end > written || end < written && (is_closed || !power) {
        return Err(format!("{written} records were written, {end} are there"));
    }
    sim.next_process();
    let end = open::<E>(&journal, &sim, 0)?;
    if end < written + 6 {
        return Err(format!("{end} records are there in the end"));
    }
    Ok(has_died)
}
