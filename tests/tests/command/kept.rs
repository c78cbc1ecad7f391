//! What stages keep beside the journal, under faults: every bit flipped, every cut, arbitrary bytes; and the
//! commands that show it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use slipring::{
    Context, DeadLetters, Digest, Digests, Effects, Engine, Event, Gate, Handler, HandlerError, Journal,
    KeptInfo, Lane, OnError, Recovered, ReplayError, ReplayFrom, Snapshot, Snapshots, Stage, StageKey,
    SyncMode,
};
use slipring_tests::folders::{copy_folder, in_memory};
use slipring_tests::often::cases;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Trade {
    id: u64,
    quantity: u64,
}

/// Sums what it sees, and refuses every 25th.
#[derive(Default)]
struct Sum {
    total: u64,
    refuses_none: bool,
}

impl Handler<Trade> for Sum {
    fn event(&mut self, trade: &Trade, _: &Context) -> Result<(), HandlerError> {
        if trade.id % 25 == 0 && !self.refuses_none {
            return Err(format!("no trade {}", trade.id).into());
        }
        self.total = self.total.wrapping_mul(31).wrapping_add(trade.quantity);
        Ok(())
    }
}

impl Snapshot for Sum {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.total.to_le_bytes());
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.total = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

impl Digest for Sum {
    fn digest(&self) -> u64 {
        self.total
    }
}

fn open(journal: &Path, refuses_none: bool) -> Recovered<Trade> {
    let stage = Stage::new("sum", Sum { refuses_none, ..Sum::default() }, Gate::JOURNALLED)
        .snapshots(Snapshots::every(1 << 40))
        .digests(Digests::every(10))
        .effects(Effects::new())
        .on_error(OnError::DeadLetter);
    let journal = Journal::at(journal).segment_records(128).sync(SyncMode::every(Duration::from_millis(1)));
    let lane = Lane::named("main").journal().with(stage);
    Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
}

/// A life of a hundred trades; the state at its end.
fn live(journal: &Path, from: ReplayFrom) -> u64 {
    let mut recovered = open(journal, false);
    recovered.replay(from).unwrap();
    let end = recovered.end_sequence();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in end..end + 100 {
        publisher.publish(Trade { id, quantity: id % 7 + 1 }).unwrap();
    }
    engine.join().unwrap().take(&StageKey::<Sum>::named("sum")).unwrap().total
}

/// The state that a recovery comes to.
fn recover(journal: &Path, from: ReplayFrom) -> Result<u64, ReplayError> {
    // If a dead letter were lost, the handler would now take the event, and the state would be another.
    let mut recovered = open(journal, true);
    recovered.replay(from)?;
    let (engine, _) = recovered.go_live().unwrap();
    Ok(engine.join().unwrap().take(&StageKey::<Sum>::named("sum")).unwrap().total)
}

fn file(journal: &Path, name: &str) -> PathBuf {
    journal.join("stages/sum").join(name)
}

/// A journal of two lives, and the right state.
fn two_lives() -> (tempfile::TempDir, PathBuf, u64) {
    let folder = in_memory();
    let journal = folder.path().join("trades");
    live(&journal, ReplayFrom::Snapshot);
    let total = live(&journal, ReplayFrom::Snapshot);
    (folder, journal, total)
}

#[test]
fn no_flipped_bit_of_what_is_kept_changes_the_state_that_recovery_comes_to() {
    let (folder, journal, total) = two_lives();
    assert_eq!(recover(&journal, ReplayFrom::Snapshot).unwrap(), total);
    assert_eq!(recover(&journal, ReplayFrom::Start).unwrap(), total);
    let clean = folder.path().join("clean");
    copy_folder(&journal, &clean);
    let names = ["dead-letters", "digests", "effects", &format!("{:020}.snapshot", 200)];
    let mut refused = vec![0; names.len()];
    for (index, name) in names.iter().enumerate() {
        let bytes = std::fs::read(file(&clean, name)).unwrap();
        // (The effects' file is a page, mostly zeros that nobody reads.)
        for at in (0..bytes.len().min(400)).step_by(5) {
            let place = folder.path().join(format!("{name}-{at}"));
            copy_folder(&clean, &place);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(file(&place, name), flipped).unwrap();
            for from in [ReplayFrom::Snapshot, ReplayFrom::Start] {
                match recover(&place, from) {
                    Ok(found) => assert_eq!(found, total, "{name}, byte {at}, {from:?}"),
                    Err(ReplayError::Keep(error)) => {
                        assert!(error.to_string().contains(name), "{error}");
                        refused[index] += 1;
                        break;
                    }
                    Err(error) => panic!("{name}, byte {at}: {error}"),
                }
            }
            std::fs::remove_dir_all(&place).unwrap();
        }
    }
    // A dead letter that does not validate is never passed over; a snapshot always falls back.
    assert!(refused[0] >= 60 && refused[3] == 0, "{refused:?}");
}

#[test]
fn a_log_of_dead_letters_cut_anywhere_in_its_last_entry_is_mended_and_the_event_refused_again() {
    let (folder, journal, total) = two_lives();
    let bytes = std::fs::read(file(&journal, "dead-letters")).unwrap();
    let whole: Vec<u64> = DeadLetters::of(&journal).unwrap().open().iter().map(|l| l.sequence).collect();
    assert_eq!(whole, [0, 25, 50, 75, 100, 125, 150, 175]);
    // The last letter is as long as its cause says; behind it is the mark that says that all is synced.
    let last = 40 + "no trade 175".len() + 40;
    for cut in 1..=last {
        let place = folder.path().join(format!("cut-{cut}"));
        copy_folder(&journal, &place);
        std::fs::write(file(&place, "dead-letters"), &bytes[..bytes.len() - cut]).unwrap();
        // The note was lost with the process; the handler is asked again, and refuses again.
        let mut recovered = open(&place, false);
        recovered.replay(ReplayFrom::Start).unwrap();
        let (engine, _) = recovered.go_live().unwrap();
        let state: Sum = engine.join().unwrap().take(&StageKey::named("sum")).unwrap();
        assert_eq!(state.total, total);
        let again: Vec<u64> = DeadLetters::of(&place).unwrap().open().iter().map(|l| l.sequence).collect();
        assert_eq!(again, whole, "cut {cut}");
        std::fs::remove_dir_all(&place).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(40)))]

    #[test]
    fn arbitrary_bytes_in_place_of_what_is_kept_are_refused_or_passed_over(
        which in 0usize..4,
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        keep in 0usize..64,
    ) {
        let (_folder, journal, total) = two_lives();
        let name = ["dead-letters", "digests", "effects", "00000000000000000200.snapshot"][which];
        let path = file(&journal, name);
        let mut made = std::fs::read(&path).unwrap();
        made.truncate(keep);
        made.extend_from_slice(&bytes);
        std::fs::write(&path, made).unwrap();
        let _ = KeptInfo::of(&journal);
        match recover(&journal, ReplayFrom::Snapshot) {
            Ok(found) => {
                // A log of dead letters that is empty, or is its own beginning, is what a crash leaves: then
                // the handler is asked again.
                prop_assert!(found == total || which == 0, "{name}: {found} is not {total}");
            }
            Err(ReplayError::Keep(_)) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

fn slipring(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test")).args(args).output().expect("the command runs")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_command_shows_what_stages_keep_and_settles_dead_letters() {
    let (_folder, journal, _) = two_lives();
    let place = journal.to_str().unwrap();
    let output = slipring(&["stages", place, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let shown = &lines(&output)[0][0];
    assert_eq!(shown["stage"], "sum");
    assert_eq!(shown["snapshots"].as_array().unwrap().len(), 2);
    assert_eq!((&shown["effects"]["end_sequence"], &shown["digests"]["count"]), (&200.into(), &20.into()));
    assert_eq!(shown["open_dead_letters"], 8);
    let text = slipring(&["stages", place]);
    let text = std::str::from_utf8(&text.stdout).unwrap();
    assert!(text.contains("snapshot") && text.contains("8 open"), "{text}");

    let letters = lines(&slipring(&["dead-letters", place, "--json"]));
    assert_eq!(letters.len(), 8);
    assert_eq!(letters[1]["event"], serde_json::json!({"id": 25, "quantity": 5}));
    assert_eq!(letters[1]["cause"], "no trade 25");
    assert_eq!((&letters[1]["tries"], letters[1].get("due_ns")), (&1.into(), None));
    let args = ["dead-letters", place, "--stage", "sum", "--sequence", "25", "--settle", "sent by hand"];
    let output = slipring(&args);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(lines(&slipring(&["dead-letters", place, "--json"])).len(), 7);
    assert_eq!(lines(&slipring(&["dead-letters", place, "--json", "--all"])).len(), 9);

    // Into a file, and only then settled.
    let files = in_memory();
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let (jsonl, csv) = (path("letters.jsonl"), path("letters.csv"));
    let output = slipring(&["dead-letters", place, "--into", &jsonl]);
    assert!(output.status.success(), "{output:?}");
    let written = std::fs::read_to_string(&jsonl).unwrap();
    let written: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written, lines(&slipring(&["dead-letters", place, "--json"])));
    let output = slipring(&["dead-letters", place, "--into", &jsonl, "--stage", "sum", "--settle", "x"]);
    assert_eq!(output.status.code(), Some(3), "what is there is not written over");
    assert_eq!(lines(&slipring(&["dead-letters", place, "--json"])).len(), 7, "and nothing settled");
    // The first letter is of a record that is not there.
    let log = file(&journal, "dead-letters");
    let whole = std::fs::read(&log).unwrap();
    let mut entries = whole.clone();
    entries[32] += 9;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&entries[..4]), &entries[8..40 + "no trade 0".len()]);
    entries[4..8].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&log, entries).unwrap();
    for more in [&[][..], &["--json"]] {
        let output = slipring(&[&["dead-letters", place], more].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("the journal has lost this record"),
            "{output:?}"
        );
    }
    let args =
        ["dead-letters", place, "--into", &csv, "--format", "csv", "--stage", "sum", "--settle", "sent"];
    let output = slipring(&args);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = std::fs::read_to_string(&csv).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[0], "stage,sequence,epoch,time_ns,kind,tries,due_ns,cause,fault,event.id,event.quantity");
    assert_eq!(rows.len(), 8);
    assert!(
        rows[1].contains("refused,1,,no trade 0,\"the journal has lost this record, and holds"),
        "{}",
        rows[1]
    );
    assert!(rows[1].ends_with(",,"), "{}", rows[1]);
    let cells: Vec<&str> = rows[2].split(',').collect();
    assert_eq!(
        (&cells[..2], &cells[4..]),
        (&["sum", "50"][..], &["refused", "1", "", "no trade 50", "", "50", "2"][..])
    );
    assert!(cells[3].parse::<u64>().unwrap() > 0, "{cells:?}");
    let left = lines(&slipring(&["dead-letters", place, "--json"]));
    assert_eq!(left.len(), 1, "that without an event stays open");
    assert_eq!(left[0]["sequence"], 0);
    std::fs::write(&log, whole).unwrap();

    // Damage shows, and the exit status says so.
    let newest = file(&journal, "00000000000000000200.snapshot");
    std::fs::write(&newest, b"nonsense").unwrap();
    let output = slipring(&["stages", place]);
    assert_eq!(output.status.code(), Some(2));
    assert!(std::str::from_utf8(&output.stdout).unwrap().contains("REFUSED"));
    assert_eq!(slipring(&["stages", "/nowhere"]).status.code(), Some(3));
}

/// Letters of a name that nobody has are not "none": a slip of the pen must not read as an answer.
#[test]
fn a_stage_or_a_letter_that_is_not_there_is_said() {
    let (folder, journal, _) = two_lives();
    let place = journal.to_str().unwrap();
    let into = folder.path().join("letters");
    let into = into.to_str().unwrap();
    let lines: [&[&str]; 5] = [
        &["--stage", "nope", "--settle", "x"],
        &["--stage", "nope"],
        &["--stage", "nope", "--json", "--all"],
        &["--stage", "nope", "--into", into],
        &["--stage", "nope", "--into", into, "--settle", "x"],
    ];
    for more in lines {
        let output = slipring(&[&["dead-letters", place], more].concat());
        assert_eq!(output.status.code(), Some(3), "{more:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("no stage nope") && said.contains("there is: sum"), "{more:?}: {said}");
        assert!(output.stdout.is_empty() && !Path::new(into).exists(), "{more:?}");
    }
    // A sequence is somebody's choice too.
    for more in [&["--sequence", "26"][..], &["--sequence", "26", "--stage", "sum", "--settle", "x"]] {
        let output = slipring(&[&["dead-letters", place], more].concat());
        assert_eq!(output.status.code(), Some(1), "{more:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("no open dead letter of sequence 26"), "{more:?}: {said}");
    }
    // But a stage without open letters has answered.
    let output = slipring(&["dead-letters", place, "--stage", "sum", "--settle", "all"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("settled 8: all"), "{output:?}");
    let output = slipring(&["dead-letters", place, "--stage", "sum", "--settle", "all"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // Beside this journal nobody keeps anything.
    let bare = folder.path().join("bare");
    let output = slipring(&["record", bare.to_str().unwrap(), "--input", "synthetic:10"]);
    assert!(output.status.success());
    let output = slipring(&["dead-letters", bare.to_str().unwrap(), "--stage", "sum"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is none"), "{output:?}");
}
