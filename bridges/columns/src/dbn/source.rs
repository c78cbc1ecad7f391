//! Events out of DBN.

use std::io::{self, BufReader, Read};

use dbn::decode::DynReader;
use slipring_journal::Schema;
use slipring_schema::Table;

use super::metadata::KeptMetadata;
use super::types::RecordType;
use super::{LENGTH_STEP, RECORD_HEAD_BYTES, RTYPE_AT};
use crate::error::ImportError;
use crate::intake::Rows;

/// Rows of one batch.
const BATCH_ROWS: usize = 4096;

/// Events out of a DBN file or stream, compressed with zstd or not: its first bytes say it.
///
/// The events are the records as they are, so the table that is wanted must be that of [`DbnSource::schema`].
pub struct DbnSource {
    input: Input,
    metadata: KeptMetadata,
    of: RecordType,
    /// Of the version, `ts_out` and all.
    record_bytes: usize,
    /// Whether records of other types are passed over: one was asked for.
    asked: bool,
    /// The first record, if it was looked at.
    ahead: Vec<u8>,
    schema: Schema,
    row: u64,
    passed_over: u64,
    /// Records that were read, of whatever type.
    records: u64,
    without_symbols: bool,
    /// What was wrong behind the last batch.
    failed: Option<ImportError>,
}

/// What is left of the input, uncompressed.
type Input = BufReader<Box<dyn Read + Send>>;

impl std::fmt::Debug for DbnSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DbnSource")
            .field("metadata", &self.metadata.read)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

impl DbnSource {
    /// Opens a file or a pipe. `of` names the type of record that is wanted, as DBN names its schemas (`mbo`,
    /// `ohlcv-1s`, `symbol-mapping`): records of other types are passed over. Without it all must be of the
    /// type that the file says, or that its first record has.
    ///
    /// # Errors
    /// It is no DBN, or one of a later version; there is no such type.
    pub fn open(input: impl Read + Send + 'static, of: Option<&str>) -> Result<Self, ImportError> {
        let reader = DynReader::inferred_with_buffer(BufReader::with_capacity(1 << 17, input))?;
        let mut input: Input = BufReader::with_capacity(1 << 16, Box::new(reader));
        let metadata = KeptMetadata::read(&mut input)?;
        let (version, mut ahead) = (metadata.read.version, Vec::new());
        let said = of.or(metadata.read.schema.map(|schema| schema.as_str()));
        let of_type = match said {
            Some(name) => RecordType::named(version, name).ok_or_else(|| no_such_type(name))?,
            None => {
                read_record(&mut input, &mut ahead, 1)?;
                let rtype = ahead.get(RTYPE_AT).copied();
                // A file without a record is of any type.
                let rtype = rtype.unwrap_or(dbn::rtype::MBO);
                RecordType::of(version, rtype).ok_or_else(|| no_such_type(&format!("{rtype:#04x}")))?
            }
        };
        let ts_out = metadata.read.ts_out;
        let (attribute, without_symbols) = metadata.attribute()?;
        Ok(DbnSource {
            input,
            record_bytes: of_type.record_bytes(version, ts_out),
            schema: of_type.schema(version, ts_out, &attribute),
            metadata,
            of: of_type,
            asked: of.is_some(),
            ahead,
            row: 0,
            passed_over: 0,
            records: 0,
            without_symbols,
            failed: None,
        })
    }

    /// The schema of the events; the file's metadata is its attribute `dbn`.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the file says about itself.
    pub fn metadata(&self) -> &dbn::Metadata {
        &self.metadata.read
    }

    /// What its user should know: symbols that no schema has room for, records that were passed over.
    pub fn notices(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.without_symbols {
            all.push(
                "the file's symbols and their mappings are too many to be kept in a schema: keep the file for them"
                    .to_owned(),
            );
        }
        if self.passed_over > 0 {
            all.push(format!("{} records of other types were passed over", self.passed_over));
        }
        all
    }

    /// Checks that the events of a table are such records, and passes over the first so many.
    ///
    /// # Errors
    /// They are others; the file can't be read.
    pub fn begin(&mut self, table: &Table, first_row: u64) -> Result<(), ImportError> {
        let own = Table::new(&self.schema);
        let columns = |table: &Table| -> Vec<(String, usize, usize)> {
            let place =
                |column: &slipring_schema::Column| (column.path.clone(), column.offset, column.kind.bytes());
            table.columns.iter().map(place).collect()
        };
        if own.event_bytes != table.event_bytes || columns(&own) != columns(table) {
            return Err(ImportError::OtherType {
                column: self.of.name.to_owned(),
                found: format!("records of {} bytes", self.record_bytes),
                expected: "of another layout (only the schema that `--infer` gives is read from DBN)",
            });
        }
        let mut passed = Vec::new();
        while self.row < first_row && self.next_record(&mut passed)? {
            passed.clear();
            self.row += 1;
        }
        Ok(())
    }

    /// The next records as events; 0 at the end. No row ever has a fault.
    ///
    /// # Errors
    /// The file can't be read any further: it is damaged, or ends within a record.
    pub fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError> {
        out.reset(self.row, 0, self.record_bytes);
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut rows = 0;
        while rows < BATCH_ROWS {
            let before = out.events.len();
            match self.next_record(&mut out.events) {
                // Of a stream that goes on, what is there is given out before more is waited for.
                Ok(true) if self.input.buffer().is_empty() => {
                    rows += 1;
                    break;
                }
                Ok(true) => rows += 1,
                Ok(false) => break,
                // What is whole before it is still to be had; the next call says what is wrong.
                Err(error) if rows == 0 => return Err(error),
                Err(error) => {
                    out.events.truncate(before);
                    self.failed = Some(error);
                    break;
                }
            }
        }
        out.times.resize(rows, None);
        self.row += rows as u64;
        Ok(rows)
    }

    /// Appends the next record of the type; whether there is one.
    fn next_record(&mut self, out: &mut Vec<u8>) -> Result<bool, ImportError> {
        loop {
            let before = out.len();
            if self.ahead.is_empty() {
                if !read_record(&mut self.input, out, self.records + 1)? {
                    return Ok(false);
                }
            } else {
                out.append(&mut self.ahead);
            }
            self.records += 1;
            let record = &out[before..];
            let (rtype, bytes) = (record[RTYPE_AT], record.len());
            if self.of.has(rtype) && bytes == self.record_bytes {
                return Ok(true);
            }
            if !self.asked || self.of.has(rtype) {
                return Err(ImportError::OtherRecord {
                    record: self.records,
                    found: rtype,
                    found_bytes: bytes,
                    wanted: format!("{} with {} bytes", self.of.name, self.record_bytes),
                });
            }
            out.truncate(before);
            self.passed_over += 1;
        }
    }
}

fn no_such_type(name: &str) -> ImportError {
    ImportError::NotThis { expected: "type of DBN record", what: format!("{name:?} is none that is read") }
}

/// Appends a record; `false` at the end of the input.
fn read_record(input: &mut impl Read, out: &mut Vec<u8>, record: u64) -> Result<bool, ImportError> {
    let damaged = |what: String| ImportError::NotThis { expected: "DBN file", what };
    let fault = |error: io::Error| damaged(format!("record {record} can't be read: {error}"));
    let mut length = [0];
    loop {
        match input.read(&mut length) {
            Ok(0) => return Ok(false),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fault(error)),
        }
    }
    let bytes = usize::from(length[0]) * LENGTH_STEP;
    if bytes < RECORD_HEAD_BYTES {
        return Err(damaged(format!(
            "record {record} says that it has {bytes} bytes, fewer than its header"
        )));
    }
    let before = out.len();
    out.push(length[0]);
    out.resize(before + bytes, 0);
    match input.read_exact(&mut out[before + 1..]) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(damaged(format!("it ends within record {record}")))
        }
        Err(error) => Err(fault(error)),
    }
}
