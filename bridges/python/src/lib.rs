//! What the Python package `slipring` has in Rust: reading, following, verifying and writing, each without
//! the interpreter's lock. It knows schemas and bytes; what fields mean is said in Python, beside numpy.
//!
//! There is no `unsafe` here: arrays are made of vectors, and what comes in an array is copied while the
//! interpreter's lock is held.

#![forbid(unsafe_code)]

use pyo3::prelude::*;

mod apart;
mod errors;
mod follower;
mod looks;
mod named;
mod reader;
mod rows;
mod schema;
mod writer;

#[pymodule]
fn _slipring(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<reader::Reader>()?;
    module.add_class::<follower::Follower>()?;
    module.add_class::<named::NamedReader>()?;
    module.add_class::<writer::Writer>()?;
    module.add_function(wrap_pyfunction!(looks::segments, module)?)?;
    module.add_function(wrap_pyfunction!(looks::verify, module)?)?;
    module.add_function(wrap_pyfunction!(schema::schema_from_toml, module)?)?;
    module.add_function(wrap_pyfunction!(schema::schema_to_toml, module)?)?;
    module.add_function(wrap_pyfunction!(schema::schema_code, module)?)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
