//! The process, or the machine, dies in each system call in turn of a rejoin that cuts several segments of
//! two types, one of them ended early; and in one of the next rejoin. Or the newest control slot rots in
//! between.

use slipring_journal::__private::storage::{Memory, Storage, StorageFile};
use slipring_journal::__private::{salvage_on, verify_on};
use slipring_journal::{Anchor, Journal, Reader, SalvageOptions, Status, SyncMode};
use slipring_tests::journals::BOOT;

use super::lives::{LongNote, Note, Noted};
use super::machine::Sim;

const CAPACITY: u64 = 4;
/// Records of the older type, and of both.
const OLDER: u64 = 10;
const ALL: u64 = 17;
/// Where histories part: in the first segment, at the end of one, in one that was ended early, at its end, in
/// those of the newer type, and at the end of all.
pub(crate) const FORKS: [u64; 6] = [1, 8, 9, 10, 13, 17];

/// Where and how it goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dying {
    /// The system calls: of the rejoin, and of the one behind it.
    pub(crate) calls: (u64, u64),
    /// With the machine.
    pub(crate) power: bool,
    /// The newest control slot rots once the first has died.
    pub(crate) rots: bool,
    /// How many records are kept.
    pub(crate) keeps: u64,
    pub(crate) seed: u64,
}

fn options() -> Journal {
    Journal::at("sim").segment_records(CAPACITY).sync(SyncMode::EveryBatch).window_records(16)
}

fn append<E: Noted>(sim: &Sim, journal: &Journal, end: u64) -> Result<(), String> {
    let (mut writer, _) = journal.open_on::<E, Sim>(sim, false).map_err(|error| error.to_string())?;
    for unique in writer.end_sequence()..end {
        while writer.step_preparer() {}
        if writer.try_append(unique, &E::of(unique)).is_err() {
            writer.step_syncer();
            while writer.step_preparer() {}
            writer.try_append(unique, &E::of(unique)).map_err(|error| error.to_string())?;
        }
    }
    writer.close().map(drop).map_err(|error| error.to_string())
}

/// The slots of the records from `from` on, as they lie.
fn slots(sim: &Sim, from: u64) -> Vec<Vec<u8>> {
    let files = sim.files();
    let mut slots = Vec::new();
    for (name, file) in files.iter().filter(|(name, _)| name.ends_with(".seg")) {
        let base: u64 = name[..20].parse().expect("a base");
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        let records = file[word(72)..].chunks_exact(word(48)).take(CAPACITY as usize);
        let whole = (base..).zip(records).filter(|(at, slot)| *at >= from && slot.iter().any(|b| *b != 0));
        slots.extend(whole.map(|(_, slot)| slot.to_vec()));
    }
    slots
}

/// Flips a bit in the control slot with the greater generation.
fn rot(sim: &Sim) {
    let control = &sim.files()["control"];
    let generation =
        |slot: usize| u64::from_le_bytes(control[slot * 4096 + 32..][..8].try_into().expect("eight bytes"));
    let at = if generation(0) > generation(1) { 200 } else { 4096 + 200 };
    let file = sim.open("control", true).expect("it is there");
    file.write_at(&[control[at] ^ 1], at as u64).and_then(|()| file.sync()).expect("it can be written");
}

/// Whoever looks in between sees all that was there, or what is kept, and no damage; so does a salvage.
fn looks(sim: &Sim, keeps: u64) -> Result<(), String> {
    let reader = Reader::<LongNote, Sim>::open_to(sim.clone(), None).map_err(|error| error.to_string())?;
    if ![keeps, ALL].contains(&reader.end_sequence()) {
        return Err(format!("a reader sees {} records", reader.end_sequence()));
    }
    // Nor is the type that of records which are on their way out: whoever asks opens a replica for it.
    let is_newer = Reader::<Note, Sim>::open_to(sim.clone(), None).is_err();
    if is_newer != (reader.end_sequence() > OLDER) {
        return Err(format!("of {} records the newest are newer: {is_newer}", reader.end_sequence()));
    }
    let report = verify_on(sim.clone(), |_, _| {}).map_err(|error| error.to_string())?;
    match (report.status, report.end_sequence == reader.end_sequence()) {
        (Status::Fine | Status::TornTail, true) => {}
        _ => return Err(format!("verify says {report:?}")),
    }
    for skip_damaged in [false, true] {
        let options = SalvageOptions { skip_damaged, ..SalvageOptions::default() };
        let salvaged = salvage_on(sim, &Memory::new(BOOT), options, |_, _| {});
        let salvaged = salvaged.map_err(|error| format!("salvage: {error}"))?;
        if (salvaged.end_sequence, salvaged.records) != (reader.end_sequence(), reader.end_sequence())
            || (salvaged.lost_count, salvaged.whole_not_kept) != (0, 0)
        {
            return Err(format!("a reader sees {} records, salvage {salvaged:?}", reader.end_sequence()));
        }
    }
    Ok(())
}

/// What was violated, if anything; `Ok(false)` if neither rejoin was long enough to die.
pub(crate) fn dies(dying: Dying) -> Result<bool, String> {
    let story = |what: &dyn std::fmt::Display| format!("{dying:?}: {what}");
    let Dying { calls: (first, second), power, rots, keeps, seed } = dying;
    // Of all of it: else each death would find the same luck, as often as there are seeds.
    let mut random = fastrand::Rng::with_seed(seed << 32 | keeps << 24 | first << 12 | second);
    let mut sim = Sim::default();
    append::<Note>(&sim, &options(), OLDER).map_err(|error| story(&error))?;
    append::<LongNote>(&sim, &options(), ALL).map_err(|error| story(&error))?;
    let anchor: Anchor = Reader::<LongNote, Sim>::open_to(sim.clone(), None)
        .and_then(|mut reader| reader.as_raw().anchor(keeps - 1))
        .map_err(|error| story(&error))?;
    let cut_off = slots(&sim, keeps);
    assert_eq!(cut_off.len() as u64, ALL - keeps);
    let mut has_died = false;
    for (number, calls) in [first, second].into_iter().enumerate() {
        sim.next_process();
        sim.die_after(calls);
        match options().rejoin_on(&sim, anchor) {
            Ok(_) => {}
            Err(_) if sim.is_dead() => has_died = true,
            Err(error) => return Err(story(&error)),
        }
        if power {
            sim = sim.lose_power(&mut random);
        }
        sim.next_process();
        if rots && number == 0 {
            rot(&sim);
        }
        looks(&sim, keeps).map_err(|error| story(&error))?;
    }
    options().rejoin_on(&sim, anchor).map_err(|error| story(&error))?;
    if power {
        sim = sim.lose_power(&mut random);
    }
    sim.next_process();
    let files = sim.files();
    let saved: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("discarded-")).collect();
    for (slot, sequence) in cut_off.iter().zip(keeps..) {
        if !saved.iter().any(|(_, file)| file.chunks_exact(slot.len()).any(|saved| saved == slot)) {
            return Err(story(&format!("record {sequence} is nowhere")));
        }
    }
    // Promoted, it goes on where it was cut.
    append::<LongNote>(&sim, &options().promote(1_099), keeps + 6).map_err(|error| story(&error))?;
    let mut reader = Reader::<LongNote, Sim>::open_to(sim.clone(), None).map_err(|error| story(&error))?;
    if reader.end_sequence() != keeps + 6 {
        return Err(story(&format!("the log ends at {}", reader.end_sequence())));
    }
    for sequence in 0..keeps + 6 {
        let record = reader.at(sequence).map_err(|error| story(&error))?;
        if *record.event() != LongNote::of(sequence) || (record.epoch() == 1_099) != (sequence >= keeps) {
            return Err(story(&format!("record {sequence} is {record:?}")));
        }
    }
    Ok(has_died)
}
