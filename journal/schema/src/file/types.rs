//! The types and options of a field that is a number or an array of one.

use super::default;
use super::error::Problem;
use super::toml::{At, Entry, Table, integer};
use super::versions;
use crate::kind::TimeUnit;
use crate::tree::meaning::{self, MAX_SCALE, Meaning};
use crate::tree::scalar::{Leaf, Scalar};
use crate::tree::{Attributes, Shape};
use toml::de::DeValue;

/// Attributes that options write; `attributes = { .. }` is for others.
pub(crate) const OWN_ATTRIBUTES: [&str; 11] =
    ["time", "decimal", "text", "enum", "bool", "input", "unit", "source", "default", "since", "was"];

const COMMON: [&str; 6] = ["type", "source", "default", "since", "was", "attributes"];

/// A field written as its type alone.
pub(super) fn short(entry: Entry<'_>) -> Result<Shape, At> {
    let text = entry.string("a type or a table")?;
    let (leaf, meaning) = match text {
        "bool" => (Leaf::new(Scalar::U8), Meaning::Bool),
        "time" => (Leaf::new(Scalar::U64), Meaning::Time(TimeUnit::Nanoseconds)),
        "text" => return Err(missing(entry.at, "length", "{ type = \"text\", length = 8 }")),
        "decimal" => return Err(missing(entry.at, "scale", "{ type = \"decimal\", scale = 2 }")),
        "enum" => {
            return Err(missing(entry.at, "values", "{ type = \"enum\", values = { buy = 1, sell = 2 } }"));
        }
        _ => (plain(entry, text)?, Meaning::Plain),
    };
    Ok(Shape::Leaf(leaf, meaning.attribute().into_iter().collect()))
}

/// A field written as a table with `type`.
pub(super) fn long(table: Table<'_>) -> Result<Shape, At> {
    let ty = table.require("type", "type = \"u64\"")?;
    let name = ty.string("the name of a type")?;
    let (leaf, meaning) = match name {
        "bool" => bool(table)?,
        "time" => time(table)?,
        "decimal" => decimal(table)?,
        "text" => text(table)?,
        "enum" => names(table)?,
        _ => {
            let leaf = plain(ty, name)?;
            only(table, &["unit"], "type, unit, source, default, since, was, attributes")?;
            (leaf, Meaning::Plain)
        }
    };
    let mut attributes: Attributes = meaning.attribute().into_iter().collect();
    if matches!(meaning, Meaning::Time(_)) {
        if let Some(entry) = table.get("input") {
            attributes.push(("input".to_owned(), time_unit(entry)?.sign().to_owned()));
        }
    } else {
        said(table, "unit", &mut attributes)?;
    }
    said(table, "source", &mut attributes)?;
    if let Some(entry) = table.get("default") {
        let text = default_text(entry)?;
        if let Some(wanted) = default::refusal(&leaf, &attributes, &text) {
            return Err((entry.at, Problem::Default { text, wanted }));
        }
        attributes.push(("default".to_owned(), text));
    }
    attributes.extend(versions::since(table)?);
    attributes.extend(versions::was(table)?);
    attributes.extend(others(table)?);
    Ok(Shape::Leaf(leaf, attributes))
}

/// Attributes that mean something to somebody else.
pub(super) fn others(table: Table<'_>) -> Result<Attributes, At> {
    let Some(entry) = table.get("attributes") else { return Ok(Vec::new()) };
    let wanted = "a table of texts, of names that have no option of their own";
    let mut attributes = Vec::new();
    for entry in entry.table(wanted)?.entries() {
        if OWN_ATTRIBUTES.contains(&entry.key) || entry.key.is_empty() {
            return Err((entry.key_at, Problem::NotThat { key: "attributes".to_owned(), wanted }));
        }
        attributes.push((entry.key.to_owned(), entry.string("a text")?.to_owned()));
    }
    Ok(attributes)
}

fn missing(at: usize, key: &'static str, example: &'static str) -> At {
    (at, Problem::Missing { key, example })
}

fn only(table: Table<'_>, own: &[&str], listed: &'static str) -> Result<(), At> {
    let known: Vec<&str> = COMMON.iter().chain(own).copied().collect();
    table.only(&known, listed)
}

fn plain(entry: Entry<'_>, text: &str) -> Result<Leaf, At> {
    Leaf::parse(text).ok_or_else(|| (entry.at, Problem::UnknownType(text.to_owned())))
}

/// The number type under `storage`, or the usual one.
fn storage(
    table: Table<'_>,
    usual: Leaf,
    suits: impl FnOnce(&Leaf) -> bool,
    wanted: &'static str,
) -> Result<Leaf, At> {
    let Some(entry) = table.get("storage") else { return Ok(usual) };
    let text = entry.string("the name of a number type")?;
    let leaf = plain(entry, text)?;
    if !suits(&leaf) {
        return Err((entry.at, Problem::Storage { storage: text.to_owned(), wanted }));
    }
    Ok(leaf)
}

fn has_room(leaf: &Leaf) -> bool {
    Meaning::Decimal(0).suits(leaf)
}

fn time_unit(entry: Entry<'_>) -> Result<TimeUnit, At> {
    let wanted = "\"s\", \"ms\", \"us\" or \"ns\"";
    let text = entry.string(wanted)?;
    TimeUnit::from_sign(text)
        .ok_or_else(|| (entry.at, Problem::NotThat { key: entry.key.to_owned(), wanted }))
}

fn bool(table: Table<'_>) -> Result<(Leaf, Meaning), At> {
    only(table, &["storage", "unit"], "type, storage, unit, source, default, since, was, attributes")?;
    let suits = |leaf: &Leaf| leaf.scalar == Scalar::U8;
    let leaf = storage(table, Leaf::new(Scalar::U8), suits, "a bool is a `u8`, or an array of them")?;
    Ok((leaf, Meaning::Bool))
}

fn time(table: Table<'_>) -> Result<(Leaf, Meaning), At> {
    only(
        table,
        &["unit", "input", "signed", "storage"],
        "type, unit, input, signed, storage, source, default, since, was, attributes",
    )?;
    let unit = match table.get("unit") {
        None => TimeUnit::Nanoseconds,
        Some(entry) => time_unit(entry)?,
    };
    let signed = table.get("signed").map(Entry::bool).transpose()?;
    let usual = Leaf::new(if signed == Some(true) { Scalar::I64 } else { Scalar::U64 });
    let suits = |leaf: &Leaf| {
        Meaning::Time(unit).suits(leaf) && signed.is_none_or(|signed| signed == leaf.scalar.is_signed())
    };
    let leaf = storage(
        table,
        usual,
        suits,
        "a time is an integer of at most 64 bits; of `signed` and `storage` one is enough",
    )?;
    Ok((leaf, Meaning::Time(unit)))
}

fn decimal(table: Table<'_>) -> Result<(Leaf, Meaning), At> {
    only(
        table,
        &["scale", "storage", "unit"],
        "type, scale, storage, unit, source, default, since, was, attributes",
    )?;
    let wanted = "a number of digits behind the point, 0 to 38";
    let entry = table.require("scale", "scale = 2")?;
    let scale = entry.count(wanted)?;
    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE);
    let scale = scale.ok_or_else(|| (entry.at, Problem::NotThat { key: "scale".to_owned(), wanted }))?;
    let leaf =
        storage(table, Leaf::new(Scalar::I64), has_room, "a decimal is an integer, up to `u64` and `i128`")?;
    Ok((leaf, Meaning::Decimal(scale)))
}

fn text(table: Table<'_>) -> Result<(Leaf, Meaning), At> {
    only(
        table,
        &["length", "storage", "unit"],
        "type, length, storage, unit, source, default, since, was, attributes",
    )?;
    let leaf = match (table.get("length"), table.get("storage")) {
        (Some(entry), None) => {
            let wanted = "a number of bytes, 1 or more; in UTF-8 a letter has 1 to 4";
            match entry.count(wanted)? {
                0 => return Err((entry.at, Problem::NotThat { key: "length".to_owned(), wanted })),
                length => Leaf::bytes(length),
            }
        }
        (Some(entry), Some(_)) => {
            let key = "length".to_owned();
            return Err((entry.at, Problem::NotThat { key, wanted: "left out where there is `storage`" }));
        }
        (None, None) => return Err(missing(table.at, "length", "length = 8")),
        (None, Some(_)) => {
            let suits = |leaf: &Leaf| leaf.text_length().is_some();
            storage(table, Leaf::bytes(1), suits, "a text is `[u8;N]`; write `length = N`")?
        }
    };
    Ok((leaf, Meaning::Text))
}

fn names(table: Table<'_>) -> Result<(Leaf, Meaning), At> {
    only(
        table,
        &["values", "storage", "unit"],
        "type, values, storage, unit, source, default, since, was, attributes",
    )?;
    let leaf =
        storage(table, Leaf::new(Scalar::U8), has_room, "an enum is an integer, up to `u64` and `i128`")?;
    let wanted = "a table of names and numbers, `{ buy = 1, sell = 2 }`, or a list of names";
    let entry = table.require("values", "values = { buy = 1, sell = 2 }")?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut places = Vec::new();
    if let Some(elements) = entry.array() {
        for (value, element) in elements.into_iter().enumerate() {
            pairs.push((element.string("a list of names")?.to_owned(), value.to_string()));
            places.push(element.at);
        }
    } else {
        for element in entry.table(wanted)?.entries() {
            let value = integer(element.value).or_else(|| element.value.as_str().map(str::to_owned));
            let number = "an integer";
            let value = value
                .ok_or((element.at, Problem::NotThat { key: element.key.to_owned(), wanted: number }))?;
            pairs.push((element.key.to_owned(), value));
            places.push(element.key_at);
        }
    }
    if pairs.is_empty() {
        return Err((entry.at, Problem::NotThat { key: "values".to_owned(), wanted }));
    }
    for ((name, value), at) in pairs.iter_mut().zip(&places) {
        if !meaning::is_enum_name(name) {
            return Err((*at, Problem::EnumName(name.clone())));
        }
        if !leaf.scalar.holds(value) {
            let problem = Problem::EnumValue { value: value.clone(), storage: leaf.scalar.name() };
            return Err((*at, problem));
        }
        *value = meaning::canonical(value);
    }
    if let Some(index) = meaning::first_twice(&pairs) {
        return Err((places[index], Problem::Twice(format!("{} = {}", pairs[index].0, pairs[index].1))));
    }
    Ok((leaf, Meaning::Enum(pairs)))
}

fn said(table: Table<'_>, key: &str, attributes: &mut Attributes) -> Result<(), At> {
    if let Some(entry) = table.get(key) {
        attributes.push((key.to_owned(), entry.text("a text that is not empty")?.to_owned()));
    }
    Ok(())
}

/// A default as an input would have it.
fn default_text(entry: Entry<'_>) -> Result<String, At> {
    match entry.value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Array(_) => {
            let elements = entry.array().unwrap_or_default();
            let texts: Result<Vec<String>, At> = elements.into_iter().map(default_text).collect();
            Ok(format!("[{}]", texts?.join(",")))
        }
        value => integer(value).ok_or_else(|| {
            (
                entry.at,
                Problem::NotThat { key: entry.key.to_owned(), wanted: "a text, a number, true or false" },
            )
        }),
    }
}
