//! `slipring replay`: a journal's messages again, from a time to a time, at a pace. It only reads, so it may
//! run beside a writer.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use slipring_journal::{Journal, Kind, ReadError, Reader, Record};

use crate::args::{Format, ReplayArgs, Speed};
use crate::book::RebuiltBook;
use crate::error::CliError;
use crate::flow::message::{OrderMessage, Side};
use crate::flow::print::{self, Place};
use crate::{gone, show, time};

/// Output is written in pieces of about this many bytes.
const PIECE_BYTES: usize = 1 << 16;

pub(crate) fn run(args: &ReplayArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let mut reader = Journal::at(&args.journal).reader::<OrderMessage>()?;
    let range = find_range(args, &mut reader)?;
    let started = Instant::now();
    let mut sink = Sink::new(args, out);
    let result = feed(&mut reader, range.clone(), &mut sink);
    sink.flush()?;
    result?;
    if args.format == Format::None {
        let book = sink.book;
        summary(out, &range, &mut reader, &book, started.elapsed())?;
    }
    Ok(())
}

/// The sequences asked for.
fn find_range(
    args: &ReplayArgs,
    reader: &mut Reader<OrderMessage>,
) -> Result<std::ops::Range<u64>, CliError> {
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    if first == end {
        return Ok(first..end);
    }
    let first_ns = reader.at(first)?.time_ns();
    let from = args.from.map(|from| from.resolve(first_ns));
    let to = args.to.map(|to| to.resolve(first_ns));
    if let (Some(from_ns), Some(to_ns)) = (from, to)
        && from_ns >= to_ns
    {
        return Err(CliError::EmptyRange { from_ns, to_ns });
    }
    let start = from.map_or(Ok(first), |time_ns| reader.lower_bound(time_ns))?;
    let end = to.map_or(Ok(end), |time_ns| reader.lower_bound(time_ns))?;
    Ok(start..end)
}

/// Gives the records to the sink; every one before a damaged one.
fn feed(
    reader: &mut Reader<OrderMessage>,
    range: std::ops::Range<u64>,
    sink: &mut Sink<'_>,
) -> Result<(), CliError> {
    let mut next = range.start;
    let fault = match feed_chunks(reader, range.clone(), &mut next, sink)? {
        Ok(()) => return Ok(()),
        Err(fault) => fault,
    };
    // The chunk with the damaged record was not handed out: take what is whole of it one by one.
    while next < range.end
        && let Ok(record) = reader.at(next)
    {
        sink.take(next, &record)?;
        next += 1;
    }
    Err(fault.into())
}

fn feed_chunks(
    reader: &mut Reader<OrderMessage>,
    range: std::ops::Range<u64>,
    next: &mut u64,
    sink: &mut Sink<'_>,
) -> io::Result<Result<(), ReadError>> {
    let mut chunks = match reader.chunks(range.start) {
        Ok(chunks) => chunks,
        Err(fault) => return Ok(Err(fault)),
    };
    while *next < range.end {
        let chunk = match chunks.next_chunk() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(fault) => return Ok(Err(fault)),
        };
        for record in chunk.records.iter().take((range.end - *next) as usize) {
            sink.take(*next, record)?;
            *next += 1;
        }
    }
    Ok(Ok(()))
}

/// Where records go: printed, or into a book.
struct Sink<'a> {
    out: &'a mut dyn Write,
    format: Format,
    speed: Speed,
    buffer: Vec<u8>,
    book: RebuiltBook,
    /// When the first record went, and its time.
    start: Option<(Instant, u64)>,
}

impl<'a> Sink<'a> {
    fn new(args: &ReplayArgs, out: &'a mut dyn Write) -> Self {
        let buffer = Vec::with_capacity(PIECE_BYTES + 1024);
        Sink { out, format: args.format, speed: args.speed, buffer, book: RebuiltBook::new(), start: None }
    }

    fn take(&mut self, sequence: u64, record: &Record<OrderMessage>) -> io::Result<()> {
        if let Speed::Times(times) = self.speed {
            self.pace(record.time_ns(), times)?;
        }
        let (message, void) = (record.event(), record.kind() == Kind::Void);
        let place = Place { sequence, time_ns: record.time_ns(), epoch: record.epoch() };
        match self.format {
            Format::Csv if !void => print::csv(message, &mut self.buffer),
            Format::Jsonl if void => print::json_void(place, &mut self.buffer)?,
            Format::Jsonl => print::json(place, message, &mut self.buffer)?,
            Format::None if !void => self.book.apply(message),
            Format::Csv | Format::None => {}
        }
        if self.buffer.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    /// Waits until the record is due.
    fn pace(&mut self, time_ns: u64, times: f64) -> io::Result<()> {
        let (began, first_ns) = *self.start.get_or_insert((Instant::now(), time_ns));
        let due = Duration::from_secs_f64(time_ns.saturating_sub(first_ns) as f64 / 1e9 / times);
        let wait = due.saturating_sub(began.elapsed());
        if wait > Duration::from_micros(100) {
            self.flush()?;
            gone::sleep_until(began + due)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }
}

fn summary(
    out: &mut dyn Write,
    range: &std::ops::Range<u64>,
    reader: &mut Reader<OrderMessage>,
    book: &RebuiltBook,
    elapsed: Duration,
) -> Result<(), CliError> {
    let records = range.end.saturating_sub(range.start);
    if records == 0 {
        writeln!(out, "no record in that range")?;
        return Ok(());
    }
    let (first_ns, last_ns) = (reader.at(range.start)?.time_ns(), reader.at(range.end - 1)?.time_ns());
    writeln!(
        out,
        "replayed {} records, sequence {} to {}, {} to {}, in {} ({}), every checksum right",
        show::count(records),
        range.start,
        range.end,
        time::show(first_ns),
        time::show(last_ns),
        show::duration(elapsed),
        show::rate(records, elapsed),
    )?;
    let quote = |side| match book.book().best(side) {
        Some(quote) => format!("{} at {:.2}", quote.size, quote.price as f64 / 1e4),
        None => "none".to_owned(),
    };
    writeln!(
        out,
        "the book of these records: bid {}, ask {}, {} orders, {} shares traded, {} messages about orders from \
         before, digest {:016x}",
        quote(Side::Buy),
        quote(Side::Sell),
        show::count(book.book().count() as u64),
        show::count(book.counts().volume),
        show::count(book.counts().unknown_orders),
        book.digest(),
    )?;
    Ok(())
}
