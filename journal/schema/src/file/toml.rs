//! The values of a TOML file, each with its place.

use super::error::{Problem, SchemaFileError};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong, and where it begins in the file, in bytes.
pub(super) type At = (usize, Problem);

/// A value under its key.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) key_at: usize,
    pub(super) value: &'a DeValue<'a>,
    pub(super) at: usize,
}

impl<'a> Entry<'a> {
    fn not(self, wanted: &'static str) -> At {
        (self.at, Problem::NotThat { key: self.key.to_owned(), wanted })
    }

    pub(super) fn table(self, wanted: &'static str) -> Result<Table<'a>, At> {
        match self.value {
            DeValue::Table(table) => Ok(Table { table, at: self.at }),
            _ => Err(self.not(wanted)),
        }
    }

    pub(super) fn string(self, wanted: &'static str) -> Result<&'a str, At> {
        self.value.as_str().ok_or_else(|| self.not(wanted))
    }

    pub(super) fn text(self, wanted: &'static str) -> Result<&'a str, At> {
        self.string(wanted).and_then(|text| if text.is_empty() { Err(self.not(wanted)) } else { Ok(text) })
    }

    pub(super) fn bool(self) -> Result<bool, At> {
        self.value.as_bool().ok_or_else(|| self.not("true or false"))
    }

    pub(super) fn count(self, wanted: &'static str) -> Result<usize, At> {
        integer(self.value).and_then(|text| text.parse().ok()).ok_or_else(|| self.not(wanted))
    }

    /// Its elements, if it is an array.
    pub(super) fn array(self) -> Option<Vec<Entry<'a>>> {
        let entry = |value: &'a Spanned<DeValue<'a>>| Entry {
            key: self.key,
            key_at: self.key_at,
            value: value.get_ref(),
            at: value.span().start,
        };
        self.value.as_array().map(|array| array.iter().map(entry).collect())
    }
}

/// An integer of any size as decimal text.
pub(super) fn integer(value: &DeValue<'_>) -> Option<String> {
    let integer = value.as_integer()?;
    match i128::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(number) => Some(number.to_string()),
        Err(_) => {
            u128::from_str_radix(integer.as_str(), integer.radix()).ok().map(|number| number.to_string())
        }
    }
}

/// A table and where it begins.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    pub(super) at: usize,
}

impl<'a> Table<'a> {
    pub(super) fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        self.table.iter().map(|(key, value)| Entry {
            key: key.get_ref(),
            key_at: key.span().start,
            value: value.get_ref(),
            at: value.span().start,
        })
    }

    pub(super) fn get(self, key: &str) -> Option<Entry<'a>> {
        let (key, value) = self.table.get_key_value(key)?;
        let (key_at, at) = (key.span().start, value.span().start);
        Some(Entry { key: key.get_ref(), key_at, value: value.get_ref(), at })
    }

    pub(super) fn require(self, key: &'static str, example: &'static str) -> Result<Entry<'a>, At> {
        self.get(key).ok_or((self.at, Problem::Missing { key, example }))
    }

    /// Refuses a key that is none of `known`.
    pub(super) fn only(self, known: &[&str], listed: &'static str) -> Result<(), At> {
        match self.entries().find(|entry| !known.contains(&entry.key)) {
            None => Ok(()),
            Some(Entry { key, key_at, .. }) => {
                Err((key_at, Problem::UnknownKey { key: key.to_owned(), known: listed }))
            }
        }
    }
}

/// Reads the file, and turns places into lines and columns.
pub(super) fn with_table<T>(
    text: &str,
    read: impl FnOnce(Table<'_>) -> Result<T, At>,
) -> Result<T, SchemaFileError> {
    let parsed = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        (at, Problem::NotToml(error.message().to_owned()))
    });
    let result = parsed.and_then(|table| read(Table { table: table.get_ref(), at: 0 }));
    result.map_err(|(at, problem)| {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        SchemaFileError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem,
        }
    })
}
