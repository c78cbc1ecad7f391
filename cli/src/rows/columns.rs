//! Which columns are shown: the journal's own, the event's, or those that were named.

use slipring_schema::{EPOCH, Kind, Row, SEQUENCE, TIME, Table, Value};

use crate::error::Failure;

/// One column that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The record's sequence.
    Sequence,
    /// Its journal time.
    Time,
    /// The epoch of its writer.
    Epoch,
    /// A column of the event, by its place in the table.
    Field(usize),
}

/// The journal's own columns, which go first.
pub const OWN: [Shown; 3] = [Shown::Sequence, Shown::Time, Shown::Epoch];

/// The columns asked for can't be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchField {
    /// No column has that name.
    #[error("the events have no field {name:?}: there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// One is asked for twice.
    #[error("the field {name:?} is named twice: once is enough")]
    Twice {
        /// The name.
        name: String,
    },
    /// The name is that of several columns where one is wanted.
    #[error("{name:?} is a structure: take one of {}", within.join(", "))]
    Several {
        /// The name.
        name: String,
        /// Its columns.
        within: Vec<String>,
    },
}

impl Failure for NoSuchField {}

impl Shown {
    /// All columns: the journal's own, then the event's in the order of the schema.
    pub fn all(table: &Table) -> Vec<Shown> {
        OWN.into_iter().chain((0..table.columns.len()).map(Shown::Field)).collect()
    }

    /// What people look at: without the epoch, and without the event's own time where the journal's is that.
    pub fn for_people(table: &Table) -> Vec<Shown> {
        let mut columns = Shown::all(table);
        columns.retain(|column| match column {
            Shown::Epoch => false,
            Shown::Field(at) => !table.times.contains(at),
            _ => true,
        });
        columns
    }

    /// The columns of these names. That of a struct stands for all of its fields.
    ///
    /// # Errors
    /// A name that no column has.
    pub fn named(table: &Table, names: &[String]) -> Result<Vec<Shown>, NoSuchField> {
        let mut shown = Vec::new();
        for name in names {
            if let Some(own) = OWN.into_iter().find(|own| own.name(table) == name) {
                shown.push(own);
                continue;
            }
            let within = |path: &str| {
                path.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            let matching = |column: &slipring_schema::Column| column.path == *name || within(&column.path);
            let before = shown.len();
            shown.extend(
                (0..table.columns.len()).filter(|at| matching(&table.columns[*at])).map(Shown::Field),
            );
            if shown.len() == before {
                let known = Shown::all(table).iter().map(|column| column.name(table).to_owned()).collect();
                return Err(NoSuchField::Unknown { name: name.clone(), known });
            }
        }
        match shown.iter().enumerate().find(|(index, column)| shown[..*index].contains(column)) {
            Some((_, column)) => Err(NoSuchField::Twice { name: column.name(table).to_owned() }),
            None => Ok(shown),
        }
    }

    /// The one column of that name.
    ///
    /// # Errors
    /// There is none, or it is the name of a structure.
    pub fn one(table: &Table, name: &str) -> Result<Shown, NoSuchField> {
        let mut found = Shown::named(table, &[name.to_owned()])?;
        match found.len() {
            1 => Ok(found.remove(0)),
            _ => Err(NoSuchField::Several {
                name: name.to_owned(),
                within: found.iter().map(|column| column.name(table).to_owned()).collect(),
            }),
        }
    }

    /// The column's name.
    pub fn name<'a>(&self, table: &'a Table) -> &'a str {
        match self {
            Shown::Sequence => SEQUENCE,
            Shown::Time => TIME,
            Shown::Epoch => EPOCH,
            Shown::Field(at) => &table.columns[*at].path,
        }
    }

    /// Whether its values are numbers, which stand at the right of a table.
    pub fn is_number(&self, table: &Table) -> bool {
        match self {
            Shown::Sequence | Shown::Epoch => true,
            Shown::Time => false,
            Shown::Field(at) => matches!(
                table.columns[*at].kind,
                Kind::Integer(_) | Kind::Decimal { .. } | Kind::Float32 | Kind::Float64
            ),
        }
    }

    /// What it holds in a row.
    pub fn value<'a>(&self, table: &'a Table, row: &Row<'a>) -> Value<'a> {
        match self {
            Shown::Sequence => Value::Integer(i128::from(row.sequence)),
            Shown::Epoch => Value::Integer(i128::from(row.epoch)),
            Shown::Time => {
                Value::Time { count: i128::from(row.time_ns), unit: slipring_schema::TimeUnit::Nanoseconds }
            }
            Shown::Field(at) => table.columns[*at].value(row.event),
        }
    }
}
