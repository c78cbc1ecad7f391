//! Acknowledgements of an engine: before it goes live, while it runs, and which stages stand behind them.

use std::path::Path;
use std::sync::Arc;

use slipring_journal::{Anchor, Cursors, Event};

use super::engine::{Engine, Stages};
use super::recovered::Recovered;
use super::replay_error::ReplayError;
use crate::acknowledged::acknowledger::Acknowledger;
use crate::acknowledged::error::{AcknowledgeError, ListenError};
use crate::acknowledged::listener::AcknowledgementListener;
use crate::acknowledged::name::Acknowledged;
use crate::acknowledged::names::AcknowledgedNames;
use crate::describe::builder::EngineBuilder;
use crate::error::WaitError;

impl<E: Event> Engine<E> {
    /// Says that every event up to the anchor's, that one included, is acknowledged under a name; the
    /// sequence behind it. What is gated on that ([`Gate::acknowledged`](crate::Gate::acknowledged),
    /// [`LateConsumer::acknowledged`](crate::LateConsumer::acknowledged)) goes on. To say again what was said
    /// last changes nothing. [`Engine::acknowledger`] does it from other threads,
    /// [`Engine::listen_for_acknowledgements`] for other processes.
    ///
    /// ```
    /// # use slipring::prelude::*;
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::at(folder.path());
    /// let gate = Gate::acknowledged("standby").may_hold_the_ring();
    /// let lane = Lane::named("main").journal().stage("out", |_: &Tick, _: &Context| (), gate);
    /// let (engine, mut publisher) = Engine::builder().journal(journal.clone()).lane(lane).go_live()?;
    /// let sequence = publisher.publish(Tick { price: 7 })?;
    /// engine.wait_durable(sequence)?;
    /// // A server that keeps a copy has it:
    /// engine.acknowledge("standby", journal.raw_reader()?.anchor(sequence)?)?;
    /// engine.wait_stage("out", sequence)?;
    /// engine.join()?;
    /// # Ok::<(), slipring::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AcknowledgeError`]: nobody waits for the name, the journal does not confirm the anchor, it goes back
    /// or lies beyond the journal, or it can't be noted on disk.
    pub fn acknowledge(&self, name: &str, anchor: Anchor) -> Result<u64, AcknowledgeError> {
        let names = self.acknowledged_names().ok_or(AcknowledgeError::NoJournal)?;
        names.acknowledge(&*names.find(name)?, anchor)
    }

    /// Acknowledges under a name from any thread.
    ///
    /// # Errors
    /// [`AcknowledgeError::UnknownName`]: nobody waits for the name, no late consumer yet;
    /// [`AcknowledgeError::NoJournal`].
    pub fn acknowledger(&self, name: &str) -> Result<Acknowledger, AcknowledgeError> {
        let names = self.acknowledged_names().ok_or(AcknowledgeError::NoJournal)?;
        Ok(Acknowledger::new(Arc::clone(names), names.find(name)?))
    }

    /// Takes acknowledgements of other processes at the Unix socket `path`, until what is returned is
    /// dropped. The socket is this user's alone (mode 0600). One that is there already is replaced if nobody
    /// listens at it.
    ///
    /// # Errors
    /// [`ListenError`]: somebody listens there, something else lies there, or the system refuses.
    pub fn listen_for_acknowledgements(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<AcknowledgementListener, ListenError> {
        let names = self.acknowledged_names().ok_or(ListenError::NoJournal)?;
        AcknowledgementListener::start(path.as_ref(), Arc::clone(names))
    }

    /// The names under which this engine takes acknowledgements, and how far each is.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged_names().map_or_else(Vec::new, |names| names.all())
    }

    /// Waits until the event `sequence` is acknowledged under a name.
    ///
    /// # Errors
    /// [`WaitError`]: nobody waits for the name, the engine halted before the event was journalled, or it was
    /// not acknowledged within the builder's `wait_timeout`.
    pub fn wait_acknowledged(&self, name: &str, sequence: u64) -> Result<(), WaitError> {
        let names = self.acknowledged_names().ok_or(WaitError::NoJournal)?;
        let Ok(found) = names.find(name) else {
            let known = names.all().into_iter().map(|known| known.name).collect();
            return Err(WaitError::UnknownAcknowledged { name: name.to_owned(), known });
        };
        // What is journalled may be acknowledged whatever has become of the stages.
        let journal = self.shared.journal.as_ref();
        let is_journalled = || journal.is_some_and(|journal| sequence < Cursors::journalled_end(journal));
        let what = format!("acknowledged {name}");
        self.wait(&what, sequence, self.deadline(), || found.cursor.end(), |_| is_journalled())
    }

    fn acknowledged_names(&self) -> Option<&Arc<AcknowledgedNames>> {
        self.shared.acknowledged.as_ref()
    }

    /// Whether a stage waits for acknowledgements.
    pub(super) fn waits_for_acknowledgements(&self) -> bool {
        self.shared.stages.gates.iter().any(|gate| !gate.acknowledged.is_empty())
    }

    /// How far each stage can get of what is below `end` without a further acknowledgement.
    pub(super) fn within_reach(&self, end: u64) -> Vec<u64> {
        let Stages { names, gates, .. } = &self.shared.stages;
        let mut reach = vec![end; names.len()];
        if let Some(known) = self.acknowledged_names().filter(|_| self.waits_for_acknowledgements()) {
            for (reach, gate) in reach.iter_mut().zip(gates) {
                let ends = gate.acknowledged.iter().map(|name| known.end_of(name));
                *reach = ends.fold(*reach, u64::min);
            }
            // The longest way through the stages has as many of them as there are.
            for _ in names {
                for at in 0..names.len() {
                    let before =
                        gates[at].after.iter().filter_map(|name| names.iter().position(|n| n == name));
                    reach[at] = before.map(|before| reach[before]).fold(reach[at], u64::min);
                }
            }
        }
        reach
    }
}

impl<E: Event> Recovered<E> {
    /// The names under which this engine takes acknowledgements: what has been acknowledged so far, and what
    /// of it the journal did not confirm.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged_names().map_or_else(Vec::new, |names| names.all())
    }

    /// As [`Engine::acknowledge`], before the engine is live: where what a server knows is to count in the
    /// replay already.
    ///
    /// # Errors
    /// As [`Engine::acknowledge`].
    pub fn acknowledge(&self, name: &str, anchor: Anchor) -> Result<u64, AcknowledgeError> {
        let names = self.acknowledged_names().ok_or(AcknowledgeError::NoJournal)?;
        names.acknowledge(&*names.find(name)?, anchor)
    }
}

impl<E: Event> EngineBuilder<E> {
    /// Refuses a replay of records `from` to `end` in which the ring would fill before a stage that waits for
    /// acknowledgements has finished them: nobody could acknowledge any, for nobody is live.
    pub(super) fn check_acknowledged(&self, from: u64, end: u64) -> Result<(), ReplayError> {
        let Some(names) = &self.acknowledged else { return Ok(()) };
        let waits = self.items().flat_map(|item| item.gate.acknowledged.iter().map(move |name| (item, name)));
        for (item, name) in waits {
            let acknowledged_end = names.end_of(name);
            if end.saturating_sub(acknowledged_end.max(from)) > self.capacity as u64 {
                let (stage, name, capacity) = (item.name.clone(), name.clone(), self.capacity);
                return Err(ReplayError::Unacknowledged { stage, name, acknowledged_end, end, capacity });
            }
        }
        Ok(())
    }
}
