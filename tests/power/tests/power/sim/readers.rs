//! Lives of a journal with two named readers, one alone and one that two share, beside a writer whose
//! retention keeps nothing that they have done. A reader dies in any call of a commit, or all of them in any
//! call, or the machine does.
//!
//! After each death of all:
//! - its file is whole, and says what was acknowledged last or something that was written since;
//! - no record is gone that was not done by what the file says.

use std::collections::BTreeMap;

use slipring_journal::__private::ByHand;
use slipring_journal::{Journal, Retention, SyncMode, Writer};

use super::lives::{Note, Noted};
use super::machine::Sim;

/// A reader by its name, and how many members share it.
const READERS: [(&str, u32); 2] = [("alone", 1), ("shared", 2)];

/// What the harness knows of a reader.
#[derive(Debug, Default)]
struct Known {
    /// What was acknowledged last; `None` before the first time.
    acknowledged: Option<ByHand>,
    /// What was written since and may be there.
    attempted: Vec<ByHand>,
}

/// One kind of run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Readers {
    /// The machine goes with the process, always or never; else as it comes.
    pub(crate) power: Option<bool>,
    /// Whether what readers hold is all that there is to be kept.
    pub(crate) keeps: u64,
}

/// Runs one history; how many deaths it had and how many records retention took, or what was violated.
pub(crate) fn history(seed: u64, how: Readers) -> Result<(u64, u64), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut known: BTreeMap<&str, Known> = BTreeMap::new();
    let journal = Journal::at("sim").segment_records(4).sync(SyncMode::EveryBatch).window_records(16);
    let journal = journal.retention(Retention::new().keep_records(how.keeps));
    let (mut sim, mut taken) = (Sim::default(), 0);
    let lives = random.u64(2..6);
    for life in 0..=lives {
        let story = |what: String| format!("seed {seed}, life {life}, {how:?}: {what}");
        let opened = journal.open_on::<Note, Sim>(&sim, false);
        let (mut writer, report) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(story(format!("refused to open: {error}"))),
        };
        taken = report.first_sequence;
        let mut states = check(&sim, &mut known, report.first_sequence).map_err(story)?;
        if life < lives {
            live(&mut writer, &sim, &mut states, &mut known, &mut random);
        }
        writer.abandon();
        sim = match how.power.unwrap_or_else(|| random.bool()) {
            true => sim.lose_power(&mut random),
            false => {
                sim.next_process();
                sim
            }
        };
    }
    Ok((lives, taken))
}

/// What each reader goes on from.
fn check(
    sim: &Sim,
    known: &mut BTreeMap<&'static str, Known>,
    first: u64,
) -> Result<BTreeMap<&'static str, ByHand>, String> {
    let mut states = BTreeMap::new();
    for (name, _) in READERS {
        let known = known.entry(name).or_default();
        let found = ByHand::load(sim, name).map_err(|error| format!("{name}: {error}"))?;
        let is_fine =
            found == known.acknowledged || found.iter().any(|found| known.attempted.contains(found));
        if !is_fine {
            return Err(format!("{name}: {found:?} is there, known is {known:?}"));
        }
        if let Some(found) = found.as_ref().filter(|found| found.position() < first) {
            return Err(format!("{name}: it is at {}, all before {first} is gone", found.position()));
        }
        *known = Known { acknowledged: found.clone(), attempted: Vec::new() };
        let mut state = match found {
            Some(found) => found,
            None => ByHand::begin(sim).map_err(|error| format!("{name}: {error}"))?,
        };
        // Whoever had something in hand has died.
        state.free();
        states.insert(name, state);
    }
    Ok(states)
}

/// Appends, syncs, claims and commits in any order, until a call in which all die.
fn live(
    writer: &mut Writer<Note, Sim>,
    sim: &Sim,
    states: &mut BTreeMap<&'static str, ByHand>,
    known: &mut BTreeMap<&'static str, Known>,
    random: &mut fastrand::Rng,
) {
    let cursors = writer.cursors();
    // A reader that is not there yet holds nothing: so both begin before anything can go.
    for (name, _) in READERS {
        let state = states[name].clone();
        write(sim, name, state, states, known);
    }
    let mut dying = random.bool().then(|| random.u64(1..60));
    let mut all_die = false;
    for _ in 0..random.u64(10..80) {
        match random.u8(0..6) {
            0 => {
                writer.step_syncer();
            }
            1 => while writer.step_preparer() {},
            2 | 3 => {
                let (name, members) = READERS[random.usize(0..READERS.len())];
                let mut state = states[name].clone();
                if turn(&mut state, random.u32(1..=members), cursors.durable_end(), random) {
                    let dies_alone = !all_die && random.u8(0..4) == 0;
                    if dies_alone {
                        sim.die_after(random.u64(1..6));
                    }
                    write(sim, name, state, states, known);
                    if dies_alone {
                        sim.live_on();
                        begin_anew(sim, name, states);
                    }
                }
            }
            _ => {
                let next = writer.end_sequence();
                let _ = writer.try_append(next, &Note::of(next));
            }
        }
        sim.observe();
        if sim.is_dead() {
            return;
        }
        if let Some(calls) = dying.take_if(|_| random.u8(0..8) == 0) {
            sim.die_after(calls);
            all_die = true;
        }
    }
}

/// A member claims something, or does some of what it has in hand; whether there was anything.
fn turn(state: &mut ByHand, member: u32, durable_end: u64, random: &mut fastrand::Rng) -> bool {
    match state.claimed_by(member) {
        Some(held) => state.commit(member, random.u64(held.start + 1..=held.end)),
        None => state.claim(member, random.u64(1..7), durable_end).is_some(),
    }
}

/// Another goes on with what is to be seen of the file, whether that is on the disk or not.
fn begin_anew(sim: &Sim, name: &'static str, states: &mut BTreeMap<&'static str, ByHand>) {
    let mut state = ByHand::load(sim, name).expect("it is whole").expect("it has begun");
    state.free();
    states.insert(name, state);
}

fn write(
    sim: &Sim,
    name: &'static str,
    state: ByHand,
    states: &mut BTreeMap<&'static str, ByHand>,
    known: &mut BTreeMap<&'static str, Known>,
) {
    let known = known.entry(name).or_default();
    match state.store(sim, name) {
        Ok(()) => {
            *known = Known { acknowledged: Some(state.clone()), attempted: Vec::new() };
            states.insert(name, state);
        }
        // The next one may be there, or the one before.
        Err(_) => known.attempted.push(state),
    }
}
