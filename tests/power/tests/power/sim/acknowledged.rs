//! Lives of a journal with a note of acknowledgements: it appends, a server says what it has, which is
//! journalled and maybe not durable, the note is taken, and the gate is moved. The note is synced before, as
//! where a stage waits, or it is not, as where a late consumer does. The process dies in any call of it, or
//! the machine.
//!
//! After each death:
//! - what is confirmed of the note is in the log, and somebody had said it;
//! - if only the process died, no gate goes back;
//! - if the machine did: neither, if the log still has the record behind which the gate stood; else the gate
//!   stands no further back than at the newest record that was durable when it was noted. Of notes that are
//!   not synced that goes for what the life began with.

use slipring::__private::NoteByHand;
use slipring_journal::__private::Confirmer;
use slipring_journal::__private::storage::Storage;
use slipring_journal::{Anchor, Journal, SyncMode, Writer};

use super::lives::{Note, Noted};
use super::machine::{Sim, SimFile};

const NAME: &str = "server";

/// What the harness knows of the note.
#[derive(Debug, Default)]
struct Known {
    /// Where the gate stood, and by which record: none if nothing was acknowledged.
    gate: Option<Anchor>,
    /// The same, of those that were durable when they were noted.
    durable: Option<Anchor>,
    /// The furthest that was ever said.
    said_end: u64,
}

fn end(anchor: Option<Anchor>) -> u64 {
    anchor.map_or(0, |anchor| anchor.sequence + 1)
}

/// What happened in a history.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) deaths: u64,
    /// The log had lost the record behind which the gate stood.
    pub(crate) set_back: u64,
    /// The process died in taking a note.
    pub(crate) in_a_note: u64,
}

/// Runs one history; `power`: the machine goes with the process, always or never, else as it comes.
pub(crate) fn history(seed: u64, power: Option<bool>, sync: bool) -> Result<Counts, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let journal = Journal::at("sim").segment_records(random.u64(3..20)).window_records(random.u64(4..40));
    let journal = journal.sync(SyncMode::EveryBatch);
    let (mut sim, mut known, mut counts) = (Sim::default(), Known::default(), Counts::default());
    let mut power_lost = false;
    let lives = random.u64(3..8);
    for life in 0..=lives {
        let story = |what: String| format!("seed {seed}, life {life}, power {power:?}, sync {sync}: {what}");
        let opened = journal.open_on::<Note, Sim>(&sim, false);
        let (mut writer, _) = opened.map_err(|error| story(format!("refused to open: {error}")))?;
        let mut note = check(&sim, &writer, &mut known, power_lost, &mut counts).map_err(story)?;
        let began = known.gate;
        if life < lives {
            live((&mut writer, &sim), &mut note, &mut known, &mut random, &mut counts, sync)
                .map_err(story)?;
            counts.deaths += 1;
        }
        writer.abandon();
        power_lost = power.unwrap_or_else(|| random.bool());
        if power_lost && !sync {
            // Whatever was noted since may be lost.
            (known.gate, known.durable) = (began, began);
        }
        sim = match power_lost {
            true => sim.lose_power(&mut random),
            false => {
                sim.next_process();
                sim
            }
        };
    }
    Ok(counts)
}

/// What the next life begins with.
fn check(
    sim: &Sim,
    writer: &Writer<Note, Sim>,
    known: &mut Known,
    power_lost: bool,
    counts: &mut Counts,
) -> Result<NoteByHand<SimFile>, String> {
    let (journal_id, log_end) = (writer.journal_id(), writer.end_sequence());
    let folder = sim.subfolder(NoteByHand::<SimFile>::FOLDER).map_err(|error| error.to_string())?;
    let folder = folder.ok_or("it is there from the beginning")?;
    let mut note = NoteByHand::open(&folder, journal_id, NAME).map_err(|error| error.to_string())?;
    let mut confirmer = Confirmer::new(sim.clone(), journal_id);
    let found = note.confirmed(&mut confirmer, log_end).map_err(|error| error.to_string())?;
    if found > log_end || found > known.said_end {
        return Err(format!("{found} is acknowledged, the log ends at {log_end}, {known:?}"));
    }
    let mut has = |anchor: &Anchor| anchor.sequence < log_end && confirmer.confirm(anchor).is_ok();
    let has_gate = known.gate.as_ref().is_none_or(&mut has);
    let wanted = if has_gate { known.gate } else { known.durable };
    if !power_lost && !has_gate {
        return Err(format!("the process died alone, and the log has lost {known:?}"));
    }
    if found < end(wanted) {
        return Err(format!("the gate goes back to {found}, {wanted:?} was acknowledged and is here"));
    }
    counts.set_back += u64::from(!has_gate);
    // From here on this is what the gate says; and all of the log is durable.
    let mut reader = writer.reader().map_err(|error| error.to_string())?;
    let last = found.checked_sub(1).map(|last| reader.as_raw().anchor(last));
    known.gate = last.transpose().map_err(|error| error.to_string())?;
    known.durable = known.gate;
    Ok(note)
}

/// Appends, syncs and acknowledges in any order, until the process is to die, in whichever call.
fn live(
    (writer, sim): (&mut Writer<Note, Sim>, &Sim),
    note: &mut NoteByHand<SimFile>,
    known: &mut Known,
    random: &mut fastrand::Rng,
    counts: &mut Counts,
    sync: bool,
) -> Result<(), String> {
    let cursors = writer.cursors();
    let steps = random.u64(10..60);
    for step in 0..steps {
        match random.u8(0..8) {
            0 => {
                writer.step_syncer();
            }
            1 => while writer.step_preparer() {},
            2 | 3 if writer.end_sequence() > end(known.gate) => {
                let sequence = random.u64(end(known.gate)..writer.end_sequence());
                let anchor = writer
                    .reader()
                    .and_then(|mut reader| reader.as_raw().anchor(sequence))
                    .map_err(|error| error.to_string())?;
                let durable_end = cursors.durable_end();
                let dies = step > steps / 2 && random.u8(0..4) == 0;
                if dies {
                    sim.die_after(random.u64(1..4));
                }
                known.said_end = known.said_end.max(sequence + 1);
                if note.write(&anchor, durable_end, sync).is_ok() {
                    known.gate = Some(anchor);
                    if sequence < durable_end {
                        known.durable = Some(anchor);
                    }
                }
                if sim.is_dead() {
                    counts.in_a_note += 1;
                    return Ok(());
                }
                sim.live_on();
            }
            _ => {
                let next = writer.end_sequence();
                let _ = writer.try_append(next, &Note::of(random.u64(..)));
            }
        }
        sim.observe();
    }
    Ok(())
}
