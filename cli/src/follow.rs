//! `slipring follow`: a journal's records as they come, like `tail -f`. It only reads; whoever writes does
//! not notice it.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use slipring_journal::{Journal, RawChunk, RawFollower};
use slipring_schema::Predicate;

use crate::args::FollowArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::rows::choice::ChoiceArgs;
use crate::rows::columns::Shown;
use crate::rows::printer::{self, Format, Printer};
use crate::rows::reading::{Piece, Reading};
use crate::signals::{First, Stop};
use crate::{gone, readers};

/// The sleep after the first look that found nothing; each further one is twice as long, up to the longest.
const FIRST_SLEEP: Duration = Duration::from_millis(1);
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &FollowArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let mut waiting = Waiting::new()?;
    let journal = Journal::at(&args.journal);
    if first_record(&journal, &mut waiting)?.is_break() {
        return Ok(());
    }
    let choice = &args.choice;
    let starts = choice.from.is_some() || choice.from_sequence.is_some() || args.reader.is_some();
    let last = (!starts).then_some(args.last);
    let mut reading = Reading::open(&args.journal, choice, last)?;
    let (schema, table) = (&reading.schema.clone(), &reading.table.clone());
    let format = Format::or_default(args.format, args.json);
    let columns = match (&choice.fields, format) {
        (None, Format::Table) => Shown::for_people(table),
        _ => reading.columns(choice)?,
    };
    let printer = printer::printer(format, schema, &columns, table)?;
    let passing = Passing {
        predicate: reading.take_predicate(),
        from_ns: reading.from_ns,
        to_ns: reading.to_ns,
        left: choice.limit.unwrap_or(u64::MAX),
    };
    let mut source = match &args.reader {
        Some(name) => Source::Named(Box::new(readers::Reading::open(&args.journal, name)?)),
        None => Source::Place(Box::new(journal.follow_raw(start(choice, &reading))?)),
    };
    let mut printing = Printing { printer, passing, buffer: Vec::new(), taken_end: 0 };
    printing.head();
    let done = follow(&mut source, &mut printing, choice.to_sequence.unwrap_or(u64::MAX), &mut waiting, out);
    // Also what was written out before something failed.
    let noted = source.note();
    done.and(noted)
}

fn follow(
    source: &mut Source,
    printing: &mut Printing<'_>,
    end: u64,
    waiting: &mut Waiting,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    loop {
        let mut ended = false;
        let met = match source.next_chunk()? {
            Some(chunk) => {
                ended = printing.take(chunk, end).is_break();
                true
            }
            None => false,
        };
        let gone = met && printing.buffer.is_empty() && gone::reader_has_gone(io::stdout());
        printing.write(out)?;
        match met {
            true => source.written(printing.taken_end)?,
            false => source.note()?,
        }
        if gone || ended || printing.passing.left == 0 || source.next_sequence() >= end {
            return Ok(());
        }
        if waiting.after(met).is_break() {
            return Ok(());
        }
    }
}

/// Where records come from.
enum Source {
    /// A place that was said.
    Place(Box<RawFollower>),
    /// A named reader, which is told what was written out.
    Named(Box<readers::Reading>),
}

impl Source {
    fn next_chunk(&mut self) -> Result<Option<RawChunk<'_>>, CliError> {
        match self {
            Source::Place(follower) => Ok(follower.next_chunk()?),
            Source::Named(reading) => Ok(reading.next_chunk()?),
        }
    }

    fn next_sequence(&self) -> u64 {
        match self {
            Source::Place(follower) => follower.next_sequence(),
            Source::Named(reading) => reading.next_sequence(),
        }
    }

    fn written(&mut self, end: u64) -> Result<(), CliError> {
        match self {
            Source::Place(_) => Ok(()),
            Source::Named(reading) => Ok(reading.written(end)?),
        }
    }

    fn note(&mut self) -> Result<(), CliError> {
        match self {
            Source::Place(_) => Ok(()),
            Source::Named(reading) => Ok(reading.note()?),
        }
    }
}

/// Where to start: that sequence, even if it is still to come; else where the records begin that were chosen.
fn start(choice: &ChoiceArgs, reading: &Reading) -> u64 {
    choice.from_sequence.map_or(reading.range.start, |sequence| sequence.max(reading.range.start))
}

/// Waits for the journal's first record, which says what its events are; until a signal says stop.
fn first_record(journal: &Journal, waiting: &mut Waiting) -> Result<ControlFlow<()>, CliError> {
    loop {
        let reader = journal.raw_reader()?;
        if reader.first_sequence() < reader.end_sequence() {
            return Ok(ControlFlow::Continue(()));
        }
        if waiting.after(false).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// Which records pass.
struct Passing {
    predicate: Option<Predicate>,
    /// Until one does, none is late enough.
    from_ns: Option<u64>,
    to_ns: Option<u64>,
    left: u64,
}

struct Printing<'t> {
    printer: Option<Box<dyn Printer + 't>>,
    passing: Passing,
    buffer: Vec<u8>,
    /// The sequence behind the last record that was printed, or did not pass.
    taken_end: u64,
}

impl Printing<'_> {
    fn head(&mut self) {
        if let Some(printer) = &mut self.printer {
            printer.head(&mut self.buffer);
        }
    }

    /// Prints what passes; says stop at the first record that lies behind the end.
    fn take(&mut self, chunk: RawChunk<'_>, end: u64) -> ControlFlow<()> {
        let mut piece = Piece::default();
        let mut ended = ControlFlow::Continue(());
        self.taken_end = chunk.first_sequence() + chunk.len() as u64;
        for record in chunk.records() {
            if record.sequence >= end || self.passing.to_ns.is_some_and(|to_ns| record.time_ns >= to_ns) {
                ended = ControlFlow::Break(());
                self.taken_end = record.sequence;
                break;
            }
            if self.passing.from_ns.is_some_and(|from_ns| record.time_ns < from_ns) {
                continue;
            }
            self.passing.from_ns = None;
            piece.meet(record, self.passing.predicate.as_ref());
        }
        piece.cut(self.passing.left);
        self.passing.left -= piece.rows.len() as u64;
        if self.passing.left == 0 {
            self.taken_end = piece.rows.last().map_or(chunk.first_sequence(), |last| last.sequence + 1);
        }
        let Some(printer) = &mut self.printer else { return ended };
        for row in piece.in_order() {
            match row {
                Ok(row) => printer.row(row, &mut self.buffer),
                Err(row) => printer.void(row, &mut self.buffer),
            }
        }
        printer.flush(&mut self.buffer);
        ended
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        out.flush()
    }
}

/// Waiting for records, until a signal says stop or nobody reads the output any more.
struct Waiting {
    stop: Stop,
    sleep: Duration,
}

impl Waiting {
    fn new() -> io::Result<Self> {
        Ok(Waiting { stop: Stop::listen(Exit::Part, First::Waits)?, sleep: FIRST_SLEEP })
    }

    /// Sleeps after a look that found nothing.
    fn after(&mut self, met: bool) -> ControlFlow<()> {
        if met {
            self.sleep = FIRST_SLEEP;
        } else {
            if gone::sleep(self.sleep) {
                return ControlFlow::Break(());
            }
            self.sleep = (2 * self.sleep).min(LONGEST_SLEEP);
        }
        if self.stop.is_said() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
