//! All of an input, or nothing of it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::begin::{Plan, open_input};
use super::error::{RecordError, SoFar};
use super::rejects::why_path;
use super::stream::{self, End};
use crate::error::CliError;
use crate::exit::Exit;
use crate::formats::source::{Source, SourceError};
use crate::signals::Stop;
use crate::whole::sync_name;

/// A new journal is made beside its place, and appears when it is complete. For one that is there the input
/// is read once without recording it.
pub(super) fn run(
    plan: Plan<'_>,
    source: Box<dyn Source>,
    stop: &Stop,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let journal = plan.args.journal.clone();
    if !is_empty(&journal) {
        check_all(&plan, stop)?;
        return plan.record(&journal, source, stop, out);
    }
    let part = part_path(&journal);
    if part.symlink_metadata().is_ok() {
        let what = "a recording into it runs, or was killed; if it was, remove it";
        return Err(RecordError::IsThere { path: part, what }.into());
    }
    let rejects = plan.rejects.clone();
    let rejects: Vec<PathBuf> = rejects.iter().flat_map(|path| [path.clone(), why_path(path)]).collect();
    rejects.iter().chain([&part]).for_each(|path| stop.may_remove(path));
    let mut said = Vec::new();
    match plan.record(&part, source, stop, &mut said) {
        Ok(exit) => {
            stop.keep_all();
            appear(&part, &journal).map_err(|source| RecordError::Write {
                path: journal,
                source,
                so_far: SoFar::default(),
            })?;
            stop.is_over();
            crate::error::verdict(exit, out.write_all(&said).and_then(|()| out.flush()))
        }
        Err(error) => {
            // What can't be removed is in the way of the next try, which says so.
            let _ = fs::remove_dir_all(&part);
            for path in rejects {
                let _ = fs::remove_file(path);
            }
            Err(nothing_recorded(error))
        }
    }
}

/// Reads the input once without recording it.
fn check_all(plan: &Plan<'_>, stop: &Stop) -> Result<(), RecordError> {
    let input = open_input(plan.args)?;
    if input.is_pipe() {
        return Err(plan.source_fault(SourceError::Pipe { format: "all or nothing" }));
    }
    let mut source = plan.source(input)?;
    let bear = plan.rejects.is_some();
    match stream::check(&mut *source, &plan.table, plan.limit(), bear, stop) {
        Ok(End::Finished | End::Limited) => Ok(()),
        Ok(End::Stopped) => Err(RecordError::Stopped { so_far: SoFar::default() }),
        Err(fault) => Err(plan.error(fault, SoFar::default())),
    }
}

/// Whether nothing is at a place, or an empty folder.
fn is_empty(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Where a journal is made that appears when it is complete.
fn part_path(journal: &Path) -> PathBuf {
    let mut name = journal.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    journal.with_file_name(name)
}

/// Gives a complete journal its name, for good.
fn appear(part: &Path, journal: &Path) -> io::Result<()> {
    fs::rename(part, journal)?;
    sync_name(journal)
}

/// What a recording that is all or nothing leaves when it fails.
fn nothing_recorded(mut error: CliError) -> CliError {
    let CliError::Command(failure) = &mut error else { return error };
    // A type is asked for by `dyn Error` only.
    let failure: &mut (dyn std::error::Error + Send + Sync) = &mut **failure;
    if let Some(
        RecordError::Source { so_far, .. }
        | RecordError::Malformed { so_far, .. }
        | RecordError::Append { so_far, .. }
        | RecordError::Close { so_far, .. }
        | RecordError::Write { so_far, .. }
        | RecordError::Stopped { so_far, .. },
    ) = failure.downcast_mut()
    {
        *so_far = SoFar::default();
    }
    error
}
