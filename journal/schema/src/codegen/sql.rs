//! A table: types that SQLite, PostgreSQL and DuckDB all take and keep exactly.

use super::names::{Column, Taken, columns, comment, is_invisible, remarks};
use crate::tree::meaning::Meaning;
use crate::tree::scalar::Scalar;
use slipring_journal::Schema;
use std::fmt::Write;

pub(super) fn generate(schema: &Schema) -> String {
    let mut text = format!(
        "-- Written by slipring from the schema `{}`. For SQLite, PostgreSQL and DuckDB.\n\
         -- Times are integers, since a TIMESTAMP does not keep nanoseconds in all of them;\n\
         -- integers of 128 bits and arrays are text. SQLite keeps at most 15 digits of a NUMERIC exactly.\n\
         CREATE TABLE {} (\n",
        comment(&schema.name),
        quoted(&schema.name)
    );
    let mut lines = vec![
        ("\"_sequence\" BIGINT PRIMARY KEY".to_owned(), String::new()),
        (
            "\"_time\" BIGINT NOT NULL".to_owned(),
            "Journal time, nanoseconds since 1970-01-01T00:00:00Z.".to_owned(),
        ),
        ("\"_epoch\" INTEGER NOT NULL".to_owned(), String::new()),
    ];
    // These databases take names that differ in case for the same.
    let mut taken = Taken::default();
    for (name, _) in &lines {
        taken.take(name.split('"').nth(1).unwrap_or_default().to_owned());
    }
    for column in columns(schema) {
        let lower = column.path.to_lowercase();
        let given = taken.take(lower.clone());
        let mut said = remarks(&column.leaf, &column.field.attributes);
        let suffix = given.get(lower.len()..).unwrap_or_default();
        if !suffix.is_empty() {
            said.insert(0, format!("Named `{}` in the schema.", comment(&column.path)));
        }
        let null = if column.in_variant { "" } else { " NOT NULL" };
        let name = quoted(&format!("{}{suffix}", column.path));
        lines.push((format!("{name} {}{null}", sql_type(&column)), said.join(" ")));
    }
    let last = lines.len() - 1;
    for (index, (line, said)) in lines.iter().enumerate() {
        let comma = if index == last { "" } else { "," };
        let said = if said.is_empty() { String::new() } else { format!(" -- {said}") };
        let _ = writeln!(text, "    {line}{comma}{said}");
    }
    text.push_str(");\n");
    text
}

fn sql_type(column: &Column<'_>) -> String {
    if !column.tags.is_empty() {
        return "TEXT".to_owned();
    }
    let scalar = column.leaf.scalar;
    let name = match (&column.meaning, column.leaf.dims.len()) {
        (Meaning::Text, 1) => "TEXT",
        (Meaning::Plain, 1) if scalar == Scalar::U8 => "BYTEA",
        (Meaning::Enum(_), 0) => "TEXT",
        (Meaning::Bool, 0) => "BOOLEAN",
        (Meaning::Decimal(scale), 0) => {
            let digits = match scalar.size() {
                1 => 3,
                2 => 5,
                4 => 10,
                8 => 20,
                _ => 38,
            };
            return format!("NUMERIC({}, {scale})", digits.max(*scale));
        }
        (_, 0) => match scalar {
            Scalar::U8 | Scalar::I8 | Scalar::I16 => "SMALLINT",
            Scalar::U16 | Scalar::I32 => "INTEGER",
            Scalar::U32 | Scalar::I64 => "BIGINT",
            // A time that a `u64` counts is far from its end.
            Scalar::U64 if matches!(column.meaning, Meaning::Time(_)) => "BIGINT",
            Scalar::U64 => "NUMERIC(20, 0)",
            Scalar::U128 | Scalar::I128 => "TEXT",
            Scalar::F32 => "REAL",
            Scalar::F64 => "DOUBLE PRECISION",
        },
        _ => "TEXT",
    };
    name.to_owned()
}

fn quoted(name: &str) -> String {
    let visible: String = name.chars().map(|c| if is_invisible(c) { '_' } else { c }).collect();
    format!("\"{}\"", visible.replace('"', "\"\""))
}
