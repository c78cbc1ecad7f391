//! `slipring record`: events into a journal.
//!
//! | module | idea |
//! |---|---|
//! | [`blocks`] | an input in large blocks, for formats of lines |
//! | `lines` | an input's lines of text |
//! | `csv`, `jsonl`, `debezium`, `lobster`, `from_journal` | the formats |
//! | `sample` | an input's first rows, to infer a schema |
//! | `fill`, `json`, `json_object` | cells and objects into an event's bytes |
//! | `json_quick` | objects like the ones before |
//! | `choose` | which format, which schema |
//! | `begin` | a recording from its beginning to its end |
//! | `atomic` | the same, all or nothing |
//! | `stream` | the loop |
//! | `identity`, `note`, `notes`, `resume` | how far it is in which input, to go on after a kill |
//! | `rejects` | malformed events, set aside |
//! | `progress`, `summary` | what is said of it |

mod atomic;
mod begin;
mod blocks;
mod choose;
mod csv;
mod debezium;
mod debezium_types;
pub(crate) mod error;
mod fill;
mod from_journal;
mod identity;
mod json;
mod json_keys;
mod json_object;
mod json_quick;
mod jsonl;
mod lines;
mod lobster;
mod note;
mod notes;
mod progress;
mod rejects;
mod resume;
mod sample;
mod stream;
mod summary;

use std::io::Write;

use self::choose::Way;
use self::error::RecordError;
use self::note::Note;
use crate::args::RecordArgs;
use crate::elsewhere;
use crate::error::CliError;
use crate::exit::Exit;
use crate::formats::Formats;
use crate::formats::source::SourceFormat;

pub(crate) use self::begin::journal_at;
pub(crate) use self::choose::schema_file;

/// The formats of files that are recorded.
pub(crate) const SOURCES: [SourceFormat; 6] = [
    csv::CSV,
    csv::CSV_NO_HEADER,
    jsonl::JSON_LINES,
    debezium::DEBEZIUM,
    lobster::LOBSTER,
    from_journal::OTHER_JOURNAL,
];

/// Records what the arguments name.
pub(crate) fn run(args: &RecordArgs, formats: &Formats, out: &mut dyn Write) -> Result<Exit, CliError> {
    let noted = Note::load(&args.journal).map_err(RecordError::Note)?;
    let format = noted.as_ref().filter(|_| args.resume).map(|note| note.format.clone());
    match choose::way(args, format.as_deref(), formats)? {
        Way::Elsewhere(command) => Err(elsewhere::run(command).into()),
        Way::Format(format) => begin::run(args, format, noted, out),
    }
}
