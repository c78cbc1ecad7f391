//! Arrow's own files (IPC, Feather version 2).

use std::fs::File;
use std::io::BufWriter;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};
use arrow_schema::SchemaRef;

use super::{BatchFile, ColumnSink, column_sink};
use crate::error::ExportError;
use crate::options::{Compress, SinkOptions};

/// Writes an Arrow file, which other programs map into memory as it is unless it is compressed. It is not, if
/// nothing else is said.
#[derive(Debug)]
pub struct ArrowIpcSink(ColumnSink<ArrowFile>);

column_sink!(ArrowIpcSink, ArrowFile);

struct ArrowFile(FileWriter<BufWriter<File>>);

impl std::fmt::Debug for ArrowFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrowFile").finish_non_exhaustive()
    }
}

impl BatchFile for ArrowFile {
    fn begin(file: File, schema: &SchemaRef, options: &SinkOptions) -> Result<Self, ExportError> {
        let compression = match options.compress.unwrap_or(Compress::None) {
            Compress::None => None,
            // The crate has one level.
            Compress::Zstd(_) => Some(CompressionType::ZSTD),
            Compress::Lz4 => Some(CompressionType::LZ4_FRAME),
            asked @ (Compress::Snappy | Compress::Deflate) => {
                let (format, can) = ("an Arrow file", "zstd and lz4");
                return Err(ExportError::Compression { format, asked: asked.name(), can });
            }
        };
        // A number without a name may lengthen an enum's list; a file's list can't be replaced.
        let options = IpcWriteOptions::default()
            .try_with_compression(compression)?
            .with_dictionary_handling(DictionaryHandling::Delta);
        Ok(ArrowFile(FileWriter::try_new_with_options(BufWriter::new(file), schema, options)?))
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError> {
        Ok(self.0.write(batch)?)
    }

    fn end(mut self) -> Result<File, ExportError> {
        self.0.finish()?;
        let file = self.0.into_inner()?;
        file.into_inner().map_err(|error| {
            let error: std::io::Error = error.into();
            ExportError::Arrow(error.into())
        })
    }
}
