//! The rules: what to keep of a journal.

use std::time::Duration;

/// What to keep of a journal. Whole segments go, the oldest first, as soon as any of the rules says so;
/// without a rule of age, size or count, as soon as a snapshot covers them.
///
/// Time is journal time: ages are counted from the last durable record, not from the clock, so that a journal
/// that nobody writes to keeps what it has.
///
/// ```
/// use std::time::Duration;
/// use slipring_journal::{Journal, Retention};
///
/// let week = Duration::from_secs(7 * 86_400);
/// let journal = Journal::at("data/ticks").retention(Retention::new().keep_age(week).keep_bytes(200 << 30));
/// ```
///
/// More: [retention](https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md#retention).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub(crate) age: Option<Duration>,
    pub(crate) bytes: Option<u64>,
    pub(crate) records: Option<u64>,
    pub(crate) snapshots: SnapshotRule,
    pub(crate) lease_bytes: u64,
    pub(crate) lease_age: Option<Duration>,
    pub(crate) reader_bytes: u64,
    pub(crate) reader_age: Option<Duration>,
}

/// What snapshots have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotRule {
    /// Nothing was said: they hold nothing, unless the writer's stages need it.
    Unsaid,
    /// Nothing was said, and the writer's stages need it.
    Held,
    /// A rule of its own: nothing goes before them, and all goes behind them.
    Rule,
    /// They hold nothing, whatever needs it.
    Regardless,
}

impl Default for Retention {
    fn default() -> Self {
        Self::new()
    }
}

impl Retention {
    /// No rule yet. A reader's lease holds 1 GiB at most, and so does a named reader.
    pub fn new() -> Self {
        Retention {
            age: None,
            bytes: None,
            records: None,
            snapshots: SnapshotRule::Unsaid,
            lease_bytes: 1 << 30,
            lease_age: None,
            reader_bytes: 1 << 30,
            reader_age: None,
        }
    }

    /// Segments go whose last record is older than the last durable one by more than `age`.
    pub fn keep_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Segments go while those that hold records take more than `count` bytes.
    pub fn keep_bytes(mut self, count: u64) -> Self {
        self.bytes = Some(count);
        self
    }

    /// Segments go behind which there are `count` durable records or more.
    pub fn keep_records(mut self, count: u64) -> Self {
        self.records = Some(count);
        self
    }

    /// Nothing goes that no snapshot covers: see
    /// [`RetentionHandle::snapshot`](crate::RetentionHandle::snapshot).
    pub fn only_behind_snapshots(mut self) -> Self {
        self.snapshots = SnapshotRule::Rule;
        self
    }

    /// Age, size and count alone decide: what the snapshots and effects of an engine's stages still need goes
    /// too. An engine without this holds it, so that it can recover; with it, its disk is bounded even if no
    /// snapshot can be written, and recovery may then refuse to start.
    pub fn regardless_of_snapshots(mut self) -> Self {
        self.snapshots = SnapshotRule::Regardless;
        self
    }

    /// As if [`Retention::only_behind_snapshots`] held what the other rules would have go, if nothing was
    /// said of snapshots. It is no rule by itself.
    pub(crate) fn held(mut self) -> Self {
        if self.snapshots == SnapshotRule::Unsaid {
            self.snapshots = SnapshotRule::Held;
        }
        self
    }

    /// How many bytes of records a lease may hold, from its position to the last durable record; 1 GiB if not
    /// set.
    pub fn lease_bytes(mut self, count: u64) -> Self {
        self.lease_bytes = count;
        self
    }

    /// How old a segment may get for the sake of a lease; without bound if not set (but see
    /// [`Retention::lease_bytes`]).
    pub fn lease_age(mut self, age: Duration) -> Self {
        self.lease_age = Some(age);
        self
    }

    /// How many bytes of records a [named reader](crate::NamedReader) may hold, whether its process runs or
    /// not, from its position to the last durable record; 1 GiB if not set. With 0 none holds anything.
    pub fn reader_bytes(mut self, count: u64) -> Self {
        self.reader_bytes = count;
        self
    }

    /// How old a segment may get for the sake of named readers; without bound if not set (but see
    /// [`Retention::reader_bytes`]).
    pub fn reader_age(mut self, age: Duration) -> Self {
        self.reader_age = Some(age);
        self
    }

    /// Whether any rule could ever make a segment due.
    pub(crate) fn has_rule(&self) -> bool {
        self.age.is_some()
            || self.bytes.is_some()
            || self.records.is_some()
            || self.snapshots == SnapshotRule::Rule
    }

    pub(super) fn needs_times(&self) -> bool {
        self.age.is_some() || self.lease_age.is_some() || self.reader_age.is_some()
    }
}
