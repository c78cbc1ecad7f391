//! `slipring follow`: a journal's records as they come, like `tail -f`. It only reads; whoever writes does
//! not notice it.

mod printing;
mod source;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use slipring_journal::Journal;

use crate::args::FollowArgs;
use crate::error::{CliError, Failure};
use crate::exit::Exit;
use crate::gone;
use crate::rows::choice::ChoiceArgs;
use crate::rows::printer::Format;
use crate::rows::reading::{self, Reading};
use crate::signals::{First, Stop};
use printing::{Passing, Printing, Shape};
use source::{Place, Source};

/// The sleep after the first look that found nothing; each further one is twice as long, up to the longest.
const FIRST_SLEEP: Duration = Duration::from_millis(1);
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// What is followed becomes of a newer type, which can't be shown.
#[derive(Debug, thiserror::Error)]
enum NewerType {
    /// Not as was asked.
    #[error("from sequence {sequence} on the events are of a newer type: {source}")]
    NotShown {
        /// The first record that was not printed.
        sequence: u64,
        source: Box<CliError>,
    },
    /// It has other columns than the CSV began with.
    #[error(
        "from sequence {sequence} on the events are of a newer type, and CSV can't change its columns in the middle: all before \
         is printed; go on with --from-sequence {sequence} or the same --reader into another file, or use --format jsonl"
    )]
    OtherColumns {
        /// The first record that was not printed.
        sequence: u64,
    },
}

impl Failure for NewerType {
    fn exit(&self) -> Exit {
        match self {
            NewerType::NotShown { source, .. } if source.exit() != Exit::CouldNot => source.exit(),
            _ => Exit::Part,
        }
    }
}

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
    let format = Format::or_default(args.format, args.json);
    let mut shape = Shape::of(&mut reading, choice, format)?;
    let mut passing = Passing {
        from_ns: reading.from_ns,
        to_ns: reading.to_ns,
        left: choice.limit.unwrap_or(u64::MAX),
        end: choice.to_sequence.unwrap_or(u64::MAX),
    };
    let mut source = Source::open(args, &journal, start(choice, &reading))?;
    Printing::new(&shape, &mut passing)?.head(out)?;
    loop {
        let done = {
            let mut printing = Printing::new(&shape, &mut passing)?;
            follow(&journal, &mut source, &mut printing, &mut waiting, out)
        };
        // Also what was written out before something failed.
        let noted = source.note();
        let Some(turn) = done? else { return noted };
        noted?;
        let sequence = turn.place.sequence;
        let newer = Shape::newest(args, format)
            .map_err(|source| NewerType::NotShown { sequence, source: Box::new(source) })?;
        match turn.fault {
            // It is of an older type, and not for want of a look at the newest.
            Some(fault) if newer.schema == shape.schema => return Err(fault),
            _ if format == Format::Csv && newer.names() != shape.names() => {
                return Err(NewerType::OtherColumns { sequence }.into());
            }
            _ => {}
        }
        source = source.begin_anew(args, &journal, turn.place)?;
        shape = newer;
    }
}

/// The events become of another type.
struct Turn {
    /// What is not handed out yet begins here.
    place: Place,
    /// Why that could not be handed out, if it was not.
    fault: Option<CliError>,
}

/// Prints what comes, until that is all; or to where the events become of a newer type.
fn follow(
    journal: &Journal,
    source: &mut Source,
    printing: &mut Printing<'_>,
    waiting: &mut Waiting,
    out: &mut dyn Write,
) -> Result<Option<Turn>, CliError> {
    let mut is_known = false;
    loop {
        let place = source.place();
        let mut ended = false;
        let met = match source.next_chunk() {
            Ok(Some(chunk)) => {
                // A newer type may have come since it was looked up; from here on it can't come unnoticed.
                if !is_known && reading::schema_of(&journal.raw_reader()?) != *printing.schema() {
                    return Ok(Some(Turn { place, fault: None }));
                }
                is_known = true;
                ended = printing.take(chunk).is_break();
                true
            }
            Ok(None) => false,
            Err(fault) if fault.is_another_type() => return Ok(Some(Turn { place, fault: Some(fault) })),
            Err(fault) => return Err(fault),
        };
        let gone = met && printing.is_empty() && gone::reader_has_gone(io::stdout());
        printing.write(out)?;
        match met {
            true => source.written(printing.taken_end())?,
            false => source.note()?,
        }
        if gone || ended || printing.is_done() || source.next_sequence() >= printing.end() {
            return Ok(None);
        }
        if waiting.after(met).is_break() {
            return Ok(None);
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
