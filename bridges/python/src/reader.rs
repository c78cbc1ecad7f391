//! Reading: from a time to a sequence, and verified records into rows.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use numpy::PyReadwriteArray1;
use pyo3::prelude::*;
use slipring_journal::{Journal, JournalFault, Kind, RawChunk, RawReader, RawRecord, ReadError};

use crate::apart::{apart, lock};
use crate::errors::Fault;
use crate::rows::RowLayout;
use crate::schema::{SchemaParts, to_parts};

/// Records between two looks whether somebody pressed Ctrl-C.
const TURN_RECORDS: u64 = 1 << 20;

/// A reader of a journal, which Python's threads may share.
#[pyclass(frozen, module = "slipring._slipring")]
#[derive(Debug)]
pub(crate) struct Reader {
    journal: Journal,
    reader: Arc<Mutex<RawReader>>,
}

#[pymethods]
impl Reader {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let journal = Journal::at(path);
        let reader = apart(py, || Ok(journal.raw_reader()?))?;
        Ok(Reader { journal, reader: Arc::new(Mutex::new(reader)) })
    }

    /// The folder, by its absolute name.
    #[getter]
    fn path(&self) -> PathBuf {
        self.journal.path().to_owned()
    }

    /// Identity, first sequence, end, durable end, bytes of a record.
    fn facts(&self, py: Python<'_>) -> PyResult<(String, u64, u64, u64, usize)> {
        self.with(py, |reader| {
            let (first, end) = (reader.first_sequence(), reader.end_sequence());
            Ok((reader.journal_id().to_string(), first, end, reader.durable_end(), reader.record_bytes()))
        })
    }

    /// `None` if there is no segment yet.
    fn schema(&self, py: Python<'_>) -> PyResult<Option<SchemaParts>> {
        let path = self.journal.path().display().to_string();
        self.with(py, move |reader| match reader.schema() {
            Some(schema) => Ok(Some(to_parts(schema))),
            None if reader.record_bytes() == 0 => Ok(None),
            None => Err(Fault::NoSchema { path }),
        })
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |reader| Ok(reader.refresh()?))
    }

    /// From where on records lie in the files as `read` gives them.
    fn as_they_lie_from(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |reader| Ok(reader.as_they_lie_from()))
    }

    /// The first sequence whose journal time is `time_ns` or later.
    fn lower_bound(&self, py: Python<'_>, time_ns: u64) -> PyResult<u64> {
        self.with(py, move |reader| Ok(reader.lower_bound(time_ns)?))
    }

    /// Writes the records of `start..end`, verified, without the void ones, into rows that are zero: words of
    /// 8 bytes. How many rows that were.
    fn read(
        &self,
        py: Python<'_>,
        start: u64,
        end: u64,
        mut words: PyReadwriteArray1<'_, u64>,
        row_bytes: usize,
        pieces: Vec<(usize, usize, usize)>,
    ) -> PyResult<usize> {
        let layout = RowLayout::new(row_bytes, pieces)?;
        // Nobody else has the array yet: the caller has just made it.
        let free: &mut [u8] = bytemuck::cast_slice_mut(words.as_slice_mut()?);
        let mut rows = Rows { layout, free, taken: 0 };
        let mut at = start;
        while at < end {
            let turn_end = end.min(at.saturating_add(TURN_RECORDS));
            at = self.with(py, |reader| walk(reader, at, turn_end, &mut rows))?;
            py.check_signals()?;
        }
        Ok(rows.taken)
    }

    /// Checks the records of `start..end`; how many of them are void.
    fn check(&self, py: Python<'_>, start: u64, end: u64) -> PyResult<u64> {
        let (mut voids, mut at) = (Voids(0), start);
        while at < end {
            let turn_end = end.min(at.saturating_add(TURN_RECORDS));
            at = self.with(py, |reader| walk(reader, at, turn_end, &mut voids))?;
            py.check_signals()?;
        }
        Ok(voids.0)
    }
}

impl Reader {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut RawReader) -> Result<T, Fault> + Send,
    ) -> PyResult<T> {
        apart(py, || work(&mut lock(&self.reader)))
    }
}

/// What takes verified records.
trait Take {
    /// The first `count` of a chunk.
    fn chunk(&mut self, chunk: &RawChunk<'_>, count: usize) -> Result<(), Fault>;
    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Fault>;
}

/// Rows that are being filled.
struct Rows<'r> {
    layout: RowLayout,
    free: &'r mut [u8],
    taken: usize,
}

impl Rows<'_> {
    fn take<'a>(&mut self, records: impl Iterator<Item = RawRecord<'a>>) -> Result<(), Fault> {
        let taken = self.layout.fill(records, self.free)?;
        let free = std::mem::take(&mut self.free);
        self.free = free.get_mut(taken * self.layout.row_bytes()..).unwrap_or_default();
        self.taken += taken;
        Ok(())
    }
}

impl Take for Rows<'_> {
    fn chunk(&mut self, chunk: &RawChunk<'_>, count: usize) -> Result<(), Fault> {
        self.take(chunk.records().take(count))
    }

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Fault> {
        self.take(std::iter::once(*record))
    }
}

/// How many records are void.
struct Voids(u64);

impl Take for Voids {
    fn chunk(&mut self, chunk: &RawChunk<'_>, count: usize) -> Result<(), Fault> {
        chunk.records().take(count).try_for_each(|record| self.record(&record))
    }

    fn record(&mut self, record: &RawRecord<'_>) -> Result<(), Fault> {
        self.0 += u64::from(record.kind == Kind::Void);
        Ok(())
    }
}

/// Hands over the verified records of `start..end`; gives `end`.
fn walk(reader: &mut RawReader, start: u64, end: u64, take: &mut impl Take) -> Result<u64, Fault> {
    let (first, log_end) = (reader.first_sequence(), reader.end_sequence());
    let mut at = start;
    while at < end {
        match reader.chunk(at) {
            Ok(chunk) if chunk.is_empty() => {
                return Err(ReadError::OutOfRange { sequence: at, first, end: log_end }.into());
            }
            Ok(chunk) => {
                let count = (chunk.len() as u64).min(end - at);
                take.chunk(&chunk, count as usize)?;
                at += count;
            }
            // The damage may lie behind what is wanted.
            Err(ReadError::Journal(JournalFault::CorruptRecord(record))) if record.sequence >= end => {
                for sequence in at..end {
                    take.record(&reader.at(sequence)?)?;
                }
                return Ok(end);
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(at)
}
