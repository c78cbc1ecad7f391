//! What a replica keeps.

use std::time::Duration;

use clap::Args;
use slipring_journal::{Journal, Retention};

use super::units;

/// What a replica keeps; all of it where nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub struct KeepArgs {
    /// Let old segments go while the replica takes more than this: 100GiB [keep all]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub keep_bytes: Option<u64>,
    /// Let old segments go whose records are older than the newest by more than this: 7d [keep all]
    #[arg(long, value_name = "TIME", value_parser = units::span)]
    pub keep_age: Option<Duration>,
    /// Records in each new segment, of which whole ones go; 64 MiB of them if not given
    #[arg(long, value_name = "N")]
    pub segment_records: Option<u64>,
}

impl KeepArgs {
    /// Whether anything was said.
    pub fn is_said(&self) -> bool {
        self.keep_bytes.is_some() || self.keep_age.is_some() || self.segment_records.is_some()
    }

    /// A journal that keeps that.
    pub fn applied_to(&self, journal: Journal) -> Journal {
        let journal = match self.segment_records {
            Some(records) => journal.segment_records(records),
            None => journal,
        };
        if self.keep_bytes.is_none() && self.keep_age.is_none() {
            return journal;
        }
        let rules = Retention::new();
        let rules = self.keep_bytes.into_iter().fold(rules, Retention::keep_bytes);
        let rules = self.keep_age.into_iter().fold(rules, Retention::keep_age);
        journal.retention(rules)
    }
}
