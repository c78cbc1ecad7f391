//! A journal recorded from a journal: gone on with after kills and as it grows, and refused where it is
//! another one or went another way.

use std::os::unix::fs::FileExt;
use std::time::Instant;

use slipring_tests::often::times;

use crate::place::{Place, said};

const RESUME: &str = "record copy --input from --resume --segment-records 16384";

#[test]
fn kills_at_random_moments_change_nothing() {
    let place = Place::new();
    place.fine("record from --input synthetic:600000");
    let begun = Instant::now();
    place.fine("record whole --input from --segment-records 16384");
    let took = begun.elapsed();
    let wanted = place.records("from");
    let most = times("SLIPRING_KILL_ROUNDS", 10);
    let mut random = fastrand::Rng::with_seed(11);
    let (mut kills, mut resumed) = (0, 0);
    while kills < most {
        loop {
            let moment = took.mul_f64(random.f64() / 4.0);
            let Some(output) = place.killed_after(moment, kills < most, RESUME) else {
                kills += 1;
                let journal = slipring_journal::Journal::at(place.path("copy"));
                resumed += u64::from(journal.raw_reader().is_ok_and(|reader| reader.end_sequence() > 0));
                continue;
            };
            assert!(output.status.success(), "{}", said(&output));
            break;
        }
        assert!(place.records("copy") == wanted, "after {kills} kills another journal");
        std::fs::remove_dir_all(place.path("copy")).unwrap();
    }
    assert!(6 * resumed > kills, "{resumed} of {kills} kills left something to go on with");
}

#[test]
fn a_journal_that_grows_is_gone_on_with() {
    let place = Place::with(&[(
        "in.jsonl",
        b"{\"_time\":1,\"x\":1}\n{\"_time\":2,\"_void\":true}\n{\"_time\":3,\"x\":3}\n",
    )]);
    place.write("x.toml", "name = \"X\"\n[fields]\nx = \"u64\"\n");
    place.fine("record from --input in.jsonl --schema x.toml");
    assert!(place.fine("record copy --input from --limit 2").contains("recorded 2 events"));
    // What is in is not recorded once more without a word.
    assert!(place.fine(RESUME).contains("recorded 1 event"));
    place.write("more.jsonl", "{\"_time\":3,\"x\":4}\n");
    place.fine("record from --input more.jsonl");
    let told = place.fine(RESUME);
    assert!(told.contains("recorded 1 event ") && told.contains("3 events were in already"), "{told}");
    assert_eq!(place.records("copy"), place.records("from"));
    assert!(place.fine(RESUME).contains("recorded 0 events"));
}

#[test]
fn another_journal_or_one_that_went_another_way_is_refused() {
    let place = Place::new();
    place.fine("record from --input synthetic:1000");
    place.fine("record copy --input from --limit 500");
    let before = place.records("copy");
    let refused = |wanted: &str| {
        let told = place.exits(3, RESUME);
        assert!(told.contains(wanted) && told.contains("nothing more was recorded"), "{wanted}: {told}");
        assert_eq!(place.records("copy"), before, "{wanted}");
    };
    let away = |name: &str| std::fs::rename(place.path("from"), place.path(name)).unwrap();
    // Another one at its place.
    away("kept");
    place.fine("record from --input synthetic:1000 --seed 2");
    refused("is another file");
    // Its copy is known by what it holds, wherever it lies.
    std::fs::remove_dir_all(place.path("from")).unwrap();
    std::fs::create_dir(place.path("from")).unwrap();
    for entry in std::fs::read_dir(place.path("kept")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.path("from").join(path.file_name().unwrap())).unwrap();
    }
    place.fine(&format!("{RESUME} --limit 700"));
    assert_eq!(place.records("copy").len(), 700);
    // A file at its place, and a place where there is nothing.
    away("other");
    assert!(place.exits(3, RESUME).contains("from"));
    place.write("from", "x\n1\n");
    place.exits(3, RESUME);
    assert_eq!(place.records("copy").len(), 700);
}

#[test]
fn of_a_damaged_journal_what_lies_before_the_damage_is_recorded() {
    let place = Place::new();
    place.fine("record from --input synthetic:20");
    let wanted = place.records("from");
    let segment = place.path(&format!("from/{:020}.seg", 0));
    let segment = std::fs::File::options().read(true).write(true).open(segment).unwrap();
    let at = slipring_journal::HEADER_BYTES + 4 * 64 + 20;
    let mut was = [0];
    segment.read_exact_at(&mut was, at).unwrap();
    segment.write_all_at(&[!was[0]], at).unwrap();
    for options in ["", " --resume"] {
        let told = place.exits(2, &format!("record copy --input from{options}"));
        assert!(told.contains("record 4 (slot 4"), "{told}");
        assert_eq!(place.records("copy"), wanted[..4]);
    }
    assert!(place.fine("record few --input from --limit 3").contains("recorded 3 events"));
    assert_eq!(place.records("few"), wanted[..3]);
    place.exits(2, "record all --input from --atomic");
    assert!(!place.path("all").exists());
    // Whole again, it is gone on with.
    segment.write_all_at(&was, at).unwrap();
    for journal in ["copy", "few"] {
        place.fine(&format!("record {journal} --input from --resume"));
        assert_eq!(place.records(journal), wanted);
    }
}
