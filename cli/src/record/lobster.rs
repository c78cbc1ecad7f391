//! Order messages of LOBSTER into a journal, so that they can be given back byte for byte. All of the input
//! is read before the journal is opened.

use std::io::Write;
use std::time::{Duration, Instant};

use slipring_journal::{AppendError, DiskFull, Journal, ReadError, Writer};

use super::stop::Stop;
use crate::args::RecordArgs;
use crate::error::{CliError, Tally};
use crate::flow::input::InputOptions;
use crate::flow::lobster::{self, Parsed};
use crate::flow::message::{LineEnd, OrderMessage};
use crate::{plain, show};

/// Messages between two looks at the progress bar.
const BATCH: usize = 4096;

pub(crate) fn run(args: &RecordArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let (date_ns, symbol, round_times) = (args.date, args.symbol.0, args.round_times);
    let options = InputOptions { seed: args.seed, date_ns, symbol, round_times };
    let Parsed { messages, rounded } = args.input.load(&options)?;
    let started = Instant::now();
    let journal = Journal::at(&args.journal)
        .segment_records(args.segment_records.unwrap_or(1 << 18))
        // A wide window: nobody waits for the recovery of a recording, and a slow disk would bound its rate.
        .window_records(1 << 18)
        // The times are those of a day that was asked for by name, so none can be a slip of the clock.
        .max_time_step(Duration::MAX)
        // Nobody would see what it waits for.
        .disk_full(DiskFull::Halt);
    let not_begun = |error: CliError| CliError::NotBegun(Box::new(error));
    let stop = Stop::listen().map_err(|error| not_begun(error.into()))?;
    let (mut writer, report) = journal.open::<OrderMessage>().map_err(|error| not_begun(error.into()))?;
    if !report.created {
        plain::complain(&report.to_string());
    }
    if let Err(refusal) = check_end(&writer, args, &messages) {
        writer.close().map_err(|error| not_begun(error.into()))?;
        return Err(refusal);
    }
    let (first, cursors) = (writer.end_sequence(), writer.cursors());
    let appended = append(&mut writer, &messages, &stop);
    let end = writer.end_sequence();
    // However the appending ended, what is in is made durable, and counted.
    let closed = writer.close();
    stop.is_over();
    let tally = Tally {
        done: (end - first) as usize,
        durable: cursors.durable_end().saturating_sub(first) as usize,
        total: messages.len(),
    };
    appended.map_err(|fault| CliError::Append { fault, tally })?;
    closed.map_err(|fault| CliError::Close { fault, tally })?;
    if tally.done < tally.total {
        return Err(CliError::Interrupted { tally });
    }
    let elapsed = started.elapsed();
    let range = (messages[0].time_ns, messages[messages.len() - 1].time_ns);
    writeln!(
        out,
        "recorded {} messages from {} into {}: sequence {first} to {end}, {} to {}, durable, in {} ({})",
        show::count(messages.len() as u64),
        plain::line(&args.input.to_string()),
        plain::path(&args.journal),
        show::time(range.0),
        show::time(range.1),
        show::duration(elapsed),
        show::rate(messages.len() as u64, elapsed),
    )
    .and_then(|()| match rounded {
        0 => Ok(()),
        rounded => writeln!(out, "{}", lobster::rounded_note(rounded)),
    })
    .and_then(|()| out.flush())
    .map_err(|source| CliError::Unsaid { source, tally })
}

/// Whether the messages can follow what the journal holds.
fn check_end(
    writer: &Writer<OrderMessage>,
    args: &RecordArgs,
    messages: &[OrderMessage],
) -> Result<(), CliError> {
    let Some(last_ns) = writer.last_time_ns() else { return Ok(()) };
    let not_begun = |error: ReadError| CliError::NotBegun(Box::new(error.into()));
    let path = || args.journal.clone();
    let first_ns = messages[0].time_ns;
    if first_ns < last_ns {
        return Err(CliError::BeforeTheLast { path: path(), last_ns, first_ns });
    }
    let last =
        writer.reader().and_then(|mut reader| reader.at(writer.end_sequence() - 1)).map_err(not_begun)?;
    if last.event().line_end == LineEnd::EndOfFile as u8 {
        return Err(CliError::OpenLine { path: path() });
    }
    Ok(())
}

/// Appends all messages, or fewer if a signal says stop.
fn append(
    writer: &mut Writer<OrderMessage>,
    messages: &[OrderMessage],
    stop: &Stop,
) -> Result<(), AppendError> {
    let bar = show::bar("recording", messages.len() as u64, false);
    for (index, message) in messages.iter().enumerate() {
        writer.append(message.time_ns, message)?;
        if (index + 1) % BATCH == 0 {
            writer.end_batch();
            bar.set_position(index as u64);
            if stop.is_said() {
                break;
            }
        }
    }
    writer.end_batch();
    bar.finish_and_clear();
    Ok(())
}
