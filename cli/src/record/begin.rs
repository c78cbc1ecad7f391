//! A recording from its beginning to its end: what is opened, what may refuse it, what is said of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipring_journal::{DiskFull, Journal, RawWriter, RecoveryReport, Schema};
use slipring_schema::{ParseOptions, Table};

use super::error::{RecordError, SoFar};
use super::identity::Identity;
use super::note::{Counts, Note, NoteError};
use super::notes::{Mark, Notes};
use super::progress::Progress;
use super::rejects::Rejects;
use super::stream::{End, Fault, Recording};
use super::summary::Summary;
use super::{atomic, choose, lobster, resume};
use crate::args::RecordArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::formats::input::Input;
use crate::formats::source::{FormatOptions, Row, Setup, Source, SourceError, SourceFormat};
use crate::signals::{First, Stop};
use crate::{feed, plain};

/// What a recording is made of, before the journal is opened.
pub(super) struct Plan<'a> {
    pub args: &'a RecordArgs,
    /// The input, as it is named.
    pub path: PathBuf,
    format: SourceFormat,
    started: Instant,
    schema: Schema,
    pub table: Arc<Table>,
    options: FormatOptions,
    /// What the input is to be known by; none for a pipe.
    identity: Option<Identity>,
    /// Where it is gone on.
    note: Option<Note>,
    /// The input of a recording that was stopped and could be gone on with, if it is another one.
    stopped: Option<String>,
    /// No recording has left a note in the journal.
    is_first: bool,
    pub rejects: Option<PathBuf>,
    bytes: Option<u64>,
}

/// Opens what the arguments name.
pub(super) fn open_input(args: &RecordArgs) -> Result<Input, RecordError> {
    let (path, input) = match &args.input {
        feed::input::Input::File(path) => (path.clone(), Input::open(path)),
        made_up @ feed::input::Input::Synthetic(count) => {
            let name = made_up.to_string();
            (PathBuf::from(&name), Input::made_up_by(&name, *count))
        }
    };
    input.map_err(|source| RecordError::Read { path, source })
}

/// What an input is to be known by; none if it can be read only once.
fn identity(input: &Input, format: &SourceFormat) -> Result<Option<Identity>, RecordError> {
    let path = input.path();
    let identity = match (input.file(), input.folder()) {
        (Some(file), _) => Identity::new(path, file, format.by_record),
        (None, Some(folder)) => Identity::of_journal(path, folder),
        (None, None) => return Ok(None),
    };
    identity.map(Some).map_err(|source| RecordError::Read { path: path.to_owned(), source })
}

/// Records events of any schema.
pub(super) fn run(
    args: &RecordArgs,
    format: SourceFormat,
    noted: Option<Note>,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let started = Instant::now();
    let mut input = open_input(args)?;
    let path = input.path().to_owned();
    resume::check_other(args, &input)?;
    let identity = identity(&input, &format)?;
    let is_first = noted.is_none();
    let way = resume::go_on(args, &path, format, identity, noted).map_err(RecordError::Note)?;
    let resume::Way { identity, note, stopped } = way;
    let rejects = resume::rejects_path(args, note.as_ref())?;
    let options = FormatOptions {
        delimiter: args.delimiter,
        header: args.header.clone(),
        no_header: args.no_header,
        from_table: args.table.clone(),
        day: resume::day(args, &path, note.as_ref()).map_err(RecordError::Note)?,
        seed: args.seed.unwrap_or(1),
    };
    let (schema, written) = choose::schema(args, &format, &mut input, &options)?;
    if let Some(path) = written {
        plain::complain(&format!("the events' schema is in {}: have a look at it", path.display()));
    }
    let (table, bytes) = (Arc::new(Table::new(&schema)), input.bytes());
    let plan = Plan {
        args,
        path,
        format,
        started,
        schema,
        table,
        options,
        identity,
        note,
        stopped,
        is_first,
        rejects,
        bytes,
    };
    let source = plan.source(input)?;
    let stop = Stop::listen(Exit::Part, First::Closes)?;
    if args.atomic {
        return atomic::run(plan, source, &stop, out);
    }
    plan.record(&args.journal, source, &stop, out)
}

impl Plan<'_> {
    /// Begins to read.
    pub fn source(&self, input: Input) -> Result<Box<dyn Source>, RecordError> {
        let RecordArgs { truncate_text, round_times, .. } = *self.args;
        let setup = Setup {
            table: Arc::clone(&self.table),
            parse: ParseOptions { truncate_text, round_times },
            options: self.options.clone(),
            from: self.note.as_ref().map(|note| note.position),
            behind: resume::behind(&self.args.journal, self.note.as_ref()),
        };
        (self.format.open)(input, setup).map_err(|fault| self.source_fault(fault))
    }

    pub fn source_fault(&self, fault: SourceError) -> RecordError {
        RecordError::Source { path: self.path.clone(), fault, so_far: SoFar::default() }
    }

    /// How many events are wanted.
    pub fn limit(&self) -> u64 {
        self.args.limit.unwrap_or(u64::MAX)
    }

    pub fn error(&self, fault: Fault, so_far: SoFar) -> RecordError {
        let path = self.path.clone();
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
        let journal = journal_at(journal, self.args.segment_records);
        let (writer, report) = journal.open_raw(&self.schema)?;
        // The journal's own schema stays, and says what the events mean.
        if let Some(field) = Table::new(writer.schema()).differs_from(&self.table) {
            let path = journal.path().to_owned();
            writer.close().map_err(|fault| RecordError::Close { fault, so_far: SoFar::default() })?;
            return Err(RecordError::OtherMeaning { path, field });
        }
        Ok((journal, writer, report))
    }

    /// Records all of the source into the journal at a place.
    pub fn record(
        mut self,
        place: &Path,
        source: Box<dyn Source>,
        stop: &Stop,
        out: &mut dyn Write,
    ) -> Result<Exit, CliError> {
        let (journal, writer, report) = self.open(place)?;
        if is_worth_a_word(&report) {
            plain::complain(&report.to_string());
        }
        let mut rejects = match (&self.rejects, &self.note) {
            (None, _) => None,
            (Some(path), None) => Some(Rejects::new(path)),
            (Some(path), Some(note)) => {
                // Under another name there is nothing of it yet.
                let noted = note.rejects.as_ref().filter(|noted| noted.is_at(path));
                Some(Rejects::resume(path, noted).map_err(RecordError::Note)?)
            }
        };
        let day = (self.format.name == lobster::NAME).then(|| self.options.day.clone());
        let identity = self.identity.take();
        let notes = identity.map(|identity| Notes::new(place.to_owned(), identity, self.format.name, day));
        // From the first note on it is known whose they are.
        let noted = rejects.as_mut().map(Rejects::flush).transpose();
        let noted = noted.map_err(|source| RecordError::Write {
            path: self.rejects.clone().unwrap_or_default(),
            source,
            so_far: SoFar::default(),
        })?;
        let first = writer.end_sequence();
        // What belongs together: a note's place in the input and its record, or the input's beginning and the
        // journal's end.
        let mark = match &self.note {
            Some(note) => {
                let Note { position, counts, .. } = *note;
                Mark { position, end: note.end_sequence(), counts, rejects: noted }
            }
            None => {
                let (position, counts) = (source.position(), Counts::default());
                Mark { position, end: first, counts, rejects: noted }
            }
        };
        let mut recording = Recording {
            input: &self.path,
            row: Row::new(&self.table),
            cursors: writer.cursors(),
            counts: mark.counts,
            limit: self.limit(),
            rejects,
            notes,
            progress: Progress::new(self.bytes, self.format.by_record),
            stop,
            times: None,
            reached: mark.end,
            mark,
            has_note: false,
            stopped: self.stopped.take(),
            notices: Vec::new(),
            source,
            writer,
        };
        let done = self.at_work(&mut recording);
        self.end(journal, recording, done, first, out)
    }

    /// Goes on with what is there, then with the rest. Also how many events were in already.
    fn at_work(&self, recording: &mut Recording<'_>) -> (u64, Result<End, Fault>) {
        let begun = match &self.note {
            Some(note) => self.again(recording, note),
            None => Ok(End::Finished),
        };
        let before = recording.counts.recorded;
        match begun {
            Ok(End::Finished) => (before, recording.run()),
            other => (before, other),
        }
    }

    fn again(&self, recording: &mut Recording<'_>, note: &Note) -> Result<End, Fault> {
        let mut reader = recording.writer.reader().map_err(|e| Fault::Note(NoteError::History(e)))?;
        note.check(&self.args.journal, &mut reader).map_err(Fault::Note)?;
        recording.catch_up(&mut reader, note.end_sequence())
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
        // What has brought nothing in leaves an earlier recording's note as it is.
        let is_noted = recording.has_note || self.is_first || (self.note.is_some() && done.is_ok());
        let Recording { writer, cursors, counts, notes, source, times, stop, notices, rejects, .. } =
            recording;
        let (mut source, mut notes) = (source, notes);
        let (end, regressions, position) = (writer.end_sequence(), writer.regressions(), source.position());
        let closed = writer.close();
        let noted = match (&mut notes, &last) {
            (Some(notes), Ok(last)) if is_noted && closed.is_ok() && !matches!(done, Err(Fault::Note(_))) => {
                notes.save_with(last, journal.raw_reader(), is_finished)
            }
            _ => Ok(()),
        };
        // Beside its place it is not over: it has to get its name.
        if journal.path() == self.args.journal {
            stop.is_over();
        }
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
            input: &self.path,
            format: self.format.name,
            by_record: self.format.by_record,
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

/// A journal that is filled with what there is elsewhere.
pub(crate) fn journal_at(path: &Path, segment_records: Option<u64>) -> Journal {
    let journal = Journal::at(path)
        // A wide window: nobody waits for its recovery, and a slow disk would bound the rate.
        .window_records(1 << 18)
        // The times are what they are.
        .max_time_step(Duration::MAX)
        // Nobody would see what it waits for.
        .disk_full(DiskFull::Halt);
    match segment_records {
        Some(count) => journal.segment_records(count),
        None => journal,
    }
}

/// Whether opening the journal has met what its user should know: it was not closed in good order, something
/// was cut off or borne.
fn is_worth_a_word(report: &RecoveryReport) -> bool {
    let is_plain = report.created || report.was_closed;
    !is_plain || report.truncated_at.is_some() || !report.warnings.is_empty()
}
