//! From a description to an engine whose journal is open.

use std::sync::Arc;

use slipring_journal::{Cursors, Event, Journal, JournalId};

use super::backtest::Backtest;
use super::engine::Engine;
use super::recovered::Recovered;
use crate::acknowledged::name::WaitedBy;
use crate::acknowledged::names::AcknowledgedNames;
use crate::describe::builder::EngineBuilder;
use crate::error::{BuildError, KeepError};
use crate::publish::publisher::Publisher;

impl<E: Event> EngineBuilder<E> {
    /// Checks what was said, opens and recovers the journal. No thread of the engine runs yet.
    ///
    /// If a stage keeps snapshots, digests or effects, the journal's retention removes nothing that they
    /// need, unless it was told
    /// [`regardless_of_snapshots`](slipring_journal::Retention::regardless_of_snapshots).
    ///
    /// # Errors
    /// [`BuildError`]: what was said makes no sense, or the journal can't be opened.
    pub fn open(mut self) -> Result<Recovered<E>, BuildError> {
        self.check(false)?;
        match self.journal.clone() {
            Some(mut journal) => {
                if self.holds_history() {
                    journal = journal.held_by_snapshots();
                }
                let (writer, report) = self.lane_cores().away(|| journal.open::<E>())?;
                self.take_columns()?;
                self.open_acknowledged(&journal, writer.journal_id(), writer.cursors())?;
                Ok(Recovered::new(self, Some((writer, report))))
            }
            None => {
                self.take_columns()?;
                Ok(Recovered::new(self, None))
            }
        }
    }

    /// Finds what has been acknowledged under the names that gates wait for.
    pub(super) fn open_acknowledged(
        &mut self,
        journal: &Journal,
        journal_id: JournalId,
        cursors: Cursors,
    ) -> Result<(), KeepError> {
        let names = AcknowledgedNames::new(journal.files(), journal_id, cursors);
        for name in self.items().flat_map(|item| &item.gate.acknowledged) {
            names.wait_for(name, WaitedBy::Stage)?;
        }
        self.acknowledged = Some(Arc::new(names));
        Ok(())
    }

    /// Opens it and goes live, for an engine without a journal, or one whose journal is new: there is nothing
    /// to replay.
    ///
    /// ```
    /// # use slipring::{Context, Engine, Event, Gate, Lane};
    /// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
    /// let lane = Lane::named("main").stage("print", |_: &Tick, _: &Context| (), Gate::PUBLISHED);
    /// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
    /// publisher.publish(Tick { price: 7 })?;
    /// engine.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`EngineBuilder::open`] and [`Recovered::go_live`]: [`BuildError::HistoryNotReplayed`] if the
    /// journal holds records and a stage has a state.
    pub fn go_live(self) -> Result<(Engine<E>, Publisher<E>), BuildError> {
        self.open()?.go_live()
    }

    /// Makes of it an engine without a journal of its own, to be fed with records of the journal `source`,
    /// which may be written to meanwhile: other handlers, or other versions of them, on history. The journal
    /// is only read, and all of its events' effects are [done already](crate::Context::already_done).
    ///
    /// # Errors
    /// [`BuildError`]: what was said makes no sense, there is a journal or a stage that keeps something
    /// beside one (but effects, of which no note is made here), or `source` can't be read.
    pub fn backtest(self, source: &Journal) -> Result<Backtest<E>, BuildError> {
        self.check(true)?;
        if self.journal.is_some() {
            return Err(BuildError::BacktestWithJournal);
        }
        let reader = source.reader::<E>()?;
        self.take_columns()?;
        Ok(Backtest::new(self, reader))
    }
}
