//! A journal's chosen records, in pieces.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use slipring_journal::{Journal, JournalId, Kind, RawReader, RawRecord, ReadError, Schema};
use slipring_schema::{Predicate, PredicateError, PredicateFault, Row, Table, TimeArgument};

use super::choice::ChoiceArgs;
use super::columns::Shown;
use crate::error::{CliError, Failure};
use crate::show;

/// A journal of which some records are to be read.
#[derive(Debug)]
pub struct Reading {
    reader: RawReader,
    /// What the journal says of its events.
    pub schema: Schema,
    /// The events as columns.
    pub table: Table,
    /// The sequences of which records are chosen.
    pub range: Range<u64>,
    /// The times asked for, nanoseconds since 1970.
    pub from_ns: Option<u64>,
    /// The end of them.
    pub to_ns: Option<u64>,
    predicate: Option<Predicate>,
    limit: u64,
}

/// A range that is empty by its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EmptyRange {
    /// Of times.
    #[error("--from {} does not lie before --to {}: nothing to replay; swap them?", show::time(*from_ns), show::time(*to_ns))]
    Times {
        /// The start.
        from_ns: u64,
        /// The end.
        to_ns: u64,
    },
    /// Of sequences.
    #[error("--from-sequence {from} does not lie before --to-sequence {to}: nothing to replay; swap them?")]
    Sequences {
        /// The start.
        from: u64,
        /// The end.
        to: u64,
    },
}

impl Failure for EmptyRange {}

impl Failure for PredicateError {}

/// Records that are looked at together from behind.
const BACKWARDS: u64 = 4096;

/// Some of the chosen records, in order.
#[derive(Debug, Default)]
pub struct Piece<'a> {
    /// Those with an event.
    pub rows: Vec<Row<'a>>,
    /// Those without one, and how many of the rows go before each.
    pub voids: Vec<(usize, Row<'a>)>,
    /// The sequence behind the last record that was looked at.
    pub end: u64,
}

impl Reading {
    /// Opens a journal to read what was chosen of it; of that the last so many, if given.
    ///
    /// # Errors
    /// The journal can't be read; the choice makes no sense of its events.
    pub fn open(path: &Path, choice: &ChoiceArgs, last: Option<u64>) -> Result<Self, CliError> {
        let mut reader = Journal::at(path).raw_reader()?;
        let schema = schema_of(&reader);
        let table = Table::new(&schema);
        let (from_ns, to_ns) = times(&mut reader, choice)?;
        let condition = choice.condition.as_ref().map(|text| predicate(text, &table, &mut reader));
        let predicate = condition.transpose()?;
        let range = choose(&mut reader, choice, (from_ns, to_ns))?;
        let limit = choice.limit.unwrap_or(u64::MAX);
        let mut reading = Reading { reader, schema, table, range, from_ns, to_ns, predicate, limit };
        if let Some(last) = last {
            reading.keep_last(last)?;
        }
        Ok(reading)
    }

    /// The condition, for who goes on where this ends.
    pub fn take_predicate(&mut self) -> Option<Predicate> {
        self.predicate.take()
    }

    /// The columns that were named, or all.
    ///
    /// # Errors
    /// A name that no column has.
    pub fn columns(&self, choice: &ChoiceArgs) -> Result<Vec<Shown>, CliError> {
        match &choice.fields {
            Some(names) => Ok(Shown::named(&self.table, names)?),
            None => Ok(Shown::all(&self.table)),
        }
    }

    /// The journal's identity.
    pub fn journal_id(&self) -> JournalId {
        self.reader.journal_id()
    }

    /// The record at a sequence.
    ///
    /// # Errors
    /// As [`RawReader::at`].
    pub fn at(&mut self, sequence: u64) -> Result<RawRecord<'_>, ReadError> {
        self.reader.at(sequence)
    }

    /// Moves the start so that only the last so many events are left. Looks at no more than it must, from
    /// behind.
    fn keep_last(&mut self, last: u64) -> Result<(), CliError> {
        let predicate = self.predicate.as_ref();
        // Without a condition hardly a record is none of them.
        let mut most = if predicate.is_some() { BACKWARDS } else { last.clamp(1, BACKWARDS) };
        let (mut start, mut missing) = (self.range.end, last);
        while missing > 0 && start > self.range.start {
            let end = start;
            start = end.saturating_sub(most).max(self.range.start);
            let mut met = Vec::new();
            let read = self.reader.for_each(start..end, |record| {
                let is_meant = |predicate: &Predicate| predicate.matches(&Row::from(record));
                let passes = record.kind != Kind::Void && predicate.is_none_or(is_meant);
                met.extend(passes.then_some(record.sequence));
                ControlFlow::Continue(())
            });
            if let Err(fault) = read {
                if predicate.is_some() {
                    return Err(fault.into());
                }
                // Damage is for who reads them, behind what is whole before it: all are taken for events.
                start = end.saturating_sub(missing).max(self.range.start);
                break;
            }
            if let Some(at) = (met.len() as u64).checked_sub(missing) {
                start = met[at as usize];
            }
            missing = missing.saturating_sub(met.len() as u64);
            most = BACKWARDS.min(2 * most);
        }
        self.range.start = start;
        Ok(())
    }

    /// Gives the chosen records to `take`, until it says stop. Of a damaged journal those before the damage.
    ///
    /// # Errors
    /// What `take` says; the fault of a record that can't be read, once those before it have been given.
    pub fn for_each_piece(
        &mut self,
        mut take: impl FnMut(Piece<'_>) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<(), CliError> {
        let (mut next, end, mut left) = (self.range.start, self.range.end, self.limit);
        while next < end && left > 0 {
            let mut piece = Piece::default();
            let fault = match self.reader.chunk(next) {
                Ok(chunk) if chunk.is_empty() => return Ok(()),
                Ok(chunk) => {
                    let records = chunk.records().take_while(|record| record.sequence < end);
                    records.for_each(|record| piece.meet(record, self.predicate.as_ref()));
                    None
                }
                Err(fault) => Some(fault),
            };
            if let Some(fault) = fault {
                // The chunk with the damaged record was not handed out: take what is whole of it one by one.
                return self.before_damage(next, left, fault, take);
            }
            next = piece.end;
            piece.cut(left);
            left -= piece.rows.len() as u64;
            if take(piece)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn before_damage(
        &mut self,
        mut next: u64,
        mut left: u64,
        fault: ReadError,
        mut take: impl FnMut(Piece<'_>) -> Result<ControlFlow<()>, CliError>,
    ) -> Result<(), CliError> {
        while next < self.range.end
            && left > 0
            && let Ok(record) = self.reader.at(next)
        {
            let mut piece = Piece::default();
            piece.meet(record, self.predicate.as_ref());
            left -= piece.rows.len() as u64;
            if take(piece)?.is_break() {
                return Ok(());
            }
            next += 1;
        }
        if left == 0 || next >= self.range.end { Ok(()) } else { Err(fault.into()) }
    }
}

impl<'a> Piece<'a> {
    /// Takes a record, if it is chosen. One without an event meets no condition.
    pub fn meet(&mut self, record: RawRecord<'a>, predicate: Option<&Predicate>) {
        self.end = record.sequence + 1;
        let row = Row::from(record);
        match record.kind {
            Kind::Void if predicate.is_none() => self.voids.push((self.rows.len(), row)),
            Kind::Void => {}
            _ if predicate.is_none_or(|predicate| predicate.matches(&row)) => self.rows.push(row),
            _ => {}
        }
    }

    /// Leaves no more rows than that.
    pub fn cut(&mut self, most: u64) {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if self.rows.len() >= most {
            self.rows.truncate(most);
            self.voids.retain(|(before, _)| *before < most);
        }
    }

    /// All, in order: `Err` is one without an event.
    pub fn in_order(&self) -> impl Iterator<Item = Result<&Row<'a>, &Row<'a>>> {
        let mut voids = self.voids.iter().peekable();
        let mut rows = self.rows.iter().enumerate().peekable();
        std::iter::from_fn(move || {
            let at = rows.peek().map_or(usize::MAX, |(at, _)| *at);
            if voids.peek().is_some_and(|(before, _)| *before <= at) {
                return voids.next().map(|(_, row)| Err(row));
            }
            rows.next().map(|(_, row)| Ok(row))
        })
    }
}

/// What the journal says of its events: nothing, if it holds none.
pub(crate) fn schema_of(reader: &RawReader) -> Schema {
    let none = || Schema { name: String::new(), size: 0, fields: Vec::new(), attributes: Vec::new() };
    reader.schema().unwrap_or_else(none)
}

/// Journal time of the first record; 0 if there is none.
pub(crate) fn first_ns(reader: &mut RawReader) -> Result<u64, ReadError> {
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    if first == end { Ok(0) } else { Ok(reader.at(first)?.time_ns) }
}

/// A condition. The first record is asked only where a time of day needs its day.
fn predicate(text: &str, table: &Table, reader: &mut RawReader) -> Result<Predicate, CliError> {
    match Predicate::parse(text, table) {
        Err(error) if matches!(*error.fault, PredicateFault::NoDay { .. }) => {
            Ok(Predicate::parse_from(text, table, first_ns(reader)?)?)
        }
        parsed => Ok(parsed?),
    }
}

/// The times asked for. The first record is asked only where a time of day needs its day.
fn times(reader: &mut RawReader, choice: &ChoiceArgs) -> Result<(Option<u64>, Option<u64>), CliError> {
    let is_of_day = |time: Option<TimeArgument>| matches!(time, Some(TimeArgument::OfFirstDay(_)));
    let first_ns = match is_of_day(choice.from) || is_of_day(choice.to) {
        true => first_ns(reader)?,
        false => 0,
    };
    let (from, to) =
        (choice.from.map(|from| from.resolve(first_ns)), choice.to.map(|to| to.resolve(first_ns)));
    match (from, to) {
        (Some(from_ns), Some(to_ns)) if from_ns >= to_ns => Err(EmptyRange::Times { from_ns, to_ns }.into()),
        times => Ok(times),
    }
}

/// The sequences asked for.
fn choose(
    reader: &mut RawReader,
    choice: &ChoiceArgs,
    (from, to): (Option<u64>, Option<u64>),
) -> Result<Range<u64>, CliError> {
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    if let (Some(from), Some(to)) = (choice.from_sequence, choice.to_sequence)
        && from >= to
    {
        return Err(EmptyRange::Sequences { from, to }.into());
    }
    if let Some(sequence) = choice.from_sequence
        && sequence < first
    {
        return Err(ReadError::Evicted { sequence, first }.into());
    }
    if first == end {
        return Ok(first..end);
    }
    let start = from.map_or(Ok(first), |time_ns| reader.lower_bound(time_ns))?;
    let stop = to.map_or(Ok(end), |time_ns| reader.lower_bound(time_ns))?;
    let start = start.max(choice.from_sequence.unwrap_or(0)).min(end);
    Ok(start..stop.min(choice.to_sequence.unwrap_or(u64::MAX)).max(start))
}
