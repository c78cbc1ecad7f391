//! Lives of a journal on the simulated machine: open, append, sync, die, again and again, and after each
//! death the invariants I1 to I5 of docs/reference/guarantees.md.
//!
//! The oracle of I2 is what the harness saw acknowledged while the writer lived, never the D in an image.

use slipring_journal::__private::storage::{Storage, StorageFile};
use slipring_journal::{
    AppendError, Difference, Event, Journal, OpenError, Reader, Retention, Schema, SyncMode, Upgrade, Writer,
};

use super::machine::Sim;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub(crate) struct Note {
    /// Never the same twice over all lives, so that a record of an earlier life can't pass for a later one.
    pub(crate) unique: u64,
    pub(crate) filler: [u64; 3],
}

/// A version of the event's type. All of them say no more than the number, and so what any of them wrote can
/// be told from it.
pub(crate) trait Noted: Event + PartialEq + std::fmt::Debug {
    fn of(unique: u64) -> Self;
}

impl Noted for Note {
    fn of(unique: u64) -> Self {
        Note { unique, filler: [unique.wrapping_mul(0x9e37_79b9); 3] }
    }
}

/// An event that was one of `Old`, whose number comes first.
fn upgrade<Old: Noted, New: Noted>(found: &Schema) -> Option<Upgrade> {
    let turn = |older: &[u8], newer: &mut [u8]| {
        let unique = u64::from_le_bytes(older[..8].try_into().expect("eight bytes"));
        assert_eq!(older, bytemuck::bytes_of(&Old::of(unique)), "no event of the older type");
        newer.copy_from_slice(bytemuck::bytes_of(&New::of(unique)));
    };
    found.same_layout(&Old::schema()).then(|| Upgrade::new(turn))
}

/// A newer [`Note`], and a longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct LongNote {
    unique: u64,
    filler: [u64; 6],
}

/// The newest, which is the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct ShortNote {
    unique: u64,
    filler: u64,
}

impl Noted for LongNote {
    fn of(unique: u64) -> Self {
        LongNote { unique, filler: [!unique; 6] }
    }
}

impl Noted for ShortNote {
    fn of(unique: u64) -> Self {
        ShortNote { unique, filler: unique.rotate_left(13) }
    }
}

// SAFETY: the fields cover all bytes, each at its place.
unsafe impl Event for LongNote {
    fn schema() -> Schema {
        Schema::from_text("Note 56\tversion=2\nunique u64 0 8\nfiller [u64;6] 8 48\n").expect("a schema")
    }

    fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
        upgrade::<Note, LongNote>(found).ok_or_else(Vec::new)
    }
}

// SAFETY: the fields cover all bytes, each at its place.
unsafe impl Event for ShortNote {
    fn schema() -> Schema {
        Schema::from_text("Note 16\tversion=3\nunique u64 0 8\nfiller u64 8 8\n").expect("a schema")
    }

    fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
        let older = upgrade::<Note, ShortNote>(found);
        older.or_else(|| upgrade::<LongNote, ShortNote>(found)).ok_or_else(Vec::new)
    }
}

/// Calls a function for a version of the type.
macro_rules! as_version {
    ($version:expr, $call:ident($($argument:expr),*)) => {
        match $version {
            1 => $call::<Note>($($argument),*),
            2 => $call::<LongNote>($($argument),*),
            _ => $call::<ShortNote>($($argument),*),
        }
    };
}

/// What was appended, by sequence, as far as it still counts.
#[derive(Clone, Debug, Default)]
struct Model {
    /// Time and number.
    log: Vec<(u64, u64)>,
    /// Everything below it was acknowledged as durable.
    acknowledged: u64,
    /// Power was lost since the log was last recovered.
    power_lost: bool,
    unique: u64,
}

/// One kind of run; what it does beyond the plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Syncs may fail.
    pub(crate) failing_syncs: bool,
    /// The process may die in a recovery, also with the machine.
    pub(crate) die_in_recovery: bool,
    /// Every death takes the machine along.
    pub(crate) always_power: bool,
    /// Every life and death is that of the process.
    pub(crate) never_power: bool,
    /// Somebody puts an earlier control file back, or one slot of it, between two lives.
    pub(crate) control_rollback: bool,
    /// Later lives are of programs that know a newer type of the event.
    pub(crate) newer_types: bool,
}

impl Plan {
    pub(crate) const PLAIN: Plan = Plan {
        failing_syncs: false,
        die_in_recovery: false,
        always_power: false,
        never_power: false,
        control_rollback: false,
        newer_types: false,
    };
}

/// Runs one history of several lives; the number of images recovered, or what was violated.
pub(crate) fn history(seed: u64, plan: Plan) -> Result<u64, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sim = Sim::default();
    let mut model = Model::default();
    let mut images = 0;
    let segment_records = random.u64(3..20);
    let sync = [SyncMode::None, SyncMode::EveryBatch][random.usize(0..2)];
    let window = random.u64(2..40);
    let mut journal = Journal::at("sim").segment_records(segment_records).sync(sync);
    if sync != SyncMode::None {
        journal = journal.window_records(window);
    }
    // In half of the histories old segments go: all but so many records.
    let keep = random.bool().then(|| random.u64(0..30));
    if let Some(keep) = keep {
        journal = journal.retention(Retention::new().keep_records(keep));
    }
    let story = |text: String| format!("seed {seed}: {text}");
    let (mut controls, mut version) = (Vec::new(), 1);
    for _life in 0..random.u8(2..6) {
        let power = power(&mut random, plan);
        version += u8::from(plan.newer_types && random.bool());
        as_version!(version, life(&journal, &sim, &mut model, &mut random, plan, keep)).map_err(&story)?;
        images += 1;
        if power {
            sim = sim.lose_power(&mut random);
            model.power_lost = true;
        } else {
            sim.next_process();
        }
        if plan.control_rollback {
            images += 1;
            let put_back = as_version!(
                version,
                put_control_back(&journal, &sim, &mut controls, &mut random, &mut model, keep)
            );
            put_back.map_err(&story)?;
        }
    }
    // The last word: recover once more, whole.
    as_version!(version, last_word(&journal, &sim, &mut model, keep)).map_err(&story)?;
    Ok(images + 1)
}

/// Opens, lives, and dies; maybe in the opening.
fn life<E: Noted>(
    journal: &Journal,
    sim: &Sim,
    model: &mut Model,
    random: &mut fastrand::Rng,
    plan: Plan,
    keep: Option<u64>,
) -> Result<(), String> {
    if plan.die_in_recovery && random.bool() {
        sim.die_after(random.u64(1..24 + 8 * u64::from(plan.newer_types)));
    }
    match open::<E>(journal, sim) {
        Ok(mut writer) => {
            check(&mut writer, model, keep)?;
            live(&mut writer, sim, model, random, plan);
            writer.abandon();
        }
        Err(_) if sim.is_dead() => {}
        Err(error) => return Err(format!("refused to open: {error}")),
    }
    Ok(())
}

fn last_word<E: Noted>(
    journal: &Journal,
    sim: &Sim,
    model: &mut Model,
    keep: Option<u64>,
) -> Result<(), String> {
    let mut writer = open::<E>(journal, sim).map_err(|error| format!("refused to open: {error}"))?;
    check(&mut writer, model, keep)?;
    writer.abandon();
    Ok(())
}

const CONTROL: &str = "control";

/// Puts an earlier control file in place, whole or one slot of it, and opens: refused, which changes nothing,
/// or all that was acknowledged is there. Then the right one is put back.
fn put_control_back<E: Noted>(
    journal: &Journal,
    sim: &Sim,
    controls: &mut Vec<Vec<u8>>,
    random: &mut fastrand::Rng,
    model: &mut Model,
    keep: Option<u64>,
) -> Result<(), String> {
    let before = sim.files();
    let Some(now) = before.get(CONTROL) else { return Ok(()) };
    if controls.is_empty() {
        controls.push(now.clone());
        return Ok(());
    }
    let old = &controls[random.usize(0..controls.len())];
    let mut mixed = now.clone();
    let slots = [0..8192, 0..4096, 4096..8192][random.usize(0..3)].clone();
    mixed[slots.clone()].copy_from_slice(&old[slots]);
    controls.push(now.clone());
    let write = |bytes: &[u8]| {
        let file = sim.open(CONTROL, true).map_err(|error| error.to_string())?;
        file.write_at(bytes, 0).and_then(|()| file.sync()).map_err(|error| error.to_string())
    };
    write(&mixed)?;
    match open::<E>(journal, sim) {
        Ok(mut writer) => {
            check(&mut writer, model, keep).map_err(|text| format!("an earlier control file: {text}"))?;
            writer.abandon();
            sim.next_process();
            Ok(())
        }
        Err(OpenError::Journal(_)) => {
            write(now)?;
            if sim.files() == before { Ok(()) } else { Err("a refusal changed something".to_owned()) }
        }
        Err(error) => Err(format!("an earlier control file: {error}")),
    }
}

fn power(random: &mut fastrand::Rng, plan: Plan) -> bool {
    plan.always_power || (!plan.never_power && random.bool())
}

fn open<E: Noted>(journal: &Journal, sim: &Sim) -> Result<Writer<E, Sim>, OpenError> {
    journal.open_on::<E, Sim>(sim, false).map(|(writer, _)| writer)
}

/// I1, I2, I3, I5 on the recovered log, of which retention may have taken all but the last `keep` records;
/// then the log is the model.
fn check<E: Noted>(writer: &mut Writer<E, Sim>, model: &mut Model, keep: Option<u64>) -> Result<(), String> {
    let end = writer.end_sequence();
    let written = model.log.len() as u64;
    if end > written {
        return Err(format!("I3: the log holds {end} records, {written} were written"));
    }
    if end < model.acknowledged {
        return Err(format!("I2: {} records were acknowledged, {end} are there", model.acknowledged));
    }
    if !model.power_lost && end < written {
        return Err(format!("I2: only the process died, {written} records were committed, {end} are there"));
    }
    let mut reader: Reader<E, Sim> = writer.reader().map_err(|error| error.to_string())?;
    let first = reader.first_sequence();
    if first > 0 && keep.is_none_or(|keep| first + keep > end) {
        return Err(format!("I5: of {end} records those below {first} are gone, {keep:?} were to be kept"));
    }
    for sequence in first..end {
        let record = reader.at(sequence).map_err(|error| format!("I1: {error}"))?;
        let (time_ns, unique) = model.log[sequence as usize];
        let wanted = (time_ns, E::of(unique));
        if (record.time_ns(), *record.event()) != wanted {
            return Err(format!("I3: record {sequence} is {record:?}, {wanted:?} was written"));
        }
    }
    model.log.truncate(end as usize);
    // Recovery has made all of it durable.
    model.acknowledged = end;
    model.power_lost = false;
    Ok(())
}

/// Appends with rounds of syncer and preparer in between, until something stops it.
fn live<E: Noted>(
    writer: &mut Writer<E, Sim>,
    sim: &Sim,
    model: &mut Model,
    random: &mut fastrand::Rng,
    plan: Plan,
) {
    let cursors = writer.cursors();
    let mut dying = None;
    if random.u8(0..3) == 0 {
        dying = Some(random.u64(1..40));
    }
    let count = random.u64(0..60);
    for _ in 0..count {
        match random.u8(0..8) {
            0 => {
                if plan.failing_syncs && random.u8(0..3) == 0 {
                    sim.fail_next_sync();
                }
                if let Some(calls) = dying.take() {
                    sim.die_after(calls);
                }
                let before = cursors.durable_end();
                writer.step_syncer();
                // A process that died in the sync acknowledged nothing more.
                if !sim.is_dead() {
                    model.acknowledged = model.acknowledged.max(cursors.durable_end());
                } else {
                    model.acknowledged = model.acknowledged.max(before);
                }
            }
            1 | 2 => while writer.step_preparer() {},
            _ => {}
        }
        if sim.is_dead() {
            return;
        }
        let time = model.log.last().map_or(5, |(time, _)| *time) + random.u64(0..3);
        model.unique += 1;
        match writer.try_append(time, &E::of(model.unique)) {
            Ok(sequence) => {
                assert_eq!(sequence, model.log.len() as u64);
                model.log.push((time, model.unique));
            }
            Err(AppendError::Full { .. }) => {}
            Err(_) => return,
        }
        sim.observe();
    }
    // Somebody asks for durability now and then, in SyncMode::None too.
    if random.bool() && !sim.is_dead() {
        cursors.request_durable(writer.end_sequence());
        writer.step_syncer();
        if !sim.is_dead() {
            model.acknowledged = model.acknowledged.max(cursors.durable_end());
        }
    }
}
