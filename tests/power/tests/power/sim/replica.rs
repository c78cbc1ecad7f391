//! Lives of a replica on the simulated machine: it takes records, dies, takes them again; is promoted and
//! appends its own; is overtaken, cut back to where the histories part, and takes records again. After each
//! death the invariants I1 to I5, where "written" is what was taken or appended; and what a rejoin has cut
//! off is in files.

use slipring_journal::__private::storage::{Storage, StorageFile};
use slipring_journal::{
    AppendError, Event, Journal, JournalFault, NextTypeError, OpenError, Origin, ReadError, Reader, Replica,
    Retention, Schema, SyncMode, TakeError, Writer,
};

use super::entry::{Entry, ID, bytes_of};
use super::lives::{LongNote, Note, Noted, Plan};
use super::machine::Sim;

/// What the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Replica,
    Primary,
    /// Its process died in a promotion: it may be either.
    Promoting,
    /// Its process died in a rejoin, which keeps so many records.
    Rejoining {
        keeps: u64,
        saves_to: u64,
    },
}

struct History {
    journal: Journal,
    sim: Sim,
    random: fastrand::Rng,
    plan: Plan,
    keep: Option<u64>,
    role: Role,
    /// What was taken or appended, by sequence, as far as it still counts.
    log: Vec<Entry>,
    /// What there is to take; the log is a beginning of it while the journal is a replica.
    source: Vec<Entry>,
    first: u64,
    /// Everything below it was acknowledged as durable.
    acknowledged: u64,
    power_lost: bool,
    unique: u64,
    newest_epoch: u32,
    /// From that sequence on events are of the newer type.
    turns_at: u64,
    /// Control files of earlier moments of this role.
    controls: Vec<Vec<u8>>,
}

/// Runs one history of several lives; the number of images recovered, or what was violated.
pub(crate) fn history(seed: u64, plan: Plan) -> Result<u64, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut journal = Journal::at("sim").segment_records(random.u64(3..20));
    journal = match random.bool() {
        true => journal.sync(SyncMode::None),
        false => journal.sync(SyncMode::EveryBatch).window_records(random.u64(2..40)),
    };
    let keep = (random.u8(0..3) == 0).then(|| random.u64(0..30));
    if let Some(keep) = keep {
        journal = journal.retention(Retention::new().keep_records(keep));
    }
    let lives = random.u64(3..9);
    let turns_at = if plan.newer_types { random.u64(1..40) } else { u64::MAX };
    let mut history = History {
        journal,
        sim: Sim::default(),
        random,
        plan,
        keep,
        role: Role::Replica,
        log: Vec::new(),
        source: Vec::new(),
        first: 0,
        acknowledged: 0,
        power_lost: false,
        unique: 0,
        newest_epoch: 1,
        turns_at,
        controls: Vec::new(),
    };
    for life in 0..lives {
        history.life().map_err(|text| format!("seed {seed}, life {life}, {:?}: {text}", history.role))?;
        history.die();
        if plan.control_rollback {
            history.put_control_back().map_err(|text| format!("seed {seed}, behind life {life}: {text}"))?;
        }
    }
    history.plan.die_in_recovery = false;
    history.life().map_err(|text| format!("seed {seed}, at last, {:?}: {text}", history.role))?;
    Ok(lives + 1)
}

fn origin() -> Origin {
    Origin::of(ID)
}

impl History {
    fn die(&mut self) {
        let Plan { always_power, never_power, .. } = self.plan;
        if always_power || !never_power && self.random.bool() {
            self.sim = self.sim.lose_power(&mut self.random);
            self.power_lost = true;
        } else {
            self.sim.next_process();
        }
    }

    fn life(&mut self) -> Result<(), String> {
        if self.plan.die_in_recovery && self.random.bool() {
            self.sim.die_after(self.random.u64(1..30));
        }
        match self.role {
            Role::Replica if self.acknowledged > 0 && self.random.u8(0..4) == 0 => self.promote(),
            Role::Replica => self.take(),
            Role::Primary if self.acknowledged > self.first + 1 && self.random.bool() => {
                let keeps = self.random.u64(self.first + 1..=self.acknowledged);
                self.rejoin(keeps, self.acknowledged)
            }
            Role::Primary | Role::Promoting => self.write(self.journal.clone()),
            // Whatever opening comes next finishes what the control file says.
            Role::Rejoining { keeps, saves_to } if self.random.bool() => self.take_behind(keeps, saves_to),
            Role::Rejoining { keeps, saves_to } => self.rejoin(keeps, saves_to),
        }
    }

    fn turn_into(&mut self, role: Role) {
        self.role = role;
        self.controls.clear();
    }

    fn promote(&mut self) -> Result<(), String> {
        self.newest_epoch += self.random.u32(1_010..1_020);
        self.turn_into(Role::Promoting);
        self.write(self.journal.clone().promote(self.newest_epoch))
    }

    /// What the newest records are, and where the log ends: whoever opens it looks.
    fn looks(&self) -> (Schema, u64) {
        let end =
            Reader::<LongNote, Sim>::open_to(self.sim.clone(), None).map(|reader| reader.end_sequence());
        let as_older = Reader::<Note, Sim>::open_to(self.sim.clone(), None);
        let is_newer = matches!(as_older, Err(ReadError::Journal(JournalFault::SchemaMismatch { .. })));
        (if is_newer { LongNote::schema() } else { Note::schema() }, end.unwrap_or(0))
    }

    /// A life as a writer, if it is one: of the older program, until the type is to be the newer one.
    fn write(&mut self, journal: Journal) -> Result<(), String> {
        let (schema, end) = self.looks();
        match schema == LongNote::schema() || end >= self.turns_at {
            true => self.write_as::<LongNote>(&journal, true),
            false => self.write_as::<Note>(&journal, false),
        }
    }

    fn write_as<E: Noted>(&mut self, journal: &Journal, is_newer: bool) -> Result<(), String> {
        let promoted = self.role == Role::Promoting;
        let mut writer = match journal.open_on::<E, Sim>(&self.sim, false) {
            Ok((writer, _)) => writer,
            Err(_) if self.sim.is_dead() => return Ok(()),
            Err(OpenError::Replica { .. }) if promoted => {
                self.turn_into(Role::Replica);
                return Ok(());
            }
            Err(error) => return Err(format!("refused to open: {error}")),
        };
        self.turn_into(Role::Primary);
        let epoch = writer.epoch();
        if self.log.iter().any(|entry| entry.epoch >= epoch) {
            return Err(format!("epoch {epoch} is not above those of the log"));
        }
        self.newest_epoch = self.newest_epoch.max(epoch);
        let mut reader = writer.reader().map_err(|error| error.to_string())?;
        let (first, end) = (reader.first_sequence(), writer.end_sequence());
        self.check(first, end, is_newer, |sequence| {
            let record = reader.at(sequence).map_err(|error| error.to_string())?;
            Ok((record.time_ns(), record.epoch(), bytemuck::bytes_of(record.event()).to_vec()))
        })?;
        self.append(&mut writer, epoch, if is_newer { u64::MAX } else { self.turns_at });
        writer.abandon();
        Ok(())
    }

    fn append<E: Noted>(&mut self, writer: &mut Writer<E, Sim>, epoch: u32, most_end: u64) {
        let cursors = writer.cursors();
        for _ in 0..self.random.u64(0..40) {
            match self.random.u8(0..8) {
                0 => self.sync(|| writer.step_syncer(), || cursors.durable_end()),
                1 | 2 => while writer.step_preparer() {},
                _ => {}
            }
            if self.sim.is_dead() || writer.end_sequence() >= most_end {
                return;
            }
            let entry = self.next_entry(self.log.last().copied(), Some(epoch));
            match writer.try_append(entry.time_ns, &E::of(entry.unique)) {
                Ok(_) => self.log.push(entry),
                Err(AppendError::Full { .. }) => {}
                Err(_) => return,
            }
            self.sim.observe();
        }
    }

    /// A life as a replica.
    fn take(&mut self) -> Result<(), String> {
        match self.journal.replica_on(&self.sim, &self.looks().0, &origin(), false) {
            Ok((replica, _)) => self.live(replica),
            Err(_) if self.sim.is_dead() => Ok(()),
            Err(error) => Err(format!("refused to open: {error}")),
        }
    }

    fn live(&mut self, mut replica: Replica<Sim>) -> Result<(), String> {
        // Without a program nothing turns the older events.
        match *replica.schema() == LongNote::schema() {
            true => self.check_as::<LongNote>(&replica, true)?,
            false => self.check_as::<Note>(&replica, false)?,
        }
        let cursors = replica.cursors();
        for _ in 0..self.random.u64(0..30) {
            match self.random.u8(0..6) {
                0 | 1 => self.sync(|| replica.step_syncer(), || cursors.durable_end()),
                2 => while replica.step_preparer() {},
                _ => {}
            }
            if self.sim.is_dead() {
                break;
            }
            let first = replica.end_sequence();
            if first >= self.turns_at && *replica.schema() == Note::schema() {
                replica = match replica.next_type(&LongNote::schema()) {
                    Ok(replica) => replica,
                    Err(_) if self.sim.is_dead() => return Ok(()),
                    // A sync that was to fail did.
                    Err(NextTypeError::Close(_)) if self.plan.failing_syncs => return Ok(()),
                    Err(error) => return Err(format!("refused to go on with the newer type: {error}")),
                };
                self.acknowledged = first;
            }
            let records = self.due(first);
            let before = first.checked_sub(1).map(|last| {
                let anchor = self.source[last as usize].anchor(last, last >= self.turns_at);
                (anchor.epoch, anchor.crc)
            });
            let taken = replica.try_take(first, before, &records);
            self.log.extend(&self.source[first as usize..replica.end_sequence() as usize]);
            self.sim.observe();
            match taken {
                Ok(_) | Err(TakeError::Full { .. } | TakeError::EpochDue { .. }) => {}
                Err(TakeError::Failed(_)) => break,
                Err(error) => return Err(format!("refused what it should take: {error}")),
            }
        }
        replica.abandon();
        Ok(())
    }

    fn check_as<E: Noted>(&mut self, replica: &Replica<Sim>, is_newer: bool) -> Result<(), String> {
        let mut reader = replica.reader_as::<E>().map_err(|error| error.to_string())?;
        self.check(reader.first_sequence(), replica.end_sequence(), is_newer, |sequence| {
            let record = reader.at(sequence).map_err(|error| error.to_string())?;
            Ok((record.time_ns(), record.epoch(), bytemuck::bytes_of(record.event()).to_vec()))
        })
    }

    /// The next records to take, as they lie.
    fn due(&mut self, first: u64) -> Vec<u8> {
        let mut end = first + self.random.u64(1..5);
        // A call has records of one type.
        if first < self.turns_at {
            end = end.min(self.turns_at);
        }
        while (self.source.len() as u64) < end {
            let entry = self.next_entry(self.source.last().copied(), None);
            self.source.push(entry);
        }
        let is_newer = first >= self.turns_at;
        (first..end).flat_map(|sequence| self.source[sequence as usize].stored(sequence, is_newer)).collect()
    }

    /// One that may follow `last`: of an epoch that is given, or of a primary that may have been opened
    /// again.
    fn next_entry(&mut self, last: Option<Entry>, epoch: Option<u32>) -> Entry {
        self.unique += 1;
        if epoch.is_none() && self.random.u8(0..6) == 0 {
            self.newest_epoch += self.random.u32(1..3);
        }
        let time_ns = last.map_or(5, |last| last.time_ns) + self.random.u64(0..3);
        Entry { time_ns, epoch: epoch.unwrap_or(self.newest_epoch), unique: self.unique }
    }

    /// Cuts the log back to so many records. Those below `saves_to` were acknowledged.
    fn rejoin(&mut self, keeps: u64, saves_to: u64) -> Result<(), String> {
        let anchor = self.log[keeps as usize - 1].anchor(keeps - 1, keeps > self.turns_at);
        self.turn_into(Role::Rejoining { keeps, saves_to });
        match self.journal.rejoin_on(&self.sim, anchor) {
            Ok(_) => self.rejoined(keeps, saves_to),
            Err(_) if self.sim.is_dead() => Ok(()),
            Err(error) => Err(format!("refused to rejoin at {anchor}: {error}")),
        }
    }

    /// Opens what may be a replica by now.
    fn take_behind(&mut self, keeps: u64, saves_to: u64) -> Result<(), String> {
        match self.journal.replica_on(&self.sim, &self.looks().0, &origin(), false) {
            Ok((replica, _)) => {
                self.rejoined(keeps, saves_to)?;
                self.live(replica)
            }
            Err(_) if self.sim.is_dead() => Ok(()),
            Err(OpenError::NotReplica { .. }) => self.rejoin(keeps, saves_to),
            Err(error) => Err(format!("refused to open: {error}")),
        }
    }

    /// What was cut off is on disk, whatever becomes of the machine, and the log ends where it was told to.
    fn rejoined(&mut self, keeps: u64, saves_to: u64) -> Result<(), String> {
        let files = self.sim.lose_power(&mut self.random).files();
        let saved: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("discarded-")).collect();
        for sequence in keeps..saves_to {
            let record = self.log[sequence as usize].stored(sequence, sequence >= self.turns_at);
            let has_it = |file: &[u8]| file.chunks_exact(record.len()).any(|slot| slot == record);
            if !saved.iter().any(|(_, file)| has_it(file)) {
                return Err(format!("I5: record {sequence}, which was cut off at {keeps}, is nowhere"));
            }
        }
        self.log.truncate(keeps as usize);
        self.source = self.log.clone();
        self.newest_epoch += 1;
        self.acknowledged = keeps;
        self.power_lost = false;
        self.turn_into(Role::Replica);
        Ok(())
    }

    /// I1, I2, I3, I5 on the recovered log, of which retention may have taken all but the last `keep`; then
    /// the model ends where the log does. Events are shown as the newer type, or the older.
    fn check(
        &mut self,
        first: u64,
        end: u64,
        is_newer: bool,
        mut at: impl FnMut(u64) -> Result<(u64, u32, Vec<u8>), String>,
    ) -> Result<(), String> {
        let written = self.log.len() as u64;
        if end > written {
            return Err(format!("I3: the log holds {end} records, {written} were written"));
        }
        if end < self.acknowledged {
            return Err(format!("I2: {} records were acknowledged, {end} are there", self.acknowledged));
        }
        if !self.power_lost && end < written {
            return Err(format!("I2: only the process died, {written} were committed, {end} are there"));
        }
        let least = self.first;
        if first < least || first > least && self.keep.is_none_or(|keep| first + keep > end) {
            return Err(format!("I5: of {end} records those below {first} are gone, behind {least}"));
        }
        for sequence in first..end {
            let found = at(sequence).map_err(|error| format!("I1: {error}"))?;
            let Entry { time_ns, epoch, unique } = self.log[sequence as usize];
            let wanted = (time_ns, epoch, bytes_of(unique, is_newer));
            if found != wanted {
                return Err(format!("I3: record {sequence} is {found:?}, {wanted:?} was written"));
            }
        }
        self.log.truncate(end as usize);
        (self.first, self.acknowledged, self.power_lost) = (first, end, false);
        Ok(())
    }

    /// A round of the syncer, which may fail or be the process's last.
    fn sync(&mut self, step: impl FnOnce() -> bool, durable_end: impl Fn() -> u64) {
        if self.plan.failing_syncs && self.random.u8(0..4) == 0 {
            self.sim.fail_next_sync();
        }
        if self.random.u8(0..8) == 0 {
            self.sim.die_after(self.random.u64(1..8));
        }
        let before = durable_end();
        step();
        let now = if self.sim.is_dead() { before } else { durable_end() };
        self.acknowledged = self.acknowledged.max(now);
    }

    /// Puts an earlier control file of this role in place, whole or one slot of it, and opens: refused, which
    /// changes nothing, or all that was acknowledged is there. Then the right one is put back.
    fn put_control_back(&mut self) -> Result<(), String> {
        const CONTROL: &str = "control";
        let before = self.sim.files();
        let (Some(now), Role::Replica) = (before.get(CONTROL), self.role) else { return Ok(()) };
        self.controls.push(now.clone());
        let old = &self.controls[self.random.usize(0..self.controls.len())];
        let mut mixed = now.clone();
        let slots = [0..8192, 0..4096, 4096..8192][self.random.usize(0..3)].clone();
        mixed[slots.clone()].copy_from_slice(&old[slots]);
        let sim = self.sim.clone();
        let write = |bytes: &[u8]| {
            let file = sim.open(CONTROL, true).map_err(|error| error.to_string())?;
            file.write_at(bytes, 0).and_then(|()| file.sync()).map_err(|error| error.to_string())
        };
        write(&mixed)?;
        match self.journal.replica_on(&self.sim, &self.looks().0, &origin(), false) {
            Ok((replica, _)) => {
                self.live(replica).map_err(|text| format!("an earlier control file: {text}"))?;
                self.sim.next_process();
                Ok(())
            }
            Err(OpenError::Journal(_)) => {
                write(now)?;
                let same = self.sim.files() == before;
                if same { Ok(()) } else { Err("a refusal changed something".to_owned()) }
            }
            Err(error) => Err(format!("an earlier control file: {error}")),
        }
    }
}
