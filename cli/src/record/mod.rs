//! `slipring record`: events into a journal.
//!
//! | module | idea |
//! |---|---|
//! | [`source`] | the trait of every format |
//! | [`input`] | a file or a pipe |
//! | [`blocks`] | an input in large blocks, for formats of lines |
//! | `csv`, `jsonl`, `debezium`, `from_journal` | the formats |
//! | `sample` | an input's first rows, to infer a schema |
//! | `fill`, `json`, `json_object` | cells and objects into an event's bytes |
//! | `json_quick` | objects like the ones before |
//! | `choose` | which format, which schema |
//! | `begin` | a recording from its beginning to its end |
//! | `stream` | the loop |
//! | `note`, `notes`, `resume` | how far it is, to go on after a kill |
//! | `rejects` | malformed events, set aside |
//! | `progress`, `summary` | what is said of it |
//! | `lobster` | order messages, byte for byte |

mod begin;
pub mod blocks;
mod choose;
pub(crate) mod csv;
pub(crate) mod debezium;
mod debezium_types;
pub mod error;
mod fill;
pub(crate) mod from_journal;
pub mod input;
mod json;
mod json_object;
mod json_quick;
pub(crate) mod jsonl;
mod lobster;
mod note;
mod notes;
mod progress;
mod rejects;
mod resume;
mod sample;
pub mod source;
mod stop;
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
use crate::flow;
use crate::formats::Formats;

pub(crate) use self::choose::schema_file;
pub use self::note::NoteError;

/// Records what the arguments name.
pub(crate) fn run(args: &RecordArgs, formats: &Formats, out: &mut dyn Write) -> Result<Exit, CliError> {
    let noted = Note::load(&args.journal).map_err(RecordError::Note)?;
    let format = noted.as_ref().filter(|_| args.resume).map(|note| note.format.clone());
    match (choose::way(args, format.as_deref(), formats)?, &args.input) {
        (Way::Elsewhere(command), _) => Err(elsewhere::run(command)),
        (Way::Format(format), flow::input::Input::File(path)) => begin::run(args, path, format, noted, out),
        _ => {
            refuse_for_lobster(args)?;
            lobster::run(args, out).map(|()| Exit::Fine)
        }
    }
}

/// LOBSTER messages are read whole before they are recorded.
fn refuse_for_lobster(args: &RecordArgs) -> Result<(), RecordError> {
    let what = "LOBSTER messages, which are recorded all or not at all";
    let told = [
        (args.rejects.is_some(), "--rejects"),
        (args.resume, "--resume"),
        (args.limit.is_some(), "--limit"),
        (args.json, "--json"),
        (args.schema.is_some(), "--schema"),
        (args.like.is_some(), "--like"),
        (args.infer.is_some(), "--infer"),
    ];
    match told.iter().find(|(is_told, _)| *is_told) {
        Some((_, option)) => Err(RecordError::NoUse { option, what }),
        None => Ok(()),
    }
}
