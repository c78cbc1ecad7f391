//! Whether an earlier recording is gone on with, and where its malformed events go.

use std::path::{Path, PathBuf};

use slipring_journal::Journal;

use super::error::RecordError;
use super::note::{Identity, NAME, Note, NoteError};
use super::rejects::why_path;
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

/// Where malformed events go: as it was, if it is gone on with.
pub(super) fn rejects_path(args: &RecordArgs, note: Option<&Note>) -> Result<Option<PathBuf>, RecordError> {
    let noted = note.and_then(|note| note.rejects.as_ref());
    match (&args.rejects, noted) {
        (None, Some(noted)) => Ok(Some(PathBuf::from(&noted.path))),
        (Some(path), Some(noted)) if path.to_string_lossy() != noted.path => {
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
