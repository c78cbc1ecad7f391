//! JSON lines: an object a line.

use slipring_journal::Schema;

use super::blocks::Blocks;
use super::csv::skip_mark;
use super::json::{JsonFault, JsonFill};
use super::json_object::Pairs;
use super::json_quick::QuickObjects;
use super::lines::{Line, Lines};
use super::sample::{MOST_BYTES, MOST_ROWS, Owned, Sample};
use crate::formats::input::Input;
use crate::formats::source::{
    FormatOptions, Place, Position, Reject, Row, Setup, Source, SourceError, SourceFormat, Step,
};

/// An object a line.
pub(crate) const JSON_LINES: SourceFormat = SourceFormat {
    name: "jsonl",
    about: "a JSON object a line",
    extensions: &["jsonl", "ndjson", "jsonlines"],
    uses: &["--truncate-text", "--round-times"],
    by_record: false,
    open,
    infer: Some(infer),
    kept: None,
};

/// What an object of a line becomes.
pub(super) trait Objects {
    /// Makes the event of a line; `false` if it stands for none. On a fault also where it is, as a byte of
    /// the line from 0, if that is known.
    fn event(&mut self, line: &str, row: &mut Row) -> Result<bool, (JsonFault, usize)>;

    /// Makes the event of the line that `text` begins with, and gives the line's bytes, its end too. `None`,
    /// and `row` may hold anything, if it has to be looked at more closely.
    fn quick(&self, _text: &[u8], _row: &mut Row) -> Option<usize> {
        None
    }

    /// Keys that nothing took.
    fn take_notices(&mut self) -> Vec<String>;
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
enum LineFault {
    #[error("the line is no UTF-8")]
    NotUtf8,
    #[error("{0}")]
    Object(JsonFault),
}

/// One line of JSON after the other.
pub(super) struct JsonLines<O> {
    lines: Lines,
    objects: O,
}

impl<O: Objects> JsonLines<O> {
    pub fn open(input: Input, from: Option<Position>, objects: O) -> Result<Box<dyn Source>, SourceError>
    where
        O: 'static,
    {
        let mut blocks = Blocks::new(input, 0)?;
        let mut position = Position { bytes: skip_mark(&mut blocks)?, ..Position::default() };
        let first = blocks.unread().iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            let found = "it is one array; make lines of it: jq -c '.[]'".to_owned();
            return Err(SourceError::NotThis { expected: "file of JSON lines", found });
        }
        if let Some(from) = from {
            blocks.jump(from.bytes)?;
            position = from;
        }
        let lines = Lines::new(blocks, position, "; is this a file of JSON lines?");
        Ok(Box::new(JsonLines { lines, objects }))
    }

    /// The event of a line; `None` if it stands for none.
    fn event(&mut self, bytes: usize, row: &mut Row) -> Option<Step> {
        let raw = self.lines.raw(bytes);
        row.place = self.lines.place();
        let made = match std::str::from_utf8(raw) {
            Ok(line) if line.trim_ascii().is_empty() => Ok(false),
            Ok(line) => {
                let line = line.trim_ascii_end();
                self.objects.event(line, row).map_err(|(fault, at)| (LineFault::Object(fault), at))
            }
            Err(error) => Err((LineFault::NotUtf8, error.valid_up_to())),
        };
        let step = match made {
            Ok(true) => Some(Step::Row),
            Ok(false) => None,
            Err((fault, at)) => {
                let place = Place { column: at as u64 + 1, ..row.place };
                Some(Step::Reject(Reject { place, fault: Box::new(fault), raw: raw.to_vec() }))
            }
        };
        self.lines.take(bytes, step.is_some());
        step
    }
}

impl<O: Objects> Source for JsonLines<O> {
    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        if let Some(bytes) = self.objects.quick(self.lines.unread(), row) {
            row.place = self.lines.place();
            self.lines.take(bytes, true);
            return Ok(Step::Row);
        }
        self.next_unusual(row)
    }

    fn position(&self) -> Position {
        self.lines.position()
    }

    fn take_notices(&mut self) -> Vec<String> {
        self.objects.take_notices()
    }
}

impl<O: Objects> JsonLines<O> {
    /// Whatever is next, lines of every form among it.
    #[inline(never)]
    fn next_unusual(&mut self, row: &mut Row) -> Result<Step, SourceError> {
        loop {
            match self.lines.find()? {
                Line::End => return Ok(Step::End),
                Line::Wait => return Ok(Step::Wait),
                Line::Bytes(bytes) => {
                    if let Some(step) = self.event(bytes, row) {
                        return Ok(step);
                    }
                }
            }
        }
    }
}

/// Objects whose keys are the columns.
struct Plain {
    fill: JsonFill,
    quick: QuickObjects,
    said: usize,
}

impl Objects for Plain {
    fn event(&mut self, line: &str, row: &mut Row) -> Result<bool, (JsonFault, usize)> {
        self.fill.begin(row);
        self.fill.object(line, row)?;
        self.fill.end(row).map_err(|fault| (fault, line.len()))?;
        self.quick.learn(line, &self.fill);
        Ok(true)
    }

    #[inline]
    fn quick(&self, text: &[u8], row: &mut Row) -> Option<usize> {
        self.quick.take(text, row)
    }

    fn take_notices(&mut self) -> Vec<String> {
        passed_over(&self.fill, &mut self.said)
    }
}

/// Which keys were passed over, as far as that has not been said.
pub(super) fn passed_over(fill: &JsonFill, said: &mut usize) -> Vec<String> {
    let unknown: Vec<&str> = fill.unknown().iter().map(String::as_str).collect();
    if unknown.len() == *said {
        return Vec::new();
    }
    *said = unknown.len();
    vec![format!("no field takes these keys, and they are passed over: {}", unknown.join(", "))]
}

fn open(input: Input, setup: Setup) -> Result<Box<dyn Source>, SourceError> {
    let Setup { table, parse, from, .. } = setup;
    let quick = QuickObjects::new(&table);
    JsonLines::open(input, from, Plain { fill: JsonFill::new(table, parse), quick, said: 0 })
}

/// What the first objects seem to be.
fn infer(input: &mut Input, _: &FormatOptions, name: &str) -> Result<Schema, SourceError> {
    let mut sample = Sample::default();
    let (head, _) = input.head_lines(MOST_ROWS, MOST_BYTES)?;
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    for (number, line) in (1..).zip(head.split(|byte| *byte == b'\n').take(MOST_ROWS)) {
        sample.line = number;
        // A malformed line says nothing; nor does one that the sample has only a part of.
        if let Ok(object) = serde_json::from_slice::<Pairs<'_>>(line) {
            let mut row = vec![Owned::Missing; sample.columns.len()];
            put(&mut sample, &mut row, "", &object, 0);
            sample.push(row);
        }
    }
    sample.schema(name)
}

/// Objects within lie under dotted names.
pub(super) fn put(sample: &mut Sample, row: &mut Vec<Owned>, path: &str, object: &Pairs<'_>, depth: usize) {
    for (key, value) in &object.0 {
        let (path, raw) = (format!("{path}{key}"), value.get());
        let cell = match raw.as_bytes() {
            [b'{', ..] if depth < 8 => {
                sample.objects.entry(path.clone()).or_insert(sample.line);
                if let Ok(inner) = serde_json::from_str::<Pairs<'_>>(raw) {
                    put(sample, row, &format!("{path}."), &inner, depth + 1);
                }
                continue;
            }
            [b'"', ..] => serde_json::from_str(raw).map_or(Owned::Missing, Owned::String),
            b"null" => Owned::Missing,
            b"true" | b"false" => Owned::Bool(raw == "true"),
            [b'[' | b'{', ..] => Owned::Array(raw.to_owned()),
            _ => Owned::Number(raw.to_owned()),
        };
        let index = sample.column(&path);
        if row.len() <= index {
            row.resize(index + 1, Owned::Missing);
        }
        row[index] = cell;
    }
}
