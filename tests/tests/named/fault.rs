//! Named readers where the disk is full, and where files are not what they should be.

use std::os::unix::fs::symlink;
use std::process::Command;

use proptest::prelude::*;
use slipring_journal::{NamedReaderError, ReaderStart, ReaderStatus};
use slipring_tests::disks::small;
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, mend_checksum};

use crate::one::written;

/// On a full disk a commit is an error that says so, and the position stays; with room again it is written.
#[test]
fn a_commit_on_a_full_disk_leaves_the_position_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let done = std::thread::spawn(move || {
        if let Err(error) = small(&path, 1 << 20) {
            slipring_tests::children::skipped("a_commit_on_a_full_disk", &error.to_string());
            return;
        }
        let journal = written(&path.join("journal"), 20);
        let mut alone = journal.named_reader_raw("alone").unwrap();
        let mut shared = journal.shared_reader_raw("shared").unwrap();
        while alone.next_chunk().unwrap().is_some() {}
        assert_eq!(shared.claim(5).unwrap(), Some(0..5));
        while shared.next_chunk().unwrap().is_some() {}
        alone.commit(3).unwrap();
        let ballast = path.join("ballast");
        let _ = std::fs::write(&ballast, vec![1; 2 << 20]);
        for _ in 0..2 {
            let error = alone.commit(10).unwrap_err();
            let NamedReaderError::NotCommitted { position: 3, fault, .. } = &error else { panic!("{error}") };
            assert!(fault.is_disk_full(), "{error}");
            let error = shared.commit(5).unwrap_err();
            assert!(matches!(error, NamedReaderError::NotCommitted { position: 0, .. }), "{error}");
            let positions: Vec<_> = journal.readers().unwrap().iter().map(|info| info.position).collect();
            assert_eq!(positions, [Some(3), Some(0)]);
            assert_eq!((alone.position(), shared.claimed()), (3, Some(0..5)));
        }
        let error = journal.set_reader("new", ReaderStart::First).unwrap_err();
        assert!(matches!(error, NamedReaderError::NotCommitted { .. }), "{error}");
        std::fs::remove_file(ballast).unwrap();
        alone.flush().unwrap();
        shared.commit(5).unwrap();
        assert_eq!((alone.position(), shared.position().unwrap()), (10, 5));
        assert_eq!(shared.claim(5).unwrap(), Some(5..10));
    });
    done.join().unwrap();
}

/// What lies where a reader's file should be is refused, said and left alone; what says more than it can hold
/// makes nobody panic. It holds nothing, and can be set anew.
#[test]
fn what_is_no_readers_file_is_refused_and_can_be_replaced() {
    let folder = in_memory();
    let journal = written(folder.path(), 20);
    journal.set_reader("whole", ReaderStart::Sequence(7)).unwrap();
    let readers = folder.path().join("readers");
    let good = std::fs::read(readers.join("whole")).unwrap();
    let changed = |at: usize, bytes: &[u8], mend: bool| {
        let mut block = good.clone();
        block[at..at + bytes.len()].copy_from_slice(bytes);
        if mend {
            mend_checksum(&mut block);
        }
        block
    };
    let damaged = [
        ("a-flipped", changed(40, &[0xff], false)),
        ("b-position", changed(32, &[0xff; 8], true)),
        ("c-ranges", changed(88, &[0xff; 4], true)),
        ("d-range", changed(88, &[1], true)),
        ("e-version", changed(8, &[9], true)),
        ("f-empty", Vec::new()),
        ("g-long", [&good[..], &good[..]].concat()),
        ("h-zeros", vec![0; 4096]),
    ];
    for (name, bytes) in &damaged {
        std::fs::write(readers.join(name), bytes).unwrap();
        let error = journal.named_reader_raw(name).unwrap_err();
        assert!(matches!(error, NamedReaderError::Damaged { .. }), "{name}: {error}");
        let error = journal.shared_reader_raw(name).unwrap_err();
        assert!(matches!(error, NamedReaderError::Damaged { .. }), "{name}: {error}");
        assert_eq!(&std::fs::read(readers.join(name)).unwrap(), bytes, "{name} is left alone");
    }
    // A position that is whole and where the log can't be, with a record before it that is none.
    std::fs::write(readers.join("i-beyond"), changed(32, &1_000_000_u64.to_le_bytes(), true)).unwrap();
    let error = journal.named_reader_raw("i-beyond").unwrap().next_chunk().map(drop).unwrap_err();
    assert!(matches!(error, NamedReaderError::HistoryChanged { .. }), "{error}");
    let listed = journal.readers().unwrap();
    assert_eq!(listed.len(), damaged.len() + 2);
    for info in &listed[..damaged.len()] {
        assert!(matches!(info.status, ReaderStatus::Damaged { .. }), "{info:?}");
        assert_eq!(journal.set_reader(&info.name, ReaderStart::Sequence(3)).unwrap(), 3);
        assert_eq!(journal.named_reader::<Note>(&info.name).unwrap().position(), 3);
    }
    // Of another kind: neither followed nor replaced.
    symlink(readers.join("whole"), readers.join("link")).unwrap();
    std::fs::create_dir(readers.join("folder")).unwrap();
    for name in ["link", "folder"] {
        let error = journal.named_reader_raw(name).unwrap_err();
        assert!(error.to_string().contains("left alone"), "{error}");
        assert!(journal.set_reader(name, ReaderStart::First).is_err());
    }
    assert_eq!(std::fs::read(readers.join("whole")).unwrap(), good);
    let listed = journal.readers().unwrap();
    let link = listed.iter().find(|info| info.name == "link").expect("it is listed");
    assert!(matches!(&link.status, ReaderStatus::Damaged { what } if what.contains("link")));
    // In place of the whole folder.
    std::fs::remove_dir_all(&readers).unwrap();
    symlink("/tmp", &readers).unwrap();
    assert!(journal.named_reader_raw("a").is_err() && journal.readers().is_err());
    // There is no journal: none is begun.
    let nowhere = folder.path().join("nowhere");
    let error = slipring_journal::Journal::at(&nowhere).named_reader_raw("a").unwrap_err();
    assert!(error.to_string().contains("no journal at") && !nowhere.exists(), "{error}");
}

#[test]
fn a_fork_has_no_reader_and_takes_nothing_from_its_parent() {
    let folder = in_memory();
    drop(written(folder.path(), 20));
    let output =
        Command::new(env!("CARGO_BIN_EXE_reader_child")).arg("fork").arg(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "committed 8\n", "{output:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a file says whose checksum holds: nobody panics, hangs, or takes more than the file is long;
    /// and the name can be set anew.
    #[test]
    fn a_position_that_says_anything_makes_nobody_panic(
        changes in prop::collection::vec((32..300_usize, prop_oneof![any::<u8>(), Just(0), Just(0xff)]), 1..12),
        start in 0..30_u64,
    ) {
        let folder = in_memory();
        let journal = written(folder.path(), 20);
        let mut readers = [(); 3].map(|()| journal.shared_reader_raw("a").unwrap());
        for reader in &mut readers {
            reader.claim(4).unwrap();
        }
        while readers[1].next_chunk().unwrap().is_some() {}
        readers[1].commit(8).unwrap();
        for reader in readers {
            reader.abandon();
        }
        let file = folder.path().join("readers/a");
        let mut block = std::fs::read(&file).unwrap();
        for (at, byte) in changes {
            block[at] = byte;
        }
        mend_checksum(&mut block);
        std::fs::write(&file, block).unwrap();
        let _ = journal.readers().unwrap();
        if let Ok(mut reader) = journal.shared_reader_raw("a") {
            for _ in 0..4 {
                if let Ok(Some(range)) = reader.claim(start) {
                    while matches!(reader.next_chunk(), Ok(Some(_))) {}
                    let _ = reader.commit(range.end - 1);
                    let _ = reader.commit(range.end);
                }
                let _ = reader.resume_at_first();
                let _ = reader.release();
            }
        }
        if let Ok(mut reader) = journal.named_reader_raw("a") {
            while matches!(reader.next_chunk(), Ok(Some(_))) {}
            let _ = reader.commit(reader.next_sequence());
            let _ = reader.resume_at_first();
        }
        prop_assert_eq!(journal.set_reader("a", ReaderStart::Sequence(start.min(20))).unwrap(), start.min(20));
        let mut reader = journal.named_reader_raw("a").unwrap();
        prop_assert_eq!(reader.next_chunk().unwrap().is_some(), start < 20);
    }
}
