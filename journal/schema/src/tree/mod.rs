//! A schema as a tree: structs and one-of events with their fields, where the schema itself lists the numbers
//! alone, each by its whole path. What schema files and generated code are written from.
//!
//! ```text
//! scalar.rs    the number types, and arrays of them
//! meaning.rs   what the attributes make of a number
//! layout.rs    from the tree to a schema: offsets and padding as `repr(C)` has them
//! regroup.rs   from a schema to the tree, by the names of its fields
//! ```
//! The folder knows neither files nor languages.

pub(crate) mod layout;
pub(crate) mod meaning;
pub(crate) mod regroup;
pub(crate) mod scalar;

use scalar::Leaf;

/// Names and values, as a schema has them.
pub(crate) type Attributes = Vec<(String, String)>;

/// A whole event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
    /// Whether fields lie one behind the other without regard to alignment.
    pub(crate) packed: bool,
    /// The least alignment of the whole, in bytes.
    pub(crate) align: usize,
    pub(crate) shape: Shape,
}

/// What lies in an event or in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A number, or an array of one.
    Leaf(Leaf, Attributes),
    /// Fields one behind the other.
    Struct(Vec<Member>),
    /// A tag, then the value of one of the variants.
    OneOf(Vec<Variant>),
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// How many there are of it, the outermost array first; empty for one. A leaf's arrays are the leaf's own.
    pub(crate) dims: Vec<usize>,
    pub(crate) shape: Shape,
}

/// A variant of a one-of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) tag: u32,
    /// Of its line; those that speak of the one-of event as a whole are the tag's too.
    pub(crate) attributes: Attributes,
    /// Its value, under the empty name; `None` for a variant that holds nothing.
    pub(crate) value: Option<Member>,
}

/// What the line of the tag says: what every variant says of the one-of event as a whole.
pub(crate) fn tag_attributes(variants: &[Variant]) -> Attributes {
    let first = variants.first().map_or(&[][..], |variant| &variant.attributes);
    first.iter().filter(|(name, _)| name != "was").cloned().collect()
}

impl Shape {
    /// Gives all that lies in it an attribute: one that says so many levels above what it speaks of, if it does
    /// not speak of all alike.
    pub(crate) fn give(&mut self, attribute: &dyn Fn(usize) -> (String, String), levels: usize) {
        match self {
            Shape::Leaf(_, attributes) => attributes.push(attribute(levels)),
            Shape::Struct(members) => {
                members.iter_mut().for_each(|member| member.shape.give(attribute, levels + 1));
            }
            Shape::OneOf(variants) => {
                for variant in variants {
                    variant.attributes.push(attribute(levels + 1));
                    let Some(value) = &mut variant.value else { continue };
                    // A value that is no struct stands under the name `0`.
                    let is_struct = matches!(value.shape, Shape::Struct(_)) && value.dims.is_empty();
                    value.shape.give(attribute, levels + if is_struct { 1 } else { 2 });
                }
            }
        }
    }
}

impl Member {
    /// Whether it is padding, which is never shown.
    pub(crate) fn is_padding(&self) -> bool {
        self.name.starts_with('_')
    }
}
