//! LOBSTER messages by the way of every format: kills, malformed lines, limits, schemas, and what makes no
//! sense of them.

use std::path::Path;
use std::time::Instant;

use slipring_tests::often::times;

use crate::place::{Place, ended, said};

/// Messages of a day, of which every hundredth is malformed and every hundred-and-first goes back.
fn lines(count: u64) -> String {
    let line = |n: u64| match n % 101 {
        99 => format!("34200.{:09},9,{n},1,5853300,1\n", n * 10),
        100 => format!("34200.{:09},1,{n},1,5853300,1\n", n * 10 - 25),
        _ => format!("34200.{:09},1,{n},{},5853300,-1\r\n", n * 10, n % 7),
    };
    (2..count + 2).map(line).collect()
}

fn given_back(place: &Place, journal: &str) -> String {
    place.fine(&format!("replay {journal} --format lobster"))
}

#[test]
fn kills_at_random_moments_change_nothing() {
    let place = Place::with(&[("day.csv", lines(300_000).as_bytes())]);
    let record = |journal: &str| {
        format!(
            "record {journal} --input day.csv --date 2012-06-21 --symbol ABC --rejects {journal}.bad --segment-records 65536"
        )
    };
    let begun = Instant::now();
    place.exits(1, &record("whole"));
    let took = begun.elapsed();
    let wanted = place.records("whole");
    assert_eq!(wanted.len(), 300_000 - 2 * (300_000 / 101));
    let most = times("SLIPRING_KILL_ROUNDS", 10);
    let mut random = fastrand::Rng::with_seed(5);
    let (mut kills, mut lives) = (0, 0);
    while kills < most {
        lives += 1;
        let journal = format!("j{lives}");
        loop {
            // Its day and its instrument are noted.
            let line = match place.path(&format!("{journal}/recording")).exists() {
                true => format!(
                    "record {journal} --input day.csv --resume --rejects {journal}.bad --segment-records 65536"
                ),
                false => format!("{} --resume", record(&journal)),
            };
            let moment = took.mul_f64(random.f64() / 4.0);
            let Some(output) = place.killed_after(moment, kills < most, &line) else {
                kills += 1;
                continue;
            };
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            break;
        }
        assert!(place.records(&journal) == wanted, "after {kills} kills another journal");
        for end in ["bad", "bad.why"] {
            assert_eq!(place.read(&format!("{journal}.{end}")), place.read(&format!("whole.{end}")));
        }
        std::fs::remove_dir_all(place.path(&journal)).unwrap();
    }
    println!("{kills} kills in {lives} recordings");
}

#[test]
fn what_is_set_aside_is_mended_and_recorded() {
    let place = Place::with(&[("in.csv", b"1.5,1,1,1,1,1\n1.6,1,x,1,1,1\n1.4,1,3,1,1,1\n\n1.7,1,4,1,1,-1")]);
    place.exits(1, "record j --input in.csv --rejects bad");
    assert_eq!(given_back(&place, "j"), "1.5,1,1,1,1,1\n1.7,1,4,1,1,-1");
    assert_eq!(place.read("bad"), "1.6,1,x,1,1,1\n1.4,1,3,1,1,1\n\n");
    let why = place.read("bad.why");
    for wanted in
        ["in.csv:2:7: the order id is", "in.csv:3:1: time 1.4 lies before", "in.csv:4:1: an empty line"]
    {
        assert!(why.contains(wanted), "{why}");
    }
    // Its line in the file goes with every message.
    let shown = place.fine("replay j --format csv --fields line");
    assert_eq!(
        shown.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect::<Vec<_>>(),
        ["1", "5"]
    );
    // Going on where all is in is no more than that.
    let told = place.exits(1, "record j --input in.csv --resume --rejects bad");
    assert!(told.contains("recorded 0 events") && told.contains("3 malformed"), "{told}");
    // A file without a last newline ends its journal.
    let told = place.exits(3, "record j --input in.csv --date 1970-01-02 --rejects worse");
    assert!(told.contains("without a final newline") && told.contains("nothing was recorded"), "{told}");
}

#[test]
fn limits_summaries_and_schemas_are_those_of_every_format() {
    let place = Place::with(&[("AAPL_2012-06-21_34200000_57600000_message_1.csv", lines(90).as_bytes())]);
    let input = "--input AAPL_2012-06-21_34200000_57600000_message_1.csv";
    let told = place.fine(&format!("record j {input} --limit 40 --json --symbol AAPL"));
    let object: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&object["recorded"], &object["format"]), (&40.into(), &"lobster".into()), "{told}");
    // The day is in the file's name.
    assert_eq!(object["first_time_ns"], 1_340_236_800_000_000_000_u64 + 34_200_000_000_020, "{told}");
    let told = place.fine(&format!("record j {input} --resume"));
    assert!(told.contains("recorded 50 events") && told.contains("40 events were in already"), "{told}");
    assert_eq!(given_back(&place, "j"), lines(90));
    assert!(place.rows("j").iter().all(|row| row.ends_with(",AAPL")));
    // What the day and the instrument were they stay.
    place.fine(&format!("record n {input} --limit 40 --symbol AAPL --date 2020-01-01"));
    for (other, wanted) in [("--date 2012-06-21", "--date 2020-01-01"), ("--symbol B", "--symbol \"AAPL\"")] {
        let told = place.exits(3, &format!("record n {input} --resume {other}"));
        assert!(told.contains(&format!("{wanted}; give the same")), "{told}");
    }
    place.fine(&format!("record n {input} --resume --date 2020-01-01"));
    // The schema is the journal's own, whoever says it.
    for (journal, more) in
        [("like", "--like j"), ("inferred", "--infer"), ("schema", "--schema inferred.toml")]
    {
        place.fine(&format!("record {journal} {input} --as lobster {more}"));
        assert_eq!(given_back(&place, journal), lines(90), "{journal}");
    }
    // Into a journal of something else, and as something else.
    place.write("other.toml", "name = \"Other\"\n[fields]\nx = \"u64\"\n");
    place.write("x.csv", "x\n1\n");
    place.fine("record other --input x.csv --schema other.toml");
    for more in ["record other", "record new --schema other.toml", "record new --like other"] {
        let told = place.exits(3, &format!("{more} {input} --as lobster"));
        assert!(told.contains("LOBSTER messages have a schema of their own"), "{told}");
        assert!(!place.path("new").exists());
    }
}

#[test]
fn a_file_of_something_else_leaves_no_journal() {
    for other in [
        "ts,symbol,price\n1,A,1\n",
        "2024-03-10T09:30:00Z,A,1,2,3,4\n",
        "{\"a\":1}\n",
        "1.5,1,2\n",
        "\u{feff}1.5,1,1,1,1,1\n",
    ] {
        let place = Place::with(&[("in.csv", other.as_bytes())]);
        let told = place.exits(3, "record j --input in.csv");
        assert!(told.contains("in.csv: this is no file of LOBSTER messages: 1:"), "{told}");
        assert!(told.contains("without --schema SCHEMA.toml, --like JOURNAL or --infer"), "{told}");
        assert!(told.contains("nothing was recorded") && !place.path("j").exists(), "{told}");
    }
    // Nothing at all is a file without messages.
    let place = Place::with(&[("in.csv", b"")]);
    assert!(place.fine("record j --input in.csv").contains("recorded 0 events"));
    assert_eq!(given_back(&place, "j"), "");
}

#[test]
fn a_pipe_is_recorded_as_it_comes() {
    use std::io::Write;
    let place = Place::new();
    let mut child = place.piped("record j --input - --as lobster");
    let mut pipe = child.stdin.take().unwrap();
    for (line, count) in [("1.5,1,1,1,1,1\n1.6,1", 1), (",2,1,1,1\n", 2)] {
        pipe.write_all(line.as_bytes()).unwrap();
        place.wait_for("j", count);
    }
    drop(pipe);
    assert!(ended(child).status.success());
    assert_eq!(given_back(&place, "j"), "1.5,1,1,1,1,1\n1.6,1,2,1,1,1\n");
}

#[test]
fn options_that_a_format_has_no_use_for_are_refused() {
    let place = Place::with(&[("in.csv", b"1.5,1,1,1,1,1\n"), ("in.jsonl", b"{\"x\":1}\n")]);
    place.write("x.toml", "name = \"X\"\n[fields]\nx = \"u64\"\n");
    place.fine("record j --input in.csv");
    for (line, wanted) in [
        ("record n --input in.csv --truncate-text", "lobster has no use for --truncate-text"),
        ("record n --input in.csv --seed 7", "what is not made up has no use for --seed"),
        ("record n --input in.jsonl --schema x.toml --date 2012-06-21", "jsonl has no use for --date"),
        ("record n --input in.jsonl --schema x.toml --delimiter ;", "jsonl has no use for --delimiter"),
        ("record n --input in.csv --as csv --schema x.toml --table x", "csv has no use for --table"),
        ("record n --input j --round-times", "journal has no use for --round-times"),
        (
            "record n --input synthetic:3 --as csv",
            "synthetic:N, which is LOBSTER messages has no use for --as",
        ),
        ("record n --input synthetic:3 --resume", "synthetic:3 is not"),
    ] {
        let told = place.exits(3, line);
        assert!(told.contains(wanted) && !place.path("n").exists(), "{line}: {told}");
    }
    for line in [
        "record n --input synthetic:3 --seed 7 --symbol A --date 2012-06-21",
        "record n --input synthetic:3 --atomic --date 2012-06-22",
    ] {
        place.fine(line);
    }
    assert_eq!(place.records("n").len(), 6);
}

/// Inputs that lie beside the project, if they do.
#[test]
fn the_cases_come_back_as_they_were() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases");
    if !cases.is_dir() {
        println!("skipped: {} is not there", cases.display());
        return;
    }
    let place = Place::new();
    let case = |name: &str| std::fs::read_to_string(cases.join(name)).unwrap();
    place.write("cross.csv", case("lobster-cross.csv"));
    place.write("fine.csv", case("lobster-fine-time.csv"));
    place.fine("record cross --input cross.csv");
    assert_eq!(given_back(&place, "cross"), case("lobster-cross.csv"));
    let told = place.exits(3, "record fine --input fine.csv --atomic");
    assert!(told.contains("fine.csv:2:1: ") && told.contains("--round-times"), "{told}");
    assert!(
        place.fine("record fine --input fine.csv --round-times").contains("1 with times that were rounded")
    );
    assert_eq!(
        given_back(&place, "fine"),
        case("lobster-fine-time.csv").replace("088778456004", "088778456")
    );
}
