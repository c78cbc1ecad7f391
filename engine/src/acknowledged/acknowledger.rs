//! For whoever acknowledges: on any thread, for as long as he likes.

use std::sync::Arc;
use std::thread::Thread;

use slipring_journal::Anchor;

use super::error::AcknowledgeError;
use super::name::AcknowledgedName;
use super::names::AcknowledgedNames;

/// Acknowledges an engine's events under one name, from any thread: of a bridge that runs in the program,
/// say. Clones acknowledge under the same name. It holds up neither the engine nor its end, and nothing holds
/// it up: where an acknowledgement is synced, a thread of the engine does that.
///
/// ```
/// # use slipring::prelude::*;
/// # use slipring::{FollowFrom, LateConsumer, LateContext};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let lane = Lane::named("main").journal();
/// let journal = Journal::at(folder.path());
/// let (engine, mut publisher) = Engine::builder().journal(journal.clone()).lane(lane).go_live()?;
/// let out = LateConsumer::named("out").from(FollowFrom::Start).acknowledged("standby");
/// let out = engine.follow(out, |tick: &Tick, _: &LateContext| println!("safe there: {}", tick.price))?;
///
/// // The bridge: it reads the journal, sends, and is told what has arrived.
/// let acknowledger = engine.acknowledger("standby")?;
/// let bridge = std::thread::spawn(move || -> Result<u64, slipring::Error> {
///     let mut follower = journal.follow::<Tick>(0)?;
///     while follower.next_chunk()?.is_none() {
///         std::thread::yield_now();
///     }
///     let arrived = follower.anchor().expect("a record was read");
///     Ok(acknowledger.acknowledge(arrived)?)
/// });
/// let sequence = publisher.publish(Tick { price: 7 })?;
/// engine.wait_acknowledged("standby", sequence)?;
/// assert_eq!(bridge.join().unwrap()?, 1);
/// engine.join()?;
/// assert_eq!(out.join().end, 1);
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [which gate].
///
/// [which gate]: https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md#which-gate
#[derive(Clone, Debug)]
pub struct Acknowledger {
    names: Arc<AcknowledgedNames>,
    name: Arc<AcknowledgedName>,
    /// Takes the note, where that is synced.
    noter: Option<Thread>,
}

impl Acknowledger {
    pub(crate) fn new(names: Arc<AcknowledgedNames>, name: Arc<AcknowledgedName>) -> Self {
        // Without a thread it waits for the disk itself.
        let noter = if name.is_synced() { names.noter() } else { None };
        Acknowledger { names, name, noter }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name.name
    }

    /// Says that every event up to the anchor's, that one included, is acknowledged; the sequence behind it,
    /// once the journal has confirmed the anchor. To say again what was said last changes nothing.
    ///
    /// The anchor is noted on disk before the gate opens. Where a stage waits for the name the note is
    /// synced, by a thread of the engine: this does not wait for it, and what is said during one sync is in
    /// the next. [`Acknowledger::end`] says what is noted. If the process dies before that, say it again.
    ///
    /// # Errors
    /// [`AcknowledgeError`]: the journal does not confirm the anchor, it goes back or lies beyond the
    /// journal, an earlier one can't be noted, or the engine has ended.
    pub fn acknowledge(&self, anchor: Anchor) -> Result<u64, AcknowledgeError> {
        match &self.noter {
            Some(noter) => self.names.hand_over(&self.name, anchor, noter),
            None => self.names.acknowledge(&self.name, anchor),
        }
    }

    /// The sequence behind the last event that is acknowledged, and noted so.
    pub fn end(&self) -> u64 {
        self.name.cursor.end()
    }
}
