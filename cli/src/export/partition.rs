//! Which part a row belongs to, and the files of the parts: folders named `day=2024-03-10`, as Hive names
//! them and DuckDB, Polars and Spark read them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use slipring_schema::{Row, Table, show_nanos};

use crate::args::Partition;
use crate::formats::sink::{Sink, SinkError, SinkFormat, SinkPlan};
use crate::rows::columns::{NoSuchField, Shown};

/// More files at once are hardly wanted, and a process may not have many more open.
const MOST_PARTS: usize = 500;

/// Bytes of a value in a folder's name, which has at most 255.
const LONGEST_VALUE: usize = 200;

/// By what rows are told apart.
enum Key {
    /// So many characters of a time, and the time of the last row with its name.
    Time {
        name: &'static str,
        characters: usize,
        unit_ns: u64,
    },
    Column(Shown),
}

/// The files of all parts.
pub(super) struct Parts<'a> {
    folder: PathBuf,
    format: SinkFormat,
    plan: SinkPlan<'a>,
    key: Key,
    open: HashMap<String, Box<dyn Sink>>,
    count: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        folder: &Path,
        by: &Partition,
        format: SinkFormat,
        plan: SinkPlan<'a>,
    ) -> Result<Self, NoSuchField> {
        // Who has a field of that name means it.
        let field = match by {
            Partition::Hour => Shown::one(plan.table, "hour").ok(),
            Partition::Day => Shown::one(plan.table, "day").ok(),
            Partition::Field(_) => None,
        };
        let key = match by {
            _ if field.is_some() => Key::Column(field.unwrap_or(Shown::Time)),
            Partition::Hour => Key::Time { name: "hour", characters: 13, unit_ns: 3_600_000_000_000 },
            Partition::Day => Key::Time { name: "day", characters: 10, unit_ns: 86_400_000_000_000 },
            Partition::Field(name) => Key::Column(Shown::one(plan.table, name)?),
        };
        Ok(Parts { folder: folder.to_owned(), format, plan, key, open: HashMap::new(), count: 0 })
    }

    /// How many parts there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Rows that follow each other and belong to one part go together.
    pub(super) fn push(&mut self, rows: &[Row<'_>]) -> Result<(), SinkError> {
        let table = self.plan.table;
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let length = rest.iter().take_while(|row| self.key.is_same(table, first, row)).count();
            let (run, behind) = rest.split_at(length.max(1));
            rest = behind;
            self.part(&run[0])?.push(run)?;
        }
        Ok(())
    }

    /// Writes a record without an event into its part; `false` if it is of none, as it has no value of the
    /// field.
    pub(super) fn void(&mut self, row: &Row<'_>) -> Result<bool, SinkError> {
        if matches!(self.key, Key::Column(Shown::Field(_))) {
            return Ok(false);
        }
        self.part(row)?.void(row)?;
        Ok(true)
    }

    /// The part that a row belongs to.
    fn part(&mut self, row: &Row<'_>) -> Result<&mut Box<dyn Sink>, SinkError> {
        let name = self.key.name(self.plan.table, row)?;
        if !self.open.contains_key(&name) {
            self.begin(&name)?;
        }
        self.open.get_mut(&name).ok_or_else(|| SinkError::Format(format!("{name} is no part")))
    }

    fn begin(&mut self, name: &str) -> Result<(), SinkError> {
        // Time does not go back, so a part of it ends where the next begins.
        if matches!(self.key, Key::Time { .. }) {
            self.end()?;
        }
        if self.open.len() == MOST_PARTS {
            return Err(SinkError::Format(format!(
                "there are more than {MOST_PARTS} parts: divide by a field with fewer values, by day or by hour"
            )));
        }
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let extension = self.format.extensions.first().unwrap_or(&"data");
        let gz = if self.plan.compress.starts_with("gzip") { ".gz" } else { "" };
        let path = folder.join(format!("part-0.{extension}{gz}"));
        self.open.insert(name.to_owned(), (self.format.create)(&path, &self.plan)?);
        self.count += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkError> {
        self.open.drain().try_for_each(|(_, sink)| sink.finish())
    }

    pub(super) fn finish(mut self) -> Result<(), SinkError> {
        self.end()
    }
}

impl Key {
    fn is_same(&self, table: &Table, one: &Row<'_>, other: &Row<'_>) -> bool {
        match self {
            Key::Time { unit_ns, .. } => one.time_ns / unit_ns == other.time_ns / unit_ns,
            // By their text, by which they are named: 0.0 is equal to -0.0.
            Key::Column(column) => {
                let (one, other) = (column.value(table, one), column.value(table, other));
                one == other && one.to_string() == other.to_string()
            }
        }
    }

    fn name(&self, table: &Table, row: &Row<'_>) -> Result<String, SinkError> {
        match self {
            Key::Time { name, characters, .. } => {
                let time = show_nanos(i128::from(row.time_ns));
                Ok(format!("{name}={}", &time[..*characters]))
            }
            Key::Column(column) => {
                let value = escaped(&column.value(table, row).to_string());
                if value.len() > LONGEST_VALUE {
                    let what = format!(
                        "{} is too long for the name of a folder: divide by another field",
                        column.name(table)
                    );
                    return Err(SinkError::Row { sequence: row.sequence, what });
                }
                Ok(format!("{}={value}", escaped(column.name(table))))
            }
        }
    }
}

/// Hive's name for nothing.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A text as part of a path, as Hive escapes it. No text and none at all are one part, as in Hive, whose
/// readers know no empty names; the rows in the file say which they are.
fn escaped(text: &str) -> String {
    match text {
        "" => return NOTHING.to_owned(),
        NOTHING => return NOTHING.replacen('_', "%5F", 1),
        _ => {}
    }
    let mut name = String::new();
    for character in text.chars() {
        match character {
            '/' | '=' | '%' | '\\' | ':' | '"' | '#' | '\'' | '*' | '?' | '{' | '}' | '[' | ']' | '^' => {
                name.push_str(&format!("%{:02X}", u32::from(character)));
            }
            character if character.is_ascii_control() => {
                name.push_str(&format!("%{:02X}", u32::from(character)));
            }
            character => name.push(character),
        }
    }
    if name == "." || name == ".." { name.replace('.', "%2E") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_not_lead_out_of_the_folder() {
        assert_eq!(escaped("../a=b"), "..%2Fa%3Db");
        assert_eq!(escaped(".."), "%2E%2E");
        assert_eq!(escaped(""), NOTHING);
        assert_eq!(escaped("ABC.N"), "ABC.N");
        // What a row says is told from what it does not say.
        assert_eq!(escaped(NOTHING), "%5F_HIVE_DEFAULT_PARTITION__");
    }
}
