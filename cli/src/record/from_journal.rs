//! Another journal: its records with their times, lost ones too.

use std::collections::VecDeque;

use slipring_journal::{Journal, Kind, RawReader, RawRecord, ReadError, Schema};
use slipring_schema::Table;

use super::choose::JOURNAL;
use crate::formats::input::Input;
use crate::formats::source::{
    FormatOptions, Place, Position, Row, Setup, Source, SourceError, SourceFormat, Step, same_layout,
};

/// Another journal.
pub(crate) const OTHER_JOURNAL: SourceFormat = SourceFormat {
    name: JOURNAL,
    about: "another journal's records, with their times",
    extensions: &[],
    uses: &[],
    by_record: true,
    open,
    infer: Some(infer),
    kept: None,
};

/// So much is read one by one before somebody may look whether to stop.
const MOST_BYTES: usize = 128 << 10;

struct FromJournal {
    reader: RawReader,
    position: Position,
    next: u64,
    /// Records that have been read: their times, whether they are void, and their bytes in `bytes`.
    read: VecDeque<(u64, bool)>,
    bytes: Vec<u8>,
    at: usize,
    /// Why nothing can be read behind those.
    fault: Option<ReadError>,
    waits: bool,
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Format(Box::new(error))
}

fn open(input: Input, setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    let reader = Journal::at(input.path()).raw_reader().map_err(fault)?;
    if let Some(schema) = reader.schema()
        && !same_layout(&Table::new(&schema), &setup.table)
    {
        let found = format!(
            "its events are {} of {} bytes; export it and record what was exported",
            schema.name, schema.size
        );
        return Err(SourceError::NotThis { expected: "journal of these events", found });
    }
    let first = Position { sequence: reader.first_sequence(), ..Position::default() };
    let (position, read) = (setup.from.unwrap_or(first), VecDeque::new());
    let next = position.sequence;
    let (bytes, at, fault) = (Vec::new(), 0, None);
    Ok(Box::new(FromJournal { reader, position, next, read, bytes, at, fault, waits: false }))
}

fn infer(input: &mut Input, _: &FormatOptions, _: &str) -> Result<Schema, SourceError> {
    let schema = Journal::at(input.path()).raw_reader().map_err(fault)?.schema();
    let found = "it holds no record yet".to_owned();
    schema.ok_or(SourceError::NotThis { expected: "journal with a schema", found })
}

impl Source for FromJournal {
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        loop {
            if let Some((time_ns, is_void)) = self.read.pop_front() {
                let size = row.event.len();
                row.event.copy_from_slice(&self.bytes[self.at..self.at + size]);
                self.at += size;
                self.position.records += 1;
                self.position.sequence += 1;
                row.place = Place { record: self.position.records, ..Place::default() };
                (row.time_ns, row.is_void) = (Some(time_ns), is_void);
                row.parsed = Default::default();
                return Ok(Step::Row);
            }
            if let Some(damage) = self.fault.take() {
                return Err(fault(damage));
            }
            if self.next >= self.reader.end_sequence() {
                return Ok(Step::End);
            }
            self.waits = !self.waits;
            if self.waits {
                return Ok(Step::Wait);
            }
            self.fill();
        }
    }

    fn position(&self) -> Position {
        self.position
    }
}

impl FromJournal {
    fn fill(&mut self) {
        self.bytes.clear();
        self.at = 0;
        let end = self.reader.end_sequence();
        match self.reader.chunk(self.next) {
            Ok(chunk) => {
                for record in chunk.records().take_while(|record| record.sequence < end) {
                    take(record, &mut self.read, &mut self.bytes);
                }
                self.next = if self.read.is_empty() { end } else { self.next + self.read.len() as u64 };
            }
            // The chunk with the damaged record was not handed out: what is whole of it is had one by one.
            Err(_) => self.fill_before_damage(end),
        }
    }

    fn fill_before_damage(&mut self, end: u64) {
        while self.next < end && self.bytes.len() < MOST_BYTES {
            match self.reader.at(self.next) {
                Ok(record) => take(record, &mut self.read, &mut self.bytes),
                Err(damage) => {
                    self.fault = Some(damage);
                    return;
                }
            }
            self.next += 1;
        }
    }
}

fn take(record: RawRecord<'_>, read: &mut VecDeque<(u64, bool)>, bytes: &mut Vec<u8>) {
    read.push_back((record.time_ns, record.kind == Kind::Void));
    bytes.extend_from_slice(record.event);
}
