//! From a description to an engine whose journal is open.

use slipring_journal::{Event, Journal};

use super::backtest::Backtest;
use super::recovered::Recovered;
use crate::describe::builder::EngineBuilder;
use crate::error::BuildError;

impl<E: Event> EngineBuilder<E> {
    /// Checks what was said, opens and recovers the journal. No thread of the engine runs yet.
    ///
    /// If a stage keeps snapshots, digests or effects, the journal's retention removes nothing that they need, unless
    /// it was told [`regardless_of_snapshots`](slipring_journal::Retention::regardless_of_snapshots).
    ///
    /// # Errors
    /// [`BuildError`]: what was said makes no sense, or the journal can't be opened.
    pub fn open(self) -> Result<Recovered<E>, BuildError> {
        self.check(false)?;
        match self.journal.clone() {
            Some(mut journal) => {
                if self.holds_history() {
                    journal = journal.held_by_snapshots();
                }
                let (writer, report) = journal.open::<E>()?;
                Ok(Recovered::new(self, Some((writer, report))))
            }
            None => Ok(Recovered::new(self, None)),
        }
    }

    /// Makes of it an engine without a journal of its own, to be fed with records of the journal `source`, which may
    /// be written to meanwhile: other handlers, or other versions of them, on history. The journal is only read, and
    /// all of its events' effects are [done already](crate::Context::already_done).
    ///
    /// # Errors
    /// [`BuildError`]: what was said makes no sense, there is a journal or a stage that keeps something beside one
    /// (but effects, of which no note is made here), or `source` can't be read.
    pub fn backtest(self, source: &Journal) -> Result<Backtest<E>, BuildError> {
        self.check(true)?;
        if self.journal.is_some() {
            return Err(BuildError::BacktestWithJournal);
        }
        Ok(Backtest::new(self, source.reader::<E>()?))
    }
}
