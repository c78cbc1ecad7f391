//! Events into files, a module for each format.

pub mod arrow;
pub mod avro;
pub mod parquet;
pub mod sqlite;

use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use slipring_schema::{Row, Table};

use crate::batch::Batch;
use crate::error::ExportError;
use crate::options::SinkOptions;
use crate::records::Records;
use crate::unfinished::Unfinished;

/// Events of one batch at most; fewer of large ones.
const BATCH_ROWS: usize = 1 << 16;
/// Bytes of events of one batch, roughly.
const BATCH_BYTES: usize = 32 << 20;
/// Events whose columns are appended together, so that they are still in a cache.
const STEP_ROWS: usize = 1 << 10;

/// Batches that wait for the thread that writes them.
const WAITING_BATCHES: usize = 2;

/// A file format that takes batches of columns.
pub(crate) trait BatchFile: Sized + Send + 'static {
    /// Begins the file.
    fn begin(file: File, schema: &SchemaRef, options: &SinkOptions) -> Result<Self, ExportError>;

    /// Appends a batch.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError>;

    /// Ends it; the file is not synced yet.
    fn end(self) -> Result<File, ExportError>;
}

/// A file that a thread of its own writes, for encoding takes longer than gathering.
#[derive(Debug)]
struct Writing {
    batches: Option<SyncSender<RecordBatch>>,
    thread: Option<JoinHandle<Result<Option<File>, ExportError>>>,
}

impl Writing {
    fn begin<F: BatchFile>(mut file: F) -> Self {
        let (batches, waiting) = sync_channel::<RecordBatch>(WAITING_BATCHES);
        let thread = std::thread::spawn(move || {
            while let Ok(batch) = waiting.recv() {
                // Nothing in it says that there is no more to come.
                if batch.num_rows() == 0 {
                    return file.end().map(Some);
                }
                file.write(&batch)?;
            }
            // It was given up.
            Ok(None)
        });
        Writing { batches: Some(batches), thread: Some(thread) }
    }

    fn write(&mut self, batch: RecordBatch) -> Result<(), ExportError> {
        match self.batches.as_ref().map(|batches| batches.send(batch)) {
            Some(Ok(())) => Ok(()),
            // The thread has failed, and says why.
            _ => self.join().map(drop),
        }
    }

    /// Waits for the thread, whose file it is then: `None` if it was given up.
    fn join(&mut self) -> Result<Option<File>, ExportError> {
        self.batches = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(None),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // The file is closed before it is removed. What is wrong is not asked for any more.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the formats of columns have in common: events are gathered into batches.
#[derive(Debug)]
pub(crate) struct ColumnSink<F> {
    // Fields are dropped in order: the file is closed before it is removed.
    writing: Writing,
    format: PhantomData<F>,
    file: Unfinished,
    batch: Batch,
    event_bytes: usize,
    batch_rows: usize,
}

impl<F: BatchFile> ColumnSink<F> {
    pub(crate) fn create(path: &Path, table: &Table, options: &SinkOptions) -> Result<Self, ExportError> {
        let batch = Batch::new(table, options)?;
        let (unfinished, file) = Unfinished::create(path)?;
        Ok(ColumnSink {
            writing: Writing::begin(F::begin(file, batch.schema(), options)?),
            format: PhantomData,
            file: unfinished,
            batch,
            event_bytes: table.event_bytes,
            batch_rows: (BATCH_BYTES / table.event_bytes.max(1)).clamp(1, BATCH_ROWS),
        })
    }

    pub(crate) fn push(&mut self, rows: &[Row<'_>]) -> Result<(), ExportError> {
        for rows in rows.chunks(self.batch_rows.min(STEP_ROWS)) {
            self.batch.append(&Records::new(rows, self.event_bytes))?;
            self.write_if(self.batch_rows)?;
        }
        Ok(())
    }

    /// Writes the batch if it has so many events.
    fn write_if(&mut self, rows: usize) -> Result<(), ExportError> {
        if self.batch.rows() < rows {
            return Ok(());
        }
        let batch = self.batch.finish()?;
        self.writing.write(batch)
    }

    pub(crate) fn finish(mut self) -> Result<(), ExportError> {
        self.write_if(1)?;
        self.writing.write(RecordBatch::new_empty(self.batch.schema().clone()))?;
        match self.writing.join()? {
            Some(_) => self.file.keep(),
            // It had failed before, and was asked again.
            None => return Err(self.file.fault(std::io::ErrorKind::BrokenPipe.into())),
        }
        Ok(())
    }
}

/// What every sink of columns offers, written once.
macro_rules! column_sink {
    ($sink:ident, $file:ty) => {
        impl $sink {
            /// Begins a file where there is none; it is removed when the sink is dropped unfinished.
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

            /// Appends events.
            ///
            /// # Errors
            /// A value that the format has no room for; the system's. The sink is of no use any more.
            ///
            /// # Panics
            /// If an event has not as many bytes as the table says.
            pub fn push(&mut self, rows: &[slipring_schema::Row<'_>]) -> Result<(), crate::ExportError> {
                self.0.push(rows)
            }

            /// Ends the file. It is synced by who called.
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
