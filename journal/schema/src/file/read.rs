//! The event of a schema file: its fields, its structs, its variants.

use super::error::{Problem, SchemaFileError};
use super::toml::{At, Entry, Table, with_table};
use super::{types, versions};
use crate::tree::{Attributes, Member, Shape, Tree, Variant};
use slipring_journal::{MAX_SCHEMA_BYTES, Schema};
use std::collections::HashSet;

/// As much as the longest schema, with room for what people write around it.
const MAX_FILE_BYTES: usize = 4 * MAX_SCHEMA_BYTES;

/// How deep fields may nest.
const MAX_DEPTH: usize = 16;

/// What makes a nested table more than a struct written with dots.
const NESTED_KEYS: [&str; 5] = ["fields", "variants", "count", "since", "was"];

pub(super) fn read(text: &str) -> Result<Schema, SchemaFileError> {
    if text.len() > MAX_FILE_BYTES {
        return Err(SchemaFileError { line: 1, column: 1, problem: Problem::FileTooLong(MAX_FILE_BYTES) });
    }
    with_table(text, event)
}

fn event(table: Table<'_>) -> Result<Schema, At> {
    let known = ["name", "time", "version", "was", "fields", "variants", "packed", "align", "attributes"];
    table.only(&known, "name, time, version, was, fields, variants, packed, align, attributes")?;
    let name_entry = table.require("name", "name = \"Order\"")?;
    let name = name_entry.string("the event's name")?;
    checked_name(name, name_entry.at)?;
    let packed = table.get("packed").map(Entry::bool).transpose()?.unwrap_or(false);
    let align = match table.get("align") {
        None => 1,
        Some(entry) => {
            let wanted = "1, 2, 4, 8 or 16";
            let align = entry.count(wanted)?;
            if !matches!(align, 1 | 2 | 4 | 8 | 16) {
                return Err((entry.at, Problem::NotThat { key: "align".to_owned(), wanted }));
            }
            align
        }
    };
    let shape = match (table.get("fields"), table.get("variants")) {
        (Some(_), Some(entry)) => return Err((entry.key_at, Problem::FieldsAndVariants)),
        (Some(entry), None) => Shape::Struct(members(entry.table("a table of fields")?, 0)?),
        (None, Some(entry)) => variants(entry, 0)?,
        (None, None) => return Err((0, Problem::NoFields)),
    };
    let tree = Tree { name: name.to_owned(), attributes: Vec::new(), packed, align, shape };
    let mut schema = tree.lay_out().map_err(|error| (name_entry.at, error.into()))?;
    if schema.size == 0 {
        return Err((0, Problem::NoFields));
    }
    if let Some(entry) = table.get("time") {
        schema.attributes.push(("time".to_owned(), time_field(&schema, entry)?));
    }
    versions::of_event(table, &mut schema)?;
    schema.attributes.extend(types::others(table)?);
    Ok(schema)
}

/// The name in the schema of the field that is the journal time. In a one-of event it may be the name of a
/// field that several variants have.
fn time_field(schema: &Schema, entry: Entry<'_>) -> Result<String, At> {
    let wanted = entry.text("the name of a field")?;
    let is = |name: &str| name.replace('/', ".") == wanted;
    let in_variant = |name: &str| name.split_once('/').is_some_and(|(_, name)| is(name));
    let (name, field) = match schema.fields.iter().find(|field| is(&field.name)) {
        Some(field) => (field.name.clone(), field),
        None => match schema.fields.iter().find(|field| in_variant(&field.name)) {
            Some(field) => (wanted.to_owned(), field),
            None => return Err((entry.at, Problem::TimeField(wanted.to_owned()))),
        },
    };
    if field.attribute("time").is_none() || field.kind.starts_with('[') {
        return Err((entry.at, Problem::NoTime(wanted.to_owned())));
    }
    Ok(name)
}

fn members(table: Table<'_>, depth: usize) -> Result<Vec<Member>, At> {
    let mut members = Vec::new();
    let mut seen = HashSet::new();
    for entry in table.entries() {
        let path: Vec<&str> = entry.key.split('.').collect();
        if depth + path.len() > MAX_DEPTH {
            return Err(name_error(entry.key, entry.key_at, "fields nest at most 16 deep"));
        }
        for name in &path {
            checked_name(name, entry.key_at)?;
        }
        let (dims, shape) = definition(entry, depth + path.len())?;
        let twice = || (entry.key_at, Problem::Twice(entry.key.to_owned()));
        insert(&mut members, &mut seen, &path, dims, shape).ok_or_else(twice)?;
    }
    if members.is_empty() {
        return Err((table.at, Problem::NoFields));
    }
    versions::check_formers(table)?;
    Ok(members)
}

/// Puts a field where its path leads; `None` if there is one, or if another field stands between those of a
/// struct. `seen` holds all paths so far.
fn insert(
    mut members: &mut Vec<Member>,
    seen: &mut HashSet<String>,
    path: &[&str],
    dims: Vec<usize>,
    shape: Shape,
) -> Option<()> {
    let (last, outer) = path.split_last()?;
    for (index, name) in outer.iter().enumerate() {
        // The structs that such paths make are marked with the dot behind.
        if seen.insert(path[..=index].join(".") + ".") {
            if !seen.insert(path[..=index].join(".")) {
                return None;
            }
            let shape = Shape::Struct(Vec::new());
            members.push(Member { name: (*name).to_owned(), dims: Vec::new(), shape });
        }
        let found = members.last_mut().filter(|member| member.name == *name)?;
        let Shape::Struct(inner) = &mut found.shape else { return None };
        members = inner;
    }
    members.push(Member { name: (*last).to_owned(), dims, shape });
    seen.insert(path.join(".")).then_some(())
}

/// What stands behind a field's name.
fn definition(entry: Entry<'_>, depth: usize) -> Result<(Vec<usize>, Shape), At> {
    if depth > MAX_DEPTH {
        return Err(name_error(entry.key, entry.key_at, "fields nest at most 16 deep"));
    }
    if entry.value.is_str() {
        return Ok((Vec::new(), types::short(entry)?));
    }
    let table = entry.table("a type as \"u64\", or a table as { type = \"u64\" }")?;
    if table.get("type").is_some_and(|entry| entry.value.is_str()) {
        return Ok((Vec::new(), types::long(table)?));
    }
    let is_table = |key| table.get(key).is_some_and(|entry: Entry<'_>| entry.value.is_table());
    if !is_table("fields") && !is_table("variants") {
        return Ok((Vec::new(), Shape::Struct(members(table, depth)?)));
    }
    table.only(&NESTED_KEYS, "fields or variants, count, since and was")?;
    let dims = match table.get("count") {
        None => Vec::new(),
        Some(entry) => dims(entry)?,
    };
    let mut shape = match (table.get("fields"), table.get("variants")) {
        (Some(_), Some(entry)) => return Err((entry.key_at, Problem::FieldsAndVariants)),
        (Some(entry), None) => Shape::Struct(members(entry.table("a table of fields")?, depth)?),
        (_, Some(entry)) => variants(entry, depth)?,
        (None, None) => return Err((table.at, Problem::NoFields)),
    };
    versions::of_all(table, &mut shape)?;
    Ok((dims, shape))
}

fn dims(entry: Entry<'_>) -> Result<Vec<usize>, At> {
    let wanted = "a number, 1 or more, or a list of them, the outermost array first";
    let counts = match entry.array() {
        None => vec![entry],
        Some(counts) => counts,
    };
    let refused = |at| (at, Problem::NotThat { key: "count".to_owned(), wanted });
    if counts.is_empty() || counts.len() > MAX_DEPTH {
        return Err(refused(entry.at));
    }
    let count = |entry: Entry<'_>| match entry.count(wanted)? {
        0 => Err(refused(entry.at)),
        count => Ok(count),
    };
    counts.into_iter().map(count).collect()
}

fn variants(entry: Entry<'_>, depth: usize) -> Result<Shape, At> {
    let mut variants: Vec<Variant> = Vec::new();
    let mut tags = HashSet::new();
    for entry in entry.table("a table of variants")?.entries() {
        checked_name(entry.key, entry.key_at)?;
        if entry.key == "tag" || entry.key.starts_with('_') {
            return Err(name_error(
                entry.key,
                entry.key_at,
                "a variant is not called `tag`, nor with `_` in front",
            ));
        }
        let table = entry.table("a table: { tag = 1, fields = { .. } }")?;
        table.only(
            &["tag", "fields", "value", "since", "was", "attributes"],
            "tag, fields or value, since, was, attributes",
        )?;
        let tag_entry = table.require("tag", "tag = 1")?;
        let tag = tag_entry.count("a number").ok().and_then(|tag| u32::try_from(tag).ok());
        let tag = tag.filter(|tag| *tag != 0).ok_or((tag_entry.at, Problem::Tag))?;
        if !tags.insert(tag) {
            return Err((tag_entry.at, Problem::TagTwice(tag)));
        }
        let value = match (table.get("fields"), table.get("value")) {
            (Some(_), Some(entry)) => {
                let known = "tag, and either fields or value";
                return Err((entry.key_at, Problem::UnknownKey { key: "value".to_owned(), known }));
            }
            (None, None) => None,
            (Some(entry), None) => {
                Some((Vec::new(), Shape::Struct(members(entry.table("a table of fields")?, depth + 1)?)))
            }
            (None, Some(entry)) => Some(definition(entry, depth + 1)?),
        };
        let value = value.map(|(dims, shape)| Member { name: String::new(), dims, shape });
        let mut attributes: Attributes = versions::since(table)?.into_iter().collect();
        attributes.extend(versions::was(table)?);
        attributes.extend(types::others(table)?);
        variants.push(Variant { name: entry.key.to_owned(), tag, attributes, value });
    }
    versions::check_formers(entry.table("a table of variants")?)?;
    if variants.iter().all(|variant| variant.value.is_none()) {
        return Err((entry.at, Problem::NoValues));
    }
    Ok(Shape::OneOf(variants))
}

fn name_error(name: &str, at: usize, why: &'static str) -> At {
    (at, Problem::Name { name: name.to_owned(), why })
}

/// Names stand in schemas between blanks, in filters between operators and in headers between commas.
pub(super) fn checked_name(name: &str, at: usize) -> Result<(), At> {
    let refused = |why| Err(name_error(name, at, why));
    if name.is_empty() {
        return refused("it is empty");
    }
    if name.len() > 255 {
        return refused("it has more than 255 bytes");
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return refused("it has a blank; write `_`, and the name in the file as `source = \"..\"`");
    }
    if name.contains(|c: char| "./[]=,:;\"'`()<>!&|%#\\".contains(c)) {
        return refused("take letters, digits, `_` and `-`, and the name in the file as `source = \"..\"`");
    }
    Ok(())
}

/// Whether [`read`] takes the name.
pub(crate) fn is_name(name: &str) -> bool {
    checked_name(name, 0).is_ok()
}

/// Whether a struct with this field can be written with dots.
pub(super) fn goes_behind_a_dot(name: &str) -> bool {
    name != "type" && !NESTED_KEYS.contains(&name)
}
