//! Whether a default is a value of its field: whether a file's value could be that.

use crate::kind::Kind;
use crate::parse::ParseOptions;
use crate::table::Table;
use crate::tree::Attributes;
use crate::tree::scalar::Leaf;
use slipring_journal::{Field, MAX_RECORD_BYTES, Schema};

/// What the field takes, if the text is not that.
pub(super) fn refusal(leaf: &Leaf, attributes: &Attributes, text: &str) -> Option<String> {
    // What is too large is refused for that.
    let size = leaf.size().filter(|size| (1..=MAX_RECORD_BYTES).contains(size))?;
    let attributes = attributes.iter().filter(|(name, _)| name != "default").cloned().collect();
    let field = Field { name: "value".to_owned(), kind: leaf.to_string(), offset: 0, size, attributes };
    let kind = Kind::of(&field);
    let fits = match kind {
        _ if text.is_empty() => true,
        // Without filling the field up, which may be long.
        Kind::Text(bytes) => text.len() <= bytes && !text.contains('\0'),
        Kind::Bytes(bytes) if !text.starts_with("0x") => text.len() <= bytes && !text.contains('\0'),
        _ => {
            let schema = Schema { name: "E".to_owned(), size, fields: vec![field], attributes: Vec::new() };
            let table = Table::new(&schema);
            let parse = |column: &crate::table::Column| {
                column.parse(text, &mut vec![0; size], &ParseOptions::default()).is_ok()
            };
            table.columns.first().is_some_and(parse)
        }
    };
    (!fits).then(|| kind.expected())
}
