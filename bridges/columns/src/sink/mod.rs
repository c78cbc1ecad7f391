//! Events into files, a module for each format.

pub mod arrow;
pub mod avro;
pub mod parquet;
pub mod sqlite;

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use slipring_journal::RawChunk;
use slipring_schema::Table;

use crate::batch::Batch;
use crate::error::ExportError;
use crate::options::SinkOptions;
use crate::partial::PartialFile;
use crate::records::{Key, Records};

/// Events of one batch at most; fewer of large ones.
const BATCH_ROWS: usize = 1 << 16;
/// Bytes of events of one batch, roughly.
const BATCH_BYTES: usize = 32 << 20;
/// Events that are kept until their columns are appended together.
const PENDING_ROWS: usize = 1 << 10;

/// A file format that takes batches of columns.
pub(crate) trait BatchFile: Sized {
    /// Begins the file.
    fn begin(file: File, schema: &SchemaRef, options: &SinkOptions) -> Result<Self, ExportError>;

    /// Appends a batch.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError>;

    /// Ends it; the file is not synced yet.
    fn end(self) -> Result<File, ExportError>;
}

/// What the formats of columns have in common: events are gathered into batches, and the file is written beside its
/// place.
#[derive(Debug)]
pub(crate) struct ColumnSink<F> {
    // Fields are dropped in order: the file is closed before it is removed.
    file: F,
    partial: PartialFile,
    batch: Batch,
    event_bytes: usize,
    batch_rows: usize,
    keys: Vec<Key>,
    pending_keys: Vec<Key>,
    pending: Vec<u8>,
}

impl<F: BatchFile> ColumnSink<F> {
    pub(crate) fn create(path: &Path, table: &Table, options: &SinkOptions) -> Result<Self, ExportError> {
        let batch = Batch::new(table, options)?;
        let (partial, file) = PartialFile::create(path)?;
        Ok(ColumnSink {
            file: F::begin(file, batch.schema(), options)?,
            partial,
            batch,
            event_bytes: table.event_bytes,
            batch_rows: (BATCH_BYTES / table.event_bytes.max(1)).clamp(1, BATCH_ROWS),
            keys: Vec::new(),
            pending_keys: Vec::new(),
            pending: Vec::new(),
        })
    }

    pub(crate) fn push(&mut self, key: Key, event: &[u8]) -> Result<(), ExportError> {
        assert_eq!(event.len(), self.event_bytes, "bytes of an event, by the table");
        self.pending_keys.push(key);
        self.pending.extend_from_slice(event);
        let most = self.batch_rows.min(PENDING_ROWS);
        if self.pending_keys.len() >= most { self.append_pending() } else { Ok(()) }
    }

    pub(crate) fn push_chunk(
        &mut self,
        chunk: &RawChunk<'_>,
        rows: Option<&[u32]>,
    ) -> Result<(), ExportError> {
        self.append_pending()?;
        self.keys.clear();
        let key = |record: slipring_journal::RawRecord<'_>| Key {
            sequence: record.sequence,
            time_ns: record.time_ns,
            epoch: record.epoch,
        };
        match rows {
            None => self.keys.extend(chunk.records().map(key)),
            Some(rows) => {
                let mut wanted = rows.iter().peekable();
                for (row, record) in (0u32..).zip(chunk.records()) {
                    if wanted.next_if_eq(&&row).is_some() {
                        self.keys.push(key(record));
                    }
                }
                assert!(wanted.peek().is_none(), "rows of the chunk, in order");
            }
        }
        let records = Records::of_chunk(&self.keys, chunk, rows, self.event_bytes);
        self.batch.append(&records)?;
        self.write_if(self.batch_rows)
    }

    fn append_pending(&mut self) -> Result<(), ExportError> {
        if self.pending_keys.is_empty() {
            return Ok(());
        }
        let records = Records::packed(&self.pending_keys, &self.pending, self.event_bytes);
        self.batch.append(&records)?;
        self.pending_keys.clear();
        self.pending.clear();
        self.write_if(self.batch_rows)
    }

    /// Writes the batch if it has so many events.
    fn write_if(&mut self, rows: usize) -> Result<(), ExportError> {
        if self.batch.rows() < rows {
            return Ok(());
        }
        let batch = self.batch.finish()?;
        self.file.write(&batch)
    }

    pub(crate) fn finish(mut self) -> Result<(), ExportError> {
        self.append_pending()?;
        self.write_if(1)?;
        let file = self.file.end()?;
        self.partial.commit(&file)
    }
}

/// What every sink of columns offers, written once.
macro_rules! column_sink {
    ($sink:ident, $file:ty) => {
        impl $sink {
            /// Begins a file that takes the place of `path` when it is finished. Until then it is written beside it,
            /// as `<path>.partial-<process>`, which is removed when the sink is dropped unfinished.
            ///
            /// # Errors
            /// The system's; options that the format has not.
            pub fn create(
                path: impl AsRef<std::path::Path>,
                table: &slipring_schema::Table,
                options: &crate::SinkOptions,
            ) -> Result<Self, crate::ExportError> {
                crate::sink::ColumnSink::create(path.as_ref(), table, options).map($sink)
            }

            /// Appends an event.
            ///
            /// # Errors
            /// A value that the format has no room for; the system's. The sink is of no use any more.
            ///
            /// # Panics
            /// If the event has not as many bytes as the table says.
            pub fn push(&mut self, key: crate::Key, event: &[u8]) -> Result<(), crate::ExportError> {
                self.0.push(key, event)
            }

            /// Appends records of a chunk: those of `rows`, which count from 0 and ascend; all if not said. The
            /// quickest way by far: one loop per column.
            ///
            /// # Errors
            /// As the sink's `push`.
            ///
            /// # Panics
            /// If the chunk is of another table, or has no such rows.
            pub fn push_chunk(
                &mut self,
                chunk: &slipring_journal::RawChunk<'_>,
                rows: Option<&[u32]>,
            ) -> Result<(), crate::ExportError> {
                self.0.push_chunk(chunk, rows)
            }

            /// Ends the file, syncs it, and puts it in its place.
            ///
            /// # Errors
            /// The system's.
            pub fn finish(self) -> Result<(), crate::ExportError> {
                self.0.finish()
            }
        }
    };
}
pub(crate) use column_sink;
