//! What a column's arrays have in common: one length, and items of one type.

use super::Cell;
use super::column::Column;
use crate::tree::Attributes;
use crate::tree::scalar::Leaf;
use serde_json::value::RawValue;

/// What was seen of a column's arrays.
#[derive(Default)]
pub(super) struct Arrays {
    /// The length of all so far.
    count: Option<usize>,
    /// All of their items; none if no field can hold them.
    items: Option<Box<Column>>,
    is_refused: bool,
}

impl Arrays {
    pub(super) fn see(&mut self, text: &str) {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else {
            self.is_refused = true;
            return;
        };
        self.is_refused |= items.is_empty() || *self.count.get_or_insert(items.len()) != items.len();
        // Numbers of an array are not the journal's time.
        let column = self.items.get_or_insert_with(|| Box::new(Column::new(false)));
        for item in items {
            match item.get() {
                number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                    column.see(Cell::Number(number));
                }
                // Not even `true` and `false`: their bytes would be an array of text.
                _ => self.is_refused = true,
            }
        }
    }

    /// The field that holds them all, if one can.
    pub(super) fn field(&self) -> Option<(Leaf, Attributes)> {
        let (count, items) = (self.count?, self.items.as_ref()?);
        let (leaf, attributes) = items.field()?;
        let is_plain = leaf.dims.is_empty() && !self.is_refused;
        is_plain.then(|| (Leaf { dims: vec![count], ..leaf }, attributes))
    }
}
