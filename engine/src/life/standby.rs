//! A warm standby: a replica of another engine's journal, and the stages that see each of its records as soon
//! as it is taken. Promoted, it goes live where it stands.
//!
//! ```text
//!  records made elsewhere --take--> replica (checked, stored as they lie)
//!                              |
//!                              +--> ring --+--> journal's stage: passes them
//!                                          +--> stages: as replayed, effects done already
//!
//!  promote: the replica becomes the writer, which the journal's stage takes over in the same ring
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use slipring_journal::__private::Shown;
use slipring_journal::{Event, Journal, JournalFault, Origin, ReadError, RecoveryReport, Replica, Schema};

use super::engine::{Engine, Pause};
use super::feed::feed;
use super::held::{Held, Replicated};
use super::lane_cores::LaneCores;
use super::recovered::Recovered;
use super::replay::{Replay, ReplayFrom, time_before};
use super::shutdown::{ShutdownError, ShutdownReport};
use super::standby_error::StandbyError;
use super::start::Begin;
use crate::describe::builder::EngineBuilder;
use crate::error::{Halted, KeepError};
use crate::kept::epochs::Epochs;
use crate::publish::publisher::Publisher;
use crate::ring::Slot;
use crate::work::news::News;
use crate::work::standby_journal::WriterSlot;

/// An engine that is kept warm behind a replica of another engine's journal, ready to take over.
///
/// What is [taken](Standby::take) goes into the replica and, as replayed, into the ring: handlers see the
/// sequences, times and [keys](crate::Context::key) that the primary's saw, and every effect as
/// [done already](crate::Context::already_done), for it is the primary's to have it. So states are equal,
/// event for event. [Promoted](Standby::promote), the engine goes live as any that was opened.
///
/// Killed anywhere, it is opened again as a standby. Stages keep their snapshots meanwhile, so it need not
/// replay all.
///
/// ```
/// # use slipring::prelude::*;
/// # use slipring::Origin;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let (primary, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
/// # let (mut writer, _) = Journal::at(primary.path()).open::<Tick>()?;
/// # (0..3).try_for_each(|price| writer.append(price, &Tick { price }).map(drop))?;
/// # let journal_id = writer.journal_id();
/// # writer.close()?;
/// # let info = slipring_journal::inspect(primary.path())?;
/// # let file = std::fs::read(primary.path().join(&info.segments[0].name))?;
/// # let records = &file[info.segments[0].records_at as usize..][..3 * info.record_bytes];
/// let mut sum = 0;
/// let book = move |tick: &Tick, _: &Context| sum += tick.price;
/// let lane = Lane::named("main").journal().stage("book", book, Gate::JOURNALLED);
/// let builder = Engine::builder().journal(Journal::at(folder.path())).lane(lane);
/// let mut standby = builder.standby(&Origin::of(journal_id), &Tick::schema())?;
/// // `records` lie as in a segment of the primary's journal: a bridge brings them.
/// assert_eq!(standby.take(0, None, records)?, 3);
/// // The primary is gone:
/// let (engine, mut publisher) = standby.promote(1024)?.go_live()?;
/// assert_eq!(publisher.publish(Tick { price: 7 })?, 3);
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [fail over](https://github.com/slipring/slipring/blob/main/docs/how-to/fail-over.md).
pub struct Standby<E: Event> {
    /// Ended before the replica is closed, whose companions it waits for.
    pub(super) engine: Engine<E>,
    pub(super) publisher: Publisher<E>,
    /// None behind an error that closed it.
    pub(super) replica: Option<Replica>,
    shown: Shown<E>,
    news: Arc<News>,
    slot: WriterSlot<E>,
    pub(super) journal: Journal,
    lane_cores: LaneCores,
    /// Of the last record that is in the ring.
    pub(super) epoch: u32,
    /// What it becomes.
    pub(super) recovered: Recovered<E>,
}

impl<E: Event> EngineBuilder<E> {
    /// Opens the engine as a warm standby: its journal as a replica of another, which is made if there is
    /// none, and the stages running. What the replica holds is put through them first, as by a replay
    /// [`ReplayFrom::Snapshot`]. `first` is the schema of the first records that a new one takes; one that is
    /// there goes on with that of its newest.
    ///
    /// A stage with [effects](crate::Effects) that is new to the replica takes all effects so far as the
    /// primary's; [`Effects::first_time`](crate::Effects::first_time) is not asked.
    ///
    /// # Errors
    /// [`StandbyError`]: what was said makes no sense, the journal is no replica of `origin`, or its records
    /// can't be put through the stages.
    pub fn standby(mut self, origin: &Origin, first: &Schema) -> Result<Standby<E>, StandbyError> {
        self.check(false)?;
        let Some(mut journal) = self.journal.clone() else { return Err(StandbyError::NoJournal) };
        if self.holds_history() {
            journal = journal.held_by_snapshots();
        }
        let schema = newest_schema(&journal)?.unwrap_or_else(|| first.clone());
        let shown = show(&schema)?;
        let (replica, report) = self.lane_cores().away(|| journal.replica(&schema, origin))?;
        self.take_columns()?;
        self.open_acknowledged(&journal, replica.journal_id(), replica.cursors())?;
        Standby::start(self, journal, (replica, shown), report)
    }
}

/// The schema of a journal's newest records, if there is a journal with any segment.
fn newest_schema(journal: &Journal) -> Result<Option<Schema>, ReadError> {
    match journal.raw_reader() {
        Ok(reader) => Ok(reader.schema()),
        Err(ReadError::Journal(JournalFault::NoJournal { .. })) => Ok(None),
        Err(other) => Err(other),
    }
}

fn show<E: Event>(schema: &Schema) -> Result<Shown<E>, StandbyError> {
    Shown::of(schema).map_err(|differences| StandbyError::NewerType { differences })
}

impl<E: Event> Standby<E> {
    /// Starts the lanes and puts what is there through them.
    fn start(
        mut builder: EngineBuilder<E>,
        journal: Journal,
        (replica, shown): (Replica, Shown<E>),
        report: RecoveryReport,
    ) -> Result<Self, StandbyError> {
        let mut reader = replica.reader_as::<E>()?;
        let end = replica.end_sequence();
        let mut recovered = Recovered::standing_by(report);
        let opened = recovered.open_stages(&mut builder, &mut reader, true)?;
        let first = opened.iter().map(|(_, opened)| opened.from).min().unwrap_or(end);
        let base = first.max(reader.first_sequence());
        let time_ns = time_before(&mut reader, base)?;
        let epochs = Epochs::of(reader.as_raw(), base, end)?;
        let epoch = epochs.last();
        let (news, slot) = (News::new(builder.items().count()), WriterSlot::<E>::new(Mutex::default()));
        let held = Held::Replica(Replicated {
            journal_id: replica.journal_id(),
            cursors: replica.cursors(),
            retention: replica.retention(),
            slot: Arc::clone(&slot),
            news: Arc::clone(&news),
        });
        let begin = Begin { base, live_from: end, time_ns, epochs, source: None };
        let lane_cores = builder.lane_cores();
        let (engine, publisher) = builder.start(held, begin).map_err(StandbyError::Build)?;
        let replica = Some(replica);
        let mut standby =
            Standby { engine, publisher, replica, shown, news, slot, journal, lane_cores, epoch, recovered };
        standby.pass_acknowledged(false)?;
        let mut replay = Replay::new(ReplayFrom::Snapshot);
        feed(&mut reader, (base, end), &standby.engine, &mut standby.publisher, &mut replay)?;
        Ok(standby)
    }

    /// Takes whole records as they lie in a segment, of which the first is of sequence `first`: into the
    /// replica, and into the ring. Returns when the ring has them, while stages may still be at work; the
    /// sequence behind the last. Waits while there is no room. `before` is epoch and checksum of the record
    /// before the first, as [`Replica::take`] has it. All are checked before any is taken.
    ///
    /// # Errors
    /// [`StandbyError::Take`] says which record is refused and why, [`StandbyError::NotShown`] which one is
    /// no event of this program; none is taken then. [`StandbyError::Halted`] if a stage has failed.
    pub fn take(
        &mut self,
        first: u64,
        before: Option<(u32, u32)>,
        records: &[u8],
    ) -> Result<u64, StandbyError> {
        if let Some(halted) = self.engine.halted() {
            return Err(halted.into());
        }
        let replica = self.replica.as_mut().ok_or(StandbyError::Closed)?;
        let not_shown = |(index, difference)| StandbyError::NotShown {
            sequence: first.saturating_add(index as u64),
            differences: vec![difference],
        };
        if self.shown.turns() {
            replica.check(first, before, records)?;
        }
        // Before they are taken, and outside of the ring: it may be its author's code that turns them.
        let turned = self.shown.turned(records).map_err(not_shown)?;
        let end = replica.take(first, before, records)?;
        // A note that can't be taken keeps no standby from its work: a promotion takes it again.
        let _ = self.pass_acknowledged(false);
        self.publish(records, turned.as_deref())?;
        Ok(end)
    }

    /// Has the ring take records that the replica has taken; as these events, where they are of another type.
    fn publish(&mut self, records: &[u8], turned: Option<&[E]>) -> Result<(), StandbyError> {
        let bytes = self.shown.record_bytes();
        let (mut rest, mut at) = (records, self.publisher.end());
        let mut done = 0;
        while !rest.is_empty() {
            let epoch = Shown::<E>::header(rest).epoch;
            if epoch != self.epoch {
                self.news.tell_epoch(at, epoch);
                self.wait_heard()?;
                self.epoch = epoch;
            }
            let of_epoch = |record: &&[u8]| Shown::<E>::header(record).epoch == epoch;
            let count = rest.chunks_exact(bytes).take_while(of_epoch).count();
            let (now, later) = rest.split_at(count * bytes);
            let fill = |index: usize, slot: &mut Slot<E>| {
                let record = &now[index * bytes..][..bytes];
                let header = Shown::<E>::header(record);
                let event = turned.map_or_else(|| Shown::same(record), |turned| turned[done + index]);
                slot.set(header.time_ns, header.is_void, &event);
            };
            let put = self.publisher.put_all(count, None, fill);
            if now.chunks_exact(bytes).any(|record| Shown::<E>::header(record).is_void) {
                self.publisher.clear_voids();
            }
            if put.is_err() {
                return Err(self.engine.halted().map_or(StandbyError::Closed, StandbyError::Halted));
            }
            (rest, at, done) = (later, at + count as u64, done + count);
        }
        Ok(())
    }

    /// Goes on with records of another schema, from the next one on. With the schema that they have nothing
    /// happens. A stream says it before the first such record.
    ///
    /// # Errors
    /// [`StandbyError::NewerType`] if they can't be shown as this program's events: the standby goes on with
    /// those of before. [`StandbyError::Turn`]: it is closed then.
    pub fn next_type(&mut self, schema: &Schema) -> Result<(), StandbyError> {
        if self.schema() == Some(schema) {
            return Ok(());
        }
        let shown = show(schema)?;
        let replica = self.replica.take().ok_or(StandbyError::Closed)?;
        self.replica = Some(replica.next_type(schema)?);
        self.engine.note_counters(&self.journal);
        self.shown = shown;
        Ok(())
    }

    /// Waits until every stage has finished all that was taken; the sequence behind it.
    ///
    /// # Errors
    /// [`StandbyError::Halted`] if a stage fails.
    pub fn settle(&self) -> Result<u64, StandbyError> {
        let end = self.publisher.end();
        self.engine.wait_all(end)?;
        Ok(end)
    }

    /// Makes it the primary, once all that was taken is finished by every stage and durable: the replica
    /// becomes a writer whose epoch is `epoch`, greater than any that it knows, and the journal's stage takes
    /// that over. What comes back is replayed already: it [goes live](Recovered::go_live).
    ///
    /// Nothing here keeps the old primary from going on: agree with whoever keeps the stream that this one is
    /// to write from here on, *before* the call. `slipring-bridge` does so.
    ///
    /// # Errors
    /// [`StandbyError::Halted`] if a stage fails, [`StandbyError::Turn`] if the replica can't become a writer
    /// of that epoch, [`StandbyError::Replay`] if what was acknowledged can't be noted. The standby is
    /// closed then and, unless the control file says otherwise, still one when it is opened again.
    pub fn promote(mut self, epoch: u32) -> Result<Recovered<E>, StandbyError> {
        let end = self.settle()?;
        // Whose effects they were is noted before the journal is this engine's own.
        self.news.tell_nothing();
        self.wait_heard()?;
        // Before that too: a life that follows must not wait for what is acknowledged already.
        self.pass_acknowledged(true)?;
        let replica = self.replica.take().ok_or(StandbyError::Closed)?;
        let (writer, report) = self.lane_cores.away(|| replica.promote::<E>(epoch))?;
        self.engine.note_counters(&self.journal);
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        self.engine.begin_live(end);
        self.news.tell_live(end, epoch);
        self.wait_heard()?;
        let Standby { engine, publisher, mut recovered, .. } = self;
        recovered.become_live((engine, publisher), report);
        Ok(recovered)
    }

    /// Ends it in good order: every stage finishes all that was taken, and the replica is synced and closed.
    ///
    /// # Errors
    /// As [`Engine::join`].
    pub fn close(self) -> Result<ShutdownReport, ShutdownError> {
        let Standby { engine, replica, .. } = self;
        let mut report = engine.join()?;
        match replica.map(Replica::close) {
            Some(Ok(durable_end)) => report.durable_end = Some(durable_end),
            Some(Err(error)) => return Err(ShutdownError::Journal(error, Box::new(report))),
            None => {}
        }
        Ok(report)
    }

    /// Waits until every stage acts by what it was told.
    fn wait_heard(&self) -> Result<(), Halted> {
        let shared = &self.engine.shared;
        // One that parks just now has looked before, or finds the wake-up kept for it.
        shared.outlet.parking.wake_all();
        let mut pause = Pause::default();
        while !self.news.is_heard(&shared.status) {
            if let Some(halted) = shared.status.halted() {
                return Err(halted.clone());
            }
            self.engine.pause(&mut pause);
        }
        Ok(())
    }

    /// What comes from a stream is acknowledged by who keeps that.
    fn pass_acknowledged(&self, sync: bool) -> Result<(), KeepError> {
        let Some(names) = &self.engine.shared.acknowledged else { return Ok(()) };
        names.pass(self.end_sequence(), self.last().as_ref(), sync)
    }
}

impl<E: Event> std::fmt::Debug for Standby<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standby")
            .field("replica", &self.replica)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}
