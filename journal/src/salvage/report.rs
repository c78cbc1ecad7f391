//! What a salvage kept and lost, for people and for machines.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::format::JournalId;
use crate::tools::text::counted;

/// What [`salvage`](crate::salvage()) kept, what it lost, and why.
///
/// The report's `Display` is for people, its `Serialize` for machines.
///
/// See the example of [`SalvageOptions`](crate::SalvageOptions).
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct SalvageReport {
    /// The damaged journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub from: PathBuf,
    /// The new journal's folder.
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub into: PathBuf,
    /// The damaged journal's identity.
    pub from_id: JournalId,
    /// The new journal's identity.
    pub journal_id: JournalId,
    /// Whether it went on behind damage.
    pub skip_damaged: bool,
    /// The first sequence of the new journal.
    pub first_sequence: u64,
    /// The sequence behind its last record.
    pub end_sequence: u64,
    /// D of the damaged journal, if its control file could be read: records below it were durable.
    pub durable_end: Option<u64>,
    /// Records that were whole and are in the new journal, with their sequences and times.
    pub records: u64,
    /// Void records that were written for lost ones between those kept.
    pub voids_written: u64,
    /// Records that are whole and were not kept because they lie behind damage.
    pub whole_not_kept: u64,
    /// How many records the new journal lacks, all told.
    pub lost_count: u64,
    /// Which, and why; at most the first 10,000 ranges.
    pub lost: Vec<Lost>,
    /// What was damaged and could be borne.
    pub warnings: Vec<String>,
    /// How long it took.
    #[serde(rename = "elapsed_ns", serialize_with = "crate::tools::text::as_nanos")]
    pub elapsed: Duration,
}

/// Records that follow each other and were lost for the same reason.
///
/// See the example of [`SalvageOptions`](crate::SalvageOptions).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Lost {
    /// The first of them.
    pub start: u64,
    /// The sequence behind the last.
    pub end: u64,
    /// Why.
    pub why: Loss,
    /// The file that they should have been in, if it is there.
    pub file: Option<String>,
}

/// Why a record was lost.
///
/// See the example of [`SalvageOptions`](crate::SalvageOptions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Loss {
    /// The bytes in its place are not what was written.
    CorruptRecord,
    /// What lies in its place is whole, but its epoch or time goes back: it belongs to another history.
    OutOfOrder,
    /// No segment holds it.
    MissingSegment,
    /// The file of its segment ends before it.
    CutOff,
    /// The record is whole, but lies behind damage.
    BehindDamage,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::CorruptRecord => "the bytes there are not what was written",
            Loss::OutOfOrder => "what lies there is of another history: its epoch or time goes back",
            Loss::MissingSegment => "no segment holds it",
            Loss::CutOff => "the file ends before it",
            Loss::BehindDamage => "whole, but behind the damage",
        })
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end - self.start {
            1 => write!(f, "record {}: {}", self.start, self.why)?,
            count => write!(f, "{count} records, {} to {}: {}", self.start, self.end - 1, self.why)?,
        }
        self.file.as_ref().map_or(Ok(()), |file| write!(f, " ({file})"))
    }
}

/// Ranges that the text for people names.
const SHOWN: usize = 20;

impl fmt::Display for SalvageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, into) = (self.from.display(), self.into.display());
        let records = counted(self.records, "record", "records");
        let (first, end) = (self.first_sequence, self.end_sequence);
        writeln!(f, "{records} of {from} salvaged into {into}, sequence {first} to {end}")?;
        writeln!(f, "journal {} is now journal {}", self.from_id, self.journal_id)?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if self.lost_count == 0 {
            write!(f, "nothing was lost")?;
        } else {
            write!(f, "lost: {}", counted(self.lost_count, "record", "records"))?;
            for lost in self.lost.iter().take(SHOWN) {
                write!(f, "\n  {lost}")?;
            }
            if self.lost.len() > SHOWN {
                let more = (self.lost.len() - SHOWN) as u64;
                write!(f, "\n  and {} more", counted(more, "range", "ranges"))?;
            }
        }
        if self.voids_written > 0 {
            let voids = counted(self.voids_written, "of them is a void record", "of them are void records");
            write!(f, "\n{voids} now, so that the others keep their sequences")?;
        }
        if self.whole_not_kept > 0 {
            let whole = counted(self.whole_not_kept, "of them is whole", "of them are whole");
            write!(f, "\n{whole}: salvaging with damage skipped keeps what is")?;
        }
        write!(f, " ({:.1} ms)", self.elapsed.as_secs_f64() * 1e3)
    }
}
