//! What the journal's own threads do to the thread that appends.

use std::time::{Duration, Instant};

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::{Event, HEADER_BYTES, Journal, SyncMode, Writer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
    rest: [u64; 5],
}

fn tick(id: u64) -> Tick {
    Tick { id, rest: [!id; 5] }
}

fn append_to<S: Storage>(writer: &mut Writer<Tick, S>, end: u64) {
    for n in writer.end_sequence()..end {
        writer.append(n, &tick(n)).unwrap();
    }
}

/// Records in a page of the file.
const IN_PAGE: u64 = 4096 / 64;

/// Page faults of the calling thread so far.
fn faults() -> i64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: a valid place for an rusage, and zeros are one should the call fail.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_minflt + usage.ru_majflt
}

/// Whether this kernel makes pages present when it is asked to (since 5.14).
fn can_prefault() -> bool {
    let map = memmap2::MmapOptions::new().len(4096).map_anon().unwrap();
    map.advise(memmap2::Advice::PopulateWrite).is_ok()
}

/// A sync in the middle of what is appended once write-protected pages that the writer had yet to fill: it
/// met a page fault for each, in which the file system may wait.
#[test]
fn syncs_beside_a_quick_writer_cost_it_no_page_faults() {
    if !can_prefault() {
        println!("skipped: this kernel makes no pages present ahead");
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let journal = Journal::at(folder.path()).sync(SyncMode::every(Duration::from_millis(1)));
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    // The kernel begins with single pages, and makes larger folios the farther it has read ahead.
    let pages = 8_000;
    let begun = Instant::now();
    let mut before = 0;
    for hundred in 0..pages / 100 {
        // Those to come are present.
        let end = (hundred + 1) * 100 * IN_PAGE;
        while writer.prepared_end() < end {
            std::thread::yield_now();
        }
        if hundred == 1 {
            // Behind what the code itself meets the first time.
            before = faults();
        }
        let durable_end = writer.cursors().durable_end();
        append_to(&mut writer, end);
        // Until there was a sync in the midst of the pages.
        while writer.cursors().durable_end() == durable_end {
            std::thread::yield_now();
        }
    }
    let met = faults() - before;
    // There is one each millisecond, however slow the machine is. One that found the writer waiting, above,
    // may take the page that it is in: one fault each. Where syncs protect pages too early there is one for
    // every fifth page.
    let syncs = begun.elapsed().as_millis() as i64;
    let bearable = (2 * syncs + 16).min(pages as i64 / 8);
    assert!(met <= bearable, "{met} page faults in {pages} pages with {syncs} syncs");
    assert_eq!(writer.close().unwrap(), pages * IN_PAGE);
}

/// A sync in the midst of what a quick writer appends ends where a page or a folio begins; what is left of it
/// comes with the next one, with whoever waits for it, or when the writer has paused.
#[test]
fn a_sync_beside_a_quick_writer_ends_with_a_whole_page() {
    let journal = Journal::at("memory").sync(SyncMode::every(Duration::from_millis(5)));
    let (mut writer, _) = journal.open_on::<Tick, _>(&Memory::new([1; 16]), false).unwrap();
    let cursors = writer.cursors();
    let end = 20 * IN_PAGE + 7;
    append_to(&mut writer, end);
    writer.step_syncer();
    let synced = cursors.durable_end();
    assert!(synced < end && end - synced <= IN_PAGE, "{synced} of {end}");
    assert_eq!((HEADER_BYTES + synced * 64) % 4096, 0);
    writer.step_syncer();
    assert_eq!(cursors.durable_end(), end, "it has appended nothing since");
    // Too little for a quick one.
    append_to(&mut writer, end + 10 * IN_PAGE);
    writer.step_syncer();
    assert_eq!(cursors.durable_end(), end + 10 * IN_PAGE);
    // Enough for one whose pages lie in folios of sixteen.
    let end = end + 80 * IN_PAGE;
    append_to(&mut writer, end);
    writer.step_syncer();
    let synced = cursors.durable_end();
    assert!(synced < end && end - synced <= 16 * IN_PAGE, "{synced} of {end}");
    assert_eq!((HEADER_BYTES + synced * 64) % (16 * 4096), 0);
    writer.step_syncer();
    assert_eq!(cursors.durable_end(), end, "it has appended nothing since");
    let end = end + 50 * IN_PAGE;
    append_to(&mut writer, end);
    cursors.wait_durable(end - 1, Duration::ZERO).unwrap_err();
    writer.step_syncer();
    assert_eq!(cursors.durable_end(), end, "somebody waits for it");
}

/// A record that is longer than a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Book {
    levels: [u64; 630],
}

/// The record across the folio's beginning comes with the next sync.
#[test]
fn a_sync_beside_a_quick_writer_of_long_records_ends_with_a_whole_folio() {
    const RECORD_BYTES: u64 = 16 + size_of::<Book>() as u64;
    let journal = Journal::at("memory").segment_records(1000).sync(SyncMode::every(Duration::from_millis(5)));
    let (mut writer, _) = journal.open_on::<Book, _>(&Memory::new([1; 16]), false).unwrap();
    let cursors = writer.cursors();
    let append = |writer: &mut Writer<Book, Memory>, count| {
        for _ in 0..count {
            let n = writer.end_sequence();
            writer.append(n, &Book { levels: [n; 630] }).unwrap();
        }
    };
    append(&mut writer, 100);
    writer.step_syncer();
    let synced = cursors.durable_end();
    let (start, folio) =
        (HEADER_BYTES + synced * RECORD_BYTES, (HEADER_BYTES + 100 * RECORD_BYTES) >> 16 << 16);
    assert!(start <= folio && folio < start + RECORD_BYTES, "{synced} of 100");
    writer.step_syncer();
    assert_eq!(cursors.durable_end(), 100, "it has appended nothing since");
    // One that fills pages, and no folios: each of its records has some.
    append(&mut writer, 20);
    writer.step_syncer();
    assert_eq!(cursors.durable_end(), 120);
}

/// The same bytes come back, whoever let go of their pages meanwhile, syncer, preparer, sweeper, and whoever
/// wrote zeros before them.
#[test]
fn what_a_quick_writer_appended_is_read_again() {
    for sync in [SyncMode::every(Duration::from_millis(1)), SyncMode::None, SyncMode::EveryBatch] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let journal = Journal::at(folder.path()).segment_bytes(1 << 20).cached_bytes(2 << 20).sync(sync);
        let (mut writer, _) = journal.open::<Tick>().unwrap();
        let count = 24 * (1 << 20) / 64 + 1_000;
        append_to(&mut writer, count);
        for mut reader in [writer.reader().unwrap(), journal.reader::<Tick>().unwrap()] {
            let (mut expected, mut chunks) = (0, reader.chunks(0).unwrap());
            while let Some(chunk) = chunks.next_chunk().unwrap() {
                for record in chunk.records {
                    assert_eq!(*record.event(), tick(expected), "{sync:?}");
                    expected += 1;
                }
            }
            assert_eq!(expected, count, "{sync:?}");
        }
        writer.close().unwrap();
    }
}
