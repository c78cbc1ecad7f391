//! Late consumers of a running engine.

use slipring_journal::Event;

use super::engine::Engine;
use crate::acknowledged::name::WaitedBy;
use crate::cursors::cursor::Cursor;
use crate::kept::folders::is_file_name;
use crate::late::{LateConsumer, LateError, LateHandle, LateHandler};

impl<E: Event> Engine<E> {
    /// Starts a late consumer: it follows the journal on a thread of its own and never holds anybody up. Its
    /// lag is in [`Engine::counters`].
    ///
    /// The late consumer ends by itself once the engine has been shut down and it has seen everything;
    /// [`LateHandle::join`] waits for that. If its handler fails, it alone stops, and its handle says why.
    ///
    /// ```
    /// # use slipring::{Context, Engine, Event, FollowFrom, Gate, Journal, Lane, LateConsumer, LateContext};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let lane = Lane::named("main").journal();
    /// # let builder = Engine::builder().journal(Journal::at(folder.path())).lane(lane);
    /// let (engine, mut publisher) = builder.open()?.go_live()?;
    /// let mut sum = 0;
    /// let archive = LateConsumer::named("archive").from(FollowFrom::Start);
    /// let archive = engine.follow(archive, move |tick: &Tick, _: &LateContext| sum += tick.price)?;
    /// let sequence = publisher.publish(Tick { price: 7 })?;
    /// engine.join()?;
    /// let ended = archive.join();
    /// assert_eq!((ended.end, ended.failure.is_none()), (sequence + 1, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LateError`]: no journal, the name is taken or can't be a thread's, or the journal can't be read from
    /// there on; what is noted of [acknowledgements](LateConsumer::acknowledged) can't be used.
    pub fn follow<H: LateHandler<E>>(
        &self,
        consumer: LateConsumer,
        handler: H,
    ) -> Result<LateHandle<H>, LateError> {
        let Some(history) = &self.shared.history else {
            return Err(LateError::NoJournal { name: consumer.name });
        };
        let acknowledged = self.acknowledged_for(&consumer)?;
        let share = |name, end, anchor| {
            let cursors = (history.cursors.clone(), acknowledged);
            self.shared.late.add(&self.shared.stages.names, name, end, anchor, cursors)
        };
        consumer.start(history, share, handler)
    }

    /// Up to where a late consumer may read, if it waits for acknowledgements: from now on the engine takes
    /// them.
    fn acknowledged_for(&self, consumer: &LateConsumer) -> Result<Option<Cursor>, LateError> {
        let (Some(asked), Some(names)) = (&consumer.acknowledged, &self.shared.acknowledged) else {
            return Ok(None);
        };
        let (name, acknowledged) = (consumer.name.clone(), asked.clone());
        if !is_file_name(asked) {
            return Err(LateError::BadAcknowledgedName { name, acknowledged });
        }
        match names.wait_for(asked, WaitedBy::Late) {
            Ok(found) => Ok(Some(found.cursor.clone())),
            Err(source) => Err(LateError::Acknowledged { name, source: source.into() }),
        }
    }
}
