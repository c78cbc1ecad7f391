//! Power loss on a real file system: a child appends to a journal on a loop-mounted image and says what it
//! sees acknowledged; the file system is shut down under it, by the ioctl that file systems have for such
//! tests, without flushing its log. Everything that was not synced is gone, mapped pages too. Mounted again,
//! it must hold what was acknowledged as durable, and nothing that was never written.
//!
//! `SLIPRING_SHUTDOWNS=200 cargo test --release -p slipring-tests --test system loop_mount -- --ignored
//! --nocapture`, as root; xfs needs mkfs.xfs (xfsprogs).

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

use slipring_journal::__private::storage::Storage;
use slipring_journal::{Journal, Reader};
use slipring_tests::children::{Mount, is_root, skipped};
use slipring_tests::journals::{HEADER_BYTES, Note};
use slipring_tests::lives::{Journalled, Message, live_and_die};
use slipring_tests::often::times;
use slipring_tests::rebooted::Rebooted;

/// Shutdowns of one journal, so that it does not grow for ever.
const LIVES_OF_A_JOURNAL: u64 = 20;

/// Writes the newest page that holds records to the disk, as the kernel may at any time, and none of those
/// before it: so that there is a hole if they were not synced.
fn write_out_newest_page(folder: &Path) -> std::io::Result<()> {
    let entries = std::fs::read_dir(folder)?.flatten();
    let mut segments: Vec<_> = entries.map(|entry| entry.path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    segments.sort_unstable();
    for path in segments.iter().rev() {
        let bytes = std::fs::read(path)?;
        let Some(last) = bytes.iter().rposition(|byte| *byte != 0).filter(|last| *last >= HEADER_BYTES)
        else {
            continue;
        };
        let file = File::open(path)?;
        let write = libc::SYNC_FILE_RANGE_WAIT_BEFORE
            | libc::SYNC_FILE_RANGE_WRITE
            | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        // SAFETY: a plain system call on an open file.
        unsafe { libc::sync_file_range(file.as_raw_fd(), last as i64 / 4096 * 4096, 4096, write) };
        break;
    }
    // What the file system had to note of that goes into its log with anybody's sync.
    let other = File::options().create(true).append(true).open(folder.join("somebody-else"))?;
    std::io::Write::write_all(&mut &other, b".")?;
    other.sync_all()
}

#[derive(Debug, Default)]
struct Counts {
    shutdowns: u64,
    in_open: u64,
    recovered: u64,
    /// Records that were journalled, not durable, and lost.
    lost: u64,
    /// Lives that were told of durability after the shutdown had begun, and wrongly.
    said_by_a_dead_disk: u64,
    torn_tails: u64,
    discarded: u64,
    records: u64,
}

fn shutdowns(kind: &str, bytes: u64) {
    let test = format!("row_power_loss_of_a_real_{kind}");
    if !is_root() {
        return skipped(&test, "only root can mount");
    }
    let mount = match Mount::image(kind, bytes) {
        Ok(mount) => mount,
        Err(reason) => return skipped(&test, &reason),
    };
    let wanted = times("SLIPRING_SHUTDOWNS", 100);
    let mut random = fastrand::Rng::with_seed(wanted);
    let mut counts = Counts::default();
    let mut journalled = Journalled::default();
    for round in 1..=wanted {
        if round % LIVES_OF_A_JOURNAL == 1 {
            counts.records += journalled.rounds.len() as u64;
            journalled = Journalled::default();
        }
        let number = (round - 1) / LIVES_OF_A_JOURNAL;
        let folder = mount.path().join(format!("journal-{number}"));
        let segment_records = [16, 300, 1_000][number as usize % 3];
        let numbers =
            [round, segment_records, random.u64(0..3), 2 * round, random.choice([50, 500]).unwrap_or(50)];
        let child = Command::new(env!("CARGO_BIN_EXE_journal_child"))
            .arg("append")
            .arg(&folder)
            .args(numbers.map(|number| number.to_string()))
            .stdout(Stdio::piped())
            // What it says when its disk goes is no news.
            .stderr(Stdio::null())
            .spawn()
            .expect("the child is built with the test");
        let write_out = random.bool();
        let last_act = || {
            if write_out {
                // It fails if the child removes a file meanwhile, or has made none.
                let _ = write_out_newest_page(&folder);
            }
        };
        let life = live_and_die(&mut random, child, 40_000, last_act, |child| {
            mount.shut_down();
            child.kill().expect("it is ours");
        });
        // What it said later is no acknowledgement: a sync that meets the shutdown half-way may succeed
        // (counted as `said_by_a_dead_disk`). When a machine loses power there is nobody left to be told so.
        let said = &life.said[..life.said_before];
        counts.shutdowns += 1;
        counts.in_open += u64::from(life.said.is_empty());
        mount.start_again();
        // Every other time the next child does the recovery, and may lose the power in it.
        let storage = Rebooted::new(&folder, 2 * round + 1);
        let there = storage.list().is_ok_and(|names| names.iter().any(|name| name == "control"));
        if !there {
            assert!(said.is_empty() && journalled.rounds.is_empty(), "I2: {said:?}, and there is no journal");
            continue;
        }
        if random.bool() {
            let journal = Journal::at(&folder).segment_records(segment_records);
            let (writer, report) = journal.open_on::<Note, Rebooted>(&storage, false).expect("recovers");
            writer.abandon();
            counts.recovered += 1;
            counts.torn_tails += u64::from(report.truncated_at.is_some());
            counts.discarded += report.valid_discarded;
        }
        let mut reader = Reader::<Note, Rebooted>::open_to(storage, None).expect("readable");
        journalled.check(&mut reader, said, round, true);
        let end = reader.end_sequence();
        let wrong = |message: &Message| matches!(message, Message::Durable(seen) if *seen > end);
        counts.said_by_a_dead_disk += u64::from(life.said.iter().any(wrong));
        let last = life.said.iter().map(|message| match message {
            Message::Opened(end) | Message::Journalled(end) | Message::Durable(end) => *end,
        });
        counts.lost += last.max().unwrap_or(0).saturating_sub(end);
        if round % LIVES_OF_A_JOURNAL == 0 {
            std::fs::remove_dir_all(&folder).expect("the journal is ours");
        }
    }
    counts.records += journalled.rounds.len() as u64;
    println!("{kind}: {counts:?}");
    assert!(wanted < 50 || counts.lost > 0 && counts.torn_tails > 0, "is this a power loss? {counts:?}");
}

#[test]
#[ignore = "long: SLIPRING_SHUTDOWNS shutdowns, 100 if not set; needs root"]
fn row_power_loss_of_a_real_ext4() {
    shutdowns("ext4", 64 << 20);
}

#[test]
#[ignore = "long: SLIPRING_SHUTDOWNS shutdowns, 100 if not set; needs root"]
fn row_power_loss_of_a_real_xfs() {
    shutdowns("xfs", 320 << 20);
}
