//! A schema by scopes: the fields of the event itself, and those of each variant of each one-of event.

use std::collections::{HashMap, HashSet};

use crate::event::{Field, Schema};

/// A path has at most so many names and places in arrays; what lies deeper is not found.
const MOST_JOINTS: usize = 64;

/// A schema by scopes.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    pub schema: &'a Schema,
    /// Fields and variants by their paths; of several with one path the first.
    by_path: HashMap<&'a str, &'a Field>,
    /// Each path that leads to a field, and that itself.
    prefixes: HashSet<&'a str>,
    /// By the path of their variant with the slash; that of the event itself is empty.
    scopes: HashMap<&'a str, Scope<'a>>,
}

/// What lies side by side.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    /// Fields that are no tags.
    pub fields: Vec<&'a Field>,
    pub one_ofs: Vec<OneOf<'a>>,
}

/// A one-of event.
#[derive(Debug)]
pub(super) struct OneOf<'a> {
    /// The field that has the tag.
    pub tag: &'a Field,
    pub variants: Vec<Variant<'a>>,
}

/// A variant of a one-of event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant<'a> {
    /// Its line in the schema.
    pub line: &'a Field,
    pub tag: u32,
}

impl<'a> Outline<'a> {
    pub fn of(schema: &'a Schema) -> Self {
        let mut outline =
            Outline { schema, by_path: HashMap::new(), prefixes: HashSet::new(), scopes: HashMap::new() };
        // Where each scope has its one-of events.
        let mut places: HashMap<(&str, usize), Vec<Variant<'a>>> = HashMap::new();
        for field in &schema.fields {
            outline.by_path.entry(&field.name).or_insert(field);
            outline.add_prefixes(&field.name);
            let Some(tag) = field.kind.strip_prefix("u32=") else { continue };
            let Some(tag) = tag.parse().ok().filter(|_| field.size == 4) else { continue };
            places
                .entry((scope_of(&field.name), field.offset))
                .or_default()
                .push(Variant { line: field, tag });
        }
        for field in schema.fields.iter().filter(|field| !field.kind.contains('=')) {
            let path = scope_of(&field.name);
            let variants = (field.kind == "u32" && field.size == 4)
                .then(|| places.remove(&(path, field.offset)))
                .flatten();
            let scope = outline.scopes.entry(path).or_default();
            match variants {
                Some(variants) => scope.one_ofs.push(OneOf { tag: field, variants }),
                None => scope.fields.push(field),
            }
        }
        outline
    }

    fn add_prefixes(&mut self, path: &'a str) {
        for (at, _) in path.match_indices(['.', '/', '[']).take(MOST_JOINTS) {
            self.prefixes.insert(&path[..at]);
        }
        self.prefixes.insert(path);
    }

    /// The fields of a variant by its path, or of the event itself.
    pub fn scope(&self, variant: Option<&str>) -> Option<&Scope<'a>> {
        match variant {
            None => self.scopes.get(""),
            Some(variant) => self.scopes.get(format!("{variant}/").as_str()),
        }
    }

    /// The one-of event whose tag this field is.
    pub fn one_of(&self, tag: &Field) -> Option<&OneOf<'a>> {
        let scope = self.scopes.get(scope_of(&tag.name))?;
        scope.one_ofs.iter().find(|one_of| std::ptr::eq(one_of.tag, tag))
    }

    pub fn field(&self, path: &str) -> Option<&'a Field> {
        self.by_path.get(path).copied()
    }

    /// Whether there is a field of that path, or one below it.
    pub fn leads_to(&self, path: &str) -> bool {
        self.prefixes.contains(path)
    }
}

/// The variant that holds a field, with the slash behind it.
pub(super) fn scope_of(path: &str) -> &str {
    &path[..path.rfind('/').map_or(0, |slash| slash + 1)]
}

/// A path without its variant.
pub(super) fn inside(path: &str) -> &str {
    &path[scope_of(path).len()..]
}

/// Whether it is neither shown nor missed.
pub(super) fn is_padding(path: &str) -> bool {
    path.split(['.', '/']).any(|name| name.starts_with('_'))
}
