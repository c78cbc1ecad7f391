//! Work beside the interpreter: without its lock, and with no panic that would get into it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use crate::errors::Fault;

/// Runs `work` while other Python threads run. A panic becomes an exception.
pub(crate) fn apart<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Fault> + Send) -> PyResult<T> {
    // What `work` has in hand after a panic is dropped, or is a reader that every call finds as it is told.
    let done = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
    done.unwrap_or_else(|panic| Err(Fault::Panicked { what: said(panic.as_ref()) })).map_err(PyErr::from)
}

/// Locks what Python's threads share. To be called [`apart`]: who waits for it must not hold the
/// interpreter's lock, which its holder may want.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}
