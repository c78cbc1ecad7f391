//! What events are recorded from: the trait of every format, and what passes between a format and the loop
//! that records.

use std::fmt;
use std::io;
use std::sync::Arc;

use slipring_journal::Schema;
use slipring_schema::{Column, ParseOptions, Parsed, Table};

use super::input::Input;

/// What says what the events of an input are, under a name.
pub type Infer = fn(&mut Input, &FormatOptions, &str) -> Result<Schema, SourceError>;

/// A format that can be recorded.
#[derive(Clone, Copy)]
pub struct SourceFormat {
    /// Its name on the command line, behind `--as`.
    pub name: &'static str,
    /// What it is, in a few words, for help.
    pub about: &'static str,
    /// What a file's name ends with, without the dot; by that a format is guessed.
    pub extensions: &'static [&'static str],
    /// Options of `record` that not every format has a use for, and this one has.
    pub uses: &'static [&'static str],
    /// Whether the input is read from its beginning again when a recording is resumed at a record, rather
    /// than at a byte. See [`Position`].
    pub by_record: bool,
    /// Begins to read.
    pub open: fn(Input, Setup) -> Result<Box<dyn Source>, SourceError>,
    /// Looks at the beginning of an input and says what its events are, under the name given; `None` if the
    /// format can't say. What was looked at is still to be read.
    pub infer: Option<Infer>,
    /// The schema that an input keeps, if it does, as files do that slipring wrote: it is taken where nothing
    /// else says what the events are. What was looked at is still to be read.
    pub kept: Option<KeptSchema>,
}

/// See [`SourceFormat::kept`].
pub type KeptSchema = fn(&mut Input, &FormatOptions) -> Result<Option<Schema>, SourceError>;

impl fmt::Debug for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFormat").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Events from an input of some format, one after the other.
pub trait Source {
    /// Puts the next event into `row`, of which it writes every byte. What lay there before it may find there
    /// again.
    ///
    /// # Errors
    /// The input can't be read any further. A malformed event is none: see [`Step::Reject`].
    fn next(&mut self, row: &mut Row) -> Result<Step, SourceError>;

    /// Behind the last event that was given out, malformed or not. A source that is opened there
    /// ([`Setup::from`]) goes on with the next one.
    fn position(&self) -> Position;

    /// What a file with nothing but malformed events must begin with, to be read like the input itself: the
    /// line of names.
    fn preamble(&self) -> &[u8] {
        &[]
    }

    /// What its user should know and has not been told: columns that were passed over, say.
    fn take_notices(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What came of asking for the next event.
#[derive(Debug)]
pub enum Step {
    /// It is in the row.
    Row,
    /// It is malformed. The source goes on behind it.
    Reject(Reject),
    /// Nothing yet: what follows may have to be waited for. The loop looks after everything else, and asks
    /// again. A source says so before each read that takes time.
    Wait,
    /// There are no more.
    End,
}

/// One event on its way into the journal.
#[derive(Clone, Debug)]
pub struct Row {
    /// The event, as its table lays it out; padding is zero.
    pub event: Vec<u8>,
    /// Its journal time, nanoseconds since 1970: what the input says, or the event itself
    /// ([`Row::take_time`]); `None` is the clock.
    pub time_ns: Option<u64>,
    /// It stands for an event that is lost: its bytes are not looked at.
    pub is_void: bool,
    /// Where it begins.
    pub place: Place,
    /// What was done to values so that they fit.
    pub parsed: Parsed,
}

impl Row {
    /// An empty row of a table.
    pub fn new(table: &Table) -> Self {
        Row {
            event: vec![0; table.event_bytes],
            time_ns: None,
            is_void: false,
            place: Place::default(),
            parsed: Parsed::default(),
        }
    }

    /// Begins an event of which only the values are missing.
    #[inline]
    pub(crate) fn begin(&mut self, template: &[u8]) {
        self.event.clear();
        self.event.extend_from_slice(template);
        (self.time_ns, self.is_void) = (None, false);
        self.parsed = Parsed::default();
    }

    /// Takes the event's own time for its journal time, if it has one.
    ///
    /// # Errors
    /// It has one that no journal holds.
    #[inline]
    pub fn take_time(&mut self, table: &Table) -> Result<(), NoTime> {
        self.time_ns = table.time_ns(&self.event);
        if self.time_ns.is_some() {
            return Ok(());
        }
        let column = table.time_column(&self.event);
        column.map_or(Ok(()), |column| Err(NoTime { field: column.path.clone() }))
    }
}

/// A time that no journal holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} lies outside of the times that a journal holds, 1970 to 2554")]
pub struct NoTime {
    /// The field that says it.
    pub field: String,
}

/// Where something is in an input; what is not known is 0. Everything counts from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The byte in the line.
    pub column: u64,
    /// The event among the input's events, where a format has no lines.
    pub record: u64,
}

/// `12:5`, as compilers say it, or `record 12`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place { line: 0, record, .. } => write!(f, "record {record}"),
            Place { line, column: 0, .. } => write!(f, "{line}"),
            Place { line, column, .. } => write!(f, "{line}:{column}"),
        }
    }
}

/// How far an input has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Bytes; where a source has no bytes to go on at, 0.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Events, malformed ones too.
    pub records: u64,
    /// Where the input is a journal, the sequence of its next record.
    #[serde(default)]
    pub sequence: u64,
}

/// A malformed event.
#[derive(Debug)]
pub struct Reject {
    /// Where: of what is wrong in it, if that is known.
    pub place: Place,
    /// What is wrong.
    pub fault: Box<dyn std::error::Error + Send + Sync>,
    /// As it lies in the input, with the end of its line.
    pub raw: Vec<u8>,
}

/// What a source is told when it is opened.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The events' columns.
    pub table: Arc<Table>,
    /// What may be done to values that do not fit.
    pub parse: ParseOptions,
    /// What the user says of the format.
    pub options: FormatOptions,
    /// Where to go on; `None` is the beginning.
    pub from: Option<Position>,
    /// The record that the first event comes behind, if there is one.
    pub behind: Option<Behind>,
}

/// The record that a recording begins behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Its time, nanoseconds since 1970.
    pub time_ns: u64,
    /// Its event; `None` if that is lost.
    pub event: Option<Vec<u8>>,
}

/// Whether two tables part an event's bytes alike, whatever these mean.
pub(crate) fn same_layout(one: &Table, other: &Table) -> bool {
    let same = |(one, other): (&Column, &Column)| {
        one.path == other.path && one.offset == other.offset && one.kind.bytes() == other.kind.bytes()
    };
    one.event_bytes == other.event_bytes
        && one.columns.len() == other.columns.len()
        && one.columns.iter().zip(&other.columns).all(same)
}

/// What the user says of a format.
#[derive(Clone, Debug, Default)]
pub struct FormatOptions {
    /// What parts the cells of a line; a comma if not said.
    pub delimiter: Option<u8>,
    /// The names of the cells, in order, where the input does not say them in its first line.
    pub header: Option<Vec<String>>,
    /// The input has no line of names, and none are given: the cells are the schema's columns, in order.
    pub no_header: bool,
    /// The table in a file that has several.
    pub from_table: Option<String>,
    /// What LOBSTER's lines do not say.
    pub day: Day,
    /// Of what is made up.
    pub seed: u64,
}

/// What a file of LOBSTER messages does not say of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Day {
    /// Midnight of their day, nanoseconds since 1970.
    pub date_ns: u64,
    /// The instrument, up to eight bytes.
    pub symbol: String,
}

/// Why an input can't be read, or not any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The system says no.
    #[error("read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("this is no {expected}: {found}")]
    NotThis {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Fields that can't do without a value have no column.
    #[error(
        "there is no column for {}; the columns are {}: name the column in the field's `source`, or give the field \
         a `default`",
        missing.join(", "), there.join(", ")
    )]
    NoColumn {
        /// The fields.
        missing: Vec<String>,
        /// What the input has.
        there: Vec<String>,
    },
    /// Two columns of one name.
    #[error("the column {column} is there twice: name one of them otherwise")]
    Twice {
        /// The name.
        column: String,
    },
    /// Columns of another type than the field's.
    #[error("the column {column} is {found}, and the field is {expected}: change the schema")]
    OtherType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The field's.
        expected: String,
    },
    /// A line that no memory is to be had for.
    #[error("{place}: a line of more than {most_bytes} bytes{hint}")]
    TooLong {
        /// Where it begins.
        place: Place,
        /// The most that is read.
        most_bytes: usize,
        /// What may have made it so long.
        hint: &'static str,
    },
    /// It can only be read from its beginning to its end.
    #[error("a pipe can't be read as {format}: write it into a file first")]
    Pipe {
        /// The format.
        format: &'static str,
    },
    /// What a format's own reader says.
    #[error("{0}")]
    Format(Box<dyn std::error::Error + Send + Sync>),
}
