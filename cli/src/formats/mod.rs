//! What a format of files is, and the formats that a binary knows, by their names. `slipring` has the light
//! ones; `slipring-columns` is the same command with more of them: `slipring_cli::run_with(args, &formats)`.
//!
//! | module | idea |
//! |---|---|
//! | [`source`] | the trait of what is recorded |
//! | [`input`] | a file or a pipe that it is read from |
//! | [`sink`] | the trait of what is written |

pub mod input;
pub mod sink;
pub mod source;

use std::path::Path;

use crate::error::Failure;
use sink::SinkFormat;
use source::SourceFormat;

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

/// Where a format is to be had.
#[derive(Clone, Copy, Debug)]
pub enum Found<F> {
    /// Here.
    Here(F),
    /// In the command of that name.
    Elsewhere(&'static str),
}

/// No format has that name, or a file's name says none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: give --format {known}")]
pub struct NoSuchFormat {
    what: String,
    known: String,
}

impl Failure for NoSuchFormat {}

impl Formats {
    /// A format to record from, by its name.
    pub fn source(&self, name: &str) -> Option<Found<SourceFormat>> {
        if let Some(found) = self.sources.iter().find(|format| format.name == name) {
            return Some(Found::Here(*found));
        }
        let is_elsewhere = ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == name);
        self.more.filter(|_| is_elsewhere).map(Found::Elsewhere)
    }

    /// The name of the format that a file seems to be of, by what its name ends with.
    pub fn guess_source(&self, path: &Path) -> Option<&'static str> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let here = self.sources.iter().map(|format| (format.name, format.extensions));
        here.chain(ELSEWHERE.iter().copied())
            .find(|(_, extensions)| has_extension(&name, extensions))
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

    /// The format that was asked for; else the one that the file's name says.
    ///
    /// # Errors
    /// There is none.
    pub fn sink(&self, asked: Option<&str>, path: &Path) -> Result<Found<SinkFormat>, NoSuchFormat> {
        let here = self.sinks.iter().map(|format| (format.name, format.extensions, Found::Here(*format)));
        let elsewhere = self.more.into_iter().flat_map(|command| {
            ELSEWHERE.iter().map(move |(name, extensions)| (*name, *extensions, Found::Elsewhere(command)))
        });
        let known: Vec<_> = here.chain(elsewhere).collect();
        let file = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let file = file.strip_suffix(".gz").unwrap_or(&file);
        let is_meant = |name: &str, extensions: &[&str]| match asked {
            Some(asked) => asked == name,
            None => has_extension(file, extensions),
        };
        let found = known.iter().find(|(name, extensions, _)| is_meant(name, extensions));
        found.map(|(_, _, found)| *found).ok_or_else(|| NoSuchFormat {
            what: match asked {
                Some(asked) => format!("there is no format {asked:?}"),
                None => format!("the name {} says no format", path.display()),
            },
            known: known.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", "),
        })
    }
}

/// Whether a file's name ends with one of these.
fn has_extension(file: &str, extensions: &[&str]) -> bool {
    extensions.iter().any(|end| file.strip_suffix(end).is_some_and(|stem| stem.ends_with('.')))
}
