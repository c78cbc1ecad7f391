//! Dead letters published again, as new events.
//!
//! Publishing and settling are two steps on two files, so one of them may be all that a killed process has
//! done. The event is published and made durable first: killed in between, its letter stays open and the
//! event is published once more, never not at all.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard};

use slipring_journal::{Cursors, Event, Kind, ReadError, Reader};

use super::engine::Engine;
use crate::cursors::cursor::Cursor;
use crate::error::{KeepError, PublishError, WaitError};
use crate::kept::dead_letter_format::{Again, LetterPlace};
use crate::kept::dead_letters::{DeadLetter, DeadLetters, Settled};
use crate::publish::republish::Republish;
use crate::work::inside::is_inside;

/// How many events that are due are published before one waits for all of them to become durable.
const MOST_AT_ONCE: usize = 32;

/// A dead letter whose event has been published again, and which is settled.
///
/// See the example of [`DeadLetters::reprocess`](crate::DeadLetters::reprocess).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reprocessed {
    /// The letter, as it was while open.
    pub letter: DeadLetter,
    /// The sequence of the new event.
    pub sequence: u64,
}

/// Why dead letters were not all published again. Those before the one named are settled, those behind it
/// untouched.
///
/// See the example of [`DeadLetters::reprocess`](crate::DeadLetters::reprocess).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReprocessError {
    /// The publisher is another engine's.
    #[error("the publisher given belongs to another engine: nothing was published; give both of one engine")]
    ForeignPublisher,
    /// The engine could lose the event again.
    #[error(
        "the engine has no journal, so nothing published into it is ever durable: nothing was published; settle what \
         it has dealt with by DeadLetters::settle"
    )]
    NoJournal,
    /// The journal of the letters can't be opened, or its events are of another type.
    #[error("the journal of the dead letters: {0}")]
    Journal(ReadError),
    /// The logs of dead letters can't be read.
    #[error("the dead letters can't be read: {0}")]
    Letters(KeepError),
    /// A stage that is ahead of the journal refused the event, and the journal has not come to it.
    #[error("the event of the dead letter ({letter}) is not journalled, and was not published: {source}")]
    NotJournalled {
        /// The last of the letters asked for. They stay open.
        letter: Box<DeadLetter>,
        /// Why.
        source: WaitError,
    },
    /// The event can't be read.
    #[error("the event of the dead letter ({letter}) can't be read, and was not published: {source}")]
    Unreadable {
        /// The letter. It stays open.
        letter: Box<DeadLetter>,
        /// Why.
        source: ReadError,
    },
    /// The journal holds another record at the letter's sequence, or a void one.
    #[error(
        "the dead letter ({letter}) has no event to publish: {what}; settle it by hand, saying so, and reprocess the \
         others"
    )]
    NoEvent {
        /// The letter. It stays open.
        letter: Box<DeadLetter>,
        /// What lies there.
        what: &'static str,
    },
    /// The engine did not take the event.
    #[error("the event of the dead letter ({letter}) was not published: {source}")]
    Publish {
        /// The letter. It stays open.
        letter: Box<DeadLetter>,
        /// The engine's answer.
        source: PublishError<()>,
    },
    /// The event was published, and is not known to be durable.
    #[error(
        "the event of the dead letter ({letter}) was published again at {sequence}, but the letter stays open, for the \
         new event may be lost: {source}; if it turns out not to be, settle the letter by hand"
    )]
    NotDurable {
        /// The letter. It stays open.
        letter: Box<DeadLetter>,
        /// The sequence of the new event.
        sequence: u64,
        /// Why.
        source: WaitError,
    },
    /// The event was published and is durable; that could not be noted.
    #[error(
        "the event of the dead letter ({letter}) was published again at {sequence} and is durable, but that could not \
         be noted: {source}; settle the letter by hand, or it is published once more"
    )]
    NotSettled {
        /// The letter. It stays open.
        letter: Box<DeadLetter>,
        /// The sequence of the new event.
        sequence: u64,
        /// Why.
        source: KeepError,
    },
}

impl DeadLetters {
    /// Publishes the events of open dead letters again, as new events at the engine's present time, and
    /// settles each once its new event is durable, with the note "published again at" and the new sequence.
    /// The tries of one that is [due](crate::DeadLetterKind::SetAside) are counted on with the new event.
    /// `which` picks them by letter; `|_| true` takes all.
    ///
    /// A new event comes to every stage, not only to the one that refused the old event. The stage that
    /// refused it skips the old event for ever. The other stages have seen the old event, and must know what
    /// to do with a second one. If several stages refused one event, it is published once, and the letters
    /// picked of it are settled together. A stage that refuses the new event too makes a new dead letter of
    /// it.
    ///
    /// The call waits for each event to become durable, in every [`SyncMode`](crate::SyncMode), before it
    /// goes on to the next: call it on a thread beside the hot path, with the engine live. If the process
    /// dies, call it again: each event is published at least once, and each death has at most the event in
    /// hand published once more.
    ///
    /// ```
    /// # use slipring::{Context, DeadLetters, Engine, Event, Gate, Journal, Lane, OnError, Stage};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let place = folder.path().join("ticks");
    /// # let mut is_first = true;
    /// # let handler = move |_: &Tick, _: &Context| {
    /// #     if std::mem::take(&mut is_first) { Err("not yet") } else { Ok(()) }
    /// # };
    /// # let stage = Stage::new("book", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter);
    /// # let lane = Lane::named("main").journal().with(stage);
    /// # let builder = Engine::builder().journal(Journal::at(&place)).lane(lane);
    /// # let (engine, mut publisher) = builder.open()?.go_live()?;
    /// # let refused = publisher.publish(Tick { price: 7 })?;
    /// # engine.wait_stage("book", refused)?;
    /// let mut letters = DeadLetters::of(&place)?;
    /// for again in letters.reprocess(&engine, &mut publisher, |letter| letter.stage == "book")? {
    ///     println!("{}, again at {}", again.letter, again.sequence);
    /// }
    /// # assert!(DeadLetters::of(&place)?.open().is_empty());
    /// # engine.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReprocessError`], which says what became of the event in hand; [`ReprocessError::Letters`] if the
    /// logs can't be read.
    pub fn reprocess<E: Event>(
        &mut self,
        engine: &Engine<E>,
        publisher: &mut impl Republish<E>,
        mut which: impl FnMut(&DeadLetter) -> bool,
    ) -> Result<Vec<Reprocessed>, ReprocessError> {
        let open = self.open().into_iter();
        let mut picked: Vec<_> = open.filter(|letter| which(letter)).cloned().collect();
        let _turn = turn(engine);
        // Another thread may have settled some since they were read.
        self.read_again(&mut picked).map_err(ReprocessError::Letters)?;
        self.publish_picked(engine, publisher, picked, 1, Err)
    }

    /// Publishes these letters' events and settles them, so many events at once. `no_event` says whether to
    /// go on behind a letter whose event can't be had.
    fn publish_picked<E: Event>(
        &mut self,
        engine: &Engine<E>,
        publisher: &mut impl Republish<E>,
        mut picked: Vec<DeadLetter>,
        at_once: usize,
        mut no_event: impl FnMut(ReprocessError) -> Result<(), ReprocessError>,
    ) -> Result<Vec<Reprocessed>, ReprocessError> {
        if !Arc::ptr_eq(publisher.plain().outlet(), &engine.shared.outlet) {
            return Err(ReprocessError::ForeignPublisher);
        }
        if engine.shared.journal.is_none() {
            return Err(ReprocessError::NoJournal);
        }
        // By event, in the order of the events.
        picked.sort_by_key(DeadLetter::place);
        picked.dedup();
        let mut done = Vec::new();
        if picked.is_empty() {
            return Ok(done);
        }
        // What a stage gated on published refused may not be in the journal yet. One beyond is of another
        // life.
        let published_end = engine.counters().published_end;
        if let Some(last) = picked.iter().rfind(|letter| letter.sequence < published_end) {
            let waited = engine.wait_journalled(last.sequence);
            waited
                .map_err(|source| ReprocessError::NotJournalled { letter: Box::new(last.clone()), source })?;
        }
        let mut reader =
            Reader::<E>::open_to(self.journal().clone(), None).map_err(ReprocessError::Journal)?;
        let by_event: Vec<&[DeadLetter]> = picked.chunk_by(|a, b| a.place() == b.place()).collect();
        for letters in by_event.chunks(at_once) {
            let mut published = Vec::new();
            let all_out =
                publish_events(engine, publisher, &mut reader, letters, &mut published, &mut no_event);
            // What is out is settled, whatever was in the way of the next.
            self.settle_published(engine, &mut reader, &published, &mut done)?;
            all_out?;
        }
        Ok(done)
    }

    /// Settles the letters of events that were published, once these are durable.
    fn settle_published<E: Event>(
        &mut self,
        engine: &Engine<E>,
        reader: &mut Reader<E>,
        published: &[(&[DeadLetter], u64)],
        done: &mut Vec<Reprocessed>,
    ) -> Result<(), ReprocessError> {
        let Some((_, last)) = published.last() else { return Ok(()) };
        let waited = engine.wait_durable(*last);
        let durable_end = engine.shared.journal.as_ref().map_or(0, Cursors::durable_end);
        let durable = published.partition_point(|(_, sequence)| *sequence < durable_end || waited.is_ok());
        let (durable, rest) = published.split_at(durable);
        let not_settled = |letter: &DeadLetter, sequence, source| {
            let letter = Box::new(letter.clone());
            ReprocessError::NotSettled { letter, sequence, source }
        };
        let mut settled = Vec::new();
        if let Some((letters, sequence)) = durable.first() {
            reader.refresh().map_err(|error| not_settled(&letters[0], *sequence, error.into()))?;
        }
        for (letters, sequence) in durable {
            let again = tries_of(letters).map(|tries| counted_on(reader, *sequence, tries)).transpose();
            let again = again.map_err(|source| not_settled(&letters[0], *sequence, source))?;
            settled.extend(letters.iter().map(|letter| Settled { letter, sequence: *sequence, again }));
        }
        self.settle_all(&settled)
            .map_err(|(at, source)| not_settled(settled[at].letter, settled[at].sequence, source))?;
        let again = |done: &Settled<'_>| Reprocessed { letter: done.letter.clone(), sequence: done.sequence };
        done.extend(settled.iter().map(again));
        match (waited, rest.first()) {
            (Err(source), Some((letters, sequence))) => Err(ReprocessError::NotDurable {
                letter: Box::new(letters[0].clone()),
                sequence: *sequence,
                source,
            }),
            _ => Ok(()),
        }
    }
}

/// Publishes events again, by their letters, until one can't be; `published` says which, and as what.
fn publish_events<'l, E: Event>(
    engine: &Engine<E>,
    publisher: &mut impl Republish<E>,
    reader: &mut Reader<E>,
    by_event: &[&'l [DeadLetter]],
    published: &mut Vec<(&'l [DeadLetter], u64)>,
    no_event: &mut impl FnMut(ReprocessError) -> Result<(), ReprocessError>,
) -> Result<(), ReprocessError> {
    for letters in by_event {
        let event = match event_of(reader, &letters[0]) {
            Ok(event) => event,
            Err(error) => {
                no_event(error)?;
                continue;
            }
        };
        let sequence = publish_again(engine, publisher, tries_of(letters).unwrap_or(0), event)
            .map_err(|source| ReprocessError::Publish { letter: Box::new(letters[0].clone()), source })?;
        published.push((letters, sequence));
    }
    Ok(())
}

/// The event that was published just now as `sequence`, with the tries that are counted on.
fn counted_on<E: Event>(reader: &mut Reader<E>, sequence: u64, tries: u32) -> Result<Again, KeepError> {
    let epoch = reader.at(sequence)?.epoch();
    Ok(Again { sequence, epoch, tries })
}

/// The tries that the event of these letters has seen, if one of them is due: then the new event goes on with
/// them. Where all stages have given up, somebody has mended something, and it begins anew.
fn tries_of(letters: &[DeadLetter]) -> Option<u32> {
    let is_due = letters.iter().any(|letter| letter.due_ns.is_some());
    letters.iter().map(|letter| letter.tries).max().filter(|_| is_due)
}

impl<E: Event> Engine<E> {
    /// Publishes the events of dead letters again that were [set aside](crate::OnError::retry) and are due by
    /// the engine's clock, as [`DeadLetters::reprocess`] does, with all open letters of these events. Call it
    /// now and then, on a thread beside the hot path: it reads the stages' logs of dead letters. Of several
    /// threads one at a time is at it.
    ///
    /// Up to 32 events are published before it waits for them to become durable, and settled together: so
    /// many a death may have published once more, with their first try.
    ///
    /// ```
    /// # use slipring::{BackOff, Context, Engine, Event, Gate, Journal, Lane, OnError, Stage};
    /// # use std::time::Duration;
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// let mut is_busy = true;
    /// let send = move |_: &Order, _: &Context| {
    ///     if std::mem::take(&mut is_busy) { Err("busy") } else { Ok(()) }
    /// };
    /// let back_off = BackOff::fixed(Duration::from_millis(2)).inline_at_most(Duration::ZERO);
    /// let stage = Stage::new("send", send, Gate::JOURNALLED).on_error(OnError::retry(3, back_off));
    /// let lane = Lane::named("main").journal().with(stage);
    /// let builder = Engine::builder().journal(Journal::at(folder.path().join("orders"))).lane(lane);
    /// let (engine, mut publisher) = builder.open()?.go_live()?;
    /// publisher.publish(Order { quantity: 7 })?;
    /// let again = loop {
    ///     match engine.publish_due(&mut publisher)?.pop() {
    ///         Some(again) => break again,
    ///         None => std::thread::sleep(Duration::from_millis(1)),
    ///     }
    /// };
    /// assert_eq!((again.letter.sequence, again.letter.tries, again.sequence), (0, 1, 1));
    /// engine.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReprocessError`], which says what became of the event in hand; [`ReprocessError::Letters`] if the
    /// logs can't be read. Behind an event that can't be read, or that the journal has lost, the others are
    /// published first.
    pub fn publish_due(&self, publisher: &mut impl Republish<E>) -> Result<Vec<Reprocessed>, ReprocessError> {
        let Some(journal) = self.shared.outlet.journal.clone() else { return Err(ReprocessError::NoJournal) };
        let _turn = turn(self);
        let mut letters = DeadLetters::of_files(journal).map_err(ReprocessError::Letters)?;
        let now_ns = publisher.plain().now_ns();
        let due = letters.open().into_iter().filter(|letter| letter.is_due(now_ns));
        // The new event comes to every stage that refused the old one, whether that one is due or not.
        let due: HashSet<LetterPlace> = due.map(DeadLetter::place).collect();
        let open = letters.open().into_iter();
        let picked = open.filter(|letter| due.contains(&letter.place())).cloned().collect();
        // What can't be had is for somebody to settle, and holds up no other.
        let mut failed = None;
        let done = letters.publish_picked(self, publisher, picked, MOST_AT_ONCE, |error| {
            failed.get_or_insert(error);
            Ok(())
        })?;
        failed.map_or(Ok(done), Err)
    }
}

/// The event of a letter, if it lies where the letter says.
fn event_of<E: Event>(reader: &mut Reader<E>, letter: &DeadLetter) -> Result<E, ReprocessError> {
    let boxed = || Box::new(letter.clone());
    let record = reader
        .at(letter.sequence)
        .map_err(|source| ReprocessError::Unreadable { letter: boxed(), source })?;
    let no_event = |what| Err(ReprocessError::NoEvent { letter: boxed(), what });
    if record.epoch() != letter.epoch {
        return no_event("the journal has lost this record, and holds another in its place");
    }
    if record.kind() == Kind::Void {
        return no_event("the record is void");
    }
    Ok(*record.event())
}

/// Waits for the turn to publish again. Not inside a handler, which whoever has it may wait for: one that
/// publishes again has to see to it that nobody else does.
fn turn<E: Event>(engine: &Engine<E>) -> Option<MutexGuard<'_, ()>> {
    (!is_inside(&engine.shared.status)).then(|| engine.shared.again.turn())
}

/// Publishes an event again that has seen so many tries.
fn publish_again<E: Event>(
    engine: &Engine<E>,
    publisher: &mut impl Republish<E>,
    tries: u32,
    event: E,
) -> Result<u64, PublishError<()>> {
    let mut looks = 0u32;
    loop {
        let done = engine.shared.stages.cursors.iter().map(Cursor::end).min().unwrap_or(0);
        match engine.shared.again.publish(tries, done, || publisher.try_again(event)) {
            Ok(sequence) => return Ok(sequence),
            // Outside the lock, which a lane may ask for: it is what makes room.
            Err(PublishError::Full(_)) => {
                looks = looks.saturating_add(1);
                publisher.plain().wait_for_room(looks, None)?;
            }
            Err(error) => return Err(error.map(drop)),
        }
    }
}
