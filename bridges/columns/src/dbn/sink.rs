//! Events into DBN.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use slipring_journal::Schema;
use slipring_schema::{Row, Table};

use super::metadata::KeptMetadata;
use super::types::RecordType;
use super::{LENGTH_STEP, METADATA_ATTRIBUTE, RTYPE_AT};
use crate::error::ExportError;
use crate::options::{Chosen, Compress, SinkOptions};
use crate::records::Records;
use crate::unfinished::Unfinished;

/// Writes a DBN file of events that were recorded from one: the same metadata, and the records as they were.
///
/// The metadata is that of the whole file, whatever range of it is written.
pub struct DbnSink {
    // Fields are dropped in order: the file is closed before it is removed.
    out: Out,
    file: Unfinished,
    event_bytes: usize,
    of: RecordType,
    name: String,
}

enum Out {
    Plain(BufWriter<File>),
    Zstd(Box<zstd::stream::write::Encoder<'static, BufWriter<File>>>),
}

impl std::fmt::Debug for DbnSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DbnSink").field("file", &self.file).field("of", &self.of).finish_non_exhaustive()
    }
}

impl DbnSink {
    /// Begins a file where there is none; it is removed when the sink is dropped unfinished. It is compressed
    /// with zstd if the path ends with `.zst` and nothing else is said.
    ///
    /// # Errors
    /// The events are no records of DBN; not all columns are chosen; the system's.
    pub fn create(path: impl AsRef<Path>, table: &Table, options: &SinkOptions) -> Result<Self, ExportError> {
        let path = path.as_ref();
        let schema = &options.origin.schema;
        let no_dbn = |what| ExportError::NoDbn { name: schema.name.clone(), what };
        let attribute = schema.attribute(METADATA_ATTRIBUTE);
        let attribute = attribute.ok_or_else(|| no_dbn("their schema has no attribute `dbn`"))?;
        let metadata = KeptMetadata::from_attribute(&schema.name, attribute)?;
        let of = record_type(schema, &metadata).ok_or_else(|| no_dbn("their fields are others"))?;
        let is_field = |chosen: &&Chosen| matches!(chosen, Chosen::Field(_));
        let fields = options.chosen(table)?.iter().filter(is_field).count();
        if fields != table.columns.len() {
            return Err(no_dbn("a record is written whole: leave --fields out"));
        }
        let is_zst = path.extension().is_some_and(|extension| extension == "zst");
        let compress = options.compress.unwrap_or(if is_zst { Compress::Zstd(3) } else { Compress::None });
        let (unfinished, file) = Unfinished::create(path)?;
        let file = BufWriter::with_capacity(1 << 17, file);
        let mut out = match compress {
            Compress::None => Out::Plain(file),
            Compress::Zstd(level) => {
                let encoder = zstd::stream::write::Encoder::new(file, level);
                let mut encoder = encoder.map_err(|source| unfinished.fault(source))?;
                encoder.include_checksum(true).map_err(|source| unfinished.fault(source))?;
                Out::Zstd(Box::new(encoder))
            }
            asked => {
                let (format, can) = ("a DBN file", "zstd");
                return Err(ExportError::Compression { format, asked: asked.name(), can });
            }
        };
        out.write_all(&metadata.bytes).map_err(|source| unfinished.fault(source))?;
        let (event_bytes, name) = (table.event_bytes, schema.name.clone());
        Ok(DbnSink { out, file: unfinished, event_bytes, of, name })
    }

    /// Appends events.
    ///
    /// # Errors
    /// One is of another type; the system's. The sink is of no use any more.
    ///
    /// # Panics
    /// If an event has not as many bytes as the table says.
    pub fn push(&mut self, rows: &[Row<'_>]) -> Result<(), ExportError> {
        // What other programs or formats have written has no length.
        let length = [(self.event_bytes / LENGTH_STEP) as u8];
        for row in Records::new(rows, self.event_bytes).rows() {
            if !self.of.has(row.event[RTYPE_AT]) {
                let what = "a record is of another type (its `rtype`)";
                return Err(ExportError::NoDbn { name: self.name.clone(), what });
            }
            let written = self.out.write_all(&length).and_then(|()| self.out.write_all(&row.event[1..]));
            written.map_err(|source| self.file.fault(source))?;
        }
        Ok(())
    }

    /// Ends the file. It is synced by who called.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> Result<(), ExportError> {
        let DbnSink { out, file: unfinished, .. } = self;
        let file = match out {
            Out::Plain(file) => Ok(file),
            Out::Zstd(encoder) => encoder.finish(),
        };
        let ended = file.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        ended.map_err(|source| unfinished.fault(source))?;
        unfinished.keep();
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Out::Plain(file) => file.write(bytes),
            Out::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Out::Plain(file) => file.flush(),
            Out::Zstd(encoder) => encoder.flush(),
        }
    }
}

/// The type whose records the events are, to the byte.
fn record_type(schema: &Schema, metadata: &KeptMetadata) -> Option<RecordType> {
    let (version, ts_out) = (metadata.read.version, metadata.read.ts_out);
    (0..=u8::MAX).filter_map(|rtype| RecordType::of(version, rtype)).find(|of| {
        let own = of.schema(version, ts_out, "");
        // What people call the event is theirs.
        own.size == schema.size
            && own.fields.len() == schema.fields.len()
            && own.fields.iter().zip(&schema.fields).all(|(own, other)| {
                let is_padding = own.name.starts_with('_') && other.name.starts_with('_');
                (own.name == other.name || is_padding) && (own.offset, own.size) == (other.offset, other.size)
            })
    })
}
