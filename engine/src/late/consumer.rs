//! Late consumers, as the user describes them, and how one is started.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use slipring_journal::__private::storage::Files;
use slipring_journal::{Anchor, Cursors, Event, Follower, Journal, ReadError, Reader, RetentionHandle};

use super::error::LateError;
use super::handle::LateHandle;
use super::run::{self, LateRun, LateShared};
use crate::counters::board::Board;
use crate::counters::figures::LateCounters;
use crate::counters::late::LatePlace;
use crate::cursors::cursor::Cursor;
use crate::handler::{HandlerError, Outcome};

/// Where a late consumer starts.
///
/// See the example of [`LateConsumer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowFrom {
    /// At the first record kept.
    Start,
    /// At the first record whose journal time is this or later, nanoseconds; it need not be there yet.
    Time(u64),
    /// At this sequence, which need not be there yet.
    Sequence(u64),
    /// Behind a saved position, if the log still holds what it was saved from.
    Anchor(Anchor),
    /// Behind the last record that is there now.
    End,
}

/// What a late consumer's handler may know of the event that it is given. Not what a stage made of it: a
/// [`Column`](crate::Column) is read by stages alone.
///
/// See the example of [`LateConsumer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateContext {
    pub(crate) anchor: Anchor,
    pub(crate) time_ns: u64,
    pub(crate) remaining: u32,
}

impl LateContext {
    /// The event's sequence.
    pub fn sequence(&self) -> u64 {
        self.anchor.sequence
    }

    /// The event's journal time in nanoseconds, the same that the engine's stages see.
    pub fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// The event's position, to be saved with what the handler makes of it: a later consumer that starts
    /// there ([`FollowFrom::Anchor`]) goes on behind it.
    ///
    /// A record that was not durable yet may be lost with the power, and another may come to lie there. The
    /// anchor is refused then; [`LateConsumer::durable`] keeps clear of that.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Whether this is the last of the events that were read together: a good moment to flush. Not
    /// deterministic.
    pub fn end_of_batch(&self) -> bool {
        self.remaining == 0
    }
}

/// A late consumer's code. Any `FnMut(&E, &LateContext)` is one, whether it returns nothing or a `Result<(),
/// X>`.
///
/// See the example of [`LateConsumer`].
pub trait LateHandler<E: Event>: Send + 'static {
    /// Processes one event.
    ///
    /// # Errors
    /// An error ends this consumer and nothing else.
    fn event(&mut self, event: &E, context: &LateContext) -> Result<(), HandlerError>;

    /// Called when there is nothing more to read just now.
    fn idle(&mut self) {}
}

impl<E: Event, F, O> LateHandler<E> for F
where
    F: FnMut(&E, &LateContext) -> O + Send + 'static,
    O: Outcome,
{
    fn event(&mut self, event: &E, context: &LateContext) -> Result<(), HandlerError> {
        self(event, context).into_result()
    }
}

/// Describes a late consumer; [`Engine::follow`](crate::Engine::follow) starts it, or
/// [`LateConsumer::follow`] over the files of a journal that another process writes.
///
/// ```
/// use std::time::Duration;
/// use slipring::{Event, FollowFrom, Journal, LateConsumer, LateContext, LateEnd, LateError};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Trade { shares: u64 }
///
/// /// Beside the engine, in this process or another.
/// fn watch(journal: &Journal) -> Result<(), LateError> {
///     let print = |trade: &Trade, context: &LateContext| println!("{}: {trade:?}", context.sequence());
///     let handle = LateConsumer::named("print").from(FollowFrom::End).durable().follow(journal, print)?;
///     std::thread::sleep(Duration::from_secs(60));
///     let LateEnd { end, failure, .. } = handle.stop();
///     println!("saw what lies before {end}");
///     failure.map_or(Ok(()), Err)
/// }
/// ```
///
/// More: [follow the journal][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/back-up-and-archive.md#follow-the-journal-into-another-one
#[derive(Clone, Debug)]
pub struct LateConsumer {
    pub(crate) name: String,
    from: FollowFrom,
    durable: bool,
    pub(crate) acknowledged: Option<String>,
    longest_sleep: Duration,
}

/// How often a start is tried while retention removes what it was to start with.
const TRIES: u32 = 10;

impl LateConsumer {
    /// A late consumer of this name, from the first record kept. Its thread is named so too.
    pub fn named(name: impl Into<String>) -> Self {
        let longest_sleep = Duration::from_millis(1);
        let (from, acknowledged) = (FollowFrom::Start, None);
        LateConsumer { name: name.into(), from, durable: false, acknowledged, longest_sleep }
    }

    /// Where it starts.
    #[must_use]
    pub fn from(mut self, from: FollowFrom) -> Self {
        self.from = from;
        self
    }

    /// Reads only what is durable, so that no power loss takes back what it has seen.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Reads only what is acknowledged under this name: what somebody outside has, a server that keeps a copy
    /// of the journal say, over [`Engine::acknowledge`](crate::Engine::acknowledge). While nobody
    /// acknowledges it waits, and holds nobody up; retention waits for it within the bounds of a lease. From
    /// when it is started the engine takes acknowledgements of the name. When the engine ends it ends at what
    /// is acknowledged ([`LateEnd::unacknowledged`](crate::LateEnd::unacknowledged)).
    ///
    /// Only with [`Engine::follow`](crate::Engine::follow). See the example of
    /// [`Acknowledger`](crate::Acknowledger).
    #[must_use]
    pub fn acknowledged(mut self, name: impl Into<String>) -> Self {
        self.acknowledged = Some(name.into());
        self
    }

    /// How long it sleeps at most between two looks when nothing comes; 1 ms if not set. Nobody wakes it, so
    /// that it costs the journal nothing; the first looks after a record come sooner.
    #[must_use]
    pub fn longest_sleep(mut self, sleep: Duration) -> Self {
        self.longest_sleep = sleep.max(run::FIRST_SLEEP);
        self
    }

    /// Follows a journal by its files, whoever writes it and whether or not somebody does. It goes on until
    /// its handle stops it, and holds no lease: retention may evict it.
    ///
    /// ```
    /// # use slipring::{Event, FollowFrom, Journal, LateConsumer, LateContext};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::at(folder.path());
    /// # let (mut writer, _) = slipring_journal::Journal::at(folder.path()).open::<Tick>()?;
    /// # writer.append(1, &Tick { price: 7 })?;
    /// let last = LateConsumer::named("last").from(FollowFrom::Start);
    /// let handle = last.follow(&journal, |tick: &Tick, cx: &LateContext| {
    ///     println!("{}: {}", cx.sequence(), tick.price);
    /// })?;
    /// # while handle.end() < 1 { std::thread::yield_now() }
    /// let stopped = handle.stop();
    /// assert!(stopped.failure.is_none());
    /// // stopped.anchor: where a next one goes on.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LateError::Start`] if the journal can't be read from there on; [`LateError::BadName`];
    /// [`LateError::AcknowledgedElsewhere`].
    pub fn follow<E: Event, H: LateHandler<E>>(
        self,
        journal: &Journal,
        handler: H,
    ) -> Result<LateHandle<H>, LateError> {
        if let Some(acknowledged) = self.acknowledged {
            return Err(LateError::AcknowledgedElsewhere { name: self.name, acknowledged });
        }
        let history = History { files: journal.files(), cursors: None, retention: None };
        let alone =
            |name, end, anchor| Ok(LateShared::new(name, LatePlace::private(end), anchor, None, None).into());
        self.start(&history, alone, handler)
    }

    /// Starts it, once `share` has made known its name, where it starts, and behind what position.
    pub(crate) fn start<E: Event, H: LateHandler<E>>(
        self,
        history: &History,
        share: impl FnOnce(String, u64, Option<Anchor>) -> Result<Arc<LateShared>, LateError>,
        handler: H,
    ) -> Result<LateHandle<H>, LateError> {
        if self.name.contains('\0') {
            return Err(LateError::BadName { name: self.name });
        }
        let failed = |source| LateError::Start { name: self.name.clone(), source };
        let mut tries = 0;
        let (follower, lease) = loop {
            tries += 1;
            match history.begin::<E>(self.from) {
                // The beginning moved on between the look and the opening.
                Err(ReadError::Evicted { .. } | ReadError::OutOfRange { .. })
                    if tries < TRIES && matches!(self.from, FollowFrom::Start | FollowFrom::Time(_)) => {}
                begun => break begun.map_err(failed)?,
            }
        };
        let not_before_ns = if let FollowFrom::Time(time_ns) = self.from { time_ns } else { 0 };
        let shared = share(self.name, follower.next_sequence(), follower.anchor())?;
        let (durable, longest_sleep) = (self.durable, self.longest_sleep);
        let shared_by = Arc::clone(&shared);
        let run =
            LateRun { follower, lease, handler, shared: shared_by, durable, not_before_ns, longest_sleep };
        LateHandle::spawn(shared, run)
    }
}

/// The journal whose history is followed.
#[derive(Debug)]
pub(crate) struct History {
    files: Files,
    /// Where the journal is, if this process writes it.
    pub(crate) cursors: Option<Cursors>,
    pub(crate) retention: Option<RetentionHandle>,
}

impl History {
    pub(crate) fn new(files: Files, cursors: Cursors, retention: Option<RetentionHandle>) -> Self {
        History { files, cursors: Some(cursors), retention }
    }

    /// Takes the lease first, then opens: what it holds can't go in between.
    fn begin<E: Event>(
        &self,
        from: FollowFrom,
    ) -> Result<(Follower<E>, Option<slipring_journal::Lease>), ReadError> {
        // Nothing need be searched for an end that is known.
        let end = self.cursors.as_ref().map(Cursors::journalled_end);
        let reader = || Reader::<E>::open_to(self.files.clone(), end);
        let sequence = match from {
            FollowFrom::Start => reader()?.first_sequence(),
            FollowFrom::Time(time_ns) => reader()?.lower_bound(time_ns)?,
            FollowFrom::Sequence(sequence) => sequence,
            FollowFrom::Anchor(anchor) => anchor.sequence,
            FollowFrom::End => reader()?.end_sequence(),
        };
        let lease = self.retention.as_ref().map(|retention| retention.lease(sequence)).transpose()?;
        let follower = match from {
            FollowFrom::Anchor(anchor) => Follower::resume_on(self.files.clone(), anchor)?,
            _ => Follower::open_on(self.files.clone(), sequence)?,
        };
        Ok((follower, lease))
    }
}

/// An engine's late consumers, as long as they are there.
#[derive(Debug)]
pub(crate) struct LateConsumers {
    list: Mutex<Vec<Weak<LateShared>>>,
    /// Where others read of them.
    board: Arc<Board>,
}

impl LateConsumers {
    pub(crate) fn new(board: Arc<Board>) -> Self {
        LateConsumers { list: Mutex::default(), board }
    }

    /// Adds one, unless a stage or another one has its name.
    pub(crate) fn add(
        &self,
        stages: &[String],
        name: String,
        end: u64,
        anchor: Option<Anchor>,
        (cursors, acknowledged): (Option<Cursors>, Option<Cursor>),
    ) -> Result<Arc<LateShared>, LateError> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|one| one.strong_count() > 0);
        let taken = |other: &Weak<LateShared>| other.upgrade().is_some_and(|other| other.name() == name);
        if stages.contains(&name) || list.iter().any(taken) {
            return Err(LateError::NameTaken { name });
        }
        // Under the list's lock: places are taken one at a time.
        let place = self.board.take_late(&name, end);
        let shared = Arc::new(LateShared::new(name, place, anchor, cursors, acknowledged));
        list.push(Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Where they stand, without their lags. Those whose handles are gone are not counted any more.
    pub(crate) fn counters(&self) -> Vec<LateCounters> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = |one: Arc<LateShared>| LateCounters {
            name: one.name().to_owned(),
            end: one.end(),
            lag: 0,
            failed: one.failure().is_some(),
            evicted: one.failure().is_some_and(LateError::is_evicted),
        };
        list.iter().filter_map(Weak::upgrade).map(figures).collect()
    }
}
