//! Following a journal while somebody writes it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use numpy::PyArray1;
use pyo3::prelude::*;
use slipring_journal::{Journal, RawChunk, RawFollower};

use crate::apart::{apart, lock};
use crate::errors::Fault;
use crate::rows::RowLayout;
use crate::schema::{SchemaParts, to_parts};

/// The longest sleep without a look whether somebody pressed Ctrl-C.
const MOST_SLEEP: Duration = Duration::from_millis(50);

/// A position in a journal that moves on as records come.
#[pyclass(frozen, module = "slipring._slipring")]
#[derive(Debug)]
pub(crate) struct Follower {
    follower: Mutex<RawFollower>,
}

#[pymethods]
impl Follower {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, sequence: u64) -> PyResult<Self> {
        let follower = apart(py, || Ok(Journal::at(path).follow_raw(sequence)?))?;
        Ok(Follower { follower: Mutex::new(follower) })
    }

    /// `None` until it has met a segment.
    fn schema(&self, py: Python<'_>) -> PyResult<Option<SchemaParts>> {
        apart(py, || Ok(lock(&self.follower).schema().cloned().map(to_parts)))
    }

    /// The sequence of the next record that it will hand out.
    #[getter]
    fn next_sequence(&self, py: Python<'_>) -> PyResult<u64> {
        apart(py, || Ok(lock(&self.follower).next_sequence()))
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
            let mut follower = lock(&self.follower);
            let chunk = follower.next_chunk()?;
            chunk.map(|chunk| rows_of(chunk, &layout)).transpose()
        })
    }
}

/// The rows that `look` finds; waits for some, looking again every `poll` seconds. `None` if none came for
/// `timeout` seconds.
pub(crate) fn wait_for_rows<'py>(
    py: Python<'py>,
    poll: f64,
    timeout: Option<f64>,
    look: impl Fn() -> Result<Option<Vec<u64>>, Fault> + Sync,
) -> PyResult<Option<Bound<'py, PyArray1<u64>>>> {
    let seconds = |value: f64| {
        Duration::try_from_secs_f64(value)
            .map_err(|_| Fault::Rows { what: "poll and timeout are seconds, 0 or more" })
    };
    let poll = seconds(poll)?;
    // One that is too far off for a clock is none.
    let until = match timeout {
        Some(timeout) if timeout.is_finite() => Instant::now().checked_add(seconds(timeout)?),
        _ => None,
    };
    loop {
        let looked = apart(py, &look);
        py.check_signals()?;
        match looked? {
            Some(rows) if rows.is_empty() => continue,
            Some(rows) => return Ok(Some(PyArray1::from_vec(py, rows))),
            None => {}
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Ok(None);
        }
        sleep(py, poll, until)?;
    }
}

/// The events of a chunk as rows.
pub(crate) fn rows_of(chunk: RawChunk<'_>, layout: &RowLayout) -> Result<Vec<u64>, Fault> {
    let row_words = layout.row_bytes() / 8;
    let mut rows = Vec::new();
    let bytes = chunk.len() as u128 * layout.row_bytes() as u128;
    rows.try_reserve_exact(chunk.len() * row_words).map_err(|_| Fault::Memory { bytes })?;
    rows.resize(chunk.len() * row_words, 0);
    let taken = layout.fill(chunk.records(), bytemuck::cast_slice_mut(&mut rows))?;
    rows.truncate(taken * row_words);
    Ok(rows)
}

/// Sleeps for `poll`, not past `until`, and in parts, so that Ctrl-C is heard.
fn sleep(py: Python<'_>, poll: Duration, until: Option<Instant>) -> PyResult<()> {
    let mut left = until.map_or(poll, |until| poll.min(until.saturating_duration_since(Instant::now())));
    while !left.is_zero() {
        let part = left.min(MOST_SLEEP);
        py.detach(|| std::thread::sleep(part));
        py.check_signals()?;
        left -= part;
    }
    Ok(())
}
