//! The writer's lock is on the folder, not on a name in it: LOCK removed, replaced or made a link lets no
//! second writer in, and nothing that is not ours is written to. Who only looks takes no lock.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FlockOperation;
use slipring_journal::__private::storage::Files;
use slipring_journal::{Journal, OpenError, inspect, verify};
use slipring_tests::journals::{Note, note, time};

fn locked(folder: &Path) -> String {
    match Journal::at(folder).open::<Note>() {
        Err(OpenError::Locked { holder, .. }) => holder,
        other => panic!("a second writer: {:?}", other.err()),
    }
}

#[test]
fn row_lock_removed_or_replaced_lets_no_second_writer_in() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("j");
    let (mut writer, _) = Journal::at(&folder).open::<Note>().unwrap();
    let lock = folder.join("LOCK");
    locked(&folder);
    std::fs::remove_file(&lock).unwrap();
    locked(&folder);
    // The attempt made a new one. Replaced by a copy, an empty file, somebody else's, a rename.
    std::fs::write(&lock, "process 1\n").unwrap();
    locked(&folder);
    std::fs::write(place.path().join("new"), "").unwrap();
    std::fs::rename(place.path().join("new"), &lock).unwrap();
    locked(&folder);
    for id in 0..100 {
        writer.append(time(id), &note(id)).unwrap();
    }
    writer.close().unwrap();
    let (writer, report) = Journal::at(&folder).open::<Note>().unwrap();
    assert_eq!(report.end_sequence, 100);
    // Renamed away, it is locked where it lies now, and its old name is free.
    let away = place.path().join("away");
    std::fs::rename(&folder, &away).unwrap();
    locked(&away);
    Journal::at(&folder).open::<Note>().unwrap().0.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn row_lock_that_is_no_lock_is_refused_and_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let (folder, victim) = (place.path().join("j"), place.path().join("victim"));
    std::fs::create_dir(&folder).unwrap();
    let lock = folder.join("LOCK");
    let letter = "dear process 1\n";
    let refused = |what: &str| match Journal::at(&folder).open::<Note>() {
        Err(error @ OpenError::ForeignLock { .. }) => {
            let text = error.to_string();
            assert!(text.contains(what) && text.contains("LOCK"), "{text}");
        }
        other => panic!("{what}: {:?}", other.err()),
    };
    std::fs::write(&victim, letter).unwrap();
    symlink("../victim", &lock).unwrap();
    refused("a symbolic link");
    std::fs::remove_file(&lock).unwrap();
    // A second name of it, and a file of another kind of content.
    std::fs::hard_link(&victim, &lock).unwrap();
    refused("none that a slipring has written");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    refused("a folder");
    std::fs::remove_dir(&lock).unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), letter);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing was made");
    // What older versions left, and what power loss leaves of it, is ours.
    for left in ["process 17\ncounters /dev/shm/x\n", "", "\0\0\0\0"] {
        std::fs::write(&lock, left).unwrap();
        Journal::at(&folder).open::<Note>().unwrap().0.close().unwrap();
    }
}

/// A version before the folder's lock locks LOCK alone: the two exclude each other.
#[test]
fn row_lock_an_older_version_and_this_one_exclude_each_other() {
    let place = tempfile::tempdir().unwrap();
    let (writer, _) = Journal::at(place.path()).open::<Note>().unwrap();
    let old = std::fs::File::open(place.path().join("LOCK")).unwrap();
    let try_lock = || rustix::fs::flock(&old, FlockOperation::NonBlockingLockExclusive);
    assert!(try_lock().is_err());
    writer.close().unwrap();
    try_lock().unwrap();
    locked(place.path());
    rustix::fs::flock(&old, FlockOperation::Unlock).unwrap();
    Journal::at(place.path()).open::<Note>().unwrap().0.close().unwrap();
}

#[test]
fn row_lock_names_its_holder_by_machine_boot_and_start() {
    let place = tempfile::tempdir().unwrap();
    let (writer, _) = Journal::at(place.path()).open::<Note>().unwrap();
    let holder = locked(place.path());
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().replace('-', "");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for part in
        [format!("process {} on {host}", std::process::id()), boot.trim().to_owned(), "tick ".to_owned()]
    {
        assert!(holder.contains(&part), "{part} in {holder}");
    }
    writer.close().unwrap();
}

/// Ten thousand looks of every kind, from several threads, while a writer opens and closes: no opening ever
/// finds the journal locked, and what a look says of the lock is right.
#[test]
fn row_lock_is_taken_by_nobody_who_looks() {
    const LOOKS: usize = 10_000;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let options = Journal::at(folder).segment_records(16);
    let (mut writer, _) = options.open::<Note>().unwrap();
    for id in 0..40 {
        writer.append(time(id), &note(id)).unwrap();
    }
    writer.close().unwrap();
    let done = AtomicBool::new(false);
    let openings = std::thread::scope(|scope| {
        let look = |thread: usize| {
            for n in 0..LOOKS / 4 {
                match (n + thread) % 4 {
                    0 => drop(inspect(folder)),
                    1 => drop(verify(folder, |_, _| ())),
                    2 => drop(options.reader::<Note>()),
                    _ => drop(Files::new(folder).is_locked()),
                }
            }
        };
        let lookers: Vec<_> = (0..4).map(|thread| scope.spawn(move || look(thread))).collect();
        let opener = scope.spawn(|| {
            let mut openings = 0;
            while !done.load(Ordering::Relaxed) {
                let (writer, _) = Journal::at(folder).segment_records(16).open::<Note>().unwrap();
                assert_eq!(Files::new(folder).is_locked(), Some(true));
                writer.close().unwrap();
                assert_eq!(Files::new(folder).is_locked(), Some(false));
                openings += 1;
            }
            openings
        });
        lookers.into_iter().for_each(|looker| looker.join().unwrap());
        done.store(true, Ordering::Relaxed);
        opener.join().unwrap()
    });
    assert!(openings > 3, "{openings} openings beside the looks");
}

#[test]
fn row_lock_a_removed_lock_file_is_not_written_by_the_notes_of_an_engine() {
    let place = tempfile::tempdir().unwrap();
    let files = Files::new(place.path());
    let options = Journal::at(place.path());
    let (writer, _) = options.open::<Note>().unwrap();
    assert!(files.note_in_lock("mine").is_err(), "only whoever holds the lock");
    let (lock, victim) = (place.path().join("LOCK"), place.path().join("victim"));
    std::fs::remove_file(&lock).unwrap();
    std::fs::write(&victim, "a letter").unwrap();
    symlink(&victim, &lock).unwrap();
    options.files().note_in_lock("counters somewhere").unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "a letter");
    writer.close().unwrap();
}
