//! Appending to the journal itself, without a ring: what a record costs inside the prepared reserve.

use std::path::Path;
use std::time::{Duration, Instant};

use slipring_journal::{Journal, Sync, Writer};

use crate::bounds::Room;
use crate::event::Order;
use crate::harness::{Contender, Output, Sample};

/// Appends `events` records to a new journal whose reserve holds them all.
fn append(folder: &Path, events: u64) -> Vec<Sample> {
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let mut writer = ready(place.path(), events);
    let started = Instant::now();
    for n in 0..events {
        writer.append(n, &Order::nth(n)).expect("room in the reserve");
    }
    let elapsed = started.elapsed();
    writer.close().expect("a disk that syncs");
    Sample::throughput(events, elapsed)
}

/// A writer whose next `events` records lie in pages that are present.
fn ready(place: &Path, events: u64) -> Writer<Order> {
    let journal =
        Journal::at(place).segment_records(events + 1).reserve_bytes(64 * (events + 64)).sync(Sync::None);
    let (writer, _) = journal.open::<Order>().expect("a new journal");
    // The helper prefaults 4 MiB a round; it is done when the resident pages stop to grow.
    let mut before = 0;
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let now = resident_pages();
        if now == before {
            return writer;
        }
        before = now;
    }
}

fn resident_pages() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    stat.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

/// `append`: the journal against the bounds.
pub fn bench(output: &mut Output, folder: &Path, quick: bool) {
    let events = 1 << 20;
    let room = Room::new(folder, events);
    output.bench(
        "append",
        "one thread, 64-byte records, inside a reserve of 1,048,576 records",
        if quick { 7 } else { 21 },
        &mut [
            Contender::new("slipring", || append(folder, events)),
            Contender::new("bound-copy", || room.copy::<false>()),
            Contender::new("bound-copy-crc", || room.copy::<true>()),
        ],
    );
}
