//! `slipring follow`: a journal's messages as they come, like `tail -f`. It only reads; whoever writes does
//! not notice it.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use slipring_journal::{Journal, Kind, Record};

use crate::args::FollowArgs;
use crate::error::CliError;
use crate::flow::message::OrderMessage;
use crate::flow::print::{self, Place};
use crate::gone;
use crate::time::TimeArgument;

/// The sleep after the first look that found nothing; each further one is twice as long, up to the longest.
const FIRST_SLEEP: Duration = Duration::from_millis(1);
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &FollowArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second signal ends it at once, should whoever reads the output have stopped doing so.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    end_when_stuck()?;
    let journal = Journal::at(&args.journal);
    let Begin { sequence, mut not_before } = begin(args, &journal)?;
    let mut follower = journal.follow::<OrderMessage>(sequence)?;
    let mut buffer = Vec::new();
    let mut sleep = FIRST_SLEEP;
    // Relaxed: it only says stop; nothing is handed over with it.
    while !stop.load(Ordering::Relaxed) {
        let Some(chunk) = follower.next_chunk()? else {
            if gone::sleep(sleep) {
                return Ok(());
            }
            sleep = (2 * sleep).min(LONGEST_SLEEP);
            continue;
        };
        sleep = FIRST_SLEEP;
        for (sequence, record) in (chunk.first_sequence..).zip(chunk.records) {
            if not_before.passes(record.time_ns()) {
                print(args.json, sequence, record, &mut buffer)?;
            }
        }
        if buffer.is_empty() && gone::reader_has_gone(io::stdout()) {
            return Ok(());
        }
        out.write_all(&buffer)?;
        out.flush()?;
        buffer.clear();
    }
    Ok(())
}

/// How long a signal waits for the output to take what it was given.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has a signal end the process also while it is stuck: in a write that nobody reads, in a read of a disk
/// that does not answer. There is nothing to save.
fn end_when_stuck() -> io::Result<()> {
    let (mut told, tell) = std::os::unix::net::UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
    }
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            std::thread::sleep(PATIENCE);
            signal_hook::low_level::exit(1);
        }
    })?;
    Ok(())
}

fn print(json: bool, sequence: u64, record: &Record<OrderMessage>, out: &mut Vec<u8>) -> io::Result<()> {
    let place = Place { sequence, time_ns: record.time_ns(), epoch: record.epoch() };
    match (record.kind(), json) {
        (Kind::Void, true) => print::json_void(place, out)?,
        (Kind::Void, false) => {}
        (_, true) => print::json(place, record.event(), out)?,
        (_, false) => print::csv(record.event(), out),
    }
    Ok(())
}

struct Begin {
    sequence: u64,
    not_before: NotBefore,
}

/// Passes over records before a time that was not there yet when following began.
struct NotBefore {
    from: Option<TimeArgument>,
    /// The time of the journal's first record, once there is one.
    first_ns: Option<u64>,
}

impl NotBefore {
    fn passes(&mut self, time_ns: u64) -> bool {
        let Some(from) = self.from else { return true };
        let first_ns = *self.first_ns.get_or_insert(time_ns);
        let passes = time_ns >= from.resolve(first_ns);
        if passes {
            self.from = None;
        }
        passes
    }
}

fn begin(args: &FollowArgs, journal: &Journal) -> Result<Begin, CliError> {
    let mut reader = journal.reader::<OrderMessage>()?;
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    let first_ns = if first < end { Some(reader.at(first)?.time_ns()) } else { None };
    let sequence = match (args.from_sequence, args.from, first_ns) {
        (Some(sequence), _, _) => sequence,
        (None, Some(from), Some(first_ns)) => reader.lower_bound(from.resolve(first_ns))?,
        (None, Some(_), None) => first,
        (None, None, _) => end.saturating_sub(args.last).max(first),
    };
    Ok(Begin { sequence, not_before: NotBefore { from: args.from, first_ns } })
}
