//! Identifiers, comments, and the columns that people see.

use crate::tree::meaning::{Meaning, unit_name};
use crate::tree::scalar::Leaf;
use crate::tree::{Attributes, Variant};
use slipring_journal::{Field, Schema};
use std::collections::HashSet;

/// Names that are given out once.
#[derive(Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// The name, or the name with a number behind it if it is taken.
    pub(super) fn take(&mut self, name: String) -> String {
        if self.0.insert(name.clone()) {
            return name;
        }
        let numbered =
            (2..).map(|number: u64| format!("{name}_{number}")).find(|name| !self.0.contains(name));
        let name = numbered.unwrap_or(name);
        self.0.insert(name.clone());
        name
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Letters, digits and underscores of ASCII, no digit first; `other` in front where there would be one.
pub(super) fn identifier(name: &str, other: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("{other}_{plain}");
    }
    if plain.bytes().all(|byte| byte == b'_') { format!("{other}{plain}") } else { plain }
}

/// `fill_or-kill` as `FillOrKill`.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut characters = part.chars();
        if let Some(first) = characters.next() {
            camel.push(first.to_ascii_uppercase());
            camel.extend(characters);
        }
    }
    if camel.starts_with(|c: char| c.is_ascii_alphabetic()) { camel } else { format!("Part{camel}") }
}

/// `fill or kill` as `FILL_OR_KILL`.
pub(super) fn upper(name: &str) -> String {
    identifier(name, "VALUE").to_ascii_uppercase()
}

/// What ends a line, or turns the order of what stands behind it.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text that ends neither a line nor a comment of any language.
pub(super) fn comment(text: &str) -> String {
    let line: String = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    line.replace("*/", "* /").replace("/*", "/ *").replace("??/", "?? /")
}

/// What there is to say of a number, in sentences; empty if there is nothing.
pub(super) fn remarks(leaf: &Leaf, attributes: &Attributes) -> Vec<String> {
    let mut remarks = Vec::new();
    match Meaning::of(leaf, attributes) {
        Meaning::Plain => {}
        Meaning::Time(unit) => {
            remarks.push(format!("Counts {} since 1970-01-01T00:00:00Z.", unit_name(unit)))
        }
        Meaning::Decimal(scale) => remarks.push(format!("Decimal, {scale} digits behind the point.")),
        Meaning::Text => remarks.push("UTF-8, filled up with zeros.".to_owned()),
        Meaning::Bool => remarks.push("0 or 1.".to_owned()),
        Meaning::Enum(names) => {
            let names: Vec<String> = names.iter().map(|(name, value)| format!("{value} {name}")).collect();
            remarks.push(format!("One of: {}.", names.join(", ")));
        }
    }
    for (name, said) in [("unit", "Unit"), ("source", "In files"), ("default", "Default")] {
        if let Some((_, value)) = attributes.iter().find(|(found, _)| found == name) {
            remarks.push(format!("{said}: {}.", if value.is_empty() { "empty" } else { value }));
        }
    }
    remarks.iter().map(|remark| comment(remark)).collect()
}

/// A variant's name in comments.
pub(super) fn tag_remark(variants: &[Variant]) -> String {
    let tags: Vec<String> =
        variants.iter().map(|variant| format!("{} {}", variant.tag, variant.name)).collect();
    comment(&tags.join(", "))
}

/// A field as people see it.
pub(super) struct Column<'a> {
    pub(super) path: String,
    pub(super) field: &'a Field,
    pub(super) leaf: Leaf,
    pub(super) meaning: Meaning,
    /// Whether it belongs to one variant of several.
    pub(super) in_variant: bool,
    /// The names and numbers of the variants, of the field that says which it is.
    pub(super) tags: Vec<(String, String)>,
}

/// The fields that people see, in the order of the schema.
pub(super) fn columns(schema: &Schema) -> Vec<Column<'_>> {
    let mut columns: Vec<Column<'_>> = Vec::new();
    // Where the tag is to which the next lines of variants belong.
    let mut tag_at = None;
    for field in &schema.fields {
        let path = field.name.replace('/', ".");
        let hidden = path.split(['.', '[']).any(|part| part.starts_with('_'));
        if let Some((_, number)) = field.kind.split_once('=') {
            let name = path.rsplit('.').next().unwrap_or(&path).to_owned();
            if let Some(tag) = tag_at.and_then(|at: usize| columns.get_mut(at))
                && tag.field.offset == field.offset
            {
                if tag.tags.is_empty() {
                    tag.path.truncate(tag.path.len() - "tag".len());
                    tag.path.push_str("_variant");
                }
                tag.tags.push((name, number.to_owned()));
            }
            continue;
        }
        let Some(leaf) = Leaf::parse(&field.kind).filter(|leaf| leaf.size() == Some(field.size)) else {
            continue;
        };
        if hidden || field.size == 0 {
            continue;
        }
        if path == "tag" || path.ends_with(".tag") {
            tag_at = Some(columns.len());
        }
        let meaning = Meaning::of(&leaf, &field.attributes);
        let in_variant = field.name.contains('/');
        columns.push(Column { path, field, leaf, meaning, in_variant, tags: Vec::new() });
    }
    columns
}
