//! Looks at a whole journal: its segments, and whether every record is whole.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use slipring_journal::Status;

use crate::apart::apart;

/// The journal's segments, oldest first, each as a dictionary.
#[pyfunction]
pub(crate) fn segments(py: Python<'_>, path: PathBuf) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let info = apart(py, || Ok(slipring_journal::inspect(path)?))?;
    let segments = info.segments.into_iter().map(|segment| {
        let said = PyDict::new(py);
        said.set_item("name", segment.name)?;
        said.set_item("base", segment.base)?;
        said.set_item("capacity", segment.capacity)?;
        said.set_item("records", segment.records)?;
        said.set_item("epoch", segment.epoch)?;
        said.set_item("created_ns", segment.created_ns)?;
        said.set_item("first_time_ns", segment.first_time_ns)?;
        said.set_item("last_time_ns", segment.last_time_ns)?;
        said.set_item("file_bytes", segment.file_bytes)?;
        said.set_item("records_at", segment.records_at)?;
        said.set_item("format_version", segment.format_version)?;
        said.set_item("event_version", segment.event_version)?;
        Ok(said)
    });
    segments.collect()
}

/// Reads every record and says what it found, as a dictionary.
#[pyfunction]
pub(crate) fn verify(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let report = apart(py, || Ok(slipring_journal::verify(path, |_, _| ())?))?;
    let status = match report.status {
        Status::Fine => "fine",
        Status::TornTail => "torn-tail",
        Status::Corrupt => "corrupt",
    };
    let said = PyDict::new(py);
    said.set_item("path", report.path)?;
    said.set_item("status", status)?;
    said.set_item("records", report.records)?;
    said.set_item("looked_at", report.looked_at)?;
    said.set_item("first_sequence", report.first_sequence)?;
    said.set_item("end_sequence", report.end_sequence)?;
    said.set_item("durable_end", report.durable_end)?;
    said.set_item("torn_at", report.torn_at)?;
    said.set_item("refuses_to_open", report.refuses_to_open)?;
    said.set_item("faults", report.faults)?;
    said.set_item("warnings", report.warnings)?;
    Ok(said)
}
