//! `slipring readers`: the named readers of a journal; `slipring follow --reader` as one of them.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use slipring_journal::{
    HeldBy, Journal, NamedReaderError, RawChunk, RawNamedReader, ReaderInfo, ReaderStart, ReaderStatus,
};
use slipring_schema::TimeArgument;

use crate::args::{PlaceArgs, ReadersAction, ReadersArgs};
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::rows::reading::first_ns;
use crate::{plain, show};

pub(crate) fn run(args: &ReadersArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let journal = Journal::at(&args.journal);
    match &args.action {
        None => list(args, &journal, out),
        Some(ReadersAction::Set { name, place }) => {
            let position = journal.set_reader(name, start(place, &journal)?)?;
            let said = match args.json {
                true => plain::json(&json!({ "name": name, "position": position }))?,
                false => format!("{name} goes on at {}", show::count(position)),
            };
            verdict(Exit::Fine, writeln!(out, "{said}"))
        }
        Some(ReadersAction::Remove { name }) => {
            journal.remove_reader(name)?;
            let said = match args.json {
                true => plain::json(&json!({ "name": name, "removed": true }))?,
                false => format!("{name} is removed"),
            };
            verdict(Exit::Fine, writeln!(out, "{said}"))
        }
    }
}

/// Where a reader is to go on. The first record is asked only where a time of day needs its day.
fn start(place: &PlaceArgs, journal: &Journal) -> Result<ReaderStart, CliError> {
    if let Some(time) = place.to {
        let first_ns = match time {
            TimeArgument::OfFirstDay(_) => first_ns(&mut journal.raw_reader()?)?,
            _ => 0,
        };
        return Ok(ReaderStart::Time(time.resolve(first_ns)));
    }
    Ok(match place.to_sequence {
        Some(sequence) => ReaderStart::Sequence(sequence),
        None if place.to_start => ReaderStart::First,
        None => ReaderStart::End,
    })
}

fn list(args: &ReadersArgs, journal: &Journal, out: &mut dyn Write) -> Result<Exit, CliError> {
    let all = journal.readers()?;
    let is_damaged = |info: &ReaderInfo| matches!(info.status, ReaderStatus::Damaged { .. });
    let code = if all.iter().any(is_damaged) { Exit::Damaged } else { Exit::Fine };
    verdict(
        code,
        match (args.json, &all[..]) {
            (true, _) => writeln!(out, "{}", plain::json(&all)?),
            (false, []) => writeln!(out, "{} has no named reader", plain::path(&args.journal)),
            (false, all) => table(all, out),
        },
    )
}

/// The readers below a head: the name to the left, then numbers, then words.
pub(crate) fn table(all: &[ReaderInfo], out: &mut dyn Write) -> std::io::Result<()> {
    let head = ["READER", "POSITION", "LAG", "BEHIND", "HELD", "STATE"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(all.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    for [name, position, lag, behind, held, state] in &rows {
        let [a, b, c, d, e, _] = widths;
        writeln!(out, "{name:<a$}  {position:>b$}  {lag:>c$}  {behind:>d$}  {held:<e$}  {state}")?;
    }
    Ok(())
}

fn row(info: &ReaderInfo) -> [String; 6] {
    let behind = info.lag_ns.map_or("?".to_owned(), |ns| match ns {
        0 => "0 s".to_owned(),
        ns => show::duration(Duration::from_nanos(ns)),
    });
    let held = match info.held {
        HeldBy::Nobody => "-".to_owned(),
        HeldBy::One => "by one".to_owned(),
        HeldBy::Shared(count) => format!("by {count}, shared"),
        _ => "?".to_owned(),
    };
    let mut state = plain::line(&info.status.to_string());
    if info.missed > 0 {
        state.push_str(&format!(", missed {}", show::count(info.missed)));
    }
    let has_position = info.position.is_some();
    let position = info.position.map_or("?".to_owned(), show::count);
    let (lag, behind) =
        if has_position { (show::count(info.lag), behind) } else { ("?".to_owned(), "?".to_owned()) };
    [plain::line(&info.name), position, lag, behind, held, state]
}

/// What was written out is noted at most so much later, or as soon as nothing is there.
const NOTE_EVERY: Duration = Duration::from_millis(100);

/// A name that is read from and written on: what was written out of it is committed.
#[derive(Debug)]
pub(crate) struct Reading {
    reader: RawNamedReader,
    written: u64,
    noted: Instant,
}

impl Reading {
    pub(crate) fn open(journal: &Path, name: &str) -> Result<Self, NamedReaderError> {
        let reader = Journal::at(journal).named_reader_raw(name)?;
        Ok(Reading { written: reader.position(), reader, noted: Instant::now() })
    }

    pub(crate) fn next_chunk(&mut self) -> Result<Option<RawChunk<'_>>, NamedReaderError> {
        self.reader.next_chunk()
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.reader.next_sequence()
    }

    /// All before `end` is written out.
    pub(crate) fn written(&mut self, end: u64) -> Result<(), NamedReaderError> {
        self.written = self.written.max(end);
        if self.noted.elapsed() >= NOTE_EVERY { self.note() } else { Ok(()) }
    }

    /// Commits that.
    pub(crate) fn note(&mut self) -> Result<(), NamedReaderError> {
        self.noted = Instant::now();
        self.reader.commit(self.written)
    }
}
