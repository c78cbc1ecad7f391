//! Where a journal is and how it is written: the options, and what can be opened with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::opening::Opening;
use super::report::RecoveryReport;
use super::wiring;
use crate::append::raw_writer::RawWriter;
use crate::append::writer::Writer;
use crate::companions::hooks::{Hooks, SealedSegment};
use crate::companions::preparer::DiskFull;
use crate::companions::syncer::SyncMode;
use crate::error::{OpenError, ReadError};
use crate::event::{Event, Schema};
use crate::format::Anchor;
use crate::read::follow::RawFollower;
use crate::read::raw::RawReader;
use crate::read::typed::Reader;
use crate::read::typed_follow::Follower;
use crate::retention::options::{Retention, SnapshotRule};
use crate::storage::{Files, JournalPlace, Storage};

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
///
/// More: [sizes].
///
/// [sizes]: https://github.com/slipring/slipring/blob/main/docs/how-to/size-the-ring-and-the-journal.md
#[derive(Clone, Debug)]
pub struct Journal {
    pub(super) place: Arc<JournalPlace>,
    pub(super) segment: SegmentSize,
    pub(super) window_records: Option<u64>,
    pub(super) reserve_bytes: u64,
    pub(super) cached_bytes: u64,
    pub(super) max_time_step: Duration,
    pub(super) sync: SyncMode,
    pub(super) disk_full: DiskFull,
    pub(super) retention: Option<Retention>,
    pub(super) hooks: Hooks,
    /// As what it is opened for writing.
    pub(super) opening: Opening<'static>,
}

/// How large new segments are.
#[derive(Clone, Copy, Debug)]
pub(super) enum SegmentSize {
    Bytes(u64),
    Records(u64),
}

impl Journal {
    /// The journal in the folder `path`, which is made on opening if it is not there. A relative path is
    /// taken from the current folder now, and a later change of that changes nothing.
    ///
    /// The folder is found by its name once, when this value or a clone of it first opens something, and is
    /// held then. Until all that was opened is closed, the journal is what lies in that folder, whatever
    /// becomes of the name ([`Cursors::folder_moved`](crate::Cursors::folder_moved)).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Journal {
            place: JournalPlace::new(path.into()),
            segment: SegmentSize::Bytes(64 << 20),
            window_records: None,
            reserve_bytes: 64 << 20,
            cached_bytes: 256 << 20,
            max_time_step: Duration::from_secs(24 * 3600),
            sync: SyncMode::default(),
            disk_full: DiskFull::default(),
            retention: None,
            hooks: Hooks::default(),
            opening: Opening::Writer,
        }
    }

    /// How many bytes of records each new segment takes, as many whole ones as fit; 64 MiB if not set.
    /// Existing segments keep theirs. The journal allocates up to three segments ahead of what is written.
    pub fn segment_bytes(mut self, count: u64) -> Self {
        self.segment = SegmentSize::Bytes(count);
        self
    }

    /// How many records each new segment takes, in place of [`Journal::segment_bytes`]. Up to three files of
    /// so many records are allocated at once: for large events use [`Journal::segment_bytes`].
    pub fn segment_records(mut self, count: u64) -> Self {
        self.segment = SegmentSize::Records(count);
        self
    }

    /// When records are made durable; every 5 ms if not set.
    pub fn sync(mut self, sync: SyncMode) -> Self {
        self.sync = sync;
        self
    }

    /// W: how many records may be appended beyond the durable watermark on disk before appends wait. It
    /// bounds what recovery scans. 262,144 if not set; [`SyncMode::None`] always has two segments.
    pub fn window_records(mut self, count: u64) -> Self {
        self.window_records = Some(count);
        self
    }

    /// How far ahead of the cursor the preparer keeps pages present, in bytes; 64 MiB if not set. It begins
    /// when a 64th of the reserve is used, works a little at a time, and the more is used the more of it. A
    /// replica has none. Up to as many bytes more lie in the page cache, as zeros, behind an opening and for
    /// a quick writer.
    pub fn reserve_bytes(mut self, count: u64) -> Self {
        self.reserve_bytes = count;
        self
    }

    /// How many bytes of full, durable segments stay in memory (the kernel's page cache) behind the writer;
    /// 256 MiB if not set. A reader further behind reads from the disk, and the memory is there for the next
    /// segments: a journal does not fill the cache with what nobody reads. `u64::MAX` leaves it all to the
    /// kernel; so do segments smaller than a sixteenth of this.
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

    /// Retention removes nothing that a [snapshot](crate::RetentionHandle::snapshot) has not released,
    /// whatever its other rules say; not if it was told [`Retention::regardless_of_snapshots`]. An engine
    /// whose stages keep something asks for it.
    pub fn held_by_snapshots(mut self) -> Self {
        self.retention = self.retention.map(Retention::held);
        self
    }

    /// Whether it was said that all history is kept that no snapshot covers.
    pub fn retires_only_behind_snapshots(&self) -> bool {
        self.retention.is_some_and(|retention| retention.snapshots == SnapshotRule::Rule)
    }

    /// Calls `hook` for every segment that is full and durable, on the syncer's thread. While it runs nothing
    /// is synced: hand long work to another thread. If it panics the journal fails.
    ///
    /// The file is there until the hook returns, whatever retention says. To have it longer, hold a
    /// [`Lease`](crate::Lease) on what is not copied yet, and advance it behind each copy.
    ///
    /// A process that dies may take a call along. A lease is the way to have the segment all the same: the
    /// first sequence does not move past it, so the next life finds the file. Leases end with the process,
    /// and opening reclaims and retires again: look at [`inspect`](crate::inspect) and copy what was
    /// missed *before* opening.
    pub fn on_sealed(mut self, hook: impl Fn(&SealedSegment) + Send + Sync + 'static) -> Self {
        self.hooks.sealed = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` with the sequence behind the last durable record whenever it has moved and D is on disk,
    /// as [`Journal::on_sealed`] does.
    pub fn on_durable(mut self, hook: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.hooks.durable = Some(Arc::new(hook));
        self
    }

    /// Has the next opening make a writer of a [replica](Journal::replica), with `epoch` as its epoch:
    /// nobody else's: [`promotion_epoch`](crate::promotion_epoch) gives one. It is up to the caller that
    /// nobody appends to the journal elsewhere any more, or that whoever does is refused by it.
    ///
    /// An old writer that is opened once more counts its epoch on by one, and the replica may not hear of it.
    /// So an epoch that is less than 1,000 above all that the replica knows is refused
    /// ([`OpenError::EpochTooNear`]), and so is one behind which there are not 1,000 more
    /// ([`OpenError::EpochTooGreat`]).
    ///
    /// From then on it is an ordinary journal, which is opened without this.
    ///
    /// ```
    /// # use slipring_journal::{Event, Journal, Origin};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let (primary, standby) = (tempfile::tempdir()?, tempfile::tempdir()?);
    /// # let journal = Journal::at(primary.path());
    /// # let (writer, report) = journal.open::<Tick>()?;
    /// # writer.close()?;
    /// # let replica = Journal::at(standby.path());
    /// # replica.replica(&Tick::schema(), &Origin::of(report.journal_id))?.0.close()?;
    /// let epoch = slipring_journal::promotion_epoch(report.epoch).ok_or("no epoch is left")?;
    /// let (mut writer, _) = replica.clone().promote(epoch).open::<Tick>()?;
    /// writer.append(1, &Tick { price: 7 })?;
    /// writer.close()?;
    /// let (writer, _) = replica.open::<Tick>()?;
    /// assert_eq!((epoch, writer.epoch()), (1_024, 1_025));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn promote(mut self, epoch: u32) -> Self {
        self.opening = Opening::Promoted(epoch);
        self
    }

    /// Has the next opening make a writer again of a journal that [rejoined](Journal::rejoin) only to take
    /// back its own records, which somebody else still had: its epoch is the next one, as at any opening. Not
    /// for a replica of another's journal, which that one's writer may be at work in: see
    /// [`Journal::promote`].
    ///
    /// ```
    /// # use slipring_journal::{Event, Journal, Origin};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::at(folder.path());
    /// # let (mut writer, report) = journal.open::<Tick>()?;
    /// # (0..9).try_for_each(|price| writer.append(price, &Tick { price }).map(drop))?;
    /// # writer.close()?;
    /// journal.rejoin(journal.raw_reader()?.anchor(8)?)?;
    /// // A server has more of it than power loss has left here.
    /// let (replica, _) = journal.replica(&Tick::schema(), &Origin::of(report.journal_id))?;
    /// // ... take(..) ...
    /// replica.close()?;
    /// let (writer, _) = journal.clone().write_on().open::<Tick>()?;
    /// assert_eq!((writer.epoch(), writer.end_sequence()), (2, 9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_on(mut self) -> Self {
        self.opening = Opening::WritesOn;
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
    /// What is there may be of older types of the event, if all of it can be read as `E`. Then the segment
    /// that was written last ends, and records from here on are of the newer type. A type that is older than
    /// the journal's newest is refused.
    ///
    /// # Errors
    /// [`OpenError`]: locked, files that contradict each other, another event type, options that make no
    /// sense, a failing system call; [`OpenError::Replica`] if it is a replica, which [`Journal::promote`]
    /// makes a writer. Nothing below the durable watermark is ever changed.
    pub fn open<E: Event>(&self) -> Result<(Writer<E>, RecoveryReport), OpenError> {
        self.open_on(&self.files(), true)
    }

    /// Opens the journal for writing events that have no Rust type here. A new one is made of this schema.
    /// One that is there must have the same layout, and keeps its own attributes; or the schema says a
    /// greater `version`, and what is there can be read as it.
    ///
    /// # Errors
    /// As [`Journal::open`]; [`OpenError::BadOption`] if the schema is of no possible event.
    pub fn open_raw(&self, schema: &Schema) -> Result<(RawWriter, RecoveryReport), OpenError> {
        wiring::open_raw(self, &self.files(), schema, true)
    }

    /// Opens the journal for reading: takes no lock, repairs nothing, may run beside a writer. Events of
    /// older types are read as `E`.
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

    /// As [`Journal::follow`], for whatever event type the journal holds.
    ///
    /// # Errors
    /// As [`Journal::follow`].
    pub fn follow_raw(&self, sequence: u64) -> Result<RawFollower, ReadError> {
        RawFollower::open_on(self.files(), sequence)
    }

    /// As [`Journal::resume`], for whatever event type the journal holds.
    ///
    /// # Errors
    /// As [`Journal::resume`].
    pub fn resume_raw(&self, anchor: Anchor) -> Result<RawFollower, ReadError> {
        RawFollower::resume_on(self.files(), anchor)
    }

    /// Opens on another storage; without threads, the caller drives preparer (with maker and sweeper) and
    /// syncer.
    #[doc(hidden)]
    pub fn open_on<E: Event, S: Storage>(
        &self,
        storage: &S,
        threads: bool,
    ) -> Result<(Writer<E, S>, RecoveryReport), OpenError> {
        wiring::open(self, storage, threads)
    }

    /// How many records of so many bytes each a new segment takes.
    pub(super) fn segment_records_of(&self, record_bytes: usize) -> u64 {
        match self.segment {
            SegmentSize::Bytes(bytes) => bytes / record_bytes as u64,
            SegmentSize::Records(count) => count,
        }
    }

    /// Refuses options that make no sense, and gives W.
    pub(super) fn check_options(&self, record_bytes: usize) -> Result<u64, OpenError> {
        let bad =
            |option, value: u64, rule| Err(OpenError::BadOption { option, value: value.to_string(), rule });
        let most_bytes = 1 << 40;
        let (option, value) = match self.segment {
            SegmentSize::Bytes(bytes) => ("segment_bytes", bytes),
            SegmentSize::Records(count) => ("segment_records", count),
        };
        let segment_records = self.segment_records_of(record_bytes);
        if segment_records == 0 {
            return bad(option, value, "a segment holds one record or more");
        }
        if segment_records.checked_mul(record_bytes as u64).is_none_or(|bytes| bytes > most_bytes) {
            return bad(option, value, "a segment is at most 1 TiB");
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
            (SyncMode::None, Some(count)) if count < 2 * segment_records => {
                bad("window_records", count, "with SyncMode::None the window is two segments or more")
            }
            (_, Some(count)) if count > 1 << 40 => bad("window_records", count, "at most 2^40"),
            (SyncMode::None, None) => Ok(2 * segment_records),
            (_, Some(count)) => Ok(count),
            (_, None) => Ok(1 << 18),
        }
    }
}
