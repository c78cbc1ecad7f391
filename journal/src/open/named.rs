//! The named readers of a journal.

use super::journal::Journal;
use crate::error::NamedReaderError;
use crate::event::Event;
use crate::named::list::{self, ReaderInfo};
use crate::named::raw::RawNamedReader;
use crate::named::raw_shared::RawSharedReader;
use crate::named::start::ReaderStart;
use crate::named::stored::StoredReader;
use crate::named::typed::{NamedReader, SharedReader};

impl Journal {
    /// Reads on where the reader of this name has come to, in this process or another. A new one starts at
    /// the first record; to start elsewhere, [`Journal::set_reader`] first.
    ///
    /// # Errors
    /// [`NamedReaderError::Held`] if another reader has the name; [`NamedReaderError::BadName`];
    /// [`NamedReaderError::Damaged`]; [`NamedReaderError::TooManyReaders`]; [`NamedReaderError::Read`] if the
    /// journal can't be read, or its folder not be written. That the log is the one that was read is looked
    /// at with the first chunk.
    pub fn named_reader<E: Event>(&self, name: &str) -> Result<NamedReader<E>, NamedReaderError> {
        NamedReader::open(self.files(), name)
    }

    /// As [`Journal::named_reader`], for whatever event type the journal holds.
    ///
    /// # Errors
    /// As that.
    pub fn named_reader_raw(&self, name: &str) -> Result<RawNamedReader, NamedReaderError> {
        RawNamedReader::open(self.files(), name, None)
    }

    /// As [`Journal::named_reader`], for who takes the records as they lie to another place.
    ///
    /// # Errors
    /// As that.
    pub fn stored_reader(&self, name: &str) -> Result<StoredReader, NamedReaderError> {
        StoredReader::open(self.files(), name)
    }

    /// Shares the work of a name with others, who do the same, in this process or another.
    ///
    /// # Errors
    /// As [`Journal::named_reader`], where [`NamedReaderError::Held`] means that one reader has the name
    /// alone; [`NamedReaderError::TooManyMembers`].
    pub fn shared_reader<E: Event>(&self, name: &str) -> Result<SharedReader<E>, NamedReaderError> {
        SharedReader::open(self.files(), name)
    }

    /// As [`Journal::shared_reader`], for whatever event type the journal holds.
    ///
    /// # Errors
    /// As that.
    pub fn shared_reader_raw(&self, name: &str) -> Result<RawSharedReader, NamedReaderError> {
        RawSharedReader::open(self.files(), name, None)
    }

    /// The named readers of the journal and how far they are, by name. Takes no lock.
    ///
    /// # Errors
    /// [`NamedReaderError::Read`] if the journal can't be read, or the files of the readers.
    pub fn readers(&self) -> Result<Vec<ReaderInfo>, NamedReaderError> {
        list::list(&self.files())
    }

    /// Has the reader of this name, which nobody holds, go on elsewhere, durably; the sequence of the first
    /// record that it will hand out. A reader that is not there is made, and so holds what retention would
    /// remove from here on. What those had in hand who shared the name is nobody's any more.
    ///
    /// # Errors
    /// [`NamedReaderError::Held`] if somebody has the name, [`NamedReaderError::Read`] if there is no such
    /// place; else as [`Journal::named_reader`]. A damaged file is no error: it is replaced.
    pub fn set_reader(&self, name: &str, start: ReaderStart) -> Result<u64, NamedReaderError> {
        list::set(self.files(), name, start)
    }

    /// Removes the reader of this name, which nobody holds; its position is forgotten.
    ///
    /// # Errors
    /// [`NamedReaderError::NoReader`], [`NamedReaderError::Held`]; [`NamedReaderError::Read`] if a call of
    /// the system fails.
    pub fn remove_reader(&self, name: &str) -> Result<(), NamedReaderError> {
        list::remove(self.files(), name)
    }
}
