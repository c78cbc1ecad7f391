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

/// The first value under a name.
pub(crate) fn value_of<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

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
    /// How many there are of it, the outermost array first; empty for one. A leaf has its own arrays.
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
    /// Gives all that lies in it more attributes, but for padding; how, is told by how many names each has
    /// below this shape's own.
    pub(crate) fn give(&mut self, levels: usize, attribute: &dyn Fn(&mut Attributes, usize)) {
        match self {
            Shape::Leaf(_, attributes) => attribute(attributes, levels),
            Shape::Struct(members) => {
                let members = members.iter_mut().filter(|member| !member.is_padding());
                members.for_each(|member| member.shape.give(levels + 1, attribute));
            }
            Shape::OneOf(variants) => {
                for variant in variants {
                    attribute(&mut variant.attributes, levels + 1);
                    let Some(value) = &mut variant.value else { continue };
                    // A value that is no struct stands under the name `0`.
                    let has_names = !matches!(value.shape, Shape::Leaf(..)) && value.dims.is_empty();
                    value.shape.give(levels + if has_names { 1 } else { 2 }, attribute);
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
