//! Events into DBN.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use slipring_journal::{RawChunk, Schema};
use slipring_schema::Table;

use super::metadata::KeptMetadata;
use super::types::RecordType;
use super::{LENGTH_STEP, METADATA_ATTRIBUTE, RTYPE_AT};
use crate::error::ExportError;
use crate::options::{Chosen, Compress, SinkOptions};
use crate::partial::PartialFile;
use crate::records::Key;

/// Writes a DBN file of events that were recorded from one: the same metadata, and the records as they were.
///
/// The metadata is that of the whole file, whatever range of it is written.
pub struct DbnSink {
    // Fields are dropped in order: the file is closed before it is removed.
    out: Out,
    partial: PartialFile,
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
        f.debug_struct("DbnSink")
            .field("partial", &self.partial)
            .field("of", &self.of)
            .finish_non_exhaustive()
    }
}

impl DbnSink {
    /// Begins a file that takes the place of `path` when it is finished. Until then it is written beside it, as
    /// `<path>.partial-<process>`, which is removed when the sink is dropped unfinished. It is compressed with zstd if
    /// the path ends with `.zst` and nothing else is said.
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
        let (partial, file) = PartialFile::create(path)?;
        let file = BufWriter::with_capacity(1 << 17, file);
        let mut out = match compress {
            Compress::None => Out::Plain(file),
            Compress::Zstd(level) => {
                let encoder = zstd::stream::write::Encoder::new(file, level);
                let mut encoder = encoder.map_err(|source| partial.fault(source))?;
                encoder.include_checksum(true).map_err(|source| partial.fault(source))?;
                Out::Zstd(Box::new(encoder))
            }
            asked => {
                let (format, can) = ("a DBN file", "zstd");
                return Err(ExportError::Compression { format, asked: asked.name(), can });
            }
        };
        out.write_all(&metadata.bytes).map_err(|source| partial.fault(source))?;
        Ok(DbnSink { out, partial, event_bytes: table.event_bytes, of, name: schema.name.clone() })
    }

    /// Appends an event.
    ///
    /// # Errors
    /// It is of another type; the system's. The sink is of no use any more.
    ///
    /// # Panics
    /// If the event has not as many bytes as the table says.
    pub fn push(&mut self, _: Key, event: &[u8]) -> Result<(), ExportError> {
        assert_eq!(event.len(), self.event_bytes, "bytes of an event, by the table");
        if !self.of.has(event[RTYPE_AT]) {
            let what = "a record is of another type (its `rtype`)";
            return Err(ExportError::NoDbn { name: self.name.clone(), what });
        }
        // What other programs or formats have written has no length.
        let length = [(self.event_bytes / LENGTH_STEP) as u8];
        let written = self.out.write_all(&length).and_then(|()| self.out.write_all(&event[1..]));
        written.map_err(|source| self.partial.fault(source))
    }

    /// Appends records of a chunk: those of `rows`, which count from 0 and ascend; all if not said.
    ///
    /// # Errors
    /// As [`DbnSink::push`].
    ///
    /// # Panics
    /// If the chunk is of another table, or has no such rows.
    pub fn push_chunk(&mut self, chunk: &RawChunk<'_>, rows: Option<&[u32]>) -> Result<(), ExportError> {
        let mut wanted = rows.map(|rows| rows.iter().peekable());
        for (row, record) in (0u32..).zip(chunk.records()) {
            if wanted.as_mut().is_none_or(|wanted| wanted.next_if_eq(&&row).is_some()) {
                let key = Key { sequence: record.sequence, time_ns: record.time_ns, epoch: record.epoch };
                self.push(key, record.event)?;
            }
        }
        Ok(())
    }

    /// Ends the file, syncs it, and puts it in its place.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> Result<(), ExportError> {
        let DbnSink { out, partial, .. } = self;
        let file = match out {
            Out::Plain(file) => Ok(file),
            Out::Zstd(encoder) => encoder.finish(),
        };
        let file = file.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        let file = file.map_err(|source| partial.fault(source))?;
        partial.commit(&file)
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
