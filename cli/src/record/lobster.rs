//! LOBSTER's order messages: lines without names whose schema is the command's own, so that replay gives them
//! back byte for byte. Or as many made-up ones.

use std::path::Path;

use slipring_journal::Event;
use slipring_schema::{Kind, Table, parse_date};

use super::blocks::{Blocks, More};
use super::lines::{Line, Lines};
use crate::feed::synthetic::Synthetic;
use crate::flow::lobster::{ParseFault, ParseOptions, Reader, TIME};
use crate::flow::message::{LineEnd, OrderMessage};
use crate::formats::input::Input;
use crate::formats::source::{
    Behind, Day, FormatOptions, Place, Position, Reject, Row, Setup, Source, SourceError, SourceFormat, Step,
    same_layout,
};
use crate::show;

/// The format's name.
pub(super) const NAME: &str = "lobster";

/// LOBSTER's messages.
pub(crate) const LOBSTER: SourceFormat = SourceFormat {
    name: NAME,
    about: "LOBSTER order messages, which replay gives back byte for byte",
    extensions: &[],
    uses: &["--date", "--symbol", "--seed", "--round-times"],
    by_record: false,
    open,
    infer: Some(|_, _, _| Ok(OrderMessage::schema())),
    kept: Some(|_, _| Ok(Some(OrderMessage::schema()))),
};

/// Why messages can't go behind what the journal holds.
#[derive(Debug, thiserror::Error)]
enum LobsterFault {
    #[error(
        "the journal ends at {}, and the input begins before that, at {}: record into a new journal, or give the \
         --date of a later day", show::time(*last_ns), show::time(*first_ns)
    )]
    BeforeTheLast { last_ns: u64, first_ns: u64 },
    #[error(
        "the journal's last message came from a file without a final newline: with more behind it, replay could \
         not give the file back byte for byte; record into a new journal"
    )]
    OpenLine,
}

/// What the lines do not say: as told, or the date that the file's name has, as in
/// `AAPL_2012-06-21_34200000_57600000_message_10.csv`.
pub(super) fn day(date_ns: Option<u64>, symbol: Option<[u8; 8]>, path: &Path) -> Day {
    let named = || {
        let name = path.file_name()?.to_str()?;
        name.split(['_', '.']).find_map(|word| parse_date(word).ok())
    };
    let symbol = symbol.unwrap_or_default();
    let symbol = String::from_utf8_lossy(&symbol).trim_end_matches('\0').to_owned();
    Day { date_ns: date_ns.or_else(named).unwrap_or(0), symbol }
}

/// Its name as a message has it.
fn filled_up(symbol: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(symbol.bytes()).for_each(|(to, from)| *to = from);
    bytes
}

fn open(input: Input, setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    check(&setup.table)?;
    let Setup { parse, options: FormatOptions { day, seed, .. }, from, behind, .. } = setup;
    let symbol = filled_up(&day.symbol);
    let is_first = from.is_none_or(|from| from.records == 0);
    let start = Start { behind, is_first };
    if let Some(count) = input.made_up() {
        let flow = Synthetic::new(seed, day.date_ns, symbol);
        return Ok(Box::new(MadeUp { flow, count, records: 0, start: Some(start) }));
    }
    let options = ParseOptions { date_ns: day.date_ns, symbol, round_times: parse.round_times };
    let mut blocks = Blocks::new(input, 0)?;
    look(&mut blocks, options)?;
    let position = from.unwrap_or_default();
    if from.is_some() {
        blocks.jump(position.bytes)?;
    }
    // The messages of this file that are in may not go back either.
    let before_ns = start.behind.as_ref().filter(|_| !is_first).map(|behind| behind.time_ns);
    let lines = Lines::new(blocks, position, "; is this a file of LOBSTER messages?");
    let reader = Reader::new(options, position.lines, before_ns);
    Ok(Box::new(Messages { lines, reader, start: Some(start), rounds: Rounds::None }))
}

/// Whether a journal's events are messages, or can be: an old one says nothing of what its numbers mean.
fn check(table: &Table) -> Result<(), SourceError> {
    let ours = Table::new(&OrderMessage::schema());
    let is_bare = |kind: &Kind| matches!(kind, Kind::Integer(_) | Kind::Bytes(_) | Kind::Array(..));
    let mut kinds = table.columns.iter().zip(&ours.columns);
    if same_layout(table, &ours) && kinds.all(|(is, should)| is.kind == should.kind || is_bare(&is.kind)) {
        return Ok(());
    }
    let found = "the journal's or the schema's events are others; LOBSTER messages have a schema of their own: \
                 record them into a new journal, without --schema and --like";
    Err(SourceError::NotThis { expected: "schema of LOBSTER messages", found: found.to_owned() })
}

/// Refuses what begins like a file of something else, before there is a journal of messages.
fn look(blocks: &mut Blocks, options: ParseOptions) -> Result<(), SourceError> {
    let line = loop {
        let unread = blocks.unread();
        if let Some(newline) = memchr::memchr(b'\n', unread) {
            break &unread[..newline];
        }
        if unread.len() >= super::blocks::MOST_LINE_BYTES || blocks.more()? == More::End {
            break blocks.unread();
        }
    };
    match Reader::new(options, 0, None).message(line) {
        Err((column, fault)) if is_other(&fault) => Err(SourceError::NotThis {
            expected: "file of LOBSTER messages",
            found: format!(
                "1:{column}: {fault}; without --schema SCHEMA.toml, --like JOURNAL or --infer, which are for events of \
                 your own, a CSV file is taken for one"
            ),
        }),
        _ => Ok(()),
    }
}

/// Whether a first line is of other cells.
fn is_other(fault: &ParseFault) -> bool {
    match fault {
        ParseFault::NotANumber { field, .. } => *field == TIME,
        ParseFault::MissingField { .. } | ParseFault::ExtraField => true,
        _ => false,
    }
}

/// What the first message comes behind.
struct Start {
    behind: Option<Behind>,
    /// It is the first of its input too.
    is_first: bool,
}

impl Start {
    fn check(&self, message: &OrderMessage) -> Result<(), LobsterFault> {
        let Some(Behind { time_ns: last_ns, event }) = &self.behind else { return Ok(()) };
        let (last_ns, first_ns) = (*last_ns, message.time_ns);
        if self.is_first && first_ns < last_ns {
            return Err(LobsterFault::BeforeTheLast { last_ns, first_ns });
        }
        let last = event.as_ref().filter(|event| event.len() == size_of::<OrderMessage>());
        let last: Option<OrderMessage> = last.map(|event| bytemuck::pod_read_unaligned(event));
        match last.is_some_and(|last| last.line_end == LineEnd::EndOfFile as u8) {
            true => Err(LobsterFault::OpenLine),
            false => Ok(()),
        }
    }
}

/// Puts a message into a row.
#[inline]
fn put(message: &OrderMessage, start: &mut Option<Start>, row: &mut Row) -> Result<(), SourceError> {
    if let Some(start) = start.take() {
        start.check(message).map_err(|fault| SourceError::Format(Box::new(fault)))?;
    }
    row.event.copy_from_slice(bytemuck::bytes_of(message));
    (row.time_ns, row.is_void, row.parsed) = (Some(message.time_ns), false, Default::default());
    Ok(())
}

/// The messages of a file.
struct Messages {
    lines: Lines,
    reader: Reader,
    /// Until there was a message.
    start: Option<Start>,
    rounds: Rounds,
}

/// Whether times were rounded, and that has been said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounds {
    None,
    Some,
    Told,
}

impl Source for Messages {
    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        let bytes = match self.lines.find()? {
            Line::Bytes(bytes) => bytes,
            Line::Wait => return Ok(Step::Wait),
            Line::End => return Ok(Step::End),
        };
        row.place = self.lines.place();
        let raw = self.lines.raw(bytes);
        let step = match self.reader.message(raw) {
            Ok((message, rounded)) => {
                put(&message, &mut self.start, row)?;
                row.parsed.rounded = rounded;
                if rounded && self.rounds == Rounds::None {
                    self.rounds = Rounds::Some;
                }
                Step::Row
            }
            Err((column, fault)) => {
                let place = Place { column, ..row.place };
                Step::Reject(Reject { place, fault: Box::new(fault), raw: raw.to_vec() })
            }
        };
        self.lines.take(bytes, true);
        Ok(step)
    }

    fn position(&self) -> Position {
        self.lines.position()
    }

    fn take_notices(&mut self) -> Vec<String> {
        if self.rounds != Rounds::Some {
            return Vec::new();
        }
        self.rounds = Rounds::Told;
        let said = "times are rounded to the nearest nanosecond: replay gives those lines back with nine decimals, \
                    not byte for byte";
        vec![said.to_owned()]
    }
}

/// Messages that are made up.
struct MadeUp {
    flow: Synthetic,
    count: u64,
    records: u64,
    start: Option<Start>,
}

impl Source for MadeUp {
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        let Some(message) = self.flow.next().filter(|_| self.records < self.count) else {
            return Ok(Step::End);
        };
        self.records += 1;
        row.place = Place { record: self.records, ..Place::default() };
        put(&message, &mut self.start, row)?;
        Ok(Step::Row)
    }

    fn position(&self) -> Position {
        Position { records: self.records, ..Position::default() }
    }
}
