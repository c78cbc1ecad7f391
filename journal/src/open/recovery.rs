//! Recovery: what a writer does before its first append, in the one order that can be killed anywhere and run
//! again (docs/reference/guarantees.md, "The order of recovery").
//!
//! Everything here goes through plain reads and writes; nothing is mapped yet.

use std::time::Instant;

use crate::error::{IoFault, JournalFault, OpenError};
use crate::format::{CONTROL_NAME, ControlState, MAX_EPOCH, TEMPORARY, segment_name};
use crate::judge::bonds;
use crate::judge::chain::{self, Chain, ChainSegment, OpenSegment};
use crate::judge::control::{self, Control, Loaded};
use crate::judge::event_type::EventType;
use crate::judge::scan::{self, Follow};
use crate::judge::verdict::{self, Judged};
use crate::open::opening::Opening;
use crate::open::report::RecoveryReport;
use crate::open::room;
use crate::open::{cut, discarded};
use crate::storage::{LockFault, Storage, StorageFile};
use crate::tools::protect;

/// A journal in order: D is its end, nothing lies behind it.
#[derive(Debug)]
pub(crate) struct RecoveredJournal<S: Storage> {
    pub(crate) lock: S::Lock,
    pub(crate) control: Control<S>,
    pub(crate) chain: Chain,
    /// Epoch and time of the last record; zeros if there is none.
    pub(crate) last: Follow,
    pub(crate) report: RecoveryReport,
}

/// Locks, checks and mends the journal.
pub(crate) fn recover<S: Storage>(
    storage: &S,
    event: &EventType,
    opening: Opening<'_>,
    window: u64,
    segment_bytes: u64,
) -> Result<RecoveredJournal<S>, OpenError> {
    if !opening.may_make() && control::load(storage)?.is_none() {
        return Err(control::no_control(storage).into());
    }
    // 1. Lock.
    let lock = lock(storage)?;
    recover_locked(storage, lock, event, opening, window, segment_bytes)
}

/// The same, of a journal that is locked.
pub(crate) fn recover_locked<S: Storage>(
    storage: &S,
    lock: S::Lock,
    event: &EventType,
    opening: Opening<'_>,
    window: u64,
    segment_bytes: u64,
) -> Result<RecoveredJournal<S>, OpenError> {
    let started = Instant::now();
    // 2. Read the control file.
    let Some(found) = control::load(storage)? else {
        return create(storage, lock, opening, window, started);
    };
    let epoch = opening.admit(storage, &found.state)?;
    let cut_short = found.state.cutting.then(|| finish_cut(storage, &found.state)).transpose()?;
    let loaded = if cut_short.is_some() { control::load(storage)?.unwrap_or(found) } else { found };
    let found = loaded.state;
    // 3. Check the chain. The event type is checked before any record is read.
    let accept = |segment: &ChainSegment| event.accept(&segment.layout, &storage.path(&segment.name()));
    let chain = chain::load(storage, &found, true, accept)?;
    event.check_writable(storage, &chain)?;
    let mut report = begin_report(storage, &loaded, &chain, cut_short);
    // 4. Scan (D, D+W], and look at what lies behind.
    let tail = verdict::judge(storage, &loaded, &chain, true)?;
    if tail.is_cut() {
        report.truncated_at = Some(tail.end);
        report.valid_discarded = tail.valid_discarded;
        report.may_include_acknowledged = tail.may_include_acknowledged;
    }
    if epoch > MAX_EPOCH {
        return Err(OpenError::EpochsExhausted);
    }
    let ends = chain.segments.last().is_some_and(|last| !event.goes_on_in(&last.layout));
    room::make(storage, &chain, &tail, segment_bytes, ends)?;
    let mut control = Control::open(storage, found)?;
    let mut recovered_chain = chain;
    // 5. Save what will be discarded.
    if tail.is_cut() {
        report.discarded_saved_to = Some(save(storage, &recovered_chain, &tail, epoch)?);
    }
    // 6. Sync the new epoch, and with it what the journal is opened as. D, W and the boot stay those of the
    //    log as it was found, in case this is killed.
    if protect::on(protect::EPOCH_SYNC) {
        control.update(|state| {
            (state.epoch, state.replica) = (epoch, opening.is_replica(found.replica));
            state.closed = false;
        })?;
    }
    // 7., 8. Mend and sync.
    report.removed.extend(mend(storage, &mut recovered_chain, &found, &tail)?);
    // 9. Raise D to the tail. From here on the log is the recovered one. 10. Nothing is appended or replayed
    //    before.
    let last = bonds::bond_before(storage, &recovered_chain, tail.end)?.unwrap_or(found.last);
    control.update_with(protect::RAISE_SYNC, |state| {
        if protect::on(protect::RAISE_D) {
            (state.durable_end, state.last) = (tail.end, last);
        }
        state.window = window;
        (state.epoch, state.replica) = (epoch, opening.is_replica(found.replica));
        state.closed = false;
        state.boot_id = storage.boot_id();
    })?;
    report.epoch = epoch;
    report.replica = control.state.replica;
    report.end_sequence = tail.end;
    report.rewritten = tail.end - found.durable_end;
    report.last_time_ns = (tail.last.epoch > 0).then_some(tail.last.time_ns);
    report.elapsed = started.elapsed();
    Ok(RecoveredJournal { lock, control, chain: recovered_chain, last: tail.last, report })
}

/// What was found; with `cut_short`, what the rest of a rejoin's cut removed.
fn begin_report<S: Storage>(
    storage: &S,
    loaded: &Loaded,
    chain: &Chain,
    cut_short: Option<Vec<String>>,
) -> RecoveryReport {
    let found = &loaded.state;
    let mut report = empty_report(storage, found);
    report.was_closed = found.closed;
    report.same_boot = verdict::is_same_boot(storage, found);
    report.warnings.extend(chain.warnings.iter().cloned());
    if let Some(removed) = cut_short {
        let at = found.durable_end;
        report.warnings.push(format!("a rejoin had been cut short: its cut at {at} was finished"));
        report.removed = removed;
    }
    if loaded.other_slot_bad {
        let path = storage.path(CONTROL_NAME);
        report.warnings.push(format!("{}: one slot is damaged; used the other", path.display()));
    }
    report
}

/// Finishes the cut of a rejoin that was cut short; what it removed.
fn finish_cut<S: Storage>(storage: &S, found: &ControlState) -> Result<Vec<String>, OpenError> {
    let mut control = Control::open(storage, *found)?;
    let mut chain = chain::load(storage, found, true, |_| Ok(()))?;
    Ok(cut::finish(storage, &mut control, &mut chain)?)
}

/// Takes the writer's lock, in a folder that is made if it is not there.
pub(super) fn lock<S: Storage>(storage: &S) -> Result<S::Lock, OpenError> {
    let folder = storage.path("");
    storage.create_folder().map_err(|e| IoFault::new("create folder", folder.clone(), e))?;
    storage.lock().map_err(|fault| match fault {
        LockFault::Held(holder) => OpenError::Locked { path: folder, holder },
        LockFault::Foreign { path, what } => OpenError::ForeignLock { path, what },
        LockFault::Io(error) => IoFault::new("lock", folder, error).into(),
    })
}

/// A new journal: the control file first, so that segments without one are never a journal.
fn create<S: Storage>(
    storage: &S,
    lock: S::Lock,
    opening: Opening<'_>,
    window: u64,
    started: Instant,
) -> Result<RecoveredJournal<S>, OpenError> {
    let state = opening.new_state(storage, window)?;
    let removed = remove_temporaries(storage)?;
    let control = Control::create(storage, state)?;
    let mut report = empty_report(storage, &state);
    report.created = true;
    report.replica = state.replica;
    report.removed = removed;
    report.same_boot = true;
    report.elapsed = started.elapsed();
    let chain = Chain::new(state.journal_id);
    Ok(RecoveredJournal { lock, control, chain, last: Follow::default(), report })
}

/// Copies the slots behind the tail into a file of their own, synced.
fn save<S: Storage>(
    storage: &S,
    chain: &Chain,
    tail: &Judged,
    epoch: u32,
) -> Result<std::path::PathBuf, JournalFault> {
    // A recovery that was killed may have saved more than is left now: never write over its file.
    if let Some(path) = discarded::find(storage, chain, tail)? {
        return Ok(path);
    }
    let mut name = format!("{}epoch-{epoch}.bin", discarded::prefix(tail.end));
    let mut attempt = 1;
    let file = loop {
        match storage.create(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                attempt += 1;
                name = format!("{}epoch-{epoch}-{attempt}.bin", discarded::prefix(tail.end));
            }
            created => {
                break created.map_err(|error| IoFault::new("create", storage.path(&name), error))?;
            }
        }
    };
    let path = storage.path(&name);
    let fault = |operation| {
        let path = path.clone();
        move |error| IoFault::new(operation, path, error)
    };
    for segment in chain.from(tail.end) {
        if segment.base >= tail.used_end {
            break;
        }
        let segment = chain.open_there(storage, segment, false)?;
        let mut failed = None;
        scan::for_each_slot(storage, &segment, tail.end..tail.used_end, |sequence, record| {
            if scan::is_zero(record) {
                return std::ops::ControlFlow::Continue(());
            }
            // A slot's place says its sequence, and what is empty takes no room.
            match file.write_at(record, (sequence - tail.end) * record.len() as u64) {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    std::ops::ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failed {
            // All of it is in the log still.
            let _ = storage.remove(&name);
            return Err(fault("write")(error).into());
        }
    }
    if protect::on(protect::SAVE_SYNC) {
        file.sync().inspect_err(|_| drop(storage.remove(&name))).map_err(fault("sync"))?;
    }
    if protect::on(protect::SAVE_FOLDER_SYNC) {
        storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
    }
    Ok(path)
}

/// Writes the kept records above D again, zeroes the rest of the window, removes what does not belong, syncs.
/// In a journal that was closed in good order, all of the window is as it would be made.
fn mend<S: Storage>(
    storage: &S,
    chain: &mut Chain,
    control: &ControlState,
    tail: &Judged,
) -> Result<Vec<String>, JournalFault> {
    let mut removed = remove_temporaries(storage)?;
    for base in std::mem::take(&mut chain.retired) {
        let name = segment_name(base);
        storage.remove(&name).map_err(|error| IoFault::new("remove", storage.path(&name), error))?;
        removed.push(name);
    }
    // Segments that start at or behind the tail hold nothing that counts; the preparer makes new ones.
    remove_behind(storage, chain, tail.end, &mut removed)?;
    for segment in chain.from(control.durable_end) {
        if tail.is_in_order && !segment.short {
            continue;
        }
        let open = chain.open_there(storage, segment, true)?;
        if segment.base >= control.durable_end {
            // D comes to lie in it.
            let before = bonds::bond_before(storage, chain, segment.base)?.unwrap_or(control.before_first);
            bonds::write_link(&open.file, open.slots, control.journal_id, before)
                .map_err(|error| IoFault::new("write the link of", storage.path(&open.name), error))?;
        }
        mend_segment(storage, &open, segment.short, control, tail)?;
    }
    chain.segments.iter_mut().for_each(|segment| segment.short = false);
    storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
    Ok(removed)
}

/// Removes the segments that start at or behind `end`. Later ones go first, and for certain, so that what is
/// left is a chain whenever power fails. (Without the sync the simulator found a gap: an earlier removal on
/// disk, a later one lost.) The sync comes before each removal, the first too: a later segment may have been
/// removed by a process that died, or closed, before it synced the folder.
pub(super) fn remove_behind<S: Storage>(
    storage: &S,
    chain: &mut Chain,
    end: u64,
    removed: &mut Vec<String>,
) -> Result<(), JournalFault> {
    while chain.segments.last().is_some_and(|segment| segment.base >= end) {
        if protect::on(protect::REMOVE_ORDER) {
            storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
        }
        let segment = chain.segments.pop().expect("just looked at");
        let name = segment.name();
        storage.remove(&name).map_err(|error| IoFault::new("remove", storage.path(&name), error))?;
        removed.push(name);
    }
    Ok(())
}

/// Gives a segment that has slots above D its whole length, writes what is kept there again, and zeroes the
/// rest.
fn mend_segment<S: Storage>(
    storage: &S,
    segment: &OpenSegment<S::File>,
    short: bool,
    control: &ControlState,
    tail: &Judged,
) -> Result<(), IoFault> {
    let OpenSegment { name, slots, file } = segment;
    let fault = |operation| {
        let path = storage.path(name);
        move |error| IoFault::new(operation, path, error)
    };
    if short {
        file.allocate(slots.file_bytes()).map_err(fault("allocate"))?;
    }
    // A page that the cache calls clean may not be on disk after a failed sync: make it dirty again.
    let keep = control.durable_end.max(slots.base)..tail.end.min(slots.end);
    if protect::on(protect::REWRITE) {
        copy_onto_itself(file, slots.offset(keep.start)..slots.offset(keep.end.max(keep.start)))
            .map_err(fault("rewrite"))?;
    }
    let wipe_end = tail.window_end.max(tail.used_end).min(slots.end);
    if tail.end < wipe_end && protect::on(protect::ZERO) {
        let start = tail.end.max(slots.base);
        wipe(file, slots.offset(start)..slots.offset(wipe_end)).map_err(fault("zero"))?;
    }
    if protect::on(protect::MEND_BEFORE_D) {
        file.sync().map_err(fault("sync"))?;
    }
    Ok(())
}

const COPY_BYTES: u64 = 1 << 20;

fn copy_onto_itself<F: StorageFile>(file: &F, range: std::ops::Range<u64>) -> std::io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES.min(range.end - range.start) as usize];
    let mut at = range.start;
    while at < range.end {
        let count = COPY_BYTES.min(range.end - at) as usize;
        let read = file.read_at(&mut buffer[..count], at)?;
        file.write_at(&buffer[..read], at)?;
        at += count as u64;
    }
    Ok(())
}

fn wipe<F: StorageFile>(file: &F, range: std::ops::Range<u64>) -> std::io::Result<()> {
    let zeros = vec![0; COPY_BYTES.min(range.end - range.start) as usize];
    let mut at = range.start;
    while at < range.end {
        let count = COPY_BYTES.min(range.end - at) as usize;
        file.write_at(&zeros[..count], at)?;
        at += count as u64;
    }
    Ok(())
}

/// Files that never got the name that they were made for.
fn remove_temporaries<S: Storage>(storage: &S) -> Result<Vec<String>, IoFault> {
    let names = storage.list().map_err(|error| IoFault::new("list", storage.path(""), error))?;
    let ours = |name: &String| {
        let stem = name.strip_suffix(TEMPORARY);
        stem.is_some_and(|stem| stem == CONTROL_NAME || crate::format::segment_base(stem).is_some())
    };
    let mut removed: Vec<_> = names.into_iter().filter(ours).collect();
    removed.sort_unstable();
    for name in &removed {
        storage.remove(name).map_err(|error| IoFault::new("remove", storage.path(name), error))?;
    }
    Ok(removed)
}

fn empty_report<S: Storage>(storage: &S, state: &ControlState) -> RecoveryReport {
    RecoveryReport {
        path: storage.path(""),
        journal_id: state.journal_id,
        created: false,
        replica: state.replica,
        was_closed: false,
        same_boot: false,
        epoch: state.epoch,
        first_sequence: state.first,
        durable_end: state.durable_end,
        end_sequence: state.durable_end,
        last_time_ns: None,
        truncated_at: None,
        valid_discarded: 0,
        may_include_acknowledged: false,
        discarded_saved_to: None,
        rewritten: 0,
        new_event_version: None,
        removed: Vec::new(),
        warnings: Vec::new(),
        elapsed: std::time::Duration::ZERO,
    }
}
