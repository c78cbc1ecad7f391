//! What recovery found and did, for people and for machines.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::format::JournalId;
use crate::tools::text::counted;

/// What opening a journal found, discarded and mended.
///
/// The report's `Display` is for people, its `Serialize` for machines.
///
/// See the example of [`Journal`](crate::Journal).
///
/// More: [recovery][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md#the-order-of-recovery
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub path: PathBuf,
    /// The journal's identity.
    pub journal_id: JournalId,
    /// There was no journal; a new one was made.
    pub created: bool,
    /// The journal is open as a replica: it takes records that were made elsewhere.
    pub replica: bool,
    /// The last writer had closed the journal in good order.
    pub was_closed: bool,
    /// The machine has not been restarted since the last writer: only its process can have died.
    pub same_boot: bool,
    /// The epoch of the records that this writer will append; of a replica the greatest that it knows.
    pub epoch: u32,
    /// The first sequence kept.
    pub first_sequence: u64,
    /// D as found: the sequence behind the last record known to be durable.
    pub durable_end: u64,
    /// The sequence behind the last record of the recovered log: the next record gets it.
    pub end_sequence: u64,
    /// Time of the last record, nanoseconds.
    pub last_time_ns: Option<u64>,
    /// The log was cut at this sequence: something that was no part of it lay there.
    pub truncated_at: Option<u64>,
    /// Whole records behind the cut, lost for want of one before them. They were never acknowledged as
    /// durable, but see `may_include_acknowledged`.
    pub valid_discarded: u64,
    /// The cut may have taken records whose durability was acknowledged: D on disk trails by one sync, and a
    /// slot behind it is damaged.
    pub may_include_acknowledged: bool,
    /// The file beside the journal that keeps the bytes that were cut off.
    #[serde(serialize_with = "crate::tools::text::as_optional_text")]
    pub discarded_saved_to: Option<PathBuf>,
    /// Records above D that were kept, written again and made durable.
    pub rewritten: u64,
    /// The events are of a newer type from `end_sequence` on: of this version. No record of it is there yet.
    pub new_event_version: Option<u32>,
    /// Files removed: left-overs, spares, retired segments.
    pub removed: Vec<String>,
    /// What was damaged and could be borne.
    pub warnings: Vec<String>,
    /// How long recovery took.
    #[serde(rename = "elapsed_ns", serialize_with = "crate::tools::text::as_nanos")]
    pub elapsed: Duration,
}

impl RecoveryReport {
    /// How many records the recovered log holds.
    pub fn records(&self) -> u64 {
        self.end_sequence - self.first_sequence
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.path.display();
        if self.created {
            let what = if self.replica { "replica" } else { "journal" };
            return write!(f, "new {what} {} at {place}, epoch {}", self.journal_id, self.epoch);
        }
        let ended = match (self.was_closed, self.same_boot) {
            (true, _) => "closed in good order",
            (false, true) => "its writer died; the machine went on",
            (false, false) => "its writer died, perhaps with the machine",
        };
        let what = if self.replica { "replica" } else { "journal" };
        write!(f, "{what} {place}: {ended}; ")?;
        let records = counted(self.records(), "record", "records");
        write!(f, "{records}, {} to {}", self.first_sequence, self.end_sequence)?;
        write!(f, ", durable to {}, epoch {}", self.durable_end, self.epoch)?;
        if self.rewritten > 0 {
            let rewritten = counted(self.rewritten, "record", "records");
            write!(f, "; {rewritten} above the durable watermark kept and made durable")?;
        }
        if let Some(at) = self.truncated_at {
            let discarded = counted(self.valid_discarded, "whole record", "whole records");
            write!(f, "; cut at {at}, {discarded} discarded")?;
            if let Some(path) = &self.discarded_saved_to {
                write!(f, ", bytes kept in {}", path.display())?;
            }
            if self.may_include_acknowledged {
                write!(f, "; THE CUT MAY INCLUDE RECORDS ACKNOWLEDGED AS DURABLE")?;
            }
        }
        if let Some(version) = self.new_event_version {
            write!(f, "; events of version {version} from here on")?;
        }
        for warning in &self.warnings {
            write!(f, "; warning: {warning}")?;
        }
        write!(f, " ({:.1} ms)", self.elapsed.as_secs_f64() * 1e3)
    }
}
