//! The loop that records: from a source into a journal, one event after the other.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use slipring_journal::{AppendError, Cursors, Kind, RawReader, RawRecord, RawWriter, ReadError};
use slipring_schema::Table;

use super::note::{Counts, NoteError};
use super::notes::{Mark, Notes};
use super::progress::Progress;
use super::rejects::Rejects;
use crate::formats::source::{Reject, Row, Source, SourceError, Step};
use crate::signals::Stop;

/// Events between two looks at everything else, where a source never waits.
const BATCH: u64 = 4096;

/// One recording at work.
pub(super) struct Recording<'a> {
    pub input: &'a Path,
    pub source: Box<dyn Source>,
    pub row: Row,
    pub writer: RawWriter,
    pub cursors: Cursors,
    pub counts: Counts,
    pub limit: u64,
    pub rejects: Option<Rejects>,
    pub notes: Option<Notes>,
    pub progress: Progress,
    pub stop: &'a Stop,
    /// Times of the first and the last event.
    pub times: Option<(u64, u64)>,
    /// As it was when everything was last looked at.
    pub mark: Mark,
    /// The sequence behind the record that belongs to the place that the source is at. While what is in is
    /// read again it lies before the journal's end.
    pub reached: u64,
    /// The note is this recording's own: it has been written since it began.
    pub has_note: bool,
    /// What is stopped and can't be gone on with once the note is this recording's.
    pub stopped: Option<String>,
    pub notices: Vec<String>,
}

/// How a recording ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There are no more events.
    Finished,
    /// No more are wanted.
    Limited,
    /// A signal said stop.
    Stopped,
}

/// Why it failed.
#[derive(Debug)]
pub(super) enum Fault {
    Source(SourceError),
    Malformed(Reject),
    Append(AppendError),
    Rejects(PathBuf, std::io::Error),
    Note(NoteError),
}

impl Recording<'_> {
    /// Records until there is no more.
    pub fn run(&mut self) -> Result<End, Fault> {
        let mut until_look = BATCH;
        while self.counts.recorded < self.limit {
            match self.source.next(&mut self.row).map_err(Fault::Source)? {
                Step::Row => {
                    self.append()?;
                    until_look -= 1;
                }
                Step::Reject(reject) => {
                    self.reject(reject)?;
                    until_look -= 1;
                }
                Step::Wait => until_look = 0,
                Step::End => return Ok(End::Finished),
            }
            if until_look == 0 {
                until_look = BATCH;
                if self.look()? {
                    return Ok(End::Stopped);
                }
            }
        }
        Ok(End::Limited)
    }

    #[inline]
    fn append(&mut self) -> Result<(), Fault> {
        if !self.has_note {
            self.first_note()?;
        }
        let time_ns = self.row.time_ns.unwrap_or_else(now_ns);
        let appended = match self.row.is_void {
            false => self.writer.append(time_ns, &self.row.event),
            true => self.writer.append_void(time_ns),
        };
        appended.map_err(Fault::Append)?;
        self.reached += 1;
        self.counts.recorded += 1;
        self.counts.truncated += u64::from(self.row.parsed.truncated);
        self.counts.rounded += u64::from(self.row.parsed.rounded);
        self.times = Some((self.times.map_or(time_ns, |(first_ns, _)| first_ns), time_ns));
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> Result<(), Fault> {
        if self.rejects.is_none() {
            return Err(Fault::Malformed(reject));
        }
        // Before the file is there it is noted whose it is; but only events take others their note.
        if !self.has_note && self.stopped.is_none() {
            self.first_note()?;
        }
        let Some(rejects) = &mut self.rejects else { return Ok(()) };
        self.counts.rejected += 1;
        let put = rejects.put(self.input, &reject, self.source.preamble());
        put.map_err(|error| Fault::Rejects(rejects.path().to_owned(), error))
    }

    /// Looks after everything else; whether a signal has said stop.
    fn look(&mut self) -> Result<bool, Fault> {
        self.writer.end_batch();
        self.notices.extend(self.source.take_notices());
        let now = Instant::now();
        self.progress.show(now, self.source.position(), &self.counts);
        if self.notes.as_ref().is_some_and(|notes| notes.is_due(now)) {
            self.note(now)?;
        }
        Ok(self.stop.is_said())
    }

    fn note(&mut self, now: Instant) -> Result<(), Fault> {
        self.mark = self.mark_now()?;
        let Some(notes) = self.notes.as_mut().filter(|_| self.has_note) else { return Ok(()) };
        let Some(mark) = notes.push(now, self.mark.clone(), self.cursors.durable_end()) else {
            return Ok(());
        };
        sync(&mut self.rejects)?;
        notes.save_with(&mark, self.writer.reader(), false).map_err(Fault::Note)
    }

    /// Notes the beginning, so that there is a note before there is a record. Not sooner: what records
    /// nothing leaves the note of another recording where it is.
    #[cold]
    fn first_note(&mut self) -> Result<(), Fault> {
        self.has_note = true;
        if let Some(of) = self.stopped.take() {
            let notice = format!("a recording of {of} was stopped, and can't be gone on with any more");
            self.notices.push(notice);
        }
        let Some(notes) = &mut self.notes else { return Ok(()) };
        sync(&mut self.rejects)?;
        notes.save_with(&self.mark, self.writer.reader(), false).map_err(Fault::Note)
    }

    /// How far it is now.
    pub fn mark_now(&mut self) -> Result<Mark, Fault> {
        let rejects = match &mut self.rejects {
            Some(rejects) => {
                let path = rejects.path().to_owned();
                Some(rejects.flush().map_err(|error| Fault::Rejects(path, error))?)
            }
            None => None,
        };
        Ok(Mark { position: self.source.position(), end: self.reached, counts: self.counts, rejects })
    }

    /// How far it has come, with what was set aside on the disk: now, or as it was when it was last looked
    /// at, for the event that it failed at has been read.
    pub fn last_mark(&mut self, is_now: bool) -> Result<Mark, Fault> {
        let mark = if is_now { self.mark_now()? } else { self.mark.clone() };
        if let Some(rejects) = &mut self.rejects {
            let path = rejects.path().to_owned();
            rejects.flush().map_err(|error| Fault::Rejects(path, error))?;
        }
        sync(&mut self.rejects)?;
        Ok(mark)
    }

    /// Reads again what the journal holds behind the note, and sees that it is the same.
    pub fn catch_up(&mut self, reader: &mut RawReader, from: u64) -> Result<End, Fault> {
        let end = self.writer.end_sequence();
        self.reached = from;
        let mut last_ns = match from.checked_sub(1).filter(|before| *before >= reader.first_sequence()) {
            Some(before) => reader.at(before).map_err(history)?.time_ns,
            None => 0,
        };
        while self.reached < end {
            let chunk = reader.chunk(self.reached).map_err(history)?;
            if chunk.is_empty() {
                return Err(history(ReadError::OutOfRange { sequence: self.reached, first: from, end }));
            }
            for record in chunk.records().take_while(|record| record.sequence < end) {
                if !self.is_again(&record, &mut last_ns)? {
                    return Ok(End::Stopped);
                }
            }
        }
        // What is not durable yet is not noted: power loss could take it.
        if self.reached <= self.cursors.durable_end() {
            self.mark = self.mark_now()?;
        }
        Ok(End::Finished)
    }

    /// Whether the source gives the record again; `false` if a signal says stop.
    fn is_again(&mut self, record: &RawRecord<'_>, last_ns: &mut u64) -> Result<bool, Fault> {
        loop {
            match self.source.next(&mut self.row).map_err(Fault::Source)? {
                Step::Row => {
                    // What the clock said then it does not say again.
                    let same_time =
                        self.row.time_ns.is_none_or(|time_ns| time_ns.max(*last_ns) == record.time_ns);
                    let is_void = record.kind == Kind::Void;
                    let same = self.row.is_void == is_void && (is_void || self.row.event == record.event);
                    if !same || !same_time {
                        return Err(self.differs(record.sequence, &self.row.place.to_string()));
                    }
                    *last_ns = record.time_ns;
                    self.reached = record.sequence + 1;
                    self.counts.recorded += 1;
                    self.counts.truncated += u64::from(self.row.parsed.truncated);
                    self.counts.rounded += u64::from(self.row.parsed.rounded);
                    return Ok(true);
                }
                Step::Reject(reject) => self.reject(reject)?,
                Step::Wait if self.stop.is_said() => return Ok(false),
                Step::Wait => {}
                Step::End => return Err(self.differs(record.sequence, "its end")),
            }
        }
    }

    fn differs(&self, sequence: u64, place: &str) -> Fault {
        Fault::Note(NoteError::Differs { sequence, path: self.input.to_owned(), place: place.to_owned() })
    }
}

/// Has power loss take nothing of what was set aside.
fn sync(rejects: &mut Option<Rejects>) -> Result<(), Fault> {
    let Some(rejects) = rejects else { return Ok(()) };
    rejects.sync().map_err(|error| Fault::Rejects(rejects.path().to_owned(), error))
}

fn history(error: ReadError) -> Fault {
    Fault::Note(NoteError::History(error))
}

/// The clock, in nanoseconds since 1970.
fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Sees that an input is well-formed, as far as it would be recorded; the first event that is not.
pub(super) fn check(
    source: &mut dyn Source,
    table: &Table,
    limit: u64,
    bear_rejects: bool,
    stop: &Stop,
) -> Result<End, Fault> {
    let (mut row, mut recorded) = (Row::new(table), 0);
    while recorded < limit {
        match source.next(&mut row).map_err(Fault::Source)? {
            Step::Row => recorded += 1,
            Step::Reject(reject) if !bear_rejects => return Err(Fault::Malformed(reject)),
            Step::Reject(_) | Step::Wait => {}
            Step::End => break,
        }
        if stop.is_said() {
            return Ok(End::Stopped);
        }
    }
    Ok(End::Finished)
}
