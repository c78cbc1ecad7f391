//! A name's note by hand, on any storage: for the power-loss simulator and for fuzz targets.

use std::path::Path;

use slipring_journal::__private::Confirmer;
use slipring_journal::__private::storage::{Storage, StorageFile, Subfolder};
use slipring_journal::{Anchor, JournalId};

use super::name::confirmed;
use super::note::{Note, NotePlace};
use crate::error::KeepError;

/// What lies on disk of a name.
#[derive(Debug)]
pub struct NoteByHand<F: StorageFile>(Note<F>);

impl<F: StorageFile> NoteByHand<F> {
    /// The name of the folder of all notes, in the journal's.
    pub const FOLDER: &str = super::note::FOLDER;

    /// Opens or makes it.
    ///
    /// # Errors
    /// As the opening of an engine.
    pub fn open(
        folder: &impl Subfolder<File = F>,
        journal_id: JournalId,
        name: &str,
    ) -> Result<Self, KeepError> {
        Note::open(folder, Path::new(Self::FOLDER), journal_id, name).map(NoteByHand)
    }

    /// Up to where all is acknowledged, as far as a journal that has just been opened, and ends at `log_end`,
    /// confirms that.
    ///
    /// # Errors
    /// As the opening of an engine.
    pub fn confirmed<S: Storage>(
        &mut self,
        confirmer: &mut Confirmer<S>,
        log_end: u64,
    ) -> Result<u64, KeepError> {
        Ok(confirmed(&mut self.0, confirmer, (log_end, log_end))?.0)
    }

    /// Notes an anchor; if `sync`, as before the gate of a stage opens.
    ///
    /// # Errors
    /// It can't be written or synced.
    ///
    /// # Panics
    /// If there is nothing behind the anchor.
    pub fn write(&mut self, anchor: &Anchor, durable_end: u64, sync: bool) -> Result<(), KeepError> {
        self.0.write(NotePlace::behind(anchor).expect("a record has one behind it"), durable_end, sync)
    }
}
