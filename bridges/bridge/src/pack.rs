//! Records into payloads: as many as fit, or as came within a stated delay.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipring_journal::{Anchor, RECORD_HEADER_BYTES, StoredRun};

use crate::wire::MOST_PAYLOAD_BYTES;

/// Records of one schema that follow each other, as they lie in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The text of their schema.
    pub schema: Arc<str>,
    /// The sequence of the first.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// The epoch of the last.
    pub epoch: u32,
    /// The checksum of the last.
    pub crc: u32,
    /// Journal time of the first, nanoseconds.
    pub time_ns: u64,
    /// Epoch and checksum of the record before the first; zeros if it is not known.
    pub before: (u32, u32),
    /// The records.
    pub payload: Vec<u8>,
}

impl Batch {
    /// The sequence behind the last record.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

/// Packs records into batches.
///
/// A batch is ripe when it is full, when the schema of the records behind it is another one, or when its
/// first record has waited for the stated delay.
///
/// ```
/// use std::time::{Duration, Instant};
/// use slipring_bridge::pack::Packer;
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # (0..5_000).try_for_each(|n| writer.append(n, &Tick { price: n }).map(drop))?;
/// # writer.close()?;
/// let mut reader = journal.stored_reader("out")?;
/// let mut packer = Packer::new(Duration::from_millis(1));
/// let (mut now, mut counts) = (Instant::now(), Vec::new());
/// while let Some(run) = reader.next_run_below(u64::MAX)? {
///     packer.push(&run, now);
///     counts.extend(std::iter::from_fn(|| packer.ripe(now)).map(|batch| batch.count));
/// }
/// now += Duration::from_millis(1);
/// counts.extend(packer.ripe(now).map(|batch| batch.count));
/// assert_eq!(counts, [2730, 2270]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Packer {
    delay: Duration,
    ripe: VecDeque<Batch>,
    open: Option<Batch>,
    /// When the first record of the open batch came.
    since: Option<Instant>,
    /// The schema met last.
    schema: Option<Arc<str>>,
    /// Epoch and checksum of the record that came last.
    last: (u32, u32),
}

impl Packer {
    /// Has records wait for others for `delay` at most.
    pub fn new(delay: Duration) -> Self {
        let (ripe, open, since) = (VecDeque::new(), None, None);
        Packer { delay, ripe, open, since, schema: None, last: (0, 0) }
    }

    /// Forgets all that it has: what comes next follows this record.
    pub fn start_behind(&mut self, record: Option<&Anchor>) {
        *self = Packer::new(self.delay);
        self.last = record.map_or((0, 0), |record| (record.epoch, record.crc));
    }

    /// Takes records that follow those before.
    pub fn push(&mut self, run: &StoredRun<'_>, now: Instant) {
        let (schema, record_bytes) = (self.meet(run.schema), run.records.record_bytes());
        let most = (MOST_PAYLOAD_BYTES / record_bytes.max(RECORD_HEADER_BYTES)).max(1);
        let mut sequence = run.records.first_sequence();
        let mut bytes = run.records.bytes();
        while !bytes.is_empty() {
            let has_room = |open: &Batch| {
                Arc::ptr_eq(&open.schema, &schema)
                    && open.payload.len() == open.count as usize * record_bytes
                    && (open.count as usize) < most
            };
            if !self.open.as_ref().is_some_and(has_room) {
                self.close();
                self.since = Some(now);
            }
            let before = self.last;
            let open = self.open.get_or_insert_with(|| Batch {
                schema: Arc::clone(&schema),
                first: sequence,
                count: 0,
                epoch: 0,
                crc: 0,
                time_ns: u64_at(bytes, 0),
                before,
                payload: Vec::new(),
            });
            let count = (most - open.count as usize).min(bytes.len() / record_bytes);
            let (taken, rest) = bytes.split_at(count * record_bytes);
            open.payload.extend_from_slice(taken);
            open.count += count as u32;
            sequence += count as u64;
            let last = &taken[taken.len() - record_bytes..];
            self.last = (u32_at(last, 8) >> 4, u32_at(last, 12));
            (open.epoch, open.crc) = self.last;
            bytes = rest;
        }
        if self.open.as_ref().is_some_and(|open| open.count as usize >= most) {
            self.close();
        }
    }

    /// The next batch that is to go, if there is one by now.
    pub fn ripe(&mut self, now: Instant) -> Option<Batch> {
        if self.ripe.is_empty() && self.wait(now) == Some(Duration::ZERO) {
            self.close();
        }
        self.ripe.pop_front()
    }

    /// How long until there is a ripe one without more records; `None` if nothing waits.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        if !self.ripe.is_empty() {
            return Some(Duration::ZERO);
        }
        let since = self.since.filter(|_| self.open.is_some())?;
        Some(self.delay.saturating_sub(now.saturating_duration_since(since)))
    }

    /// Has what is there go as it is.
    pub fn close(&mut self) {
        self.ripe.extend(self.open.take());
        self.since = None;
    }

    fn meet(&mut self, schema: &str) -> Arc<str> {
        match &self.schema {
            Some(known) if **known == *schema => Arc::clone(known),
            _ => Arc::clone(self.schema.insert(schema.into())),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
