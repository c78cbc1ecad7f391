//! From the tree to a schema: the declared order, each field at its natural alignment as `repr(C)` has it,
//! with explicit padding, so that every byte of a struct belongs to a field. One-of events lie as the derive
//! writes them: the tag, then the value at the greatest alignment among the variants.

use super::{Member, Shape, Tree, Variant, scalar::Leaf, tag_attributes};
use slipring_journal::{Field, MAX_RECORD_BYTES, MAX_SCHEMA_BYTES, RECORD_HEADER_BYTES, Schema};

/// The largest event that still makes a record.
pub(crate) const MAX_EVENT_BYTES: usize = MAX_RECORD_BYTES - RECORD_HEADER_BYTES;

/// What no journal can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooLarge {
    /// The event itself.
    #[error("an event has at most {MAX_EVENT_BYTES} bytes: make the arrays and texts shorter")]
    Event,
    /// The list of its fields.
    #[error(
        "the list of fields, written out, has at most {MAX_SCHEMA_BYTES} bytes: make arrays of structs shorter"
    )]
    Fields,
}

/// Size and alignment in bytes.
#[derive(Clone, Copy)]
struct Extent {
    size: usize,
    align: usize,
}

impl Tree {
    /// Puts padding between the fields where there is a gap, and lays them out.
    pub(crate) fn lay_out(mut self) -> Result<Schema, TooLarge> {
        let layout = Layout { packed: self.packed };
        let extent = match &mut self.shape {
            Shape::OneOf(variants) => layout.one_of(variants, self.align)?,
            shape => {
                let mut extent = layout.fill(shape)?;
                if let Shape::Struct(members) = shape {
                    pad(members, &mut extent.size, self.align.max(1))?;
                }
                extent
            }
        };
        let mut emitter = Emitter { layout, fields: Vec::new(), text_bytes: 0, align: self.align };
        emitter.shape(&mut String::new(), &self.shape, 0)?;
        Ok(Schema { name: self.name, size: extent.size, fields: emitter.fields, attributes: self.attributes })
    }
}

#[derive(Clone, Copy)]
struct Layout {
    packed: bool,
}

impl Layout {
    /// Puts padding into the structs inside; how large it becomes.
    fn fill(self, shape: &mut Shape) -> Result<Extent, TooLarge> {
        match shape {
            Shape::Leaf(leaf, _) => leaf_extent(leaf),
            Shape::OneOf(variants) => self.one_of(variants, 1),
            Shape::Struct(members) => {
                let (mut at, mut greatest) = (0, 1);
                let mut filled: Vec<Member> = Vec::with_capacity(members.len());
                let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
                let mut pads = Pads { names, next: 0 };
                for mut member in members.drain(..) {
                    let extent = self.member(&mut member)?;
                    let align = if self.packed { 1 } else { extent.align };
                    pads.fill(&mut filled, &mut at, align)?;
                    at = checked(at.checked_add(extent.size))?;
                    greatest = greatest.max(align);
                    filled.push(member);
                }
                pads.fill(&mut filled, &mut at, greatest)?;
                *members = filled;
                Ok(Extent { size: at, align: greatest })
            }
        }
    }

    fn member(self, member: &mut Member) -> Result<Extent, TooLarge> {
        let Extent { size, align } = self.fill(&mut member.shape)?;
        let size = member.dims.iter().try_fold(size, |size, count| size.checked_mul(*count));
        Ok(Extent { size: checked(size)?, align })
    }

    fn one_of(self, variants: &mut [Variant], least: usize) -> Result<Extent, TooLarge> {
        let mut places = Places::new(least);
        for variant in variants {
            if let Some(value) = &mut variant.value {
                places.add(self.member(value)?);
            }
        }
        places.whole()
    }

    /// Where the values of a one-of event lie whose padding is in place.
    fn places(self, variants: &[Variant], least: usize) -> Result<Places, TooLarge> {
        let mut places = Places::new(least);
        for value in variants.iter().filter_map(|variant| variant.value.as_ref()) {
            places.add(self.extent(value)?);
        }
        Ok(places)
    }

    /// How large a member is whose padding is in place.
    fn extent(self, member: &Member) -> Result<Extent, TooLarge> {
        let Extent { size, align } = self.shape_extent(&member.shape)?;
        let size = member.dims.iter().try_fold(size, |size, count| size.checked_mul(*count));
        Ok(Extent { size: checked(size)?, align })
    }

    fn shape_extent(self, shape: &Shape) -> Result<Extent, TooLarge> {
        match shape {
            Shape::Leaf(leaf, _) => leaf_extent(leaf),
            Shape::Struct(members) => {
                let mut whole = Extent { size: 0, align: 1 };
                for member in members {
                    let extent = self.extent(member)?;
                    whole.size = checked(whole.size.checked_add(extent.size))?;
                    whole.align = whole.align.max(if self.packed { 1 } else { extent.align });
                }
                Ok(whole)
            }
            Shape::OneOf(variants) => self.places(variants, 1)?.whole(),
        }
    }
}

impl Shape {
    /// Size in bytes with its padding in place.
    pub(crate) fn size(&self, packed: bool) -> Option<usize> {
        Layout { packed }.shape_extent(self).ok().map(|extent| extent.size)
    }

    /// Size of a struct in bytes; `None` for what is none.
    pub(crate) fn struct_size(&self) -> Option<usize> {
        if matches!(self, Shape::Struct(_)) { self.size(false) } else { None }
    }
}

impl Member {
    /// Size in bytes with its padding in place.
    pub(crate) fn size(&self, packed: bool) -> Option<usize> {
        Layout { packed }.extent(self).ok().map(|extent| extent.size)
    }
}

/// Where the value begins in a one-of event, in bytes.
pub(crate) fn value_at(variants: &[Variant], align: usize, packed: bool) -> Option<usize> {
    Layout { packed }.places(variants, align).ok().map(|places| places.payload_at())
}

/// Where the values of a one-of event lie.
struct Places {
    /// The greatest alignment among the values.
    align: usize,
    /// The size of the largest.
    largest: usize,
}

impl Places {
    fn new(least_align: usize) -> Self {
        Self { align: least_align.max(4), largest: 0 }
    }

    fn add(&mut self, value: Extent) {
        self.align = self.align.max(value.align);
        self.largest = self.largest.max(value.size);
    }

    fn payload_at(&self) -> usize {
        self.align
    }

    fn whole(&self) -> Result<Extent, TooLarge> {
        let align = self.align.max(8);
        Ok(Extent { size: checked(Some((self.payload_at() + self.largest).next_multiple_of(align)))?, align })
    }
}

fn leaf_extent(leaf: &Leaf) -> Result<Extent, TooLarge> {
    Ok(Extent { size: checked(leaf.size())?, align: leaf.scalar.size() })
}

fn checked(size: Option<usize>) -> Result<usize, TooLarge> {
    size.filter(|size| *size <= MAX_EVENT_BYTES).ok_or(TooLarge::Event)
}

/// Gives out names for padding: `_pad`, `_pad1`, .., those that are not taken.
struct Pads {
    names: Vec<String>,
    next: usize,
}

impl Pads {
    /// Adds what is missing to a multiple of `align`.
    fn fill(&mut self, members: &mut Vec<Member>, at: &mut usize, align: usize) -> Result<(), TooLarge> {
        let gap = at.next_multiple_of(align) - *at;
        if gap == 0 {
            return Ok(());
        }
        let name = loop {
            let name = if self.next == 0 { "_pad".to_owned() } else { format!("_pad{}", self.next) };
            self.next += 1;
            if !self.names.contains(&name) {
                break name;
            }
        };
        members.push(Member { name, dims: Vec::new(), shape: Shape::Leaf(Leaf::bytes(gap), Vec::new()) });
        *at = checked(Some(*at + gap))?;
        Ok(())
    }
}

/// Pads a struct that has its inner padding to the alignment of the whole.
fn pad(members: &mut Vec<Member>, size: &mut usize, align: usize) -> Result<(), TooLarge> {
    let names = members.iter().map(|member| member.name.clone()).collect();
    Pads { names, next: 0 }.fill(members, size, align)
}

/// Collects the fields, and stops when they are more than a header holds.
struct Emitter {
    layout: Layout,
    fields: Vec<Field>,
    text_bytes: usize,
    /// Of the outermost one-of event.
    align: usize,
}

impl Emitter {
    fn shape(&mut self, path: &mut String, shape: &Shape, at: usize) -> Result<usize, TooLarge> {
        match shape {
            Shape::Leaf(leaf, attributes) => {
                let size = checked(leaf.size())?;
                self.push(path, leaf.to_string(), at, size, attributes)?;
                Ok(at + size)
            }
            Shape::Struct(members) => {
                let mut at = at;
                for member in members {
                    let length = path.len();
                    if !path.is_empty() && !path.ends_with('/') {
                        path.push('.');
                    }
                    path.push_str(&member.name);
                    at = self.elements(path, &member.dims, &member.shape, at)?;
                    path.truncate(length);
                }
                Ok(at)
            }
            Shape::OneOf(variants) => self.one_of(path, variants, at),
        }
    }

    fn elements(
        &mut self,
        path: &mut String,
        dims: &[usize],
        shape: &Shape,
        mut at: usize,
    ) -> Result<usize, TooLarge> {
        let Some((count, inner)) = dims.split_first() else { return self.shape(path, shape, at) };
        let length = path.len();
        for index in 0..*count {
            path.push_str(&format!("[{index}]"));
            let start = at;
            at = self.elements(path, inner, shape, at)?;
            path.truncate(length);
            if at == start {
                // Elements without bytes: nobody reads them, and their count is no bound.
                break;
            }
        }
        Ok(at)
    }

    fn one_of(&mut self, path: &mut String, variants: &[Variant], at: usize) -> Result<usize, TooLarge> {
        let length = path.len();
        let outermost = path.is_empty();
        if !path.is_empty() && !path.ends_with('/') {
            path.push('.');
        }
        let base = path.len();
        path.push_str("tag");
        self.push(path, "u32".to_owned(), at, 4, &tag_attributes(variants))?;
        let places = self.layout.places(variants, if outermost { self.align } else { 1 })?;
        for variant in variants {
            path.truncate(base);
            path.push_str(&variant.name);
            self.push(path, format!("u32={}", variant.tag), at, 4, &variant.attributes)?;
            let Some(value) = &variant.value else { continue };
            path.push('/');
            if matches!(value.shape, Shape::Leaf(..)) || !value.dims.is_empty() {
                // A value that is no struct has no name; its place is its name.
                path.push('0');
            }
            self.elements(path, &value.dims, &value.shape, at + places.payload_at())?;
        }
        path.truncate(length);
        Ok(at + places.whole()?.size)
    }

    fn push(
        &mut self,
        name: &str,
        kind: String,
        offset: usize,
        size: usize,
        attributes: &[(String, String)],
    ) -> Result<(), TooLarge> {
        let said: usize = attributes.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        self.text_bytes += name.len() + kind.len() + said + 5;
        if self.text_bytes > MAX_SCHEMA_BYTES {
            return Err(TooLarge::Fields);
        }
        self.fields.push(Field {
            name: name.to_owned(),
            kind,
            offset,
            size,
            attributes: attributes.to_vec(),
        });
        Ok(())
    }
}
