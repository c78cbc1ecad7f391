//! Publishing: events into the ring, with a time, in claimed order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use slipring_journal::Event;

use super::outlet::Outlet;
use crate::cursors::cursor::Cursor;
use crate::error::{Halted, PublishError};
use crate::ring::Producer;
use crate::work::inside::is_inside;

/// Publishes events into an engine's ring.
///
/// An event whose publish returned `Ok` reaches the journal and every stage, whenever the engine is joined or
/// dropped. Only a stage that fails, or a handler that does not return, keeps events from what stands behind
/// it: see [`Engine`](crate::Engine). An event whose publish returned an error comes back with the error and
/// reaches nobody. Dropping the last publisher does not end the engine: [`Engine::join`](crate::Engine::join)
/// does.
///
/// A handler may publish into another engine, and waits while the ring of that engine is full. So two engines
/// whose handlers publish into each other could wait for each other for ever: use
/// [`Publisher::try_publish`] or [`Publisher::publish_timeout`] in one of them.
///
/// ```
/// # use slipring::prelude::*;
/// # use slipring::PublishError;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let lane = Lane::named("book").stage("book", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
/// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
/// publisher.publish(Tick { price: 101 })?;
/// publisher.publish_all(&[Tick { price: 102 }, Tick { price: 103 }])?;
/// match publisher.try_publish(Tick { price: 104 }) {
///     Ok(sequence) => assert_eq!(sequence, 3),
///     Err(PublishError::Full(tick)) => println!("the slowest stage is a ring behind: {tick:?} must wait"),
///     Err(error) => return Err(error.into()),
/// }
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [merge sources](https://github.com/slipring/slipring/blob/main/docs/how-to/merge-sources.md).
pub struct Publisher<E: Event> {
    pub(super) producer: Producer<E>,
    pub(super) outlet: Arc<Outlet>,
    /// The publishers' cursor. Of one, who alone writes it, how far it is; of several a place to park.
    own: Cursor,
    /// Times up to it are taken without a look at anything else: this publisher's own, and raised only when
    /// one lies beyond it.
    pub(super) bound_ns: u64,
    /// The latest time that it is known to have published; of one publisher without that of its last event.
    pub(super) last_ns: u64,
}

/// Of events published one by one, so many at most are not shown to other processes before a stage has
/// finished them.
const SHOWN_EVERY: u64 = 64;
/// Tries on a full ring before the core is yielded.
const SPINS_ON_FULL: u32 = 64;
/// Tries before it sleeps between two: by then it has yielded 2,000 times, and no stage that is at work needs
/// so long.
const TRIES_AWAKE: u32 = 2_000 * SPINS_ON_FULL;

impl<E: Event> Publisher<E> {
    pub(crate) fn new(producer: Producer<E>, outlet: Arc<Outlet>) -> Self {
        outlet.claims().push(Arc::clone(producer.claim()));
        let own = outlet.published.cursor.clone();
        Publisher { producer, outlet, own, bound_ns: 0, last_ns: 0 }
    }

    /// Publishes an event with the clock's time and gives its sequence. Waits while the ring is full.
    ///
    /// # Errors
    /// [`PublishError::Halted`] or [`PublishError::Closed`], with the event; [`PublishError::InHandler`] if
    /// it would have to wait inside a handler of the same engine; [`PublishError::TimeTooFar`] if the clock's
    /// time is, which a second look at the clock does not bear out.
    #[inline(always)]
    pub fn publish(&mut self, event: E) -> Result<u64, PublishError<E>> {
        let time_ns = self.now_ns();
        self.put(time_ns, Some(time_ns), event, |publisher, tries| publisher.wait_for_room(tries, None))
    }

    /// Publishes an event that happened at `time_ns` and gives its sequence. Waits while the ring is full.
    ///
    /// A time before that of an earlier event is taken; what handlers see as the event's time, and the
    /// journal keeps, is then that of the earlier one.
    ///
    /// # Errors
    /// As [`Publisher::publish`]; [`PublishError::TimeTooFar`] if the time lies more than
    /// [`max_time_step`](crate::EngineBuilder::max_time_step) past the last of this publisher's events, the
    /// engine's time, and both the engine's and the system's clock.
    #[inline(always)]
    pub fn publish_at(&mut self, time_ns: u64, event: E) -> Result<u64, PublishError<E>> {
        self.put(time_ns, self.called_ns(), event, |publisher, tries| publisher.wait_for_room(tries, None))
    }

    /// Publishes an event made in place from zeros: `fill` sees an event of zeros. A panic in `fill`
    /// publishes nothing and leaves no hole.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    #[inline]
    pub fn publish_with(&mut self, fill: impl FnOnce(&mut E)) -> Result<u64, PublishError<E>> {
        // Built before a slot is claimed: a claimed slot that is never filled would stall everybody.
        let mut event = E::zeroed();
        fill(&mut event);
        self.publish(event)
    }

    /// Publishes an event with its own time, waiting at most `timeout` for room.
    ///
    /// # Errors
    /// As [`Publisher::publish`], and [`PublishError::TimedOut`].
    pub fn publish_timeout(
        &mut self,
        time_ns: u64,
        event: E,
        timeout: Duration,
    ) -> Result<u64, PublishError<E>> {
        let deadline = Instant::now().checked_add(timeout);
        self.put(time_ns, self.called_ns(), event, |publisher, tries| {
            publisher.wait_for_room(tries, deadline)
        })
    }

    /// Publishes one event; what to do when that can't be done now, `seldom` says.
    ///
    /// No call off the hot path takes the event's address. If one did, the event would have to lie in memory
    /// on the hot path too: stored there in one width and loaded in another, which the processor can't
    /// forward, so that each publish waited for the stores of the one before to reach a slot that another
    /// core holds.
    #[inline(always)]
    pub(super) fn put(
        &mut self,
        time_ns: u64,
        called_ns: Option<u64>,
        event: E,
        mut seldom: impl FnMut(&mut Self, u32) -> Result<(), PublishError<()>>,
    ) -> Result<u64, PublishError<E>> {
        let mut tries = 0u32;
        // One way out for all errors: with two the event lies in memory.
        let error = loop {
            let status = &*self.outlet.status;
            // By value: what is captured by its address would lie in memory, as the event would.
            let may = move || status.lets_publish();
            if time_ns <= self.bound_ns
                && let Some(sequence) = self.producer.try_publish(may, time_ns, &event, called_ns)
            {
                return Ok(self.note_at(sequence, time_ns));
            }
            if time_ns > self.bound_ns {
                match self.check_time(time_ns) {
                    Ok(()) => continue,
                    Err(error) => break error,
                }
            }
            tries = tries.saturating_add(1);
            if let Err(error) = seldom(self, tries) {
                break error;
            }
        };
        Err(error.map(|()| event))
    }

    /// Takes note that all up to `sequence` was published, and gives it. Who publishes a batch takes note of
    /// its times.
    #[inline(always)]
    pub(super) fn note(&mut self, sequence: u64) -> u64 {
        self.note_at(sequence, 0)
    }

    /// As [`Publisher::note`], of one event with its time.
    #[inline(always)]
    fn note_at(&mut self, sequence: u64, time_ns: u64) -> u64 {
        // With one publisher the cursor is the exact count of what is published. With several, each raises it
        // when it goes.
        if self.producer.is_single() {
            self.own.set(sequence + 1);
            if sequence % SHOWN_EVERY == SHOWN_EVERY - 1 {
                self.show_seldom();
            }
        } else {
            self.last_ns = self.last_ns.max(time_ns);
        }
        // Lanes gated on published alone park at this cursor; the slot is stored before the look.
        self.outlet.parking.wake(&self.own);
        sequence
    }

    /// Out of line: inlined, it takes registers from every publish.
    #[cold]
    #[inline(never)]
    fn show_seldom(&self) {
        self.outlet.published.show();
    }

    /// Says how far this publisher is, for figures, and when it goes. Of one the cursor says it already.
    pub(super) fn tell(&self) {
        if !self.producer.is_single() {
            self.outlet.published.raise(self.end());
        }
        self.outlet.published.show();
    }

    /// Replay has been here, and may have left any of the ring's slots void.
    pub(crate) fn clear_voids(&mut self) {
        self.producer.clear_voids();
    }

    /// A moment's wait on a full ring, before the try `tries + 1`.
    #[cold]
    #[inline(never)]
    pub(crate) fn wait_for_room(
        &mut self,
        tries: u32,
        deadline: Option<Instant>,
    ) -> Result<(), PublishError<()>> {
        self.check()?;
        if is_inside(&self.outlet.status) {
            return Err(PublishError::InHandler(()));
        }
        // Once a wait, and of short ones none: several publishers behind a full ring would wait for this word
        // too.
        if tries == SPINS_ON_FULL {
            // Relaxed: a figure.
            self.outlet.counters.each(|line| line.full_waits.fetch_add(1, Ordering::Relaxed));
            self.tell();
        }
        if self.outlet.drive.as_ref().is_some_and(|lanes| lanes.drive() > 0) {
            return Ok(());
        }
        pause_on_full(tries);
        let look = tries % SPINS_ON_FULL == 0 || tries >= TRIES_AWAKE;
        if look && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(PublishError::TimedOut(()));
        }
        Ok(())
    }

    #[inline]
    pub(super) fn check(&self) -> Result<(), PublishError<()>> {
        if self.outlet.status.is_running() { Ok(()) } else { Err(self.refused()) }
    }

    #[cold]
    fn refused(&self) -> PublishError<()> {
        match self.outlet.status.halted() {
            Some(halted) => PublishError::Halted(halted.clone(), ()),
            None => PublishError::Closed(()),
        }
    }

    /// How many events the ring takes before it is full; it may take more a moment later. It may also take
    /// fewer: a stage that is in the midst of a batch says how far it is, and gives the slots back behind it;
    /// and of other publishers only what they said when they last met a full ring is known.
    pub fn remaining_capacity(&self) -> usize {
        let end = self.end().max(self.outlet.published.end());
        let slowest = self.outlet.stages.iter().map(Cursor::end).min().unwrap_or(end);
        self.outlet.capacity.saturating_sub(end.saturating_sub(slowest) as usize)
    }

    /// Another publisher for the same ring, for another thread; `None` unless the engine was built with
    /// [`Publishers::Multi`](crate::Publishers::Multi).
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Publisher::new(self.producer.try_clone()?, Arc::clone(&self.outlet)))
    }

    /// Whether there is no other and never will be.
    pub(crate) fn is_only(&self) -> bool {
        self.producer.is_single()
    }

    /// The sequence behind the last event published; exact only if there are no other publishers.
    pub(crate) fn end(&self) -> u64 {
        self.producer.end()
    }

    /// The time by the engine's clock.
    #[inline(always)]
    pub(crate) fn now_ns(&self) -> u64 {
        now_ns(&self.outlet)
    }

    /// When a publish of events with times of their own is called: now, if a stage asks for it.
    #[inline(always)]
    pub(super) fn called_ns(&self) -> Option<u64> {
        self.producer.is_stamped().then(|| self.now_ns())
    }

    /// Whether the engine takes events: it has not halted, and nobody shuts it down.
    pub fn is_open(&self) -> bool {
        self.outlet.status.is_running()
    }

    /// Why the engine has halted, if it has.
    pub(crate) fn halted(&self) -> Option<Halted> {
        self.outlet.status.halted().cloned()
    }

    pub(crate) fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }
}

impl<E: Event> Drop for Publisher<E> {
    fn drop(&mut self) {
        self.tell();
        // Behind it: who finds no claim any more sees what was raised, by the lock.
        self.outlet.claims().retain(|claim| !Arc::ptr_eq(claim, self.producer.claim()));
    }
}

impl<E: Event> std::fmt::Debug for Publisher<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("producer", &self.producer).field("end", &self.end()).finish()
    }
}

/// The time by the engine's clock, which may be the user's. Should it panic, the engine halts and says so: no
/// thread is torn down on which nobody would notice, and the publish in hand is refused.
#[inline]
pub(crate) fn now_ns(outlet: &Outlet) -> u64 {
    let time_ns = catch_unwind(AssertUnwindSafe(|| outlet.clock.now_ns()));
    time_ns.unwrap_or_else(|panic| outlet.clock_failed(panic))
}

/// Between two tries on a full ring.
fn pause_on_full(tries: u32) {
    match tries {
        // An hour on a full disk is not to be an hour of a core, which preparer and syncer may want.
        TRIES_AWAKE.. => std::thread::sleep(Duration::from_micros(50)),
        _ if tries % SPINS_ON_FULL == 0 => std::thread::yield_now(),
        _ => std::hint::spin_loop(),
    }
}
