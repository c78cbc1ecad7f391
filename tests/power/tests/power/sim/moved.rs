//! The name of a folder comes to mean another journal's folder, and the LOCK file is replaced, at any moment
//! of a life; then the process dies, or the machine.
//!
//! [`Named`] stands for `storage::Files`: it finds its folder by the name at the first use and holds it. The
//! controls look the name up each time, and lock by the LOCK file alone, as slipring once did.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use slipring_journal::__private::storage::{LockFault, Storage};
use slipring_journal::{Journal, OpenError, Retention, SyncMode, Writer};

use super::lives::Note;
use super::machine::{Sim, SimFile};

/// What a control switches off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Off {
    /// The folder is held once it is found.
    pub(crate) holding: bool,
    /// The folder itself is locked, beside the LOCK file.
    pub(crate) folder_lock: bool,
}

/// A journal's folder by its name.
#[derive(Clone, Debug)]
struct Named {
    means: Arc<Mutex<Sim>>,
    held: Arc<OnceLock<Sim>>,
    holds: bool,
}

impl Named {
    fn new(means: &Arc<Mutex<Sim>>, off: Off) -> Self {
        Named { means: Arc::clone(means), held: Arc::default(), holds: !off.holding }
    }

    fn folder(&self) -> Sim {
        let now = || self.means.lock().expect("no panic inside").clone();
        if self.holds { self.held.get_or_init(now).clone() } else { now() }
    }
}

impl Storage for Named {
    type File = SimFile;
    type Lock = <Sim as Storage>::Lock;
    type Subfolder = <Sim as Storage>::Subfolder;

    fn create_folder(&self) -> io::Result<()> {
        self.folder().create_folder()
    }

    fn lock(&self) -> Result<Self::Lock, LockFault> {
        self.folder().lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.folder().list()
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        self.folder().create(name)
    }

    fn open(&self, name: &str, write: bool) -> io::Result<SimFile> {
        self.folder().open(name, write)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder().rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder().remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder().sync_folder()
    }

    fn boot_id(&self) -> [u8; 16] {
        self.folder().boot_id()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().path(name)
    }
}

/// One of the two journals, and what was seen of it.
#[derive(Default)]
struct Side {
    sim: Sim,
    written: u64,
    acknowledged: u64,
    power_lost: bool,
}

fn note(side: usize, sequence: u64) -> Note {
    Note { unique: sequence, filler: [side as u64; 3] }
}

/// Lives of two journals whose names are swapped at any moment; the number of images recovered, or what was
/// violated.
pub(crate) fn history(seed: u64, off: Off) -> Result<u64, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let story = |what: String| format!("seed {seed}: {what}");
    let mut sides = [Side::default(), Side::default()];
    let keep = random.u64(0..20);
    let journal = Journal::at("named").segment_records(random.u64(2..7)).sync(SyncMode::EveryBatch);
    let journal = journal.window_records(16).retention(Retention::new().keep_records(keep));
    let lives = random.u64(2..6);
    for _ in 0..lives {
        let side = random.usize(0..2);
        let means = Arc::new(Mutex::new(sides[side].sim.clone()));
        let other = sides[1 - side].sim.clone();
        let before = other.files();
        let storage = Named::new(&means, off);
        let opened = journal.open_on::<Note, Named>(&storage, false);
        let (mut writer, _) = opened.map_err(|error| story(format!("refused to open: {error}")))?;
        check(&mut writer, &mut sides[side], side).map_err(&story)?;
        let swap_at = random.u64(0..30);
        for step in 0..random.u64(0..40) {
            if step == swap_at {
                *means.lock().expect("no panic inside") = other.clone();
                second_writer(&journal, &sides[side].sim, off).map_err(&story)?;
            }
            while random.bool() && writer.step_preparer() {}
            let sequence = writer.end_sequence();
            if writer.try_append(sequence, &note(side, sequence)).is_ok() {
                sides[side].written = sequence + 1;
            }
            if random.u8(0..3) == 0 {
                writer.step_syncer();
                sides[side].acknowledged = sides[side].acknowledged.max(writer.cursors().durable_end());
            }
            sides[side].sim.observe();
        }
        writer.abandon();
        if other.files() != before {
            return Err(story("the folder that the name came to mean was changed".to_owned()));
        }
        let power = random.bool();
        for side in &mut sides {
            if power {
                side.sim = side.sim.lose_power(&mut random);
                side.power_lost = true;
            } else {
                side.sim.next_process();
            }
        }
    }
    for (index, side) in sides.iter_mut().enumerate() {
        let opened = journal.open_on::<Note, Sim>(&side.sim.clone(), false);
        let (mut writer, _) = opened.map_err(|error| story(format!("refused to open: {error}")))?;
        check(&mut writer, side, index).map_err(&story)?;
        writer.abandon();
    }
    Ok(lives + 2)
}

/// The LOCK file is replaced, and another writer comes.
fn second_writer(journal: &Journal, sim: &Sim, off: Off) -> Result<(), String> {
    sim.replace_lock_file(!off.folder_lock);
    match journal.open_on::<Note, Sim>(sim, false) {
        Err(OpenError::Locked { .. }) => Ok(()),
        Err(error) => Err(format!("not locked: {error}")),
        Ok((writer, _)) => {
            writer.abandon();
            Err("a second writer came in".to_owned())
        }
    }
}

/// All that was acknowledged is there, and nothing that was not written to this journal.
fn check<S: Storage>(writer: &mut Writer<Note, S>, side: &mut Side, index: usize) -> Result<(), String> {
    let (end, written) = (writer.end_sequence(), side.written);
    if end > written || end < side.acknowledged || (!side.power_lost && end < written) {
        let acknowledged = side.acknowledged;
        return Err(format!("journal {index}: {end} there, {written} written, {acknowledged} acknowledged"));
    }
    let mut reader = writer.reader().map_err(|error| error.to_string())?;
    for sequence in reader.first_sequence()..end {
        let record = reader.at(sequence).map_err(|error| format!("journal {index}: {error}"))?;
        if *record.event() != note(index, sequence) {
            return Err(format!("journal {index}: record {sequence} is {record:?}"));
        }
    }
    (side.written, side.acknowledged, side.power_lost) = (end, end, false);
    Ok(())
}
