//! A named reader of records as they lie, for who takes them to another place.

use super::raw::RawNamedReader;
use super::start::ReaderStart;
use crate::error::NamedReaderError;
use crate::format::Anchor;
use crate::read::stored::{JournalIdentity, StoredRun};
use crate::storage::Files;

/// A named reader that hands out records byte for byte as they lie, those of older types too, with the schema
/// that they were appended under: for who takes them to another machine.
///
/// Position, retention and the name's lock are those of [`NamedReader`](crate::NamedReader).
///
/// ```
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # writer.append(1, &Tick { price: 7 })?;
/// let mut reader = journal.stored_reader("to-paris")?;
/// println!("records of journal {}", reader.identity()?.journal_id);
/// while let Some(run) = reader.next_run_below(u64::MAX)? {
///     let end = run.records.first_sequence() + run.records.len() as u64;
///     println!("{} bytes of\n{}", run.records.bytes().len(), run.schema);
///     reader.commit(end)?;
/// }
/// assert_eq!(reader.position(), 1);
/// # writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// More: [read with a name](https://github.com/slipring/slipring/blob/main/docs/how-to/read-with-a-name.md).
#[derive(Debug)]
pub struct StoredReader {
    raw: RawNamedReader,
}

impl StoredReader {
    pub(crate) fn open(journal: Files, name: &str) -> Result<Self, NamedReaderError> {
        Ok(StoredReader { raw: RawNamedReader::open_stored(journal, name)? })
    }

    /// The reader's name.
    pub fn name(&self) -> &str {
        self.raw.name()
    }

    /// Whose records these are, by the control file as it is now.
    ///
    /// # Errors
    /// [`NamedReaderError::Read`] if that can't be read, or is another journal's.
    pub fn identity(&self) -> Result<JournalIdentity, NamedReaderError> {
        Ok(JournalIdentity::of(&self.raw.control()?))
    }

    /// The sequence behind the last record that is committed, durably.
    pub fn position(&self) -> u64 {
        self.raw.position()
    }

    /// The last record that is committed, if it is known which one that was.
    pub fn position_anchor(&self) -> Option<Anchor> {
        self.raw.position_anchor()
    }

    /// The sequence of the next record that it will hand out.
    pub fn next_sequence(&self) -> u64 {
        self.raw.next_sequence()
    }

    /// The records that have come since the last call and lie before `end`, all of one segment; `None` if
    /// there are none yet.
    ///
    /// # Errors
    /// As [`NamedReader::next_chunk`](crate::NamedReader::next_chunk); no type is refused.
    pub fn next_run_below(&mut self, end: u64) -> Result<Option<StoredRun<'_>>, NamedReaderError> {
        self.raw.next_run_below(end)
    }

    /// As [`NamedReader::commit`](crate::NamedReader::commit).
    ///
    /// # Errors
    /// As that.
    pub fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        self.raw.commit(end)
    }

    /// Hands out next what follows a record, which may lie before or behind the position. The position stays:
    /// it moves with a commit.
    ///
    /// # Errors
    /// [`NamedReaderError::Read`] with [`ReadError::HistoryChanged`](crate::ReadError::HistoryChanged) if the
    /// log does not hold that record; it may have held it until retention took it.
    pub fn go_on_behind(&mut self, anchor: &Anchor) -> Result<(), NamedReaderError> {
        self.raw.go_on_behind(anchor)
    }

    /// As [`NamedReader::seek`](crate::NamedReader::seek).
    ///
    /// # Errors
    /// As that.
    pub fn seek(&mut self, start: ReaderStart) -> Result<(), NamedReaderError> {
        self.raw.seek(start)
    }

    /// As [`NamedReader::close`](crate::NamedReader::close).
    ///
    /// # Errors
    /// As that.
    pub fn close(self) -> Result<u64, NamedReaderError> {
        self.raw.close()
    }
}
