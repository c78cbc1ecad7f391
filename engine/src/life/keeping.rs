//! The keeper of an engine that is started: what it writes for, and what retention hears from it.

use std::fs::File;
use std::sync::Arc;

use slipring_journal::__private::storage::Files;
use slipring_journal::{Event, Journal, RetentionHandle};

use super::common::Common;
use crate::describe::builder::EngineBuilder;
use crate::error::{BuildError, KeepError};
use crate::kept::keeper::{Keeper, KeptStage, Work};
use crate::kept::plan::{Cuts, Standing, StateKind};
use crate::kept::trust::Trust;

impl<E: Event> EngineBuilder<E> {
    /// Starts the keeper, if it has something to do.
    pub(super) fn keeper(
        &mut self,
        common: &Common,
        retention: Option<RetentionHandle>,
    ) -> Result<Option<Keeper>, BuildError> {
        let (Some(place), Some(written)) = (self.journal.clone(), &common.journal) else { return Ok(None) };
        let to_keep = self.keep_by(&place.files())?;
        let needs_all = self.needs_all_history(&place);
        let (reads, kinds) = self.reads();
        let work = Work {
            cuts: Cuts::new(reads, kinds),
            standing: vec![Standing::default(); common.cursors.len()],
            stages: to_keep,
            journal: place,
            cursors: written.clone(),
            findings: Arc::clone(&common.findings),
            retention: retention.filter(|_| !needs_all),
            finished: common.cursors.clone(),
            notes: self.notes()?,
            trust: Trust::default(),
            removes: true,
        };
        (!work.stages.is_empty() || work.retention.is_some() && !work.notes.is_empty())
            .then(|| Keeper::start(work))
            .transpose()
            .map_err(|source| BuildError::Thread { lane: "slipring-keeper".to_owned(), source })
    }

    /// The stages for which the keeper writes.
    fn keep_by(&mut self, journal: &Files) -> Result<Vec<KeptStage>, KeepError> {
        let mut all = Vec::new();
        for (place, item) in self.items_mut().enumerate() {
            if let Some(stage) = &mut item.stage {
                all.extend(stage.keep_by(journal, place)?);
            }
        }
        Ok(all)
    }

    /// What has to be synced before retention may remove what stages have finished.
    fn notes(&self) -> Result<Vec<File>, KeepError> {
        let mut all = Vec::new();
        for stage in self.items().filter_map(|item| item.stage.as_ref()) {
            all.extend(stage.notes()?);
        }
        Ok(all)
    }

    /// Whether retention must keep all: a stage has no snapshot, so it is replayed from the beginning, and
    /// either the user has retention go by snapshots or some stage keeps a state. Else such a stage does with
    /// what is left: a replay from the start then begins where history does.
    fn needs_all_history(&self, journal: &Journal) -> bool {
        let must = journal.retires_only_behind_snapshots()
            || self.items().any(|item| item.facts.of_a_state().is_some());
        must && self.items().any(|item| item.facts.kind() == StateKind::Whole)
    }
}
