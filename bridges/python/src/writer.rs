//! Appending events that lie in an array.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use slipring_journal::{AppendError, Journal, RawWriter, SyncMode};

use crate::apart::{apart, lock};
use crate::errors::{Fault, raised};
use crate::schema::{SchemaParts, from_parts, to_parts};

/// Bytes that are copied out of an array at once.
const TURN_BYTES: usize = 1 << 20;
/// How long an append waits for room without a look whether somebody pressed Ctrl-C.
const MOST_WAIT: Duration = Duration::from_millis(50);

/// The writer of a journal; `None` when it is closed.
#[pyclass(frozen, module = "slipring._slipring")]
#[derive(Debug)]
pub(crate) struct Writer {
    writer: Mutex<Option<RawWriter>>,
    event_bytes: usize,
    /// There was no journal before.
    #[pyo3(get)]
    created: bool,
    /// What recovery found, in a sentence.
    #[pyo3(get)]
    recovery: String,
}

#[pymethods]
impl Writer {
    /// `sync_ns`: 0 syncs behind each batch, less than 0 never, `None` as the journal does it by itself.
    #[new]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        schema: SchemaParts,
        segment_bytes: Option<u64>,
        segment_records: Option<u64>,
        sync_ns: Option<i64>,
        max_time_step_ns: Option<u64>,
    ) -> PyResult<Self> {
        let mut journal = Journal::at(path);
        if let Some(count) = segment_bytes {
            journal = journal.segment_bytes(count);
        }
        if let Some(count) = segment_records {
            journal = journal.segment_records(count);
        }
        if let Some(step_ns) = max_time_step_ns {
            journal = journal.max_time_step(Duration::from_nanos(step_ns));
        }
        journal = match sync_ns {
            None => journal,
            Some(0) => journal.sync(SyncMode::EveryBatch),
            Some(ns) if ns < 0 => journal.sync(SyncMode::None),
            Some(ns) => journal.sync(SyncMode::Every(Duration::from_nanos(ns.unsigned_abs()))),
        };
        let schema = from_parts(schema);
        let event_bytes = schema.size;
        let (writer, report) = apart(py, || Ok(journal.open_raw(&schema)?))?;
        let (created, recovery) = (report.created, report.to_string());
        Ok(Writer { writer: Mutex::new(Some(writer)), event_bytes, created, recovery })
    }

    /// The schema as the journal has it.
    fn schema(&self, py: Python<'_>) -> PyResult<SchemaParts> {
        self.with(py, |writer| Ok(to_parts(writer.schema().clone())))
    }

    /// End, durable end, time of the last record, regressions, epoch.
    fn facts(&self, py: Python<'_>) -> PyResult<(u64, u64, Option<u64>, u64, u32)> {
        self.with(py, |writer| {
            let durable_end = writer.cursors().durable_end();
            let (last_ns, regressions) = (writer.last_time_ns(), writer.regressions());
            Ok((writer.end_sequence(), durable_end, last_ns, regressions, writer.epoch()))
        })
    }

    /// Appends events that lie behind each other in `events`, each with its time in nanoseconds; the sequence
    /// of the first, and the one behind the last. An exception says in `appended` how many were taken.
    fn append(
        &self,
        py: Python<'_>,
        events: PyReadonlyArray1<'_, u8>,
        times: PyReadonlyArray1<'_, u64>,
    ) -> PyResult<(u64, u64)> {
        let (events, times) = (events.as_slice()?, times.as_slice()?);
        if events.len() != times.len().saturating_mul(self.event_bytes) {
            return Err(raised::BadOption::new_err("there must be a time for each event"));
        }
        let turn_count = (TURN_BYTES / self.event_bytes.max(1)).max(1);
        let mut appended = 0;
        let mut append = || {
            let first = self.with(py, |writer| Ok(writer.end_sequence()))?;
            for (events, times) in
                events.chunks(turn_count * self.event_bytes.max(1)).zip(times.chunks(turn_count))
            {
                // Copied: without the interpreter's lock another thread may write to the array.
                let (events, times) = (events.to_vec(), times.to_vec());
                let mut at = 0;
                while at < times.len() {
                    let until = Instant::now() + MOST_WAIT;
                    let (taken, done) = self.with(py, |writer| {
                        Ok(append_some(writer, &events, &times, self.event_bytes, at, until))
                    })?;
                    (appended, at) = (appended + taken, at + taken);
                    done?;
                    py.check_signals()?;
                }
            }
            let end = self.with(py, |writer| {
                writer.end_batch();
                Ok(writer.end_sequence())
            })?;
            Ok((first, end))
        };
        append().inspect_err(|error: &PyErr| {
            // Best said in the exception; one that takes no attribute goes without.
            let _ = error.value(py).setattr("appended", appended);
        })
    }

    /// Waits until all that was appended is durable; `false` if it is not within so many seconds.
    fn wait_durable(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let far = timeout.filter(|seconds| seconds.is_finite());
        let until = match far {
            Some(seconds) => {
                let wait = Duration::try_from_secs_f64(seconds)
                    .map_err(|_| Fault::Rows { what: "a timeout is seconds, 0 or more" })?;
                Instant::now().checked_add(wait)
            }
            None => None,
        };
        let (end, cursors) = self.with(py, |writer| Ok((writer.end_sequence(), writer.cursors())))?;
        let Some(last) = end.checked_sub(1) else { return Ok(true) };
        loop {
            let wait = until
                .map_or(MOST_WAIT, |until| MOST_WAIT.min(until.saturating_duration_since(Instant::now())));
            let done = apart(py, || match cursors.wait_durable(last, wait) {
                Err(slipring_journal::SyncError::TimedOut { .. }) => Ok(false),
                done => Ok(done.map(|()| true)?),
            })?;
            py.check_signals()?;
            if done || until.is_some_and(|until| Instant::now() >= until) {
                return Ok(done);
            }
        }
    }

    /// Syncs all and lets go of the journal; the sequence behind the last record. Closing twice is fine.
    fn close(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        apart(py, || match lock(&self.writer).take() {
            Some(writer) => Ok(Some(writer.close()?)),
            None => Ok(None),
        })
    }
}

impl Writer {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut RawWriter) -> Result<T, Fault> + Send,
    ) -> PyResult<T> {
        apart(py, || work(lock(&self.writer).as_mut().ok_or(Fault::Closed)?))
    }
}

/// Appends from the event `at` on, waiting for room until `until`: how many, and whether that went well.
fn append_some(
    writer: &mut RawWriter,
    events: &[u8],
    times: &[u64],
    event_bytes: usize,
    at: usize,
    until: Instant,
) -> (usize, Result<(), Fault>) {
    let events = events.chunks_exact(event_bytes.max(1)).zip(times).skip(at);
    for (taken, (event, &time_ns)) in events.enumerate() {
        loop {
            match writer.try_append(time_ns, event) {
                Ok(_) => break,
                Err(AppendError::Full { .. }) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_micros(50));
                }
                Err(AppendError::Full { .. }) => return (taken, Ok(())),
                Err(error) => return (taken, Err(error.into())),
            }
        }
    }
    (times.len() - at, Ok(()))
}
