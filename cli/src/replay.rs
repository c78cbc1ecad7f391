//! `slipring replay`: a journal's records again, from a place to a place, at a pace. It only reads, so it may
//! run beside a writer.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use slipring_schema::Row;

use crate::args::{ReplayArgs, Speed};
use crate::book::RebuiltBook;
use crate::error::CliError;
use crate::flow::message::{OrderMessage, Side};
use crate::rows::columns::Shown;
use crate::rows::printer::{self, Format, Printer};
use crate::rows::reading::{Piece, Reading};
use crate::{gone, plain, show};

/// Output is written in pieces of about this many bytes.
const PIECE_BYTES: usize = 1 << 16;

pub(crate) fn run(args: &ReplayArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let format = Format::or_default(args.format, args.json);
    let mut reading = Reading::open(&args.journal, &args.choice, args.last)?;
    let (schema, table) = (reading.schema.clone(), reading.table.clone());
    let columns = match (&args.choice.fields, format) {
        (None, Format::Table) => Shown::for_people(&table),
        _ => reading.columns(&args.choice)?,
    };
    let printer = printer::printer(format, &schema, &columns, &table)?;
    let book = (format == Format::None && printer::is_lobster(&schema)).then(RebuiltBook::new);
    let mut sink = Sink::new(printer, book, args.speed, out);
    let started = Instant::now();
    sink.head()?;
    let result = reading.for_each_piece(|piece| {
        sink.take(&piece)?;
        Ok(ControlFlow::Continue(()))
    });
    sink.flush()?;
    result?;
    let Sink { seen, book, out, .. } = sink;
    if format == Format::None {
        summary(out, &seen, started.elapsed())?;
        return if let Some(book) = book { show_book(out, &book) } else { Ok(()) };
    }
    if seen.voids > 0 && format != Format::Jsonl {
        let count = show::count(seen.voids);
        plain::complain(&format!("slipring: records without an event, left out: {count}"));
    }
    Ok(())
}

/// What went by.
#[derive(Debug, Default)]
struct Seen {
    rows: u64,
    voids: u64,
    /// Sequence and time of the first record and of the last.
    first: Option<(u64, u64)>,
    last: (u64, u64),
}

/// Where records go: printed, or into a book.
struct Sink<'a> {
    out: &'a mut dyn Write,
    printer: Option<Box<dyn Printer + 'a>>,
    speed: Speed,
    buffer: Vec<u8>,
    book: Option<RebuiltBook>,
    seen: Seen,
    /// When the first record went, and its time.
    start: Option<(Instant, u64)>,
}

impl<'a> Sink<'a> {
    fn new(
        printer: Option<Box<dyn Printer + 'a>>,
        book: Option<RebuiltBook>,
        speed: Speed,
        out: &'a mut dyn Write,
    ) -> Self {
        let buffer = Vec::with_capacity(PIECE_BYTES + 1024);
        Sink { out, printer, speed, buffer, book, seen: Seen::default(), start: None }
    }

    fn head(&mut self) -> io::Result<()> {
        if let Some(printer) = &mut self.printer {
            printer.head(&mut self.buffer);
        }
        Ok(())
    }

    fn take(&mut self, piece: &Piece<'_>) -> io::Result<()> {
        for row in piece.in_order() {
            let (Ok(met) | Err(met)) = row;
            self.seen.first.get_or_insert((met.sequence, met.time_ns));
            self.seen.last = (met.sequence, met.time_ns);
            if let Speed::Times(times) = self.speed {
                self.pace(met.time_ns, times)?;
            }
            match row {
                Ok(row) => self.event(row),
                Err(row) => self.void(row),
            }
            if self.buffer.len() >= PIECE_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn event(&mut self, row: &Row<'_>) {
        self.seen.rows += 1;
        if let Some(printer) = &mut self.printer {
            printer.row(row, &mut self.buffer);
        }
        if let Some(book) = &mut self.book {
            book.apply(&bytemuck::pod_read_unaligned::<OrderMessage>(row.event));
        }
    }

    fn void(&mut self, row: &Row<'_>) {
        self.seen.voids += 1;
        if let Some(printer) = &mut self.printer {
            printer.void(row, &mut self.buffer);
        }
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

    /// Writes what there is, what the printer holds back too.
    fn flush(&mut self) -> io::Result<()> {
        if let Some(printer) = &mut self.printer {
            printer.flush(&mut self.buffer);
        }
        self.write()?;
        self.out.flush()
    }

    fn write(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn summary(out: &mut dyn Write, seen: &Seen, elapsed: Duration) -> Result<(), CliError> {
    let Some((first, first_ns)) = seen.first else {
        writeln!(out, "no record in that range")?;
        return Ok(());
    };
    let (last, last_ns) = seen.last;
    let records = seen.rows + seen.voids;
    writeln!(
        out,
        "replayed {} records, sequence {first} to {}, {} to {}, in {} ({}), every checksum right",
        show::count(records),
        last + 1,
        show::time(first_ns),
        show::time(last_ns),
        show::duration(elapsed),
        show::rate(records, elapsed),
    )?;
    if seen.voids > 0 {
        writeln!(out, "{} of them hold no event", show::count(seen.voids))?;
    }
    Ok(())
}

fn show_book(out: &mut dyn Write, book: &RebuiltBook) -> Result<(), CliError> {
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
