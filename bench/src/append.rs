//! Appending to the journal itself, without a ring: what a record costs inside the prepared reserve.

use std::path::Path;
use std::time::Instant;

use slipring_journal::{Journal, SyncMode, Writer};

use crate::bounds::Room;
use crate::event::Order;
use crate::harness::{Contender, Output};
use crate::host::{Cores, settle};
use crate::ring;
use crate::stats::Sample;

/// Appends `events` records to a new journal whose reserve holds them all.
fn append(folder: &Path, events: u64, cores: Cores, slow: bool) -> Vec<Sample> {
    // Helper and syncer inherit where they may run: anywhere. The appender stays on its core.
    cores.unpin();
    let place = tempfile::tempdir_in(folder).expect("a folder for the journal");
    let mut writer = ready(place.path(), events);
    cores.pin_publisher();
    let started = Instant::now();
    for n in 0..events {
        if slow {
            ring::burn();
        }
        writer.append(n, &Order::nth(n)).expect("room in the reserve");
    }
    let elapsed = started.elapsed();
    writer.close().expect("a disk that syncs");
    Sample::throughput(events, elapsed)
}

/// A writer whose next `events` records lie in pages that are present.
fn ready(place: &Path, events: u64) -> Writer<Order> {
    let journal = Journal::at(place)
        .segment_records(events + 1)
        .reserve_bytes(2 * 64 * (events + 64))
        .sync(SyncMode::None);
    let (writer, _) = journal.open::<Order>().expect("a new journal");
    settle();
    writer
}

/// `append`: the journal against the bounds.
pub fn bench(output: &mut Output, folder: &Path, cores: Cores, quick: bool, slow: bool) {
    let events = 1 << 20;
    output.bench_on_disk(
        folder,
        "append",
        "one thread, 64-byte records, 1,048,576 of them inside a reserve of twice as many",
        if quick { 7 } else { 21 },
        &mut [
            Contender::new("slipring", || append(folder, events, cores, slow)),
            Contender::new("bound-copy", || Room::new(folder, events).copy::<false>(cores)),
            Contender::new("bound-copy-crc", || Room::new(folder, events).copy::<true>(cores)),
        ],
    );
}
