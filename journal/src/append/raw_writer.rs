//! Appending events of whatever type, as bytes.

use super::writer::Writer;
use crate::error::{AppendError, ReadError, SyncError};
use crate::event::Schema;
use crate::event::untyped::Untyped;
use crate::format::{JournalId, Kind};
use crate::live::cursors::Cursors;
use crate::read::raw::RawReader;
use crate::storage::{Files, Storage};

/// The one writer of a journal whose events have no Rust type here: they come as bytes that a schema
/// describes.
///
/// ```
/// use slipring_journal::{Field, Journal, Schema};
/// # let folder = tempfile::tempdir()?;
/// let field = Field {
///     name: "price".to_owned(),
///     kind: "i64".to_owned(),
///     offset: 0,
///     size: 8,
///     attributes: vec![("decimal".to_owned(), "2".to_owned())],
/// };
/// let schema =
///     Schema { name: "Tick".to_owned(), size: 8, fields: vec![field], attributes: Vec::new() };
/// let (mut writer, _) = Journal::at(folder.path()).open_raw(&schema)?;
/// writer.append(1, &10_125_i64.to_le_bytes())?;
/// writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Events of a known type: [`Writer`](crate::Writer).
#[derive(Debug)]
pub struct RawWriter<S: Storage = Files> {
    writer: Writer<Untyped, S>,
    schema: Schema,
}

impl<S: Storage> RawWriter<S> {
    pub(crate) fn new(writer: Writer<Untyped, S>, schema: Schema) -> Self {
        RawWriter { writer, schema }
    }

    /// Appends an event with its time in nanoseconds, and gives its sequence. Waits while there is no room.
    ///
    /// # Errors
    /// As [`Writer::append`](crate::Writer::append).
    ///
    /// # Panics
    /// If the event has not as many bytes as the schema says.
    #[inline]
    pub fn append(&mut self, time_ns: u64, event: &[u8]) -> Result<u64, AppendError> {
        assert_eq!(event.len(), self.schema.size, "bytes of an event, by its schema");
        match self.writer.put(time_ns, Kind::Event, event) {
            Some(sequence) => Ok(sequence),
            None => self.writer.append_waiting(time_ns, Kind::Event, event),
        }
    }

    /// As [`RawWriter::append`], if there is room now.
    ///
    /// # Errors
    /// As [`Writer::try_append`](crate::Writer::try_append).
    ///
    /// # Panics
    /// As [`RawWriter::append`].
    #[inline]
    pub fn try_append(&mut self, time_ns: u64, event: &[u8]) -> Result<u64, AppendError> {
        assert_eq!(event.len(), self.schema.size, "bytes of an event, by its schema");
        match self.writer.put(time_ns, Kind::Event, event) {
            Some(sequence) => Ok(sequence),
            None => self.writer.try_append_seldom(time_ns, Kind::Event, event),
        }
    }

    /// Appends a void record: it stands for an event that is lost, so that the others keep their sequences.
    ///
    /// # Errors
    /// As [`RawWriter::append`].
    pub fn append_void(&mut self, time_ns: u64) -> Result<u64, AppendError> {
        self.writer.append_void(time_ns)
    }

    /// Says that a batch is complete: see [`Writer::end_batch`](crate::Writer::end_batch).
    #[inline]
    pub fn end_batch(&mut self) {
        self.writer.end_batch();
    }

    /// What the bytes of an event are: as the journal says it, if there was one.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The sequence that the next record gets.
    pub fn end_sequence(&self) -> u64 {
        self.writer.end_sequence()
    }

    /// Journal time of the last record, in nanoseconds.
    pub fn last_time_ns(&self) -> Option<u64> {
        self.writer.last_time_ns()
    }

    /// How many records came with a time before the last one's.
    pub fn regressions(&self) -> u64 {
        self.writer.regressions()
    }

    /// The epoch of the records that this writer appends.
    pub fn epoch(&self) -> u32 {
        self.writer.epoch()
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.writer.journal_id()
    }

    /// The journal's cursors, to watch or to wait for.
    pub fn cursors(&self) -> Cursors {
        self.writer.cursors()
    }

    /// A reader of everything appended so far.
    ///
    /// # Errors
    /// As [`Journal::raw_reader`](crate::Journal::raw_reader).
    pub fn reader(&self) -> Result<RawReader<S>, ReadError> {
        Ok(self.writer.reader()?.into_raw())
    }

    /// Syncs everything and ends: see [`Writer::close`](crate::Writer::close).
    ///
    /// # Errors
    /// As [`Writer::close`](crate::Writer::close).
    pub fn close(self) -> Result<u64, SyncError> {
        self.writer.close()
    }

    /// Drops it as if its process had died: see [`Writer::abandon`](crate::Writer::abandon).
    #[doc(hidden)]
    pub fn abandon(self) {
        self.writer.abandon();
    }
}
