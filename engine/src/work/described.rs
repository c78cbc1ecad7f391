//! A handler's stage before the engine starts: what it keeps is opened, and given to the keeper.

use std::fs::File;
use std::sync::Arc;

use slipring_journal::__private::storage::Files;
use slipring_journal::Event;

use super::handler_stage::HandlerStage;
use super::stage::{DescribedStage, Life, RunStage, Wiring};
use crate::error::KeepError;
use crate::handler::Handler;
use crate::handler::latency::Meter;
use crate::kept::duties::{Duties, Keeps};
use crate::kept::folders::{make_folder, remove_unfinished};
use crate::kept::keeper::KeptStage;
use crate::kept::link::ToKeeper;
use crate::kept::opening::{OpenedStage, StageOpening};
use crate::kept::snapshot::StageSnapshots;
use crate::kept::trust::Trust;

pub(crate) struct DescribedHandler<H, M> {
    name: String,
    handler: H,
    meter: M,
    keeps: Keeps<H>,
    duties: Duties<H>,
}

impl<H, M> DescribedHandler<H, M> {
    pub(crate) fn new(name: String, handler: H, keeps: Keeps<H>, meter: M) -> Self {
        let duties = Duties::new(&keeps);
        DescribedHandler { name, handler, meter, keeps, duties }
    }
}

impl<E: Event, H: Handler<E>, M: Meter> DescribedStage<E> for DescribedHandler<H, M> {
    fn open(&mut self, opening: &mut StageOpening<'_>) -> Result<OpenedStage, KeepError> {
        let (duties, opened) = opening.open(&self.name, &mut self.handler, &self.keeps)?;
        self.duties = duties;
        Ok(opened)
    }

    fn keep_by(&mut self, journal: &Files, place: usize) -> Result<Option<KeptStage>, KeepError> {
        let snapshots = self.keeps.snapshots.map(|calls| (calls.options, calls.version));
        if snapshots.is_none() && self.keeps.digests.is_none() {
            return Ok(None);
        }
        let link = Arc::new(ToKeeper::new(self.keeps.digests.is_some()));
        self.duties.to_keeper = Some(Arc::clone(&link));
        let folder = make_folder(journal, &self.name)?;
        remove_unfinished(&folder)?;
        let files = StageSnapshots::new(self.duties.snapshots.restored_end);
        Ok(Some(KeptStage {
            place,
            name: self.name.clone(),
            link,
            snapshots,
            digest_log: self.duties.digests.log.as_ref().map(|log| log.try_clone()).transpose()?,
            dead_letters: self.duties.dead_letters.log.as_ref().map(|log| log.to_sync()).transpose()?,
            trust: Trust::default(),
            effects: self.duties.effects.progress.as_ref().map(|progress| progress.to_sync()).transpose()?,
            files,
            folder,
        }))
    }

    fn notes(&self) -> Result<Vec<File>, KeepError> {
        let effects = self.duties.effects.progress.as_ref().map(|progress| progress.to_sync());
        let dead_letters = self.duties.dead_letters.log.as_ref().map(|log| log.to_sync());
        effects.into_iter().chain(dead_letters).collect()
    }

    fn wire(self: Box<Self>, wiring: Wiring<E>, life: Life) -> Box<dyn RunStage<E>> {
        let DescribedHandler { name, handler, meter, duties, .. } = *self;
        Box::new(HandlerStage::new(name, (handler, meter), duties, wiring, life))
    }
}
