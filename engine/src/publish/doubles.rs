//! What a double is: by which id, and within which window.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipring_journal::{Event, Identified, Kind, ReadError, Reader};

use super::window::{MOST_EVENTS, Window};
use crate::error::BuildError;
use crate::ring::check_memory;

/// Says an event's id.
///
/// [`ById`] takes the field that the event's type declares; any `Fn(&E) -> Option<u128>` is one too.
///
/// See the example of [`Doubles`].
pub trait IdOf<E>: Send + Sync + 'static {
    /// The id; `None` of an event that is never a double. The same event must have the same id in every life.
    fn id_of(&self, event: &E) -> Option<u128>;
}

/// The id that the event's type declares: `#[event(id)]` on a field.
///
/// See the example of [`Doubles`].
#[derive(Clone, Copy, Debug)]
pub struct ById;

impl<E: Identified> IdOf<E> for ById {
    #[inline]
    fn id_of(&self, event: &E) -> Option<u128> {
        Some(event.id())
    }
}

impl<E: Event, F: Fn(&E) -> Option<u128> + Send + Sync + 'static> IdOf<E> for F {
    #[inline]
    fn id_of(&self, event: &E) -> Option<u128> {
        self(event)
    }
}

/// What an engine takes for a double: an event whose id one of the last so many events has.
///
/// ```
/// # use slipring::prelude::*;
/// use slipring::{Doubles, Published};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Order { #[event(id)] id: u64, quantity: u64 }
///
/// # let folder = tempfile::tempdir()?;
/// # let place = folder.path().join("orders");
/// let lane = Lane::named("main").journal().stage("book", |_: &Order, _: &Context| (), Gate::JOURNALLED);
/// let mut recovered = Engine::builder().journal(Journal::at(place)).lane(lane).open()?;
/// recovered.replay(ReplayFrom::Start)?;
/// let (engine, mut publisher) = recovered.go_live_without_doubles(Doubles::by_id(1 << 16))?;
/// let order = Order { id: 7, quantity: 100 };
/// assert_eq!(publisher.publish(order)?, Published::New { sequence: 0 });
/// assert_eq!(publisher.publish(order)?, Published::Double { sequence: 0 });
/// assert_eq!(engine.counters().doubles, 1);
/// # engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [drop doubles](https://github.com/slipring/slipring/blob/main/docs/how-to/drop-doubles.md).
#[derive(Clone, Copy, Debug)]
pub struct Doubles<I = ById> {
    id_of: I,
    events: usize,
    span_ns: u64,
}

impl Doubles {
    /// By the id that the event's type declares, within the last `events` events. A window takes 40 to 48
    /// bytes an event.
    pub fn by_id(events: usize) -> Self {
        Doubles { id_of: ById, events, span_ns: u64::MAX }
    }
}

impl<I> Doubles<I> {
    /// By an id of one's own, within the last `events` events. An event for which there is `None` is never a
    /// double, as one whose type in a one-of event has no id.
    ///
    /// ```
    /// # use slipring::{Doubles, Event};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Fill { venue: u64, number: u64 }
    /// let doubles = Doubles::by(1 << 20, |fill: &Fill| {
    ///     Some(u128::from(fill.venue) << 64 | u128::from(fill.number))
    /// });
    /// ```
    pub fn by<E: Event>(events: usize, id_of: I) -> Self
    where
        I: Fn(&E) -> Option<u128> + Send + Sync + 'static,
    {
        Doubles { id_of, events, span_ns: u64::MAX }
    }

    /// Of those events only the ones of this span of journal time count.
    #[must_use]
    pub fn within(mut self, span: Duration) -> Self {
        self.span_ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// Takes the memory, for an engine whose next sequence is `end`.
    pub(crate) fn open<E: Event>(self, end: u64) -> Result<IdsSeen<I>, BuildError>
    where
        I: IdOf<E>,
    {
        let events = self.events;
        if events == 0 || events > MOST_EVENTS {
            return Err(BuildError::BadWindow { events });
        }
        let bytes = Window::bytes(events);
        let room = check_memory(bytes);
        room.map_err(|available| BuildError::WindowTooLarge { events, bytes, available })?;
        Ok(IdsSeen { id_of: self.id_of, window: Mutex::new(Window::new(events, self.span_ns, end)) })
    }
}

/// The ids that all publishers of an engine that drops doubles have seen.
#[derive(Debug)]
pub(crate) struct IdsSeen<I> {
    pub(super) id_of: I,
    window: Mutex<Window>,
}

impl<I> IdsSeen<I> {
    pub(super) fn window(&self) -> MutexGuard<'_, Window> {
        // Whole at each moment: of the user's code only the clock is called under the lock, whose panic is
        // caught, and by `read`, before anybody publishes, what says ids.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the journal holds within the window, in its order: what was known when the last of it was
    /// published.
    pub(crate) fn read<E: Event>(&self, reader: &mut Reader<E>) -> Result<(), ReadError>
    where
        I: IdOf<E>,
    {
        let mut window = self.window();
        let end = reader.end_sequence();
        let from = end.saturating_sub(window.events() as u64).max(reader.first_sequence());
        let mut chunks = reader.chunks(from)?;
        while let Some(chunk) = chunks.next_chunk()? {
            for (sequence, record) in (chunk.first_sequence..).zip(chunk.records) {
                let id = match record.kind() {
                    Kind::Void => None,
                    _ => self.id_of.id_of(record.event()),
                };
                window.note(sequence, id, record.time_ns());
            }
        }
        Ok(())
    }
}
