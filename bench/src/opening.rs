//! Opening after a crash: how long recovery takes, of journals of ever more records in an equal number of
//! segments.

use std::path::Path;
use std::time::{Duration, Instant};

use slipring_journal::{Journal, SyncMode};
use tempfile::TempDir;

use crate::event::Order;
use crate::harness::{Output, Tally};
use crate::stats::Sample;

const SEGMENTS: u64 = 9;

/// A journal whose writer dies again and again.
struct Crashed {
    records: u64,
    journal: Journal,
    _folder: TempDir,
}

impl Crashed {
    fn new(folder: &Path, records: u64) -> Self {
        let folder = tempfile::tempdir_in(folder).expect("a folder for the journal");
        let journal = Journal::at(folder.path())
            .segment_records(records / (SEGMENTS - 1) + 1)
            .sync(SyncMode::every(Duration::from_millis(5)));
        let crashed = Crashed { records, journal, _folder: folder };
        crashed.die(records);
        crashed
    }

    /// Appends, and dies with what was not synced by then above the durable watermark.
    fn die(&self, count: u64) {
        let (mut writer, _) = self.journal.open::<Order>().expect("a journal that opens");
        let end = writer.end_sequence();
        for n in end..end + count {
            writer.append(n, &Order::nth(n)).expect("room on the disk");
        }
        writer.abandon();
    }

    /// One crash and the opening after it.
    fn open(&self) -> Vec<Sample> {
        self.die(1_000);
        let started = Instant::now();
        let (writer, report) = self.journal.open::<Order>().expect("a journal that recovers");
        let whole = started.elapsed();
        assert!(report.end_sequence > self.records && !report.was_closed && report.truncated_at.is_none());
        writer.abandon();
        let ms = |metric, time: Duration| Sample { metric, unit: "ms", value: time.as_secs_f64() * 1e3 };
        vec![ms("open", report.elapsed), ms("open-and-map", whole)]
    }
}

/// `open/<records>`: the journals side by side, round by round.
pub fn bench(output: &mut Output, folder: &Path, quick: bool) {
    let counts: &[u64] = if quick { &[1_000_000, 10_000_000] } else { &[1_000_000, 10_000_000, 100_000_000] };
    let rounds = if quick { 7 } else { 21 };
    let mut journals = Vec::new();
    for count in counts {
        output.note(&format!("open: a journal of {count} records"));
        journals.push((Crashed::new(folder, *count), Tally::default()));
    }
    for round in 0..=rounds {
        for (journal, tally) in &mut journals {
            output.note(&format!("open/{}: round {round} of {rounds}", journal.records));
            let samples = journal.open();
            if round > 0 {
                tally.take(samples);
            }
        }
    }
    let mut medians = Vec::new();
    for (journal, tally) in &journals {
        let name = format!("open/{}", journal.records);
        let topology = format!(
            "{} records in {SEGMENTS} segments, killed, opened again: recovery alone, and with the map and the threads",
            journal.records
        );
        let rows = tally.rows(&name, "slipring", &topology, &[]);
        medians.extend(rows.iter().find(|row| row.metric == "open").map(|row| row.median));
        output.add(&name, &topology, rows);
    }
    if let [.., shorter, longer] = medians[..] {
        output.say(&format!(
            "  ten times the records in as many segments: {:.2}x the time, {longer:.1} ms besides the map\n",
            longer / shorter
        ));
    }
}
