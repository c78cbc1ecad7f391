//! A schema as Python has it: tuples, of which `slipring/schema.py` makes its own classes.

use pyo3::prelude::*;
use slipring_journal::{Field, Schema};
use slipring_schema::{codegen, file};

use crate::apart::apart;
use crate::errors::Fault;

pub(crate) type Attributes = Vec<(String, String)>;
/// Name, type, offset, size, attributes.
pub(crate) type FieldParts = (String, String, usize, usize, Attributes);
/// Name, size, attributes, fields.
pub(crate) type SchemaParts = (String, usize, Attributes, Vec<FieldParts>);

pub(crate) fn to_parts(schema: Schema) -> SchemaParts {
    let Schema { name, size, fields, attributes } = schema;
    let fields = fields
        .into_iter()
        .map(|Field { name, kind, offset, size, attributes }| (name, kind, offset, size, attributes))
        .collect();
    (name, size, attributes, fields)
}

pub(crate) fn from_parts((name, size, attributes, fields): SchemaParts) -> Schema {
    let fields = fields
        .into_iter()
        .map(|(name, kind, offset, size, attributes)| Field { name, kind, offset, size, attributes })
        .collect();
    Schema { name, size, fields, attributes }
}

/// Reads a schema file.
#[pyfunction]
pub(crate) fn schema_from_toml(py: Python<'_>, text: String) -> PyResult<SchemaParts> {
    apart(py, || Ok(to_parts(file::from_toml(&text)?)))
}

/// Writes a schema file.
#[pyfunction]
pub(crate) fn schema_to_toml(py: Python<'_>, schema: SchemaParts) -> PyResult<String> {
    apart(py, || Ok(file::to_toml(&from_parts(schema))))
}

/// The event in another language.
#[pyfunction]
pub(crate) fn schema_code(py: Python<'_>, schema: SchemaParts, language: String) -> PyResult<String> {
    apart(py, || {
        let schema = from_parts(schema);
        match language.as_str() {
            "rust" => Ok(codegen::rust(&schema)),
            "c" => Ok(codegen::c(&schema)),
            "numpy" => Ok(codegen::numpy(&schema)),
            "sql" => Ok(codegen::sql(&schema)),
            _ => Err(Fault::NoLanguage { language }),
        }
    })
}
