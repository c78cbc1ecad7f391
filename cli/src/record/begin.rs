//! A recording from its beginning to its end: what is opened, what may refuse it, what is said of it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipring_journal::{DiskFull, Journal, RawReader, RawWriter, RecoveryReport, Schema};
use slipring_schema::{ParseOptions, Table};

use super::choose;
use super::error::{RecordError, SoFar};
use super::input::Input;
use super::note::{Counts, Identity, Note, NoteError};
use super::notes::{Mark, Notes};
use super::progress::Progress;
use super::rejects::{Rejects, why_path};
use super::resume::{go_on, rejects_path};
use super::source::{FormatOptions, Row, Setup, Source, SourceError};
use super::stop::Stop;
use super::stream::{self, End, Fault, Recording};
use super::summary::Summary;
use crate::args::RecordArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::formats::SourceFormat;
use crate::plain;

/// What a recording is made of, before the journal is opened.
struct Plan<'a> {
    args: &'a RecordArgs,
    path: &'a Path,
    format: SourceFormat,
    started: Instant,
    schema: Schema,
    table: Arc<Table>,
    options: FormatOptions,
    /// What the input is to be known by; none for a pipe.
    identity: Option<Identity>,
    /// Where it is gone on.
    note: Option<Note>,
    rejects: Option<PathBuf>,
    bytes: Option<u64>,
}

/// Records events of any schema.
pub(super) fn run(
    args: &RecordArgs,
    path: &Path,
    format: SourceFormat,
    noted: Option<Note>,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let started = Instant::now();
    let mut input =
        Input::open(path).map_err(|source| RecordError::Read { path: path.to_owned(), source })?;
    let identity = match input.file() {
        None => None,
        Some(file) => Some(
            Identity::new(path, file, format.by_record)
                .map_err(|source| RecordError::Read { path: path.to_owned(), source })?,
        ),
    };
    let (identity, note) = go_on(args, path, format, identity, noted).map_err(RecordError::Note)?;
    let rejects = rejects_path(args, note.as_ref())?;
    let options = FormatOptions {
        delimiter: args.delimiter,
        header: args.header.clone(),
        no_header: args.no_header,
        from_table: args.table.clone(),
    };
    let (schema, written) = choose::schema(args, &format, &mut input, &options)?;
    if let Some(path) = written {
        plain::complain(&format!("the events' schema is in {}: have a look at it", path.display()));
    }
    let (table, bytes) = (Arc::new(Table::new(&schema)), input.bytes());
    let plan = Plan { args, path, format, started, schema, table, options, identity, note, rejects, bytes };
    plan.run(input, out)
}

impl Plan<'_> {
    fn setup(&self) -> Setup {
        let RecordArgs { truncate_text, round_times, .. } = *self.args;
        Setup {
            table: Arc::clone(&self.table),
            parse: ParseOptions { truncate_text, round_times },
            options: self.options.clone(),
            from: self.note.as_ref().map(|note| note.position),
        }
    }

    fn source_fault(&self, fault: SourceError) -> RecordError {
        RecordError::Source { path: self.path.to_owned(), fault, so_far: SoFar::default() }
    }

    fn limit(&self) -> u64 {
        self.args.limit.unwrap_or(u64::MAX)
    }

    fn run(self, input: Input, out: &mut dyn Write) -> Result<Exit, CliError> {
        let source = (self.format.open)(input, self.setup()).map_err(|fault| self.source_fault(fault))?;
        if !self.args.atomic {
            let journal = self.args.journal.clone();
            return self.record(&journal, source, out);
        }
        if !is_empty(&self.args.journal) {
            self.check_all()?;
            let journal = self.args.journal.clone();
            return self.record(&journal, source, out);
        }
        let part = part_path(&self.args.journal);
        if part.symlink_metadata().is_ok() {
            let what = "a recording into it runs, or was killed; if it was, remove it";
            return Err(RecordError::IsThere { path: part, what }.into());
        }
        let (journal, rejects) = (self.args.journal.clone(), self.rejects.clone());
        let mut said = Vec::new();
        match self.record(&part, source, &mut said) {
            Ok(exit) => {
                appear(&part, &journal).map_err(|source| RecordError::Write {
                    path: journal,
                    source,
                    so_far: SoFar::default(),
                })?;
                out.write_all(&said)?;
                Ok(exit)
            }
            Err(error) => {
                // What can't be removed is in the way of the next try, which says so.
                let _ = fs::remove_dir_all(&part);
                for path in rejects.iter().flat_map(|path| [path.clone(), why_path(path)]) {
                    let _ = fs::remove_file(path);
                }
                Err(nothing_recorded(error))
            }
        }
    }

    /// Reads the input once without recording it.
    fn check_all(&self) -> Result<(), RecordError> {
        let input = || Input::open(self.path);
        let input = input().map_err(|source| RecordError::Read { path: self.path.to_owned(), source })?;
        if input.bytes().is_none() && !self.path.is_dir() {
            return Err(self.source_fault(SourceError::Pipe { format: "all or nothing" }));
        }
        let source = (self.format.open)(input, self.setup());
        let mut source = source.map_err(|fault| self.source_fault(fault))?;
        let bear = self.rejects.is_some();
        stream::check(&mut *source, &self.table, self.limit(), bear)
            .map_err(|fault| self.error(fault, SoFar::default()))
    }

    fn error(&self, fault: Fault, so_far: SoFar) -> RecordError {
        let path = self.path.to_owned();
        match fault {
            Fault::Source(fault) => RecordError::Source { path, fault, so_far },
            Fault::Malformed(reject) => {
                RecordError::Malformed { path, place: reject.place, fault: reject.fault, so_far }
            }
            Fault::Append(fault) => RecordError::Append { fault, so_far },
            Fault::Rejects(path, source) => RecordError::Write { path, source, so_far },
            Fault::Note(fault) => RecordError::Note(fault),
        }
    }

    fn open(&self, journal: &Path) -> Result<(Journal, RawWriter, RecoveryReport), RecordError> {
        let mut journal = Journal::at(journal)
            // A wide window: nobody waits for the recovery of a recording, and a slow disk would bound its rate.
            .window_records(1 << 18)
            // The input's times are what they are.
            .max_time_step(Duration::MAX)
            // Nobody would see what it waits for.
            .disk_full(DiskFull::Halt);
        if let Some(count) = self.args.segment_records {
            journal = journal.segment_records(count);
        }
        let (writer, report) = journal.open_raw(&self.schema)?;
        Ok((journal, writer, report))
    }

    fn record(
        mut self,
        place: &Path,
        source: Box<dyn Source>,
        out: &mut dyn Write,
    ) -> Result<Exit, CliError> {
        let stop = Stop::listen()?;
        let (journal, writer, report) = self.open(place)?;
        if !report.created {
            plain::complain(&report.to_string());
        }
        let mut rejects = match (&self.rejects, &self.note) {
            (None, _) => None,
            (Some(path), None) => Some(Rejects::new(path)),
            (Some(path), Some(note)) => {
                Some(Rejects::resume(path, note.rejects.as_ref()).map_err(RecordError::Note)?)
            }
        };
        let notes =
            self.identity.take().map(|identity| Notes::new(place.to_owned(), identity, self.format.name));
        // From the first note on it is known whose they are.
        let noted = rejects.as_mut().map(Rejects::flush).transpose();
        let noted = noted.map_err(|source| RecordError::Write {
            path: self.rejects.clone().unwrap_or_default(),
            source,
            so_far: SoFar::default(),
        })?;
        let counts = self.note.as_ref().map_or_else(Counts::default, |note| note.counts);
        let (first, position) = (writer.end_sequence(), source.position());
        let mut recording = Recording {
            input: self.path,
            row: Row::new(&self.table),
            cursors: writer.cursors(),
            counts,
            limit: self.limit(),
            rejects,
            notes,
            progress: Progress::new(self.bytes, self.format.by_record),
            stop: &stop,
            times: None,
            mark: Mark { position, end: first, counts, rejects: noted },
            notices: Vec::new(),
            source,
            writer,
        };
        let done = self.at_work(&mut recording);
        self.end(journal, recording, done, first, out)
    }

    /// Goes on with what is there, then with the rest. Also how many events were in already.
    fn at_work(&self, recording: &mut Recording<'_>) -> (u64, Result<End, Fault>) {
        let mut begin = || -> Result<End, Fault> {
            let mut reader = recording.writer.reader().map_err(|e| Fault::Note(NoteError::History(e)))?;
            match &self.note {
                Some(note) => self.again(recording, &mut reader, note),
                None => recording.begin_notes(&mut reader).map(|()| End::Finished),
            }
        };
        let begun = begin();
        let before = recording.counts.recorded;
        match begun {
            Ok(End::Finished) => (before, recording.run()),
            other => (before, other),
        }
    }

    fn again(
        &self,
        recording: &mut Recording<'_>,
        reader: &mut RawReader,
        note: &Note,
    ) -> Result<End, Fault> {
        note.check(&self.args.journal, reader).map_err(Fault::Note)?;
        recording.catch_up(reader, note.end_sequence())
    }

    /// Makes what is in durable, however the recording ended, and says what that is.
    fn end(
        &self,
        journal: Journal,
        mut recording: Recording<'_>,
        (before, done): (u64, Result<End, Fault>),
        first: u64,
        out: &mut dyn Write,
    ) -> Result<Exit, CliError> {
        recording.progress.clear();
        let is_finished = matches!(done, Ok(End::Finished));
        let last = recording.last_mark(done.is_ok());
        let Recording { writer, cursors, counts, notes, source, times, stop, notices, rejects, .. } =
            recording;
        let (mut source, mut notes) = (source, notes);
        let (end, regressions, position) = (writer.end_sequence(), writer.regressions(), source.position());
        let closed = writer.close();
        let noted = match (&mut notes, &last) {
            (Some(notes), Ok(last)) if closed.is_ok() && !matches!(done, Err(Fault::Note(_))) => {
                notes.save_with(last, journal.raw_reader(), is_finished)
            }
            _ => Ok(()),
        };
        stop.is_over();
        for notice in notices.into_iter().chain(source.take_notices()) {
            plain::complain(&format!("{}: {notice}", self.path.display()));
        }
        let durable_end = cursors.durable_end();
        let (recorded, durable) = (end - first, durable_end.saturating_sub(first));
        let so_far = SoFar { recorded, durable, resumable: notes.is_some() && noted.is_ok() };
        let ended = done.map_err(|fault| self.error(fault, so_far))?;
        closed.map_err(|fault| RecordError::Close { fault, so_far })?;
        last.map_err(|fault| self.error(fault, so_far))?;
        noted.map_err(RecordError::Note)?;
        if ended == End::Stopped {
            return Err(RecordError::Stopped { so_far }.into());
        }
        let summary = Summary {
            input: self.path,
            format: self.format.name,
            journal: &self.args.journal,
            counts,
            before,
            first,
            end,
            durable_end,
            times,
            regressions,
            rejects: rejects.map(|rejects| rejects.path().to_owned()),
            position,
            is_finished,
            elapsed: self.started.elapsed(),
        };
        let said = if self.args.json { summary.json(out) } else { summary.show(out) };
        let exit = if counts.rejected > 0 { Exit::Part } else { Exit::Fine };
        crate::error::verdict(exit, said.and_then(|()| out.flush()))
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
    let parent = journal.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// What a recording that is all or nothing leaves when it fails.
fn nothing_recorded(mut error: CliError) -> CliError {
    if let CliError::Record(
        RecordError::Source { so_far, .. }
        | RecordError::Malformed { so_far, .. }
        | RecordError::Append { so_far, .. }
        | RecordError::Close { so_far, .. }
        | RecordError::Write { so_far, .. }
        | RecordError::Stopped { so_far, .. },
    ) = &mut error
    {
        *so_far = SoFar::default();
    }
    error
}
