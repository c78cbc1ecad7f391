//! Recovery: what a writer does before its first append, in the one order that can be killed anywhere and run
//! again (docs/guarantees.md, "The order of recovery").
//!
//! Everything here goes through plain reads and writes; nothing is mapped yet.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::chain::{self, Chain, OpenSegment};
use crate::control::{self, Control};
use crate::crc::RecordCrc;
use crate::error::{IoFault, JournalFault, OpenError};
use crate::event::Schema;
use crate::format::{
    CONTROL_NAME, ControlState, JournalId, MAX_EPOCH, TEMPORARY, segment_name, valid_record,
};
use crate::protect;
use crate::report::RecoveryReport;
use crate::scan::{self, Follow, Tail};
use crate::storage::{LockFault, Storage, StorageFile, most_bytes};

/// A journal in order: D is its end, nothing lies behind it.
#[derive(Debug)]
pub(crate) struct Recovered<S: Storage> {
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
    schema: &Schema,
    record_bytes: usize,
    window: u64,
    segment_records: u64,
) -> Result<Recovered<S>, OpenError> {
    let started = Instant::now();
    let folder = storage.path("");
    // 1. Lock.
    storage.create_folder().map_err(|e| IoFault::new("create folder", folder.clone(), e))?;
    let lock = storage.lock().map_err(|fault| match fault {
        LockFault::Held(holder) => OpenError::Locked { path: folder.clone(), holder },
        LockFault::Io(error) => IoFault::new("lock", folder.clone(), error).into(),
    })?;
    // 2. Read the control file.
    let Some(loaded) = control::load(storage)? else {
        return create(storage, lock, window, started);
    };
    let found = loaded.state;
    // 3. Check the chain. The event type is checked before any record is read.
    let chain = chain::load(storage, &found, true)?;
    chain::check_schema(storage, &chain, schema, record_bytes)?;
    check_claims(storage, &chain, &found, segment_records)?;
    let mut report = empty_report(storage, &found);
    report.was_closed = found.closed;
    report.same_boot = found.boot_id == storage.boot_id() && found.boot_id != [0; 16];
    report.warnings.extend(chain.warnings.iter().cloned());
    if loaded.other_slot_bad {
        let path = storage.path(CONTROL_NAME);
        report.warnings.push(format!("{}: one slot is damaged; used the other", path.display()));
    }
    // 4. Scan (D, D+W].
    let start = last_durable(storage, &chain, &found)?;
    let window_end = found.durable_end.saturating_add(found.window);
    let search = found.durable_end..window_end;
    let tail = scan::find_tail(storage, &chain, &found, search, loaded.other_slot_bad, start)?;
    check_tail(storage, &chain, &found, &tail, window_end, &report, loaded.other_slot_bad)?;
    if tail.used_end > tail.end {
        report.truncated_at = Some(tail.end);
        report.valid_discarded = tail.valid_discarded;
        report.may_include_acknowledged = tail.valid_discarded > 0 || loaded.other_slot_bad;
    }
    let epoch = found.epoch + 1;
    if epoch > MAX_EPOCH {
        return Err(OpenError::EpochsExhausted);
    }
    let mut control = Control::open(storage, found)?;
    let mut recovered_chain = chain;
    // 5. Save what will be discarded.
    if tail.used_end > tail.end {
        report.discarded_saved_to = Some(save(storage, &recovered_chain, &tail, epoch)?);
    }
    // 6. Sync the new epoch. D, W and the boot stay those of the log as it was found, in case this is killed.
    control.update(|state| {
        state.epoch = epoch;
        state.closed = false;
    })?;
    // 7., 8. Mend and sync.
    report.removed = mend(storage, &mut recovered_chain, &found, &tail, window_end)?;
    // 9. Raise D to the tail. From here on the log is the recovered one.
    control.update(|state| {
        state.durable_end = tail.end;
        state.window = window;
        state.epoch = epoch;
        state.closed = false;
        state.boot_id = storage.boot_id();
    })?;
    report.epoch = epoch;
    report.end_sequence = tail.end;
    report.rewritten = tail.end - found.durable_end;
    report.last_time_ns = (tail.last.epoch > 0).then_some(tail.last.time_ns);
    report.elapsed = started.elapsed();
    Ok(Recovered { lock, control, chain: recovered_chain, last: tail.last, report })
}

/// Refuses segments above D that claim far more space than they take. What they lack would be allocated here, on the
/// word of a header. A writer that makes as large ones itself has said that the space is there.
fn check_claims<S: Storage>(
    storage: &S,
    chain: &Chain,
    control: &ControlState,
    segment_records: u64,
) -> Result<(), JournalFault> {
    let (mut claimed_bytes, mut allocated_bytes) = (0_u64, 0_u64);
    for segment in chain.from(control.durable_end) {
        let OpenSegment { name, slots, file } = chain.open_there(storage, segment, false)?;
        let path = storage.path(&name);
        let allocated = file.allocated().map_err(|e| IoFault::new("look at", path.clone(), e))?;
        allocated_bytes = allocated_bytes.saturating_add(allocated);
        if slots.end - slots.base > segment_records {
            claimed_bytes = claimed_bytes.saturating_add(slots.file_bytes().saturating_sub(allocated));
        }
        // What is cut off is saved: as many bytes again as there are.
        let most_bytes = most_bytes(allocated_bytes).saturating_sub(allocated_bytes);
        if claimed_bytes > most_bytes {
            return Err(JournalFault::TooSparse { path, claimed_bytes, allocated_bytes, most_bytes });
        }
    }
    Ok(())
}

/// A new journal: the control file first, so that segments without one are never a journal.
fn create<S: Storage>(
    storage: &S,
    lock: S::Lock,
    window: u64,
    started: Instant,
) -> Result<Recovered<S>, OpenError> {
    if !chain::segment_bases(storage)?.is_empty() {
        let path = storage.path(CONTROL_NAME);
        return Err(JournalFault::BadControl { path, what: "it is missing beside segments" }.into());
    }
    let removed = remove_temporaries(storage)?;
    let state = ControlState {
        journal_id: draw_id(),
        generation: 0,
        durable_end: 0,
        window,
        first: 0,
        epoch: 1,
        closed: false,
        boot_id: storage.boot_id(),
    };
    let control = Control::create(storage, state)?;
    let mut report = empty_report(storage, &state);
    report.created = true;
    report.removed = removed;
    report.same_boot = true;
    report.elapsed = started.elapsed();
    let chain = Chain::new(state.journal_id);
    Ok(Recovered { lock, control, chain, last: Follow::default(), report })
}

/// Epoch and time of the record just below D; it must be whole.
fn last_durable<S: Storage>(
    storage: &S,
    chain: &Chain,
    control: &ControlState,
) -> Result<Follow, JournalFault> {
    let Some(index) = control.durable_end.checked_sub(1).and_then(|last| chain.holding(last)) else {
        return Ok(Follow::default());
    };
    let segment = chain.open_there(storage, &chain.segments[index], false)?;
    let crc = RecordCrc::new(control.journal_id.0);
    let mut found = Err(None);
    scan::for_each_slot(
        storage,
        &segment,
        control.durable_end - 1..control.durable_end,
        |sequence, record| {
            found = valid_record(&crc, sequence, record).ok_or_else(|| {
                let path = storage.path(&segment.name);
                let what = "the last durable record";
                Some(scan::corrupt(path, &crc, segment.slots, sequence, record, what))
            });
            std::ops::ControlFlow::Break(())
        },
    )?;
    match found {
        Ok(header) => Ok(Follow { epoch: header.epoch(), time_ns: header.time_ns }),
        Err(corrupt) => Err(corrupt.expect("the slot was visited").into()),
    }
}

/// Refuses a tail that no crash can leave.
fn check_tail<S: Storage>(
    storage: &S,
    chain: &Chain,
    control: &ControlState,
    tail: &Tail,
    window_end: u64,
    report: &RecoveryReport,
    other_slot_bad: bool,
) -> Result<(), JournalFault> {
    let crc = RecordCrc::new(control.journal_id.0);
    let mut refuse = None;
    // The process died and the machine went on: memory holds every store up to the last, so a whole record of
    // the last writer behind one that is not can't be.
    if report.same_boot && protect::on(protect::SAME_BOOT) && tail.stranded.is_some() {
        refuse =
            Some((tail.end, "whole records of the same writer follow it, and the machine never went down"));
    }
    let visit = |at: u64, what: Option<&'static str>| -> Result<(), JournalFault> {
        let Some(index) = chain.holding(at) else { return Ok(()) };
        let segment = chain.open_there(storage, &chain.segments[index], false)?;
        let mut found = None;
        scan::for_each_slot(storage, &segment, at..at + 1, |sequence, record| {
            let header = valid_record(&crc, sequence, record);
            let beyond = header.is_some_and(|header| header.epoch() == control.epoch);
            let path = storage.path(&segment.name);
            if let Some(what) = what {
                found = Some(scan::corrupt(path, &crc, segment.slots, sequence, record, what));
            } else if beyond {
                let what = scan::BEYOND_WINDOW;
                found = Some(scan::corrupt(path, &crc, segment.slots, sequence, record, what));
            }
            std::ops::ControlFlow::Break(())
        })?;
        found.map_or(Ok(()), |corrupt| Err(corrupt.into()))
    };
    if let Some((at, what)) = refuse {
        visit(at, Some(what))?;
    }
    if !other_slot_bad { visit(window_end, None) } else { Ok(()) }
}

/// Copies the slots behind the tail into a file of their own, synced.
fn save<S: Storage>(
    storage: &S,
    chain: &Chain,
    tail: &Tail,
    epoch: u32,
) -> Result<std::path::PathBuf, JournalFault> {
    // A recovery that was killed may have saved more than is left now: never write over its file.
    let mut name = format!("discarded-{:020}-epoch-{epoch}.bin", tail.end);
    let mut attempt = 1;
    let file = loop {
        match storage.create(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                attempt += 1;
                name = format!("discarded-{:020}-epoch-{epoch}-{attempt}.bin", tail.end);
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
            // A slot's place says its sequence, also behind a segment that lacks some. What is zero there is zero in a
            // hole of this file too, and a hole takes no space.
            if scan::is_zero(record) {
                return std::ops::ControlFlow::Continue(());
            }
            match file.write_at(record, (sequence - tail.end) * record.len() as u64) {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    std::ops::ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(fault("write")(error).into());
        }
    }
    file.sync().map_err(fault("sync"))?;
    storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
    Ok(path)
}

/// Writes the kept records above D again, zeroes the rest of the window, removes what does not belong, syncs.
fn mend<S: Storage>(
    storage: &S,
    chain: &mut Chain,
    control: &ControlState,
    tail: &Tail,
    window_end: u64,
) -> Result<Vec<String>, JournalFault> {
    let mut removed = remove_temporaries(storage)?;
    for base in std::mem::take(&mut chain.retired) {
        let name = segment_name(base);
        storage.remove(&name).map_err(|error| IoFault::new("remove", storage.path(&name), error))?;
        removed.push(name);
    }
    // Segments that start at or behind the tail hold nothing that counts; the helper makes new ones. Later ones
    // go first, and for certain, so that what is left is a chain whenever power fails. (Without the sync the
    // simulator found a gap: an earlier removal on disk, a later one lost.) The sync comes before each removal, the first
    // too: a later segment may have been removed by a process that died, or closed, before it synced the folder.
    while chain.segments.last().is_some_and(|segment| segment.base >= tail.end) {
        if protect::on(protect::REMOVE_ORDER) {
            storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
        }
        let segment = chain.segments.pop().expect("just looked at");
        let name = segment.name();
        storage.remove(&name).map_err(|error| IoFault::new("remove", storage.path(&name), error))?;
        removed.push(name);
    }
    for segment in chain.from(control.durable_end) {
        mend_segment(
            storage,
            &chain.open_there(storage, segment, true)?,
            segment.short,
            control,
            tail,
            window_end,
        )?;
    }
    chain.segments.iter_mut().for_each(|segment| segment.short = false);
    storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
    Ok(removed)
}

/// Gives a segment that has slots above D its whole length, writes what is kept there again, and zeroes the rest.
fn mend_segment<S: Storage>(
    storage: &S,
    segment: &OpenSegment<S::File>,
    short: bool,
    control: &ControlState,
    tail: &Tail,
    window_end: u64,
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
    let wipe_end = window_end.max(tail.used_end).min(slots.end);
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
        removed: Vec::new(),
        warnings: Vec::new(),
        elapsed: std::time::Duration::ZERO,
    }
}

/// Draws a journal's identity: the random keys of the standard hasher, the clock and the process.
pub(crate) fn draw_id() -> JournalId {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        hasher.write_u128(since.as_nanos());
        hasher.finish().to_le_bytes()
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&half());
    id[8..].copy_from_slice(&half());
    JournalId(id)
}
