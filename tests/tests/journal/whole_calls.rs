//! What the journal's own threads can't cut into pieces is counted, each kind by its name.

use std::time::Duration;

use slipring_journal::{Journal, Retention};
use slipring_tests::journals::{Note, note, time};

const CAPACITY: u64 = 64;
const FULL_SEGMENTS: u64 = 15;

#[test]
fn each_kind_of_call_is_counted_by_its_name() {
    let place = tempfile::tempdir().unwrap();
    let retention = Retention::default().keep_records(CAPACITY);
    let journal = Journal::at(place.path()).segment_records(CAPACITY).retention(retention);
    let (mut writer, _) = journal.open::<Note>().unwrap();
    let cursors = writer.cursors();
    for id in 0..FULL_SEGMENTS * CAPACITY {
        writer.append(time(id), &note(id)).unwrap();
        if id % CAPACITY == CAPACITY - 1 {
            cursors.wait_durable(id, Duration::from_secs(60)).unwrap();
        }
    }
    writer.close().unwrap();

    let bases = std::fs::read_dir(place.path()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".seg")?.parse::<u64>().ok()
    });
    let first = bases.min().expect("segments stay");
    let calls = cursors.whole_calls();
    let times = |name| calls.iter().find(|call| call.name == name).expect("its name").times;
    assert!(first > 0, "retention took none");
    assert_eq!(times("unlink"), first / CAPACITY);
    for name in ["let go", "sync", "control"] {
        assert!(times(name) >= FULL_SEGMENTS, "{name}: {calls:?}");
    }
    assert!((1..=FULL_SEGMENTS + 2).contains(&times("make")), "{calls:?}");
    assert!(calls.iter().all(|call| call.longest <= call.on_core), "{calls:?}");
}
