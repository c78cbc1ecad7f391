//! Power loss right behind a commit, on a real file system that is shut down without flushing its log.
//!
//! `cargo test -p slipring-tests --test named power -- --ignored --nocapture`, as root.

use slipring_journal::{Journal, RawSharedReader};
use slipring_tests::children::{Mount, is_root, skipped};

use crate::one::written;

const TEST: &str = "what_was_committed_survives_power_loss";

/// Reads a range and commits it.
fn work(reader: &mut RawSharedReader, records: u64) -> std::ops::Range<u64> {
    let range = reader.claim(records).expect("it is noted").expect("there are more");
    while reader.next_chunk().expect("it reads").is_some() {}
    reader.commit(range.end).expect("it is written");
    range
}

#[test]
#[ignore = "the long form, and only root can mount"]
fn what_was_committed_survives_power_loss() {
    if !is_root() {
        return skipped(TEST, "only root can mount");
    }
    let mount = match Mount::image("ext4", 64 << 20) {
        Ok(mount) => mount,
        Err(reason) => return skipped(TEST, &reason),
    };
    let folder = mount.path().join("journal");
    drop(written(&folder, 400));
    std::fs::File::open(mount.path()).and_then(|folder| folder.sync_all()).expect("the folder is there");
    let mut random = fastrand::Rng::with_seed(11);
    let (mut alone, mut shared, mut done) = (0, 0, Vec::new());
    for _ in 0..20 {
        let journal = Journal::at(&folder);
        let mut reader = journal.named_reader_raw("alone").expect("it was durable");
        assert_eq!(reader.position(), alone);
        let mut others = [(); 2].map(|()| journal.shared_reader_raw("shared").expect("it was durable"));
        assert_eq!(others[0].position().expect("it is whole"), shared);
        assert_eq!(journal.readers().expect("it is whole")[1].done, done);
        // A claim that is lost with its reader, and one behind it that is done.
        let lost = others[0].claim(random.u64(1..5)).expect("it is noted").expect("there are more");
        assert_eq!(lost.start, shared);
        done = vec![work(&mut others[1], random.u64(1..5))];
        alone += random.u64(1..15);
        while reader.next_sequence() < alone {
            reader.next_chunk_below(alone).expect("it reads");
        }
        reader.commit(alone).expect("it is written");
        mount.shut_down();
        reader.abandon();
        for other in others {
            other.abandon();
        }
        drop(journal);
        mount.start_again();
        // The lost one is given out first.
        let mut other = Journal::at(&folder).shared_reader_raw("shared").expect("it was durable");
        assert_eq!(work(&mut other, lost.end - lost.start), lost);
        (shared, done) = (done[0].end, Vec::new());
        assert_eq!(other.position().expect("it is whole"), shared);
    }
}
