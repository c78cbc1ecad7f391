//! Where a journal is and how it is written: the options, and the opening that wires the writer and its companions.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::ahead::{Ahead, Maker};
use crate::anchor::Anchor;
use crate::behind::Sweeper;
use crate::crc::RecordCrc;
use crate::error::{IoFault, JournalFault, OpenError, ReadError};
use crate::event::Event;
use crate::follow::Follower;
use crate::format::{HEADER_BYTES, MAX_SCHEMA_BYTES, SegmentHeader, VERSION};
use crate::hooks::{Hooks, SealedSegment};
use crate::prepare::{DiskFull, Preparer};
use crate::progress::Progress;
use crate::reader::{RawReader, Reader};
use crate::record::Record;
use crate::recovery::{self, Recovered};
use crate::report::RecoveryReport;
use crate::retention::{self, Retainer, Retention, RetentionHandle};
use crate::segments::{LiveSegment, NextSlot, Ready, Segments};
use crate::storage::{Files, Place, Storage};
use crate::syncer::{SyncMode, Syncer};
use crate::threads::{Companions, Threads};
use crate::writer::Writer;

/// A journal's place and its options.
///
/// The options hold for writing; a reader takes them from the files.
///
/// ```
/// use slipring_journal::{Event, Journal};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Event)]
/// #[repr(C)]
/// struct Tick { price: i64, size: u64 }
///
/// # let folder = tempfile::tempdir()?;
/// let journal = Journal::at(folder.path().join("ticks")).segment_records(1024);
/// let (mut writer, report) = journal.open::<Tick>()?;
/// assert!(report.created);
/// for n in 0..3 {
///     writer.append(1_000 + n, &Tick { price: 100, size: n })?;
/// }
/// writer.close()?;
///
/// let mut reader = journal.reader::<Tick>()?;
/// let sequence = reader.lower_bound(1_001)?;
/// assert_eq!(reader.at(sequence)?.event().size, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Journal {
    place: Arc<Place>,
    segment_records: u64,
    window_records: Option<u64>,
    reserve_bytes: u64,
    cached_bytes: u64,
    max_time_step: Duration,
    sync: SyncMode,
    disk_full: DiskFull,
    retention: Option<Retention>,
    hooks: Hooks,
}

impl Journal {
    /// The journal in the folder `path`, which is made on opening if it is not there. A relative path is taken from the
    /// current folder now, and a later change of that changes nothing.
    ///
    /// The folder is found by its name once, when something of the journal is first opened by this or a clone of it, and
    /// held: until all of that is closed, the journal is what lies in that folder, whatever becomes of the name
    /// ([`Cursors::folder_moved`](crate::Cursors::folder_moved)).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Journal {
            place: Place::new(path.into()),
            segment_records: 1 << 20,
            window_records: None,
            reserve_bytes: 64 << 20,
            cached_bytes: 256 << 20,
            max_time_step: Duration::from_secs(24 * 3600),
            sync: SyncMode::default(),
            disk_full: DiskFull::default(),
            retention: None,
            hooks: Hooks::default(),
        }
    }

    /// Records in each new segment; 1,048,576 if not set. Existing segments keep theirs.
    pub fn segment_records(mut self, count: u64) -> Self {
        self.segment_records = count;
        self
    }

    /// When records are made durable; every 5 ms if not set.
    pub fn sync(mut self, sync: SyncMode) -> Self {
        self.sync = sync;
        self
    }

    /// W: how many records may be appended beyond the durable watermark on disk before appends wait. It bounds
    /// what recovery scans. 65,536 if not set; [`SyncMode::None`] always has two segments.
    pub fn window_records(mut self, count: u64) -> Self {
        self.window_records = Some(count);
        self
    }

    /// How far ahead of the cursor the helper makes pages present, in bytes, whenever half of it is used; 64 MiB
    /// if not set.
    pub fn reserve_bytes(mut self, count: u64) -> Self {
        self.reserve_bytes = count;
        self
    }

    /// How many bytes of full, durable segments stay in memory (the kernel's page cache) behind the writer; 256 MiB
    /// if not set. A reader further behind reads from the disk, and the memory is there for the next segments: a
    /// journal does not fill the cache with what nobody reads. `u64::MAX` leaves it all to the kernel; so do
    /// segments smaller than a sixteenth of this.
    pub fn cached_bytes(mut self, count: u64) -> Self {
        self.cached_bytes = count;
        self
    }

    /// How far past both the last record and the clock a time may lie; a day if not set.
    pub fn max_time_step(mut self, step: Duration) -> Self {
        self.max_time_step = step;
        self
    }

    /// What to do when the disk is full; wait if not set.
    pub fn disk_full(mut self, policy: DiskFull) -> Self {
        self.disk_full = policy;
        self
    }

    /// What to keep; everything if not set.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Retention removes nothing that [`RetentionHandle::snapshot`] has not released, whatever its other rules say; not
    /// if it was told [`Retention::regardless_of_snapshots`]. An engine whose stages keep something asks for it.
    pub fn held_by_snapshots(mut self) -> Self {
        self.retention = self.retention.map(Retention::held);
        self
    }

    /// Whether it was said that all history is kept that no snapshot covers.
    pub fn retires_only_behind_snapshots(&self) -> bool {
        self.retention.is_some_and(|retention| retention.snapshots == retention::Snapshots::Rule)
    }

    /// Calls `hook` for every segment that is full and durable, on the syncer's thread. While it runs nothing is
    /// synced: hand long work to another thread. If it panics the journal fails.
    ///
    /// The file is there until the hook returns, whatever retention says. To have it longer, hold a
    /// [`Lease`](crate::Lease) on what is not copied yet, and advance it behind each copy.
    ///
    /// A process that dies may take a call along. A lease is the way to have the segment all the same: the first
    /// sequence does not move past it, so the next life finds the file. Leases end with the process, and opening reclaims
    /// and retires again: look at [`inspect`](crate::inspect) and copy what was missed *before* opening.
    pub fn on_sealed(mut self, hook: impl Fn(&SealedSegment) + Send + Sync + 'static) -> Self {
        self.hooks.sealed = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` with the sequence behind the last durable record whenever it has moved and D is on disk, as
    /// [`Journal::on_sealed`] does.
    pub fn on_durable(mut self, hook: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.hooks.durable = Some(Arc::new(hook));
        self
    }

    /// How far past both the last record and the clock a time may lie.
    pub fn time_step(&self) -> Duration {
        self.max_time_step
    }

    /// The journal's folder, by its absolute name.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The folder itself, as it is held.
    #[doc(hidden)]
    pub fn files(&self) -> Files {
        self.place.files()
    }

    /// When records are made durable.
    pub fn sync_mode(&self) -> SyncMode {
        self.sync
    }

    /// Opens the journal for writing: takes the lock, recovers, and is ready to append. A new one is made if
    /// there is none.
    ///
    /// # Errors
    /// [`OpenError`]: locked, files that contradict each other, another event type, options that make no sense,
    /// a failing system call. Nothing below the durable watermark is ever changed.
    pub fn open<E: Event>(&self) -> Result<(Writer<E>, RecoveryReport), OpenError> {
        self.open_on(&self.files(), true)
    }

    /// Opens the journal for reading: takes no lock, repairs nothing, may run beside a writer.
    ///
    /// # Errors
    /// [`ReadError`]: no journal, files that contradict each other, another event type.
    pub fn reader<E: Event>(&self) -> Result<Reader<E>, ReadError> {
        Reader::open_to(self.files(), None)
    }

    /// As [`Journal::reader`], for whatever event type the journal holds.
    ///
    /// # Errors
    /// As [`Journal::reader`].
    pub fn raw_reader(&self) -> Result<RawReader, ReadError> {
        RawReader::open_to(self.files(), None)
    }

    /// Follows the journal from `sequence` on while it is written, in this process or another.
    ///
    /// # Errors
    /// As [`Journal::reader`]; [`ReadError::Evicted`] if retention has removed `sequence`.
    pub fn follow<E: Event>(&self, sequence: u64) -> Result<Follower<E>, ReadError> {
        Follower::open_on(self.files(), sequence)
    }

    /// Follows the journal from behind a saved position.
    ///
    /// # Errors
    /// As [`Journal::follow`]; [`ReadError::HistoryChanged`] if the log no longer holds the record that the
    /// position was saved from.
    pub fn resume<E: Event>(&self, anchor: Anchor) -> Result<Follower<E>, ReadError> {
        Follower::resume_on(self.files(), anchor)
    }

    /// Opens on another storage; without threads, the caller drives helper (with maker and sweeper) and syncer.
    #[doc(hidden)]
    pub fn open_on<E: Event, S: Storage>(
        &self,
        storage: &S,
        threads: bool,
    ) -> Result<(Writer<E, S>, RecoveryReport), OpenError> {
        let schema = E::schema();
        let text = schema.to_text();
        if text.len() > MAX_SCHEMA_BYTES {
            let (bytes, limit) = (text.len(), MAX_SCHEMA_BYTES);
            return Err(JournalFault::SchemaTooLarge { name: schema.name, bytes, limit }.into());
        }
        let window = self.check_options(Record::<E>::BYTES)?;
        let segment_bytes = HEADER_BYTES + self.segment_records * Record::<E>::BYTES as u64;
        let Recovered { lock, control, chain, last, report } =
            recovery::recover(storage, &schema, Record::<E>::BYTES, window, segment_bytes)?;
        let template = SegmentHeader {
            journal_id: report.journal_id,
            base: 0,
            capacity: self.segment_records,
            record_bytes: Record::<E>::BYTES as u32,
            event_bytes: size_of::<E>() as u32,
            epoch: report.epoch,
            created_ns: 0,
            version: VERSION,
            event_version: chain.segments.last().map_or(0, |segment| segment.layout.event_version),
            previous_base: None,
            branch: control.state.branch,
            // With its attributes: the segments of a journal are compared by this text.
            schema: chain.segments.last().map_or(text, |segment| segment.layout.schema.clone()),
            sealed_end: None,
        };
        let end = report.end_sequence;
        let retainer = self.retention.map(|options| {
            let newest_ns = report.last_time_ns.unwrap_or(0);
            let (first, record_bytes) = (report.first_sequence, Record::<E>::BYTES as u64);
            let mut retainer = Retainer::new(options, report.journal_id, first, record_bytes, newest_ns);
            chain.segments.iter().for_each(|segment| retainer.learn(segment.base, segment.end));
            retainer
        });
        let shared = retainer.as_ref().map(|retainer| Arc::clone(&retainer.shared));
        let large_pages = self.sync == SyncMode::None;
        let Ready { segment: active, map } = match chain.segments.last() {
            Some(segment) if segment.end > end => {
                LiveSegment::map(storage, chain.open_there(storage, segment, true)?, large_pages)?
            }
            _ => LiveSegment::create(storage, &template, end, large_pages)?,
        };
        let progress = Progress::new(end, window);
        let segments = Arc::new(Segments::new(Arc::clone(&active)));
        let reserve_records = (self.reserve_bytes / Record::<E>::BYTES as u64).max(1);
        let ahead = Ahead::new();
        let maker = Maker {
            storage: storage.clone(),
            template: template.clone(),
            progress: Arc::clone(&progress),
            ahead: Arc::clone(&ahead),
        };
        let sweeper = Sweeper {
            storage: storage.clone(),
            segment_bytes: template.file_bytes(),
            cached_bytes: self.cached_bytes,
            cached: VecDeque::new(),
            progress: Arc::clone(&progress),
            segments: Arc::clone(&segments),
            retired: shared.clone(),
        };
        let mut helper = Preparer {
            storage: storage.clone(),
            template,
            reserve_records,
            filling: true,
            disk_full: self.disk_full,
            large_pages,
            progress: Arc::clone(&progress),
            segments: Arc::clone(&segments),
            ahead,
            retired: shared.clone(),
            others: Some((maker, sweeper)),
        };
        let syncer = Syncer::new(
            storage.clone(),
            self.sync,
            control,
            Arc::clone(&progress),
            Arc::clone(&segments),
            retainer,
            self.hooks.clone(),
        );
        let threads = if threads {
            // The first pages are there before the first append; the rest follows on the helper's thread.
            helper.step();
            Threads::start(helper, syncer, lock)
                .map_err(|error| IoFault::new("start the threads of", storage.path(""), error))?
        } else {
            Threads::Stepped { helper: Box::new(helper), syncer: Box::new(syncer), lock }
        };
        let max_step_ns = u64::try_from(self.max_time_step.as_nanos()).unwrap_or(u64::MAX);
        let writer = Writer {
            storage: storage.clone(),
            active,
            map,
            slot: NextSlot::NONE,
            next: end,
            limit: 0,
            last_time_ns: last.time_ns,
            any_record: last.epoch > 0,
            time_limit_ns: if last.epoch > 0 { last.time_ns.saturating_add(max_step_ns) } else { 0 },
            max_step_ns,
            regressions: 0,
            epoch: report.epoch,
            crc: RecordCrc::new(report.journal_id.0),
            journal_id: report.journal_id,
            sync: self.sync,
            stalled: false,
            progress,
            segments,
            retention: shared.map(RetentionHandle::new),
            companions: Companions::new(threads),
            event: PhantomData,
        };
        Ok((writer, report))
    }

    /// Refuses options that make no sense, and gives W.
    fn check_options(&self, record_bytes: usize) -> Result<u64, OpenError> {
        let bad =
            |option, value: u64, rule| Err(OpenError::BadOption { option, value: value.to_string(), rule });
        let most_bytes = 1 << 40;
        if self.segment_records == 0 {
            return bad("segment_records", 0, "a segment holds one record or more");
        }
        if self.segment_records.checked_mul(record_bytes as u64).is_none_or(|bytes| bytes > most_bytes) {
            return bad("segment_records", self.segment_records, "a segment is at most 1 TiB");
        }
        if self.reserve_bytes == 0 {
            return bad("reserve_bytes", 0, "at least one page must be kept present");
        }
        if self.retention.is_some_and(|retention| !retention.has_rule()) {
            let rule =
                "set an age, a size, a count, or only_behind_snapshots: without a rule nothing would be kept";
            return bad("retention", 0, rule);
        }
        if self.sync == SyncMode::Every(Duration::ZERO) {
            return bad("sync", 0, "an interval of zero: use SyncMode::EveryBatch");
        }
        match (self.sync, self.window_records) {
            (_, Some(0)) => bad("window_records", 0, "the window holds one record or more"),
            (SyncMode::None, Some(count)) if count < 2 * self.segment_records => {
                bad("window_records", count, "with SyncMode::None the window is two segments or more")
            }
            (_, Some(count)) if count > 1 << 40 => bad("window_records", count, "at most 2^40"),
            (SyncMode::None, None) => Ok(2 * self.segment_records),
            (_, Some(count)) => Ok(count),
            (_, None) => Ok(1 << 16),
        }
    }
}
