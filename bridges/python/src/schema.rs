//! A schema as Python has it: tuples, of which `slipring/schema.py` makes its own classes.

use slipring_journal::{Field, Schema};

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
