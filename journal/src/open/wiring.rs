//! The opening of a writer: recovery, then the segment that goes on, then the companions, then the writer.

use std::collections::VecDeque;
use std::sync::Arc;

use super::journal::Journal;
use super::new_type;
use super::opening::Opening;
use super::recovery::{self, RecoveredJournal};
use super::replica::{Origin, Replica};
use super::report::RecoveryReport;
use crate::append::batch::AppendRow;
use crate::append::raw_writer::RawWriter;
use crate::append::stored::Behind;
use crate::append::times::AppendTimes;
use crate::append::writer::Writer;
use crate::companions::hooks::Hooks;
use crate::companions::maker::{Maker, Orders};
use crate::companions::preparer::{Preparer, PreparerPieces};
use crate::companions::sweeper::{self, Sweeper};
use crate::companions::syncer::{SyncMode, Syncer};
use crate::companions::threads::{Companions, Threads};
use crate::companions::zeros::Zeros;
use crate::error::{IoFault, JournalFault, OpenError, SyncError};
use crate::event::untyped::{self, Untyped};
use crate::event::{Event, Schema};
use crate::format::{HEADER_BYTES, MAX_RECORD_BYTES, MAX_SCHEMA_BYTES, SegmentHeader, VERSION};
use crate::judge::chain::Chain;
use crate::judge::control::Control;
use crate::judge::event_type::EventType;
use crate::live::progress::Progress;
use crate::live::segments::{LiveSegment, Ready, Segments};
use crate::retention::holders::{RetentionHandle, SharedRetention};
use crate::retention::retainer::Retainer;
use crate::storage::Storage;

/// Opens `journal` on a storage. Without `threads` the companions are stepped by hand.
pub(super) fn open<E: Event, S: Storage>(
    journal: &Journal,
    storage: &S,
    threads: bool,
) -> Result<(Writer<E, S>, RecoveryReport), OpenError> {
    let event = EventType::of::<E>();
    let (opened, report) = open_as(journal, storage, event, journal.opening(), threads, Carried::default())?;
    Ok((opened.writer, report))
}

/// Opens it for events of whatever type.
pub(super) fn open_raw<S: Storage>(
    journal: &Journal,
    storage: &S,
    schema: &Schema,
    threads: bool,
) -> Result<(RawWriter<S>, RecoveryReport), OpenError> {
    let record_bytes = check_schema(schema)?;
    let event = EventType::untyped(schema.clone(), record_bytes);
    let (opened, report) =
        open_as::<Untyped, S>(journal, storage, event, journal.opening(), threads, Carried::default())?;
    let schema = Schema::from_text(&opened.schema).unwrap_or_else(|| schema.clone());
    Ok((RawWriter::new(opened.writer, schema), report))
}

/// Opens it as a replica.
pub(super) fn open_replica<S: Storage>(
    journal: &Journal,
    storage: &S,
    schema: &Schema,
    origin: &Origin,
    threads: bool,
    carried: Carried,
) -> Result<(Replica<S>, RecoveryReport), OpenError> {
    let record_bytes = check_schema(schema)?;
    let rule = "a replica takes records, and one that is to be a writer is opened with `open`";
    let bad = |option, value| Err(OpenError::BadOption { option, value, rule });
    match journal.opening {
        Opening::Promoted(epoch) => return bad("promote", epoch.to_string()),
        Opening::WritesOn => return bad("write_on", String::new()),
        _ => {}
    }
    let event = EventType::as_taken(schema.clone(), record_bytes);
    let opening = Opening::Replica(origin);
    let (opened, report) = open_as::<Untyped, S>(journal, storage, event, opening, threads, carried)?;
    let mut writer = opened.writer;
    // Whoever made the records has judged their times.
    writer.trust_times();
    Ok((Replica::new(journal.clone(), writer, schema.clone(), *origin, opened.behind, threads), report))
}

/// Opens what was a replica until now as a writer of that epoch.
pub(super) fn open_promoted<E: Event, S: Storage>(
    journal: &Journal,
    storage: &S,
    epoch: u32,
    threads: bool,
    carried: Carried,
) -> Result<(Writer<E, S>, RecoveryReport), OpenError> {
    let (event, opening) = (EventType::of::<E>(), Opening::Promoted(epoch));
    let (opened, report) = open_as(journal, storage, event, opening, threads, carried)?;
    Ok((opened.writer, report))
}

/// What outlives a journal that is closed to be opened again as something else: whoever has its cursors, or
/// holds its records, goes on with them.
#[derive(Default)]
pub(super) struct Carried {
    progress: Option<Arc<Progress>>,
    retention: Option<Arc<SharedRetention>>,
}

impl Carried {
    /// Closes what `writer` writes.
    pub(super) fn close<E: Event, S: Storage>(writer: Writer<E, S>) -> Result<Self, SyncError> {
        let progress = Arc::clone(&writer.progress);
        let retention = writer.retention.as_ref().map(RetentionHandle::shared);
        writer.close()?;
        // Want of room that no append has met is no reason not to close, but these cursors tell of it for
        // ever.
        match progress.failure() {
            Some(failure) => Err(failure.clone()),
            None => Ok(Carried { progress: Some(progress), retention }),
        }
    }
}

/// Refuses a schema of no possible event; the size of a record.
fn check_schema(schema: &Schema) -> Result<usize, OpenError> {
    // What could not be read back, no reader would take.
    if Schema::from_text(&schema.to_text()).as_ref() != Some(schema) {
        let rule = "an event's fields lie inside it and not over each other, and no name holds a line's end or a tab";
        return Err(OpenError::BadOption { option: "schema", value: schema.name.clone(), rule });
    }
    let (bytes, record_bytes) = (schema.size, untyped::record_bytes(schema.size));
    if bytes == 0 || record_bytes > MAX_RECORD_BYTES {
        let rule = "an event has a byte or more, and a record of it is at most 1 MiB";
        return Err(OpenError::BadOption { option: "schema", value: bytes.to_string(), rule });
    }
    Ok(record_bytes)
}

/// A writer, and what it goes on from.
struct OpenedWriter<E: Event, S: Storage> {
    writer: Writer<E, S>,
    behind: Behind,
    /// The schema's text as the headers have it.
    schema: String,
}

fn open_as<E: Event, S: Storage>(
    journal: &Journal,
    storage: &S,
    event: EventType,
    opening: Opening<'_>,
    threads: bool,
    carried: Carried,
) -> Result<(OpenedWriter<E, S>, RecoveryReport), OpenError> {
    let record_bytes = event.record_bytes;
    let (wired, report) = wire(journal, storage, event, opening, threads, carried)?;
    let Wired { active, behind, parts, companions, schema } = wired;
    let last = behind.order;
    let CompanionParts { progress, segments, retired, .. } = parts;
    let max_step_ns = u64::try_from(journal.max_time_step.as_nanos()).unwrap_or(u64::MAX);
    let writer = Writer {
        storage: storage.clone(),
        active,
        row: AppendRow::new(report.journal_id, report.epoch, report.end_sequence, last.time_ns, record_bytes),
        times: AppendTimes::new((last.epoch > 0).then_some(last.time_ns), max_step_ns),
        epoch: report.epoch,
        journal_id: report.journal_id,
        sync: journal.sync,
        disk_full: journal.disk_full,
        stalled: false,
        progress,
        segments,
        retention: retired.map(RetentionHandle::new),
        companions,
    };
    Ok((OpenedWriter { writer, behind, schema }, report))
}

/// A journal that waits for its writer.
pub(super) struct Wired<'a, S: Storage> {
    active: Ready<S>,
    behind: Behind,
    parts: CompanionParts<'a, S>,
    companions: Companions<S>,
    /// The schema's text in the headers.
    schema: String,
}

/// All of it that does not depend on the event's type.
pub(super) fn wire<'a, S: Storage>(
    journal: &Journal,
    storage: &'a S,
    event: EventType,
    opening: Opening<'_>,
    threads: bool,
    carried: Carried,
) -> Result<(Wired<'a, S>, RecoveryReport), OpenError> {
    let (bytes, record_bytes) = (event.schema.to_text().len(), event.record_bytes);
    if bytes > MAX_SCHEMA_BYTES {
        let (name, limit) = (event.schema.name, MAX_SCHEMA_BYTES);
        return Err(JournalFault::SchemaTooLarge { name, bytes, limit }.into());
    }
    let window = journal.check_options(record_bytes)?;
    let segment_bytes = HEADER_BYTES + journal.segment_records_of(record_bytes) * record_bytes as u64;
    let RecoveredJournal { lock, control, mut chain, last, mut report } =
        recovery::recover(storage, &event, opening, window, segment_bytes)?;
    let behind = Behind { order: last, last: control.state.last };
    let template = template(journal, &report, &chain, control.state.branch, &event);
    let (end, schema) = (report.end_sequence, template.schema.clone());
    let mut hooks = journal.hooks.clone();
    if let Some(change) = new_type::end_run(storage, &mut chain, &control.state, &event)? {
        report.new_event_version = change.is_newer.then_some(template.event_version);
        hooks.due.extend(change.sealed);
    }
    let retainer = retainer(journal, &report, control.state.branch, &chain, carried.retention);
    let retired = retainer.as_ref().map(|retainer| Arc::clone(&retainer.shared));
    let active = match chain.segments.last() {
        Some(segment) if segment.end > end => {
            LiveSegment::map(storage, chain.open_there(storage, segment, true)?)?
        }
        _ => LiveSegment::create(storage, &template, end)?,
    };
    let parts = CompanionParts {
        storage,
        progress: carried.progress.unwrap_or_default(),
        segments: Arc::new(Segments::new(Arc::clone(&active.segment))),
        retired,
    };
    parts.progress.begin(end, window, report.epoch);
    // A replica writes whole pages by the file: none has to be present before.
    let reserve_bytes = if matches!(opening, Opening::Replica(_)) { 0 } else { journal.reserve_bytes };
    let preparer = parts.preparer(journal, template, reserve_bytes.div_ceil(record_bytes as u64));
    let syncer = parts.syncer(journal.sync, control, retainer, hooks);
    let companions = start(storage, preparer, syncer, lock, threads)?;
    Ok((Wired { active, behind, parts, companions, schema }, report))
}

/// What the header of every segment to come says, but for its base and its time.
fn template(
    journal: &Journal,
    report: &RecoveryReport,
    chain: &Chain,
    branch: [u8; 16],
    event: &EventType,
) -> SegmentHeader {
    let before = chain.segments.last().map(|segment| &*segment.layout);
    let event_version = event.next_version(before);
    // Who says nothing of the events takes nothing back that was said.
    let kept = before.filter(|before| event.is_of(before) && event.says_nothing_of(before));
    SegmentHeader {
        journal_id: report.journal_id,
        base: 0,
        capacity: journal.segment_records_of(event.record_bytes),
        record_bytes: event.record_bytes as u32,
        event_bytes: event.schema.size as u32,
        epoch: report.epoch,
        created_ns: 0,
        version: VERSION,
        event_version: kept.map_or(event_version, |before| before.event_version),
        previous_base: None,
        branch,
        schema: kept.map_or_else(|| event.schema.to_text(), |before| before.schema.clone()),
        sealed_end: None,
    }
}

/// Retention, if the journal has rules, with the segments that are there.
fn retainer(
    journal: &Journal,
    report: &RecoveryReport,
    branch: [u8; 16],
    chain: &Chain,
    carried: Option<Arc<SharedRetention>>,
) -> Option<Retainer> {
    let newest_ns = report.last_time_ns.unwrap_or(0);
    let (id, first) = ((report.journal_id, branch), report.first_sequence);
    let mut retainer = Retainer::new(journal.retention?, id, first, newest_ns, carried);
    for segment in &chain.segments {
        retainer.learn(segment.base..segment.end, segment.layout.record_bytes, segment.file_bytes());
    }
    Some(retainer)
}

/// What every companion has a part of.
struct CompanionParts<'a, S: Storage> {
    storage: &'a S,
    progress: Arc<Progress>,
    segments: Arc<Segments<S>>,
    retired: Option<Arc<SharedRetention>>,
}

impl<S: Storage> CompanionParts<'_, S> {
    /// The preparer, with maker and sweeper in its hand.
    fn preparer(&self, journal: &Journal, template: SegmentHeader, reserve_records: u64) -> Preparer<S> {
        let orders = Orders::new();
        let first_base = self.segments.live().back().map_or(0, |active| active.end);
        orders.order(first_base);
        let (progress, record_bytes) = (&self.progress, u64::from(template.record_bytes));
        let end = progress.journalled_end();
        let window_bytes = (progress.window_end() - end).saturating_mul(record_bytes);
        let maker = Maker {
            storage: self.storage.clone(),
            template: template.clone(),
            progress: Arc::clone(&self.progress),
            orders: Arc::clone(&orders),
            zeros: Zeros::new(
                reserve_records.saturating_mul(record_bytes),
                window_bytes,
                (record_bytes, end),
                journal.sync,
            ),
            first_base,
        };
        let sweeper = Sweeper {
            storage: self.storage.clone(),
            segment_bytes: template.file_bytes(),
            cached_bytes: journal.cached_bytes,
            cached: VecDeque::new(),
            giving: None,
            pieces: sweeper::PIECES,
            given: None,
            progress: Arc::clone(&self.progress),
            segments: Arc::clone(&self.segments),
            retired: self.retired.clone(),
        };
        Preparer {
            storage: self.storage.clone(),
            template,
            reserve_records,
            pieces: PreparerPieces::new(),
            disk_full: journal.disk_full,
            whole_segments: journal.sync == SyncMode::None,
            progress: Arc::clone(&self.progress),
            segments: Arc::clone(&self.segments),
            orders,
            retired: self.retired.clone(),
            others: Some((maker, sweeper)),
        }
    }

    fn syncer(
        &self,
        mode: SyncMode,
        control: Control<S>,
        retainer: Option<Retainer>,
        hooks: Hooks,
    ) -> Syncer<S> {
        let (progress, segments) = (Arc::clone(&self.progress), Arc::clone(&self.segments));
        Syncer::new(self.storage.clone(), mode, control, progress, segments, retainer, hooks)
    }
}

/// Gives the companions their threads, or to whoever steps them.
fn start<S: Storage>(
    storage: &S,
    mut preparer: Preparer<S>,
    syncer: Syncer<S>,
    lock: S::Lock,
    threads: bool,
) -> Result<Companions<S>, IoFault> {
    let threads = if threads {
        // The first pages are there before the first append; the rest follows on the preparer's thread.
        preparer.step();
        Threads::start(preparer, syncer, lock)
            .map_err(|error| IoFault::new("start the threads of", storage.path(""), error))?
    } else {
        Threads::Stepped { preparer: Box::new(preparer), syncer: Box::new(syncer), lock: Arc::new(lock) }
    };
    Ok(Companions::new(threads))
}
