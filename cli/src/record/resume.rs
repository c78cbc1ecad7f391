//! Whether an earlier recording is gone on with, and where its malformed events go.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use slipring_journal::{Journal, Kind};
use slipring_schema::show_nanos;

use super::error::RecordError;
use super::identity::Identity;
use super::lobster;
use super::note::{NAME, Note, NoteError};
use super::rejects::why_path;
use crate::args::RecordArgs;
use crate::formats::input::Input;
use crate::formats::source::{Behind, Day, SourceFormat};

/// Refuses a journal that is recorded into itself.
pub(super) fn check_other(args: &RecordArgs, input: &Input) -> Result<(), RecordError> {
    let place = |found: &Metadata| (found.dev(), found.ino());
    // A journal that is not there yet is another one, and what can't be looked at is met where it is opened.
    let (Some(folder), Ok(journal)) = (input.folder(), fs::metadata(&args.journal)) else { return Ok(()) };
    match folder.metadata() {
        Ok(found) if place(&found) == place(&journal) => {
            Err(RecordError::Itself { path: input.path().to_owned() })
        }
        _ => Ok(()),
    }
}

/// How a recording begins.
pub(super) struct Way {
    /// What the input is to be known by; none for a pipe.
    pub identity: Option<Identity>,
    /// Where it is gone on.
    pub note: Option<Note>,
    /// The input of another recording, which can't be gone on with once this one has brought something in.
    pub stopped: Option<String>,
}

/// Whether an earlier recording is gone on with, and whether this one may begin.
pub(super) fn go_on(
    args: &RecordArgs,
    path: &Path,
    format: SourceFormat,
    identity: Option<Identity>,
    noted: Option<Note>,
) -> Result<Way, NoteError> {
    let path = || path.to_owned();
    let anew = |identity, stopped| Ok(Way { identity, note: None, stopped });
    let end = || Journal::at(&args.journal).raw_reader().map_or(0, |reader| reader.end_sequence());
    let Some(mut identity) = identity else {
        let stopped = noted.filter(|note| recorded(note, end()) > 0).map(|note| note.input.path);
        return if args.resume { Err(NoteError::Pipe { path: path() }) } else { anew(None, stopped) };
    };
    let Some(note) = noted else {
        return if args.resume && end() > 0 {
            Err(NoteError::None { path: args.journal.clone() })
        } else {
            anew(Some(identity), None)
        };
    };
    if !args.resume {
        let recorded = recorded(&note, end());
        if recorded == 0 {
            return anew(Some(identity), None);
        }
        if identity.is_named(&note.input) {
            let note = args.journal.join(NAME);
            return Err(NoteError::Unfinished { path: path(), recorded, note });
        }
        return anew(Some(identity), Some(note.input.path));
    }
    if note.format != format.name {
        return Err(NoteError::OtherOption { noted: format!("--as {}", note.format) });
    }
    identity.check(&note)?;
    Ok(Way { identity: Some(identity), note: Some(note), stopped: None })
}

/// Events that a recording which is not over has brought into a journal that ends at `end`.
fn recorded(note: &Note, end: u64) -> u64 {
    if note.is_finished { 0 } else { note.counts.recorded + end.saturating_sub(note.end_sequence()) }
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

/// Where malformed events go: where they went, if it is gone on with and some went there.
pub(super) fn rejects_path(args: &RecordArgs, note: Option<&Note>) -> Result<Option<PathBuf>, RecordError> {
    let noted = note.and_then(|note| note.rejects.as_ref());
    if let Some(noted) = noted.filter(|noted| !noted.holds_nothing()) {
        // A file is cut back only if its user names it.
        return match &args.rejects {
            Some(path) if noted.is_at(path) => Ok(Some(path.clone())),
            _ => Err(NoteError::OtherOption { noted: format!("--rejects {}", noted.path) }.into()),
        };
    }
    let Some(path) = &args.rejects else { return Ok(None) };
    let is_own = noted.is_some_and(|noted| noted.is_at(path));
    for file in [path.clone(), why_path(path)] {
        can_be(&file, is_own, args)?;
    }
    Ok(Some(path.clone()))
}

/// Whether a file can be made at a place: it is only made when the first malformed event comes, and nobody
/// wants to learn then that it can't. An empty one of its own may be there.
fn can_be(path: &Path, is_own: bool, args: &RecordArgs) -> Result<(), RecordError> {
    let fault = |source| RecordError::Rejects { path: path.to_owned(), source };
    match path.symlink_metadata() {
        Ok(_) if is_own => return Ok(()),
        Ok(_) => {
            let what = "give --rejects a new name";
            return Err(RecordError::IsThere { path: path.to_owned(), what });
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
        Err(_) => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The journal's own is made before.
    if folder == args.journal && !args.atomic && !folder.exists() {
        return Ok(());
    }
    let access = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::access(folder, access).map_err(|error| fault(error.into()))
}
