//! Parquet: integers and times by their differences, texts by dictionaries, zstd.

use std::fs::File;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::{BatchFile, ColumnSink, column_sink};
use crate::error::ExportError;
use crate::options::{Compress, SinkOptions};

/// Bytes of one row group while it is in memory, roughly.
const GROUP_BYTES: usize = 128 << 20;

/// Writes a Parquet file.
///
/// Integers and times are encoded by their differences, texts and enums by dictionaries; it is compressed
/// with zstd of level 1 if nothing else is said.
#[derive(Debug)]
pub struct ParquetSink(ColumnSink<ParquetFile>);

column_sink!(ParquetSink, ParquetFile);

#[derive(Debug)]
struct ParquetFile(ArrowWriter<File>);

impl BatchFile for ParquetFile {
    fn begin(file: File, schema: &SchemaRef, options: &SinkOptions) -> Result<Self, ExportError> {
        let mut metadata: Vec<KeyValue> =
            options.origin.metadata().into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
        metadata.sort_by(|one, other| one.key.cmp(&other.key));
        let mut properties = WriterProperties::builder()
            .set_compression(compression(options.compress.unwrap_or(Compress::Zstd(1)))?)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("slipring-columns ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(metadata));
        for field in schema.fields() {
            if by_differences(field.data_type()) {
                // By its own name: a dot in it parts nothing.
                let path = ColumnPath::new(vec![field.name().clone()]);
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
        }
        Ok(ParquetFile(ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))?))
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError> {
        self.0.write(batch)?;
        if self.0.in_progress_size() > GROUP_BYTES {
            self.0.flush()?;
        }
        Ok(())
    }

    fn end(self) -> Result<File, ExportError> {
        // It writes the footer.
        Ok(self.0.into_inner()?)
    }
}

/// Numbers that mostly lie near the one before: sequences, times, ids, prices.
fn by_differences(of: &DataType) -> bool {
    of.is_integer() || matches!(of, DataType::Timestamp(..))
}

fn compression(compress: Compress) -> Result<Compression, ExportError> {
    Ok(match compress {
        Compress::None => Compression::UNCOMPRESSED,
        Compress::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
        Compress::Snappy => Compression::SNAPPY,
        Compress::Lz4 => Compression::LZ4_RAW,
        Compress::Deflate => {
            let (format, can) = ("a Parquet file", "zstd, snappy and lz4");
            return Err(ExportError::Compression { format, asked: compress.name(), can });
        }
    })
}
