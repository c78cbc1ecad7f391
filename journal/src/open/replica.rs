//! A replica: a journal that takes records which were made elsewhere, as they lie there.

use super::journal::Journal;
use super::opening::Opening;
use super::report::RecoveryReport;
use super::wiring::{self, Carried};
use crate::append::stored::{self, Behind};
use crate::append::writer::Writer;
use crate::error::{NextTypeError, OpenError, ReadError, SyncError, TakeError};
use crate::event::untyped::{self, Untyped};
use crate::event::{Event, Schema};
use crate::format::{Anchor, Bond, JournalId, RecordHeader};
use crate::judge::scan::Follow;
use crate::live::cursors::Cursors;
use crate::read::raw::RawReader;
use crate::read::typed::Reader;
use crate::retention::holders::RetentionHandle;
use crate::storage::{Files, Storage};

use crossbeam::utils::Backoff;
use std::time::Duration;

/// What a replica is a copy of, and from where on it takes records if it is made new.
///
/// ```
/// use slipring_journal::{JournalId, Origin};
///
/// let id = JournalId([0xb9; 16]);
/// // All of it.
/// let all = Origin::of(id);
/// // From record 1,200 on; the one before is of epoch 3 and has that checksum.
/// let rest = Origin { first: 1_200, before: Some((3, 0x5eed_cafe)), ..all };
/// assert_eq!((all.first, rest.branch), (0, [0; 16]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The journal whose records are taken.
    pub journal_id: JournalId,
    /// Which copy of that journal; zeros for the one that was made first.
    pub branch: [u8; 16],
    /// The first sequence that a new replica takes; one that is there goes on where it ends.
    pub first: u64,
    /// Epoch and checksum of the record before `first`, if there is one and they are known. They bind the new
    /// replica to what came before, and epochs go on from there.
    pub before: Option<(u32, u32)>,
}

impl Origin {
    /// All of a journal, from its first record on.
    pub fn of(journal_id: JournalId) -> Self {
        Origin { journal_id, branch: [0; 16], first: 0, before: None }
    }
}

/// A journal that takes records which were made elsewhere, bit for bit: with their sequences, epochs, times
/// and checksums. It appends nothing of its own before it is [promoted](Journal::promote).
///
/// It holds the journal's lock for life. Dropping it closes the journal as [`Replica::close`] does, but
/// errors are lost. Readers, followers and named readers read it as any journal.
///
/// ```
/// use slipring_journal::{Event, Journal, Origin, TakeError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let (primary, standby) = (tempfile::tempdir()?, tempfile::tempdir()?);
/// # let journal = Journal::at(primary.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # (0..3).try_for_each(|price| writer.append(price, &Tick { price }).map(drop))?;
/// # writer.close()?;
/// # let info = slipring_journal::inspect(primary.path())?;
/// # let file = std::fs::read(primary.path().join(&info.segments[0].name))?;
/// # let records = &file[info.segments[0].records_at as usize..][..3 * info.record_bytes];
/// // `records` lie as in a segment of the journal that they come from.
/// let origin = Origin::of(info.journal_id);
/// let (mut replica, _) = Journal::at(standby.path()).replica(&Tick::schema(), &origin)?;
/// assert_eq!(replica.take(0, None, records)?, 3);
/// let again = replica.take(0, None, records);
/// assert!(matches!(again, Err(TakeError::OutOfPlace { expected: 3, first: 0 })));
/// assert_eq!(replica.close()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [guarantees](https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md#replicas).
#[derive(Debug)]
pub struct Replica<S: Storage = Files> {
    journal: Journal,
    writer: Writer<Untyped, S>,
    schema: Schema,
    origin: Origin,
    behind: Behind,
    threads: bool,
}

impl<S: Storage> Replica<S> {
    pub(super) fn new(
        journal: Journal,
        writer: Writer<Untyped, S>,
        schema: Schema,
        origin: Origin,
        mut behind: Behind,
        threads: bool,
    ) -> Self {
        // Where no record is kept, the bond still says the epoch.
        behind.order.epoch = behind.order.epoch.max(behind.last.epoch);
        Replica { journal, writer, schema, origin, behind, threads }
    }

    /// Takes whole records as they lie in a segment, of which the first is of sequence `first`; the sequence
    /// behind the last. Waits while there is no room. Each call is one of the system or more: many records at
    /// once are quicker. `before` is epoch and checksum of the record before the first, where they come from;
    /// `None` if none lies there.
    ///
    /// All are checked before any is taken: that they follow the [last](Replica::last) record here, as far as
    /// that is known; each one's checksum for its place in this journal; and that neither epoch nor time goes
    /// back.
    ///
    /// # Errors
    /// [`TakeError`] says which record is refused and why; none is taken then.
    /// [`TakeError::OtherHistory`]: they follow another record than the last one here, so the replica has
    /// what the other side lost, or took another history: [cut it back](Journal::rejoin).
    /// [`TakeError::Failed`] once the journal has failed: [`Replica::end_sequence`] says how many were taken.
    pub fn take(&mut self, first: u64, before: Option<(u32, u32)>, records: &[u8]) -> Result<u64, TakeError> {
        self.check(first, before, records)?;
        let backoff = Backoff::new();
        let mut rest = records;
        while !rest.is_empty() {
            match self.take_checked(rest) {
                Err((TakeError::Full { .. } | TakeError::EpochDue { .. }, done)) => {
                    rest = &rest[done..];
                    if backoff.is_completed() {
                        std::thread::sleep(Duration::from_micros(50));
                    } else {
                        backoff.snooze();
                    }
                }
                Err((error, _)) => return Err(error),
                Ok(()) => break,
            }
        }
        self.writer.end_batch();
        Ok(self.end_sequence())
    }

    /// As [`Replica::take`], as far as there is room now.
    ///
    /// # Errors
    /// As [`Replica::take`]; [`TakeError::Full`] and [`TakeError::EpochDue`] instead of waiting, with the
    /// sequence of the first record that was not taken: those before it were.
    pub fn try_take(
        &mut self,
        first: u64,
        before: Option<(u32, u32)>,
        records: &[u8],
    ) -> Result<u64, TakeError> {
        self.check(first, before, records)?;
        let taken = self.take_checked(records).map_err(|(error, _)| error);
        self.writer.end_batch();
        taken.map(|()| self.end_sequence())
    }

    /// Whether [`Replica::take`] would take them, but for room. It takes none.
    ///
    /// # Errors
    /// As [`Replica::take`].
    pub fn check(&self, first: u64, before: Option<(u32, u32)>, records: &[u8]) -> Result<(), TakeError> {
        let expected = self.end_sequence();
        if first != expected {
            return Err(TakeError::OutOfPlace { expected, first });
        }
        // What is not known here was not known when it was made.
        match (self.last(), before) {
            (Some(last), None) => return Err(TakeError::BeforeUnknown { first, last }),
            (Some(last), Some(before)) if before != (last.epoch, last.crc) => {
                return Err(TakeError::OtherHistory { first, last, before });
            }
            _ => {}
        }
        stored::check(self.writer.crc(), first, records, self.record_bytes(), self.behind.order)
    }

    /// Takes records that were checked, until one can't be: why, and how many bytes of them were taken.
    fn take_checked(&mut self, records: &[u8]) -> Result<(), (TakeError, usize)> {
        let record_bytes = self.record_bytes();
        let mut done = 0;
        while done < records.len() {
            let taken = self.writer.try_append_stored(&records[done..], record_bytes);
            done += taken.map_err(|error| (error, done))?;
            let last = RecordHeader::decode(&records[done - record_bytes..]);
            let order = Follow { epoch: last.epoch(), time_ns: last.time_ns };
            self.behind = Behind { order, last: Bond::of(last) };
        }
        Ok(())
    }

    /// Goes on with records of another schema, from the next one on: the segment ends, and the next one
    /// begins with it. What was taken so far is durable then. With the schema that it has nothing happens.
    ///
    /// # Errors
    /// [`NextTypeError`]. The replica is closed then, and can be opened again with either schema.
    pub fn next_type(self, schema: &Schema) -> Result<Self, NextTypeError> {
        if *schema == self.schema {
            return Ok(self);
        }
        let Replica { journal, writer, origin, threads, .. } = self;
        let storage = writer.storage.clone();
        let carried = Carried::close(writer)?;
        let (replica, _) = wiring::open_replica(&journal, &storage, schema, &origin, threads, carried)?;
        Ok(replica)
    }

    /// Ends the replica: from here on the journal is written by the writer that is returned, whose epoch is
    /// `epoch`, as if it were opened with [`Journal::promote`]. Whoever has the replica's
    /// [cursors](Replica::cursors) or its [retention](Replica::retention) has the writer's.
    ///
    /// ```
    /// use slipring_journal::{Event, Journal, JournalId, Origin};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// let origin = Origin::of(JournalId([0xb9; 16]));
    /// let (replica, _) = Journal::at(folder.path()).replica(&Tick::schema(), &origin)?;
    /// let cursors = replica.cursors();
    /// let (mut writer, _) = replica.promote::<Tick>(1024)?;
    /// writer.append(1_000, &Tick { price: 101 })?;
    /// assert_eq!((writer.epoch(), cursors.journalled_end()), (1024, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NextTypeError`], in `Open` what [`Journal::promote`] and [`Journal::open`] refuse. The replica is
    /// closed then.
    pub fn promote<E: Event>(self, epoch: u32) -> Result<(Writer<E, S>, RecoveryReport), NextTypeError> {
        let Replica { journal, writer, threads, .. } = self;
        let storage = writer.storage.clone();
        let carried = Carried::close(writer)?;
        Ok(wiring::open_promoted(&journal, &storage, epoch, threads, carried)?)
    }

    /// What the bytes of an event are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Size of a record in bytes, header included.
    pub fn record_bytes(&self) -> usize {
        untyped::record_bytes(self.schema.size)
    }

    /// The sequence of the record that it takes next.
    pub fn end_sequence(&self) -> u64 {
        self.writer.end_sequence()
    }

    /// The last record, or the one before the first if there is none yet; `None` if that is not known.
    pub fn last(&self) -> Option<Anchor> {
        let sequence = self.end_sequence().checked_sub(1)?;
        let last = self.behind.last;
        last.is_known().then(|| Anchor::at(self.journal_id(), sequence, last))
    }

    /// Journal time of the last record, in nanoseconds.
    pub fn last_time_ns(&self) -> Option<u64> {
        self.writer.last_time_ns()
    }

    /// The greatest epoch of its records, or of the one before the first; 0 if there is neither.
    pub fn epoch(&self) -> u32 {
        self.behind.order.epoch
    }

    /// The greatest epoch that it knows: of its records, or of an opening of its own as a writer, before it
    /// was [cut back](Journal::rejoin). What a promotion goes by:
    /// [`promotion_epoch`](crate::promotion_epoch).
    pub fn known_epoch(&self) -> u32 {
        self.writer.progress.known_epoch()
    }

    /// The identity of the journal that it is a replica of, which is its own.
    pub fn journal_id(&self) -> JournalId {
        self.writer.journal_id()
    }

    /// Which copy of the journal it is a replica of; zeros for the one that was made first.
    pub fn branch(&self) -> [u8; 16] {
        self.origin.branch
    }

    /// The journal's cursors, to watch or to wait for. They go on through [`Replica::next_type`] and
    /// [`Replica::promote`].
    pub fn cursors(&self) -> Cursors {
        self.writer.cursors()
    }

    /// Says what snapshots and readers need, if the journal has a [`Retention`](crate::Retention).
    pub fn retention(&self) -> Option<RetentionHandle> {
        self.writer.retention()
    }

    /// A reader of everything taken so far.
    ///
    /// # Errors
    /// As [`Journal::raw_reader`].
    pub fn reader(&self) -> Result<RawReader<S>, ReadError> {
        Ok(self.writer.reader()?.into_raw())
    }

    /// The same, as events of a type.
    ///
    /// # Errors
    /// As [`Journal::reader`].
    pub fn reader_as<E: Event>(&self) -> Result<Reader<E, S>, ReadError> {
        let hold = self.retention().as_ref().map(RetentionHandle::hold);
        Reader::open_held(self.writer.storage.clone(), self.end_sequence(), hold)
    }

    /// Syncs everything and ends; the sequence behind the last record.
    ///
    /// # Errors
    /// As [`Writer::close`](crate::Writer::close).
    pub fn close(self) -> Result<u64, SyncError> {
        self.writer.close()
    }

    /// One round of the syncer on this thread; for a replica opened without threads of its own.
    #[doc(hidden)]
    pub fn step_syncer(&mut self) -> bool {
        self.writer.step_syncer()
    }

    /// One round of the preparer on this thread; whether there may be more to do.
    #[doc(hidden)]
    pub fn step_preparer(&mut self) -> bool {
        self.writer.step_preparer()
    }

    /// Drops it as if its process had died.
    #[doc(hidden)]
    pub fn abandon(self) {
        self.writer.abandon();
    }
}

impl Journal {
    /// Opens the journal as a replica of another, to take that one's records. A new one is made if there is
    /// none: of that identity, beginning at `origin.first`. One that is there goes on where it ends, whatever
    /// `origin.first` says. `schema` is that of the next record, as it stands in the header of the segment in
    /// which that lies; if it is another than that of the records before, a new segment begins.
    ///
    /// # Errors
    /// As [`Journal::open_raw`]; [`OpenError::NotReplica`] if the journal has records of its own, or was
    /// promoted: then see [`Journal::rejoin`]; [`OpenError::OtherOrigin`] if it is a replica of another.
    pub fn replica(&self, schema: &Schema, origin: &Origin) -> Result<(Replica, RecoveryReport), OpenError> {
        wiring::open_replica(self, &self.files(), schema, origin, true, Carried::default())
    }

    /// The same on another storage; without threads, the caller drives preparer and syncer.
    #[doc(hidden)]
    pub fn replica_on<S: Storage>(
        &self,
        storage: &S,
        schema: &Schema,
        origin: &Origin,
        threads: bool,
    ) -> Result<(Replica<S>, RecoveryReport), OpenError> {
        wiring::open_replica(self, storage, schema, origin, threads, Carried::default())
    }

    /// As what it is opened for writing.
    pub(super) fn opening(&self) -> Opening<'static> {
        self.opening
    }
}
