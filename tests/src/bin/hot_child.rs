//! The process whose appending thread the hot-path tests watch: what the system did for it, and what it asked
//! of the system. Alone in its process, so that what is counted is the journal's.

use std::time::Duration;

use slipring_journal::{Journal, SyncMode, Writer};
use slipring_tests::journals::{Note, append_batch, note, time};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rolls", folder, count] => rolls(folder, count.parse().unwrap()),
        ["memory", folder] => memory(folder),
        _ => panic!("{arguments:?}"),
    }
}

/// Half of them one by one, half in batches as the engine does.
fn append(writer: &mut Writer<Note>, count: u64) {
    let first = writer.end_sequence();
    for id in first..first + count / 2 {
        writer.append(time(id), &note(id)).unwrap();
    }
    for id in (first + count / 2..first + count).step_by(100) {
        append_batch(writer, id..(id + 100).min(first + count), note, |_| ());
    }
}

/// What the system counts for this thread. The tests look for this call in what strace saw: it begins and
/// ends a measured stretch.
fn usage() -> libc::rusage {
    let mut usage = std::mem::MaybeUninit::zeroed();
    // SAFETY: the struct lives through the call, which fills it; zeros are valid too.
    unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()), 0);
        usage.assume_init()
    }
}

/// Rolls so often, each time from the middle of a segment to the middle of the next, and says what the system
/// did for the appending thread meanwhile.
///
/// Between two stretches it waits until the preparer has prepared as much as the next one needs: within the
/// reserve is where the promise holds.
fn rolls(folder: &str, count: u64) {
    const CAPACITY: u64 = 1 << 12;
    let journal = Journal::at(folder).segment_records(CAPACITY).sync(SyncMode::None);
    let (mut writer, _) = journal.open::<Note>().unwrap();
    append(&mut writer, CAPACITY / 2);
    let (mut voluntary, mut involuntary, mut minor, mut major) = (0, 0, 0, 0);
    // The first stretches bring code and stack in.
    const WARM: u64 = 3;
    for stretch in 0..WARM + count {
        while writer.prepared_end() < writer.end_sequence() + CAPACITY {
            std::thread::sleep(Duration::from_micros(100));
        }
        let before = usage();
        append(&mut writer, CAPACITY);
        let after = usage();
        if stretch >= WARM {
            voluntary += after.ru_nvcsw - before.ru_nvcsw;
            involuntary += after.ru_nivcsw - before.ru_nivcsw;
            minor += after.ru_minflt - before.ru_minflt;
            major += after.ru_majflt - before.ru_majflt;
        }
    }
    let stalls = writer.cursors().stalls();
    // SAFETY: a plain system call.
    let thread = unsafe { libc::gettid() };
    println!("thread {thread}");
    println!("voluntary {voluntary}");
    println!("minor {minor}");
    println!("major {major}");
    println!("stalls {stalls}");
    println!("involuntary {involuntary}");
    writer.close().unwrap();
}

/// Memory of this process that no file backs, in KiB.
fn anonymous_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("since Linux 4.5");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Says how much memory besides the maps it has after one, three and five million records.
fn memory(folder: &str) {
    let (mut writer, _) = Journal::at(folder).segment_records(1 << 12).open::<Note>().unwrap();
    for millions in [1, 3, 5] {
        let more = millions * 1_000_000 - writer.end_sequence();
        append(&mut writer, more);
        writer.cursors().wait_durable(writer.end_sequence() - 1, Duration::from_secs(600)).unwrap();
        println!("{millions} {}", anonymous_kib());
    }
    writer.abandon();
}
