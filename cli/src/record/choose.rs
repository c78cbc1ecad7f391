//! What is recorded as what: the format, and the events' schema.

use std::fs;
use std::path::{Path, PathBuf};

use slipring_journal::{Event, Journal, Schema};
use slipring_schema::file::{from_toml, to_toml};
use slipring_schema::{Column, Kind, Table};

use super::error::{RecordError, SoFar};
use super::lobster;
use crate::args::RecordArgs;
use crate::flow::message::OrderMessage;
use crate::formats::input::Input;
use crate::formats::source::{FormatOptions, SourceFormat};
use crate::formats::{Formats, Found};
use crate::{feed, plain};

/// How an input is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// As this format.
    Format(SourceFormat),
    /// By another command.
    Elsewhere(&'static str),
}

/// The format of other journals.
pub(super) const JOURNAL: &str = "journal";

/// Of what the arguments, the file's name, the journal and a note say, the first.
pub(super) fn way(args: &RecordArgs, noted: Option<&str>, formats: &Formats) -> Result<Way, RecordError> {
    let known = || formats.source_names();
    let name = match (&args.input, args.format.as_deref().or(noted)) {
        (feed::input::Input::Synthetic(_), None | Some(lobster::NAME)) => lobster::NAME,
        (feed::input::Input::Synthetic(_), Some(_)) => {
            return Err(RecordError::NoUse {
                option: "--as",
                what: "synthetic:N, which is LOBSTER messages",
            });
        }
        (_, Some(name)) => name,
        (feed::input::Input::File(path), None) if path.is_dir() => JOURNAL,
        (feed::input::Input::File(path), None) => match formats.guess_source(path) {
            None | Some("csv") if is_lobster(args) => lobster::NAME,
            Some(name) => name,
            None => return Err(RecordError::NoFormat { path: path.clone(), known: known() }),
        },
    };
    match formats.source(name) {
        Some(Found::Here(format)) => check_uses(args, &format).map(|()| Way::Format(format)),
        Some(Found::Elsewhere(command)) => Ok(Way::Elsewhere(command)),
        None => Err(RecordError::UnknownFormat { name: name.to_owned(), known: known() }),
    }
}

/// Refuses options that are there for other formats: what was meant by them would not happen.
fn check_uses(args: &RecordArgs, format: &SourceFormat) -> Result<(), RecordError> {
    let is_file = matches!(args.input, feed::input::Input::File(_));
    let told = [
        (args.delimiter.is_some(), "--delimiter"),
        (args.header.is_some(), "--header"),
        (args.no_header, "--no-header"),
        (args.table.is_some(), "--table"),
        (args.truncate_text, "--truncate-text"),
        (args.round_times, "--round-times"),
        (args.date.is_some(), "--date"),
        (args.symbol.is_some(), "--symbol"),
        (args.seed.is_some(), "--seed"),
    ];
    let is_used = |option: &str| format.uses.contains(&option) && !(option == "--seed" && is_file);
    match told.into_iter().find(|(is_told, option)| *is_told && !is_used(option)) {
        Some((_, option @ "--seed")) => Err(RecordError::NoUse { option, what: "what is not made up" }),
        Some((_, option)) => Err(RecordError::NoUse { option, what: format.name }),
        None => Ok(()),
    }
}

/// A CSV file of which nothing is said: into a new journal, or one of order messages.
fn is_lobster(args: &RecordArgs) -> bool {
    let is_said = args.schema.is_some()
        || args.like.is_some()
        || args.infer.is_some()
        || args.header.is_some()
        || args.no_header
        || args.delimiter.is_some();
    !is_said && own_schema(&args.journal).is_none_or(|schema| schema.same_layout(&OrderMessage::schema()))
}

/// The schema of a journal, if there is one.
fn own_schema(journal: &Path) -> Option<Schema> {
    Journal::at(journal).raw_reader().ok()?.schema()
}

/// What the events are, and the file that it was written into.
pub(super) fn schema(
    args: &RecordArgs,
    format: &SourceFormat,
    input: &mut Input,
    options: &FormatOptions,
) -> Result<(Schema, Option<PathBuf>), RecordError> {
    if let Some(path) = &args.schema {
        return Ok((schema_file(path)?, None));
    }
    if let Some(path) = &args.like {
        let schema = Journal::at(path).raw_reader()?.schema();
        return Ok((schema.ok_or_else(|| RecordError::NoRecordYet { path: path.clone() })?, None));
    }
    if let Some(into) = &args.infer {
        let path = into.clone().unwrap_or_else(|| beside(&args.journal));
        let schema = infer(format, input, options, &args.journal)?;
        let stand_ins = stand_ins(&schema);
        write(&path, &schema, &stand_ins)?;
        if !stand_ins.is_empty() {
            complain_of(&stand_ins, &path);
        }
        return Ok((schema, Some(path)));
    }
    if let Some(schema) = own_schema(&args.journal) {
        return Ok((schema, None));
    }
    // A journal says it in so many words.
    if format.name == JOURNAL {
        return Ok((infer(format, input, options, &args.journal)?, None));
    }
    let path = input.path().to_owned();
    if let Some(kept) = format.kept {
        let so_far = SoFar::default();
        let kept = kept(input, options);
        let kept = kept.map_err(|fault| RecordError::Source { path: path.clone(), fault, so_far });
        if let Some(schema) = kept? {
            return Ok((schema, None));
        }
    }
    Err(RecordError::NoSchema { path })
}

/// `orders.toml` for the journal `orders`.
fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.file_name().unwrap_or_default().to_owned();
    name.push(".toml");
    journal.with_file_name(name)
}

/// The longest schema file.
const MOST_BYTES: u64 = 16 << 20;

/// What a schema file says.
pub(crate) fn schema_file(path: &Path) -> Result<Schema, RecordError> {
    let fault = |source| RecordError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(fault)?.len() > MOST_BYTES {
        return Err(fault(std::io::ErrorKind::FileTooLarge.into()));
    }
    let text = fs::read_to_string(path).map_err(fault)?;
    from_toml(&text).map_err(|fault| RecordError::Schema { path: path.to_owned(), fault: Box::new(fault) })
}

/// A schema under the name of the journal's folder: `my-orders` is `MyOrders`.
fn infer(
    format: &SourceFormat,
    input: &mut Input,
    options: &FormatOptions,
    journal: &Path,
) -> Result<Schema, RecordError> {
    let stem = journal.file_name().unwrap_or_default().to_string_lossy();
    let words = stem.split(|character: char| !character.is_ascii_alphanumeric());
    let mut name = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        name.push_str(&word[..1].to_ascii_uppercase());
        name.push_str(&word[1..]);
    }
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert_str(0, "Event");
    }
    let infer = format.infer.ok_or(RecordError::NotInferred { format: format.name })?;
    let path = input.path().to_owned();
    infer(input, options, &name).map_err(|fault| RecordError::Source {
        path,
        fault,
        so_far: SoFar::default(),
    })
}

/// What is recorded of fields where an input has no value, if it could be taken for one: `n = 0`.
fn stand_ins(schema: &Schema) -> Vec<String> {
    let table = Table::new(schema);
    let may_mislead = |column: &&Column| !matches!(column.kind, Kind::Text(_)) && !column.is_of_a_variant();
    let columns = table.columns.iter().filter(may_mislead);
    let stand_in = |column: &Column| {
        let mut event = vec![0; table.event_bytes];
        column.default.as_ref()?;
        column.parse_none(&mut event).ok()?;
        Some(format!("{} = {}", column.path, column.value(&event)))
    };
    columns.filter_map(stand_in).collect()
}

/// So many are named.
const MOST_NAMED: usize = 20;

fn complain_of(stand_ins: &[String], file: &Path) {
    let (named, file) = (stand_ins.len().min(MOST_NAMED), plain::path(file));
    let more = match stand_ins.len() - named {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    plain::complain(&format!(
        "cells without a value are recorded as {}{more}; to have them refused take `default` out of {file}, and \
         record with --schema into a new journal",
        stand_ins[..named].join(", ")
    ));
}

fn write(path: &Path, schema: &Schema, stand_ins: &[String]) -> Result<(), RecordError> {
    use std::io::Write;
    let mut text = String::new();
    if !stand_ins.is_empty() {
        text.push_str(
            "# Where a row has no value of these fields, what stands behind `default` is recorded:\n",
        );
        stand_ins.iter().for_each(|stand_in| text.push_str(&format!("# {stand_in}\n")));
    }
    text.push_str(&to_toml(schema));
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let what = "use it with --schema, or give --infer=SCHEMA.toml another name";
            RecordError::IsThere { path: path.to_owned(), what }
        }
        _ => RecordError::Write { path: path.to_owned(), source, so_far: SoFar::default() },
    })
}
