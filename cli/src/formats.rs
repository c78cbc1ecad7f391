//! The formats that a binary knows, by their names. `slipring` has the light ones; `slipring-columns` is the
//! same command with more of them: `slipring_cli::run_with(args, &formats)`.

use std::fmt;
use std::path::Path;

use slipring_journal::Schema;

use crate::export::{SinkFormat, text};
use crate::record::csv::{CSV, CSV_NO_HEADER};
use crate::record::debezium::DEBEZIUM;
use crate::record::from_journal::OTHER_JOURNAL;
use crate::record::input::Input;
use crate::record::jsonl::JSON_LINES;
use crate::record::lobster::LOBSTER;
use crate::record::source::{FormatOptions, Setup, Source, SourceError};

/// What events are read from and written to.
#[derive(Clone, Debug)]
pub struct Formats {
    /// Of files that are recorded.
    pub sources: Vec<SourceFormat>,
    /// Of files that are written.
    pub sinks: Vec<SinkFormat>,
    /// The command that is run in place of this one where a format of [`ELSEWHERE`] is asked for; `None` in
    /// that command itself.
    pub more: Option<&'static str>,
}

/// The formats that `slipring-columns` has, with what their files' names end with.
pub const ELSEWHERE: &[(&str, &[&str])] = &[
    ("parquet", &["parquet", "pq"]),
    ("arrow", &["arrow", "arrows", "feather", "ipc"]),
    ("avro", &["avro"]),
    ("sqlite", &["sqlite", "sqlite3", "db"]),
    ("dbn", &["dbn", "dbn.zst"]),
];

/// The command that has them.
pub const COLUMNS: &str = "slipring-columns";

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
    /// than at a byte. See [`Position`](crate::record::source::Position).
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

/// Where a format is to be had.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// Here.
    Source(SourceFormat),
    /// In the command of that name.
    Elsewhere(&'static str),
}

impl Formats {
    /// Those that the command `slipring` has.
    pub fn built_in() -> Self {
        let sources = vec![CSV, CSV_NO_HEADER, JSON_LINES, DEBEZIUM, LOBSTER, OTHER_JOURNAL];
        Formats { sources, sinks: vec![text::CSV, text::JSONL], more: Some(COLUMNS) }
    }

    /// A format to record from, by its name.
    pub fn source(&self, name: &str) -> Option<Found> {
        if let Some(found) = self.sources.iter().find(|format| format.name == name) {
            return Some(Found::Source(*found));
        }
        let is_elsewhere = ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == name);
        self.more.filter(|_| is_elsewhere).map(Found::Elsewhere)
    }

    /// The name of the format that a file seems to be of, by what its name ends with.
    pub fn guess_source(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let here = self.sources.iter().map(|format| (format.name, format.extensions));
        here.chain(ELSEWHERE.iter().copied())
            .find(|(_, extensions)| {
                extensions
                    .iter()
                    .any(|extension| name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.')))
            })
            .map(|(name, _)| name)
    }

    /// The names of all formats that can be recorded, those of other commands too.
    pub fn source_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = self.sources.iter().map(|format| format.name).collect();
        if self.more.is_some() {
            names.extend(ELSEWHERE.iter().map(|(name, _)| *name));
        }
        names
    }
}
