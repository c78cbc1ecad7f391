//! From a schema to the tree, by the names of its fields. What the names can't tell, whether a struct was
//! packed or aligned to more than its fields are, is found by trying which of them gives the same layout.

use super::scalar::Leaf;
use super::{Member, Shape, Tree, Variant, tag_attributes};
use slipring_journal::{Field, Schema};

/// How deep a name may nest.
const MAX_DEPTH: usize = 32;

/// A field under what is left of its name below some struct.
type Named<'a> = (&'a str, &'a Field);

impl Tree {
    /// The tree of which [`Tree::lay_out`] makes this schema. If there is none, because the schema is none
    /// that the derive writes, the one that comes nearest.
    pub(crate) fn of(schema: &Schema) -> Self {
        let fields: Vec<Named<'_>> = schema.fields.iter().map(|field| (field.name.as_str(), field)).collect();
        let shape = grouped(&fields, 0).unwrap_or_else(|| flat(schema));
        let mut tree = Tree {
            name: schema.name.clone(),
            attributes: schema.attributes.clone(),
            packed: false,
            align: 1,
            shape,
        };
        for (packed, align) in [(false, 1), (false, 8), (false, 16), (true, 1), (true, 8), (true, 16)] {
            tree.packed = packed;
            tree.align = align;
            if tree.clone().lay_out().is_ok_and(|laid_out| laid_out == *schema) {
                return tree;
            }
        }
        Tree { packed: true, align: 1, shape: flat(schema), ..tree }
    }
}

/// All fields side by side, bytes of no field as padding.
fn flat(schema: &Schema) -> Shape {
    let mut fields: Vec<&Field> = schema.fields.iter().filter(|field| !field.kind.contains('=')).collect();
    fields.sort_by_key(|field| field.offset);
    let mut members = Vec::with_capacity(fields.len());
    let mut at = 0;
    let gap = |members: &mut Vec<Member>, from: usize, to: usize| {
        if to > from {
            let shape = Shape::Leaf(Leaf::bytes(to - from), Vec::new());
            members.push(Member { name: format!("_gap{from}"), dims: Vec::new(), shape });
        }
    };
    for field in fields {
        let Some(leaf) = Leaf::parse(&field.kind).filter(|leaf| leaf.size() == Some(field.size)) else {
            continue;
        };
        if field.offset < at {
            continue;
        }
        gap(&mut members, at, field.offset);
        at = field.offset + field.size;
        let shape = Shape::Leaf(leaf, field.attributes.clone());
        members.push(Member { name: field.name.clone(), dims: Vec::new(), shape });
    }
    gap(&mut members, at, schema.size);
    Shape::Struct(members)
}

fn grouped(fields: &[Named<'_>], depth: usize) -> Option<Shape> {
    if depth == MAX_DEPTH {
        return None;
    }
    match fields {
        [("tag", tag), (_, next), ..] if tag.kind == "u32" && next.kind.contains('=') => {
            let variants = one_of(&fields[1..], depth)?;
            (tag_attributes(&variants) == tag.attributes).then_some(Shape::OneOf(variants))
        }
        _ => members(fields, depth).map(Shape::Struct),
    }
}

fn members(fields: &[Named<'_>], depth: usize) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    let mut rest = fields;
    while let Some((name, field)) = rest.first() {
        let head = &name[..name.find(['.', '[', '/']).unwrap_or(name.len())];
        let tail = &name[head.len()..];
        if head.is_empty() {
            return None;
        }
        if tail.is_empty() {
            members.push(Member { name: head.to_owned(), dims: Vec::new(), shape: leaf(field)? });
            rest = &rest[1..];
            continue;
        }
        let joint = tail.chars().next()?;
        let below = |name: &str| -> bool {
            name.strip_prefix(head).is_some_and(|tail| tail.starts_with(joint) && tail.len() > 1)
        };
        let count = rest.iter().take_while(|(name, _)| below(name)).count();
        let (inner, behind) = rest.split_at(count);
        rest = behind;
        let cut: Vec<Named<'_>> = inner.iter().map(|(name, field)| (&name[head.len()..], *field)).collect();
        let (dims, shape) = elements(&cut, depth)?;
        members.push(Member { name: head.to_owned(), dims, shape });
    }
    Some(members)
}

/// What stands behind a field's name: `.px`, or `[0].px`, `[1].px` ..
fn elements(fields: &[Named<'_>], depth: usize) -> Option<(Vec<usize>, Shape)> {
    if depth == MAX_DEPTH {
        return None;
    }
    let first = fields.first()?.0;
    if first.starts_with('.') {
        let cut: Option<Vec<Named<'_>>> =
            fields.iter().map(|(name, field)| Some((name.strip_prefix('.')?, *field))).collect();
        return Some((Vec::new(), grouped(&cut?, depth + 1)?));
    }
    let mut rest = fields;
    let mut count = 0;
    let mut element = None;
    while !rest.is_empty() {
        let prefix = format!("[{count}]");
        let cut: Vec<Named<'_>> = rest
            .iter()
            .map_while(|(name, field)| Some((name.strip_prefix(prefix.as_str())?, *field)))
            .collect();
        let found = elements(&cut, depth + 1)?;
        if element.get_or_insert_with(|| found.clone()) != &found {
            return None;
        }
        rest = &rest[cut.len()..];
        count += 1;
    }
    let (mut dims, shape) = element?;
    dims.insert(0, count);
    Some((dims, shape))
}

/// The variants; `fields` without the tag.
fn one_of(fields: &[Named<'_>], depth: usize) -> Option<Vec<Variant>> {
    let mut variants: Vec<Variant> = Vec::new();
    let mut rest = fields;
    while let Some(((name, field), behind)) = rest.split_first() {
        let tag = field.kind.strip_prefix("u32=")?.parse().ok()?;
        if name.contains(['.', '[', '/']) {
            return None;
        }
        let prefix = format!("{name}/");
        let cut: Vec<Named<'_>> = behind
            .iter()
            .map_while(|(name, field)| Some((name.strip_prefix(prefix.as_str())?, *field)))
            .collect();
        rest = &behind[cut.len()..];
        let (name, attributes) = ((*name).to_owned(), field.attributes.clone());
        variants.push(Variant { name, tag, attributes, value: value(&cut, depth)? });
    }
    Some(variants)
}

/// What a variant holds: nothing, a number, an array of structs or a struct.
#[expect(clippy::option_option, reason = "the outer one is a failure, the inner one a variant without value")]
fn value(fields: &[Named<'_>], depth: usize) -> Option<Option<Member>> {
    let (dims, shape) = match fields {
        [] => return Some(None),
        [("0", field)] => (Vec::new(), leaf(field)?),
        [(name, _), ..] if name.starts_with("0[") => {
            let cut: Option<Vec<Named<'_>>> =
                fields.iter().map(|(name, field)| Some((name.strip_prefix('0')?, *field))).collect();
            elements(&cut?, depth + 1)?
        }
        _ => (Vec::new(), grouped(fields, depth + 1)?),
    };
    Some(Some(Member { name: String::new(), dims, shape }))
}

fn leaf(field: &Field) -> Option<Shape> {
    Some(Shape::Leaf(Leaf::parse(&field.kind)?, field.attributes.clone()))
}
