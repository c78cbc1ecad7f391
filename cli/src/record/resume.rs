//! Whether an earlier recording is gone on with, and where its malformed events go.

use std::path::{Path, PathBuf};

use slipring_journal::{Journal, Kind};
use slipring_schema::show_nanos;

use super::error::RecordError;
use super::identity::Identity;
use super::lobster;
use super::note::{NAME, Note, NoteError};
use super::rejects::why_path;
use super::source::{Behind, Day};
use crate::args::RecordArgs;
use crate::formats::SourceFormat;
use crate::plain;

/// Whether an earlier recording is gone on with, and whether this one may begin.
pub(super) fn go_on(
    args: &RecordArgs,
    path: &Path,
    format: SourceFormat,
    identity: Option<Identity>,
    noted: Option<Note>,
) -> Result<(Option<Identity>, Option<Note>), NoteError> {
    let path = || path.to_owned();
    let Some(mut identity) = identity else {
        return if args.resume { Err(NoteError::Pipe { path: path() }) } else { Ok((None, None)) };
    };
    let end = Journal::at(&args.journal).raw_reader().map_or(0, |reader| reader.end_sequence());
    let Some(note) = noted else {
        return if args.resume && end > 0 {
            Err(NoteError::None { path: args.journal.clone() })
        } else {
            Ok((Some(identity), None))
        };
    };
    if !args.resume {
        let recorded = note.counts.recorded + end.saturating_sub(note.end_sequence());
        if note.is_finished || recorded == 0 {
            return Ok((Some(identity), None));
        }
        if identity.is_named(&note.input) {
            let note = args.journal.join(NAME);
            return Err(NoteError::Unfinished { path: path(), recorded, note });
        }
        let of = &note.input.path;
        plain::complain(&format!("a recording of {of} was stopped, and can't be gone on with any more"));
        return Ok((Some(identity), None));
    }
    if note.format != format.name {
        return Err(NoteError::OtherOption { noted: format!("--as {}", note.format) });
    }
    identity.check(&note)?;
    Ok((Some(identity), Some(note)))
}

/// The record that a recording begins behind: the note's, or the journal's last.
pub(super) fn behind(journal: &Path, note: Option<&Note>) -> Option<Behind> {
    // What can't be read is the writer's to say, which opens the journal later.
    let mut reader = Journal::at(journal).raw_reader().ok()?;
    let end = note.map_or(reader.end_sequence(), Note::end_sequence);
    let record = reader.at(end.checked_sub(1)?).ok()?;
    let event = (record.kind == Kind::Event).then(|| record.event.to_vec());
    Some(Behind { time_ns: record.time_ns, event })
}

/// What LOBSTER's lines do not say: as it was when the recording began.
pub(super) fn day(args: &RecordArgs, path: &Path, note: Option<&Note>) -> Result<Day, NoteError> {
    let symbol = args.symbol.map(|symbol| symbol.0);
    let told = lobster::day(args.date, symbol, path);
    let Some(noted) = note.and_then(|note| note.day.clone()) else { return Ok(told) };
    if args.date.is_some() && told.date_ns != noted.date_ns {
        let date = show_nanos(i128::from(noted.date_ns));
        return Err(NoteError::OtherOption { noted: format!("--date {}", &date[..10]) });
    }
    if args.symbol.is_some() && told.symbol != noted.symbol {
        return Err(NoteError::OtherOption { noted: format!("--symbol {:?}", noted.symbol) });
    }
    Ok(noted)
}

/// Where malformed events go: where they went, if it is gone on with.
pub(super) fn rejects_path(args: &RecordArgs, note: Option<&Note>) -> Result<Option<PathBuf>, RecordError> {
    let noted = note.and_then(|note| note.rejects.as_ref());
    match (&args.rejects, noted) {
        // A file is cut back only if its user names it.
        (path, Some(noted)) if path.as_ref().is_none_or(|path| path.to_string_lossy() != noted.path) => {
            Err(NoteError::OtherOption { noted: format!("--rejects {}", noted.path) }.into())
        }
        (Some(path), None) => {
            let is_there = |path: &Path| path.symlink_metadata().is_ok();
            match [path.clone(), why_path(path)].into_iter().find(|path| is_there(path)) {
                Some(path) => Err(RecordError::IsThere { path, what: "give --rejects a new name" }),
                None => Ok(Some(path.clone())),
            }
        }
        (path, _) => Ok(path.clone()),
    }
}
