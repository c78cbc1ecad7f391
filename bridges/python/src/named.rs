//! A named reader: a place in a journal that persists.

use std::path::PathBuf;
use std::sync::Mutex;

use numpy::PyArray1;
use pyo3::prelude::*;
use slipring_journal::{Journal, RawNamedReader, ReaderStart};

use crate::apart::{apart, lock};
use crate::errors::Fault;
use crate::follower::{rows_of, wait_for_rows};
use crate::rows::RowLayout;

/// A reader whose position lies in the journal's folder. It has the name for as long as it is open.
#[pyclass(frozen, module = "slipring._slipring")]
#[derive(Debug)]
pub(crate) struct NamedReader {
    /// `None` once it is closed.
    reader: Mutex<Option<RawNamedReader>>,
}

impl NamedReader {
    /// Has the reader do something, beside the interpreter.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut RawNamedReader) -> Result<T, Fault> + Send,
    ) -> PyResult<T> {
        apart(py, || lock(&self.reader).as_mut().ok_or(Fault::ReaderClosed).and_then(work))
    }
}

#[pymethods]
impl NamedReader {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, name: &str, durable_only: bool) -> PyResult<Self> {
        let reader = apart(py, || {
            let reader = Journal::at(path).named_reader_raw(name)?;
            Ok(if durable_only { reader.durable_only() } else { reader })
        })?;
        Ok(NamedReader { reader: Mutex::new(Some(reader)) })
    }

    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |reader| Ok(reader.position()))
    }

    #[getter]
    fn next_sequence(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |reader| Ok(reader.next_sequence()))
    }

    /// The events that have come, as rows; waits for some, looking again every `poll` seconds. `None` if none
    /// came for `timeout` seconds.
    fn wait<'py>(
        &self,
        py: Python<'py>,
        row_bytes: usize,
        pieces: Vec<(usize, usize, usize)>,
        poll: f64,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyArray1<u64>>>> {
        let layout = RowLayout::new(row_bytes, pieces)?;
        wait_for_rows(py, poll, timeout, || {
            let mut reader = lock(&self.reader);
            let chunk = reader.as_mut().ok_or(Fault::ReaderClosed)?.next_chunk()?;
            chunk.map(|chunk| rows_of(chunk, &layout)).transpose()
        })
    }

    fn commit(&self, py: Python<'_>, end: u64) -> PyResult<()> {
        self.with(py, |reader| Ok(reader.commit(end)?))
    }

    /// To a sequence or to a time; else to the first record that is kept, or behind the last.
    fn seek(
        &self,
        py: Python<'_>,
        sequence: Option<u64>,
        time_ns: Option<u64>,
        to_end: bool,
    ) -> PyResult<()> {
        let start = match (sequence, time_ns) {
            (Some(sequence), _) => ReaderStart::Sequence(sequence),
            (None, Some(time_ns)) => ReaderStart::Time(time_ns),
            (None, None) if to_end => ReaderStart::End,
            (None, None) => ReaderStart::First,
        };
        self.with(py, |reader| Ok(reader.seek(start)?))
    }

    fn resume_at_first(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |reader| Ok(reader.resume_at_first()?))
    }

    /// Gives the name back. Where it stands; `None` if it was closed before.
    fn close(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        apart(py, || Ok(lock(&self.reader).take().map(RawNamedReader::close).transpose()?))
    }
}
