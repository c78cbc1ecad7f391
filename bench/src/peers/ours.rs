//! slipring doing the same work.

use std::path::Path;
use std::time::Instant;

use slipring::{Engine, Gate, ReplayFrom};
use slipring_journal::{Journal, SyncMode, Writer};

use crate::event::Order;
use crate::host::{Cores, settle};
use crate::peers::{Peer, Take, rates, time_of};
use crate::ring;
use crate::stats::Sample;

/// A journal with its writer, all options as they are by default but for the sync: the others do not sync
/// either until they are asked.
pub struct Slipring {
    journal: Journal,
    writer: Option<Writer<Order>>,
}

fn open(journal: Journal) -> Slipring {
    let (writer, _) = journal.open::<Order>().expect("a new journal");
    Slipring { journal, writer: Some(writer) }
}

impl Peer for Slipring {
    fn create(folder: &Path) -> Self {
        open(Journal::at(folder.join("journal")).sync(SyncMode::None))
    }

    fn append(&mut self, first: u64, count: u64) {
        let writer = self.writer.as_mut().expect("open until synced");
        for n in first..first + count {
            writer.append(time_of(n), &Order::nth(n)).expect("room on the disk");
        }
    }

    fn sync(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.close().expect("a disk that syncs");
        }
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let mut reader = self.journal.reader::<Order>().expect("a journal in order");
        let from = reader.lower_bound(time_ns).expect("whole records");
        for sequence in from..reader.end_sequence() {
            if take(reader.at(sequence).expect("a whole record").event()).is_break() {
                return;
            }
        }
    }
}

/// A burst into pages that are there.
pub fn burst(folder: &Path, events: u64) -> Vec<Sample> {
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let journal = Journal::at(place.path())
        .segment_records(events + 1)
        .reserve_bytes(2 * 64 * (events + 64))
        .sync(SyncMode::None);
    let mut ours = open(journal);
    settle();
    let started = Instant::now();
    ours.append(0, events);
    let kept = started.elapsed();
    ours.sync();
    rates(events, kept, started.elapsed())
}

/// A journal of `events`, closed.
pub fn filled(folder: &Path, events: u64) -> (tempfile::TempDir, Journal) {
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let mut ours = Slipring::create(place.path());
    ours.append(0, events);
    ours.sync();
    (place, ours.journal)
}

/// From the middle by time, through the ring, to a stage.
pub fn replay(journal: &Journal, events: u64, cores: Cores) -> Vec<Sample> {
    cores.unpin();
    let lane = ring::lane("main", cores);
    let mut recovered = Engine::builder()
        .journal(journal.clone())
        .lane(lane.journal().stage("sum", ring::summing::<0>(), Gate::JOURNALLED))
        .open()
        .expect("a journal in order");
    // Opening also makes the journal ready to append; that work is not replay's.
    settle();
    cores.pin_publisher();
    let report = recovered.replay(ReplayFrom::Time(time_of(events / 2))).expect("whole records");
    cores.unpin();
    assert_eq!(report.events(), events - events / 2);
    Sample::throughput(report.events(), report.elapsed)
}
