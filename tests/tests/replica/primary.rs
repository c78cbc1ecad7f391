//! A journal to take records from, and what lies in its files.

use std::path::Path;

use slipring_journal::{Journal, Origin, RawWriter, Schema, SyncMode, inspect};

/// The schema of that version; an event of it has [`event`]'s bytes.
pub fn schema(version: u32) -> Schema {
    let text = match version {
        1 => "Tick 8\nprice u64 0 8\n",
        2 => "Tick 16\tversion=2\nprice u64 0 8\nsize u64 8 8\tsince=2\n",
        _ => "Tick 20\tversion=3\nprice u64 0 8\nsize u64 8 8\tsince=2\nside u32 16 4\tsince=3\n",
    };
    Schema::from_text(text).expect("a schema")
}

pub fn event(version: u32, number: u64) -> Vec<u8> {
    let words = [number, !number, number.rotate_left(9)];
    bytemuck::bytes_of(&words)[..schema(version).size].to_vec()
}

/// One thing that happens to a primary.
#[derive(Clone, Debug)]
pub enum Step {
    /// So many events, each so much later than the one before.
    Append(u64, u64),
    Void,
    /// Its process dies, or it is closed; and it is opened again.
    NextLife {
        dies: bool,
    },
    /// It is opened with a newer type.
    NextType,
}

pub fn options(folder: &Path, segment_records: u64) -> Journal {
    Journal::at(folder).segment_records(segment_records).window_records(64).sync(SyncMode::EveryBatch)
}

/// Lets a primary live; how many records it has.
pub fn live(journal: &Journal, steps: &[Step]) -> u64 {
    let mut version = 1;
    let open = |version| journal.open_raw(&schema(version)).unwrap().0;
    let mut writer: RawWriter = open(version);
    let mut time_ns = writer.last_time_ns().unwrap_or(1_000);
    for step in steps {
        match *step {
            Step::Append(count, gap_ns) => {
                for _ in 0..count {
                    time_ns += gap_ns;
                    let event = event(version, writer.end_sequence());
                    writer.append(time_ns, &event).unwrap();
                }
                writer.end_batch();
            }
            Step::Void => drop(writer.append_void(time_ns).unwrap()),
            Step::NextLife { dies } => writer = again(writer, dies, || open(version)),
            Step::NextType => {
                version = (version + 1).min(3);
                writer = again(writer, false, || open(version));
            }
        }
    }
    writer.close().unwrap()
}

fn again(writer: RawWriter, dies: bool, open: impl Fn() -> RawWriter) -> RawWriter {
    if dies {
        // Without a word of farewell; what it appended is there.
        writer.abandon();
    } else {
        writer.close().unwrap();
    }
    open()
}

/// Records of one schema that follow each other, as they lie in the segments.
#[derive(Clone, Debug)]
pub struct Run {
    pub schema: Schema,
    pub first: u64,
    pub record_bytes: usize,
    pub bytes: Vec<u8>,
    /// Of the record before, if there is one.
    pub before: Option<(u32, u32)>,
}

impl Run {
    pub fn end(&self) -> u64 {
        self.first + (self.bytes.len() / self.record_bytes) as u64
    }

    /// The records of `sequences`.
    pub fn part(&self, sequences: std::ops::Range<u64>) -> &[u8] {
        let at = |sequence: u64| (sequence - self.first) as usize * self.record_bytes;
        &self.bytes[at(sequences.start)..at(sequences.end)]
    }

    /// Epoch and checksum of the record before that one.
    pub fn before(&self, sequence: u64) -> Option<(u32, u32)> {
        if sequence == self.first { self.before } else { Some(bond(self.part(sequence - 1..sequence))) }
    }
}

/// What the files hold.
pub fn stored(folder: &Path) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for segment in inspect(folder).unwrap().segments {
        let file = std::fs::read(folder.join(&segment.name)).unwrap();
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let (record_bytes, text) = (word(48), &file[128..128 + word(60)]);
        let schema = Schema::from_text(std::str::from_utf8(text).unwrap()).unwrap();
        let bytes = &file[segment.records_at as usize..][..segment.records as usize * record_bytes];
        match runs.last_mut() {
            _ if bytes.is_empty() => {}
            Some(last) if last.schema == schema => last.bytes.extend_from_slice(bytes),
            last => {
                let before = last.and_then(|last| last.before(last.end()));
                let bytes = bytes.to_vec();
                runs.push(Run { schema, first: segment.base, record_bytes, bytes, before });
            }
        }
    }
    runs
}

/// The records from `first` on, each as it lies.
pub fn each(runs: &[Run], first: u64) -> Vec<(u64, &Schema, &[u8])> {
    let mut all = Vec::new();
    for run in runs {
        let records = (run.first..).zip(run.bytes.chunks_exact(run.record_bytes));
        all.extend(records.map(|(at, bytes)| (at, &run.schema, bytes)));
    }
    all.retain(|(at, ..)| *at >= first);
    all
}

/// What a replica of it is made of.
pub fn origin(folder: &Path) -> Origin {
    let reader = Journal::at(folder).raw_reader().unwrap();
    Origin { branch: reader.branch(), ..Origin::of(reader.journal_id()) }
}

/// Epoch and checksum of the record that lies so.
pub fn bond(record: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
    (word(8) >> 4, word(12))
}
