//! `slipring schema`: an event's type in the words of others.

use std::io::Write;
use std::path::Path;

use slipring_journal::{Journal, Schema};
use slipring_schema::codegen;
use slipring_schema::file::to_toml;

use crate::args::{Language, SchemaArgs};
use crate::error::CliError;
use crate::record;
use crate::record::error::RecordError;

pub(crate) fn run(args: &SchemaArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let schema = of(&args.of)?;
    let text = match args.language {
        Language::Rust => codegen::rust(&schema),
        Language::C => codegen::c(&schema),
        Language::Numpy => codegen::numpy(&schema),
        Language::Sql => codegen::sql(&schema),
        Language::Toml => to_toml(&schema),
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// The schema of a journal, or that a file says.
fn of(path: &Path) -> Result<Schema, CliError> {
    if !path.is_dir() {
        return Ok(record::schema_file(path)?);
    }
    let schema = Journal::at(path).raw_reader()?.schema();
    Ok(schema.ok_or_else(|| RecordError::NoRecordYet { path: path.to_owned() })?)
}
