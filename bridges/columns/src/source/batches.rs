//! The readers of the formats of columns, each as batches of one schema.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};

use arrow_array::RecordBatch;
use arrow_avro::reader::ReaderBuilder;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Batches;
use crate::error::ImportError;
use crate::options::SCHEMA_KEY;

/// Rows of one batch.
const BATCH_ROWS: usize = 8192;

/// Batches that are read before they are asked for.
const AHEAD_BATCHES: usize = 4;

/// The first bytes of an Arrow file; a stream has none.
const ARROW_MAGIC: &[u8] = b"ARROW1";

pub(super) fn parquet(file: File) -> Result<(SchemaRef, Batches), ImportError> {
    guarded("Parquet", || {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let schema = builder.schema().clone();
        let reader = builder.with_batch_size(BATCH_ROWS).build()?;
        Ok((schema, guarded_batches("Parquet", reader.map(|batch| batch.map_err(ImportError::from)))))
    })
}

pub(super) fn arrow(mut file: File) -> Result<(SchemaRef, Batches), ImportError> {
    let fault = |source| ImportError::Io { path: PathBuf::new(), source };
    let mut magic = Vec::new();
    (&file).take(ARROW_MAGIC.len() as u64).read_to_end(&mut magic).map_err(fault)?;
    file.seek(SeekFrom::Start(0)).map_err(fault)?;
    if magic != ARROW_MAGIC {
        return arrow_stream(file);
    }
    guarded("Arrow", || {
        let reader = FileReader::try_new(BufReader::new(file), None)?;
        let schema = reader.schema();
        Ok((schema, guarded_batches("Arrow", reader.map(|batch| batch.map_err(ImportError::from)))))
    })
}

pub(super) fn arrow_stream(input: impl Read + Send + 'static) -> Result<(SchemaRef, Batches), ImportError> {
    guarded("Arrow", || {
        let reader = StreamReader::try_new(BufReader::new(input), None)?;
        let schema = reader.schema();
        Ok((schema, guarded_batches("Arrow", reader.map(|batch| batch.map_err(ImportError::from)))))
    })
}

/// With what the file's schema says beyond Avro.
pub(super) fn avro(
    input: impl BufRead + Send + 'static,
) -> Result<(SchemaRef, HashMap<String, String>, Batches), ImportError> {
    guarded("Avro", || {
        let reader = ReaderBuilder::new().with_batch_size(BATCH_ROWS).build(input)?;
        let schema = reader.schema();
        let json = reader.avro_header().get("avro.schema").unwrap_or_default();
        let json: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
        let kept = json.get(SCHEMA_KEY).and_then(|kept| kept.as_str());
        let metadata = kept.map(|kept| (SCHEMA_KEY.to_owned(), kept.to_owned())).into_iter().collect();
        let batches = guarded_batches("Avro", reader.map(|batch| batch.map_err(ImportError::from)));
        Ok((schema, metadata, batches))
    })
}

/// The crates of the formats are not all proof against files that lie: where one gives up with a panic, that
/// is an error here.
fn guarded<T>(format: &'static str, read: impl FnOnce() -> Result<T, ImportError>) -> Result<T, ImportError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(gave_up(format)))
}

/// Batches that are read ahead, by a thread of their own, which ends when nobody takes them any more. Nothing
/// is read before the first is asked for.
fn guarded_batches(
    format: &'static str,
    batches: impl Iterator<Item = Result<RecordBatch, ImportError>> + Send + 'static,
) -> Batches {
    let (mut unread, mut ahead) = (Some(batches), None);
    Box::new(std::iter::from_fn(move || {
        if let Some(batches) = unread.take() {
            ahead = Some(read_ahead(format, batches));
        }
        // The thread says what went wrong before it ends.
        ahead.as_ref()?.recv().ok()
    }))
}

fn read_ahead(
    format: &'static str,
    mut batches: impl Iterator<Item = Result<RecordBatch, ImportError>> + Send + 'static,
) -> Receiver<Result<RecordBatch, ImportError>> {
    let (sender, ahead) = sync_channel(AHEAD_BATCHES);
    std::thread::spawn(move || {
        loop {
            let next = catch_unwind(AssertUnwindSafe(|| batches.next()));
            let Some(next) = next.unwrap_or_else(|_| Some(Err(gave_up(format)))) else { break };
            let is_over = next.is_err();
            if sender.send(next).is_err() || is_over {
                break;
            }
        }
    });
    ahead
}

fn gave_up(format: &'static str) -> ImportError {
    ImportError::NotThis { expected: format, what: "it is damaged, so that it can't be read".to_owned() }
}
