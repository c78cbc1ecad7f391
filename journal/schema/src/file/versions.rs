//! What was before: `was`, `since`, and the version of the event.

use super::error::Problem;
use super::read::{checked_name, is_name};
use super::toml::{At, Entry, Table};
use super::types::OWN_ATTRIBUTES;
use crate::tree::Shape;
use slipring_journal::Schema;
use std::collections::HashSet;

/// An attribute, as a schema has it.
type Attribute = (String, String);

/// Whether former names can be said as such.
pub(crate) fn are_names(names: &str) -> bool {
    names.split(',').all(is_name)
}

/// Whether an event can be of that version.
pub(crate) fn is_version(version: &str) -> bool {
    version.parse::<u32>().is_ok_and(|version| version > 0)
}

/// Whether a field can be there since that version: the first one has no earlier events.
pub(crate) fn is_since(version: &str) -> bool {
    version.parse::<u32>().is_ok_and(|version| version >= 2)
}

/// The names under `was`: a text, with commas if there are several, or a list.
fn formers(entry: Entry<'_>) -> Result<Vec<&str>, At> {
    let wanted = "a name that was before, or a list of them";
    let texts = match entry.array() {
        Some(entries) => entries.into_iter().map(|entry| entry.string(wanted)).collect::<Result<_, At>>()?,
        None => entry.string(wanted)?.split(',').map(str::trim).collect::<Vec<&str>>(),
    };
    for name in &texts {
        checked_name(name, entry.at)?;
    }
    Ok(texts)
}

/// What it was called before.
pub(super) fn was(table: Table<'_>) -> Result<Option<Attribute>, At> {
    let Some(entry) = table.get("was") else { return Ok(None) };
    Ok(Some(("was".to_owned(), formers(entry)?.join(","))))
}

/// In which version it came.
pub(super) fn since(table: Table<'_>) -> Result<Option<Attribute>, At> {
    let Some(entry) = table.get("since") else { return Ok(None) };
    let wanted = "the version that added it, 2 or more";
    match entry.count(wanted)? {
        version if version >= 2 && u32::try_from(version).is_ok() => {
            Ok(Some(("since".to_owned(), version.to_string())))
        }
        _ => Err((entry.at, Problem::NotThat { key: "since".to_owned(), wanted })),
    }
}

/// Says of all that lies in a struct or a one-of event what stands beside its fields.
pub(super) fn of_all(table: Table<'_>, shape: &mut Shape) -> Result<(), At> {
    if let Some(since) = since(table)? {
        shape.give(0, &|attributes, _| {
            attributes.retain(|(name, _)| name != "since");
            let own = |name: &str| name != "was" && OWN_ATTRIBUTES.contains(&name);
            let behind = attributes.iter().take_while(|(name, _)| own(name)).count();
            attributes.insert(behind, since.clone());
        });
    }
    if let Some((_, names)) = was(table)? {
        shape.give(0, &|attributes, levels| attributes.push((format!("was.{levels}"), names.clone())));
    }
    Ok(())
}

/// The struct that a name with dots is in, and its name there.
fn parts(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

/// Refuses a former name that another of the same struct has or had.
pub(super) fn check_formers(table: Table<'_>) -> Result<(), At> {
    let entries: Vec<Entry<'_>> = table.entries().collect();
    let there: HashSet<(&str, &str)> = entries.iter().map(|entry| parts(entry.key)).collect();
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    for entry in &entries {
        let Some(said) = entry.table("a table").ok().filter(is_definition).and_then(|table| table.get("was"))
        else {
            continue;
        };
        let (outer, name) = parts(entry.key);
        for was in formers(said)? {
            if there.contains(&(outer, was)) || !seen.insert((outer, was)) {
                return Err((said.at, Problem::Was { name: name.to_owned(), was: was.to_owned() }));
            }
        }
    }
    Ok(())
}

/// Whether a table's keys are options, and not the fields of a struct.
fn is_definition(table: &Table<'_>) -> bool {
    let value = |key: &str| table.get(key).map(|entry| entry.value);
    let is_table = |key: &str| value(key).is_some_and(|value| value.is_table());
    value("type").is_some_and(|value| value.is_str())
        || value("tag").is_some_and(|value| value.is_integer())
        || is_table("fields")
        || is_table("variants")
}

/// The version of the event and its former names.
pub(super) fn of_event(table: Table<'_>, schema: &mut Schema) -> Result<(), At> {
    if let Some(entry) = table.get("version") {
        let wanted = "the number of this version, 1 or more";
        let version = entry.count(wanted).ok().and_then(|version| u32::try_from(version).ok());
        let Some(version) = version.filter(|version| *version > 0) else {
            return Err((entry.at, Problem::NotThat { key: "version".to_owned(), wanted }));
        };
        for field in &schema.fields {
            if let Some(since) = field.attribute("since").and_then(|since| since.parse::<u32>().ok())
                && since > version
            {
                let field = field.name.replace('/', ".");
                return Err((entry.at, Problem::Since { field, since, version }));
            }
        }
        schema.attributes.push(("version".to_owned(), version.to_string()));
    }
    schema.attributes.extend(was(table)?);
    Ok(())
}
