//! Avro object container files.
//!
//! Avro has less than the other formats, so that some columns look otherwise there: names have no dots and
//! brackets (`legs[0].px` is `legs_0_px`), integers are `int` or `long`, an unsigned one of 64 bits is a
//! decimal of 20 digits (`_sequence` is a `long`), and enums are strings.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, Decimal128Array, FixedSizeListArray, Int64Array, RecordBatch, StringArray,
};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::format::AvroOcfFormat;
use arrow_avro::writer::{Writer, WriterBuilder};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use slipring_schema::SEQUENCE;

use super::{BatchFile, ColumnSink, column_sink};
use crate::error::ExportError;
use crate::options::{Compress, SinkOptions};

/// Writes an Avro file. It is compressed with deflate if nothing else is said, which every reader has.
#[derive(Debug)]
pub struct AvroSink(ColumnSink<AvroFile>);

column_sink!(AvroSink, AvroFile);

struct AvroFile {
    writer: Writer<BufWriter<File>, AvroOcfFormat>,
    schema: SchemaRef,
}

impl std::fmt::Debug for AvroFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AvroFile").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl BatchFile for AvroFile {
    fn begin(file: File, schema: &SchemaRef, options: &SinkOptions) -> Result<Self, ExportError> {
        let codec = match options.compress.unwrap_or(Compress::Deflate) {
            Compress::None => None,
            // The crate has one level.
            Compress::Zstd(_) => Some(CompressionCodec::ZStandard),
            Compress::Snappy => Some(CompressionCodec::Snappy),
            Compress::Deflate => Some(CompressionCodec::Deflate),
            asked @ Compress::Lz4 => {
                let (format, can) = ("an Avro file", "deflate, zstd and snappy");
                return Err(ExportError::Compression { format, asked: asked.name(), can });
            }
        };
        let names = avro_names(schema.fields().iter().map(|field| field.name().as_str()));
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .zip(names)
            .map(|(field, name)| {
                let data_type = match field.name().as_str() {
                    SEQUENCE => DataType::Int64,
                    _ => avro_type(field.data_type()),
                };
                Field::new(name, data_type, field.is_nullable()).with_metadata(field.metadata().clone())
            })
            .collect();
        let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
        let writer =
            WriterBuilder::new(schema.clone()).with_compression(codec).build(BufWriter::new(file))?;
        Ok(AvroFile { writer, schema: Arc::new(schema) })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ExportError> {
        let arrays: Result<Vec<ArrayRef>, ArrowError> = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(array, field)| avro_array(array, field.data_type()))
            .collect();
        Ok(self.writer.write(&RecordBatch::try_new(self.schema.clone(), arrays?)?)?)
    }

    fn end(mut self) -> Result<File, ExportError> {
        self.writer.finish()?;
        self.writer.into_inner().into_inner().map_err(|error| {
            let error: std::io::Error = error.into();
            ExportError::Arrow(error.into())
        })
    }
}

/// Names that Avro takes: letters, digits and underscores, each once. The same names give the same names.
pub(crate) fn avro_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut known = HashSet::new();
    let mut all = Vec::new();
    for name in names {
        let mut safe = String::new();
        for character in name.chars() {
            match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => safe.push(character),
                ']' => {}
                _ => safe.push('_'),
            }
        }
        if safe.is_empty() || safe.starts_with(|first: char| first.is_ascii_digit()) {
            safe.insert(0, '_');
        }
        let (first, mut count) = (safe.clone(), 2);
        while !known.insert(safe.clone()) {
            safe = format!("{first}_{count}");
            count += 1;
        }
        all.push(safe);
    }
    all
}

fn avro_type(of: &DataType) -> DataType {
    match of {
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Dictionary(..) => DataType::Utf8,
        DataType::FixedSizeList(item, count) => {
            let inner = avro_type(item.data_type());
            let item = Field::new(item.name(), inner, item.is_nullable());
            DataType::FixedSizeList(Arc::new(item), *count)
        }
        other => other.clone(),
    }
}

fn avro_array(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(match (array.data_type(), wanted) {
        (DataType::UInt64, DataType::Int64) => {
            let values = array.as_primitive::<UInt64Type>().values();
            let too_great = || ArrowError::CastError("a sequence beyond 63 bits".to_owned());
            let values: Result<Vec<i64>, ArrowError> =
                values.iter().map(|value| i64::try_from(*value).map_err(|_| too_great())).collect();
            Arc::new(Int64Array::new(values?.into(), array.nulls().cloned()))
        }
        (DataType::UInt64, _) => {
            let values = array.as_primitive::<UInt64Type>().values().iter();
            let values: Vec<i128> = values.map(|value| i128::from(*value)).collect();
            let array = Decimal128Array::new(values.into(), array.nulls().cloned());
            Arc::new(array.with_precision_and_scale(20, 0)?)
        }
        (DataType::Dictionary(..), _) => {
            let names = array.as_dictionary::<Int32Type>();
            let texts = names.values().as_string::<i32>();
            let text = |key: Option<usize>| key.map(|key| texts.value(key));
            Arc::new(names.keys_iter().map(text).collect::<StringArray>())
        }
        (DataType::FixedSizeList(..), DataType::FixedSizeList(item, count)) => {
            let list = array.as_fixed_size_list();
            let values = avro_array(list.values(), item.data_type())?;
            Arc::new(FixedSizeListArray::try_new(item.clone(), *count, values, list.nulls().cloned())?)
        }
        _ => array.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_each_is_there_once() {
        let names = ["_time", "legs[0].px", "legs_0_px", "0a", "é", "a-b", "a.b", "a b"];
        let safe = ["_time", "legs_0_px", "legs_0_px_2", "_0a", "_", "a_b", "a_b_2", "a_b_3"];
        assert_eq!(avro_names(names.into_iter()), safe);
    }
}
