//! A journal whose events have changed, through the command: all of it as the newest type, and a follower
//! that goes on where a newer type begins.

use std::io::{BufRead, BufReader};

use rustix::process::Signal;
use serde_json::Value;
use slipring_journal::{Event, Journal};
use slipring_tests::children::Child;

use crate::place::{Place, ended, said};

const FIRST: &str = r#"
name = "Order"
version = 1
[fields]
id = "u32"
px = { type = "decimal", scale = 2, storage = "i32" }
"#;

const SECOND: &str = r#"
name = "Order"
version = 2
[fields]
id = "u64"
price = { type = "decimal", scale = 4, was = "px" }
qty = { type = "u32", since = 2, default = 1 }
"#;

const THIRD: &str = r#"
name = "Trade"
was = "Order"
version = 3
[fields]
price = { type = "decimal", scale = 4, was = "px" }
number = { type = "u64", was = "id" }
qty = { type = "u64", since = 2, default = 1 }
"#;

/// Two events of version 1.
fn first() -> Place {
    let files: [(&str, &[u8]); 5] = [
        ("1.toml", FIRST.as_bytes()),
        ("2.toml", SECOND.as_bytes()),
        ("3.toml", THIRD.as_bytes()),
        ("1.csv", b"id,px\n7,101.25\n8,-0.50\n"),
        ("2.csv", b"id,price,qty\n9,3.1415,5\n10,2.5,6\n"),
    ];
    let place = Place::with(&files);
    place.fine("record j --input 1.csv --schema 1.toml");
    place
}

/// Two of version 2 behind them.
fn go_on(place: &Place) {
    place.fine("record j --input 2.csv --schema 2.toml");
}

fn mixed() -> Place {
    let place = first();
    go_on(&place);
    place
}

const ROWS: &str = "id,price,qty\n7,101.2500,1\n8,-0.5000,1\n9,3.1415,5\n10,2.5000,6\n";

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn all_is_printed_as_the_newest() {
    let place = mixed();
    assert_eq!(place.fine("replay j --format csv --fields id,price,qty"), ROWS);
    let told = place.fine("replay j --json");
    let lines: Vec<Value> = told.lines().map(json).collect();
    let column = |name: &str| lines.iter().map(|line| line[name].to_string()).collect::<Vec<_>>();
    assert_eq!(column("_sequence"), ["0", "1", "2", "3"]);
    assert_eq!(column("price"), ["101.25", "-0.5", "3.1415", "2.5"]);
    assert_eq!(column("qty"), ["1", "1", "5", "6"]);
    assert!(lines.iter().all(|line| line.get("px").is_none()), "{told}");
    let table = place.fine("replay j --format table --fields id,price,qty");
    let words: Vec<String> =
        table.lines().take(5).map(|line| line.split_whitespace().collect::<Vec<_>>().join(",")).collect();
    assert_eq!(words.join("\n") + "\n", ROWS);
}

#[test]
fn conditions_see_what_older_events_have() {
    let place = mixed();
    let told = |condition: &str| {
        let mut command = place.command("replay j --format csv --fields id --where");
        let output = command.arg(condition).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(told("qty == 1"), "id\n7\n8\n");
    assert_eq!(told("qty > 1 and price < 3"), "id\n10\n");
    assert_eq!(told("price == 101.25"), "id\n7\n");
    assert!(place.exits(3, "replay j --where px>1").contains("px"));
}

#[test]
fn exports_are_of_the_newest() {
    let place = mixed();
    place.fine("export j --output all.csv --fields id,price,qty");
    assert_eq!(place.read("all.csv"), ROWS);
    place.fine("export j --output all.jsonl --fields id,qty");
    let lines = place.read("all.jsonl");
    let all: Vec<Value> = lines.lines().map(json).collect();
    assert_eq!(all.iter().map(|line| line["qty"].as_u64()).collect::<Vec<_>>(), [1, 1, 5, 6].map(Some));
}

mod upcast {
    use slipring_journal::Upcast;

    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[event(version = 1, name = "Order")]
    #[repr(C)]
    pub(super) struct First {
        pub id: u64,
        pub px: i64,
    }

    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[event(version = 2, name = "Order", upcasts(First))]
    #[repr(C)]
    pub(super) struct Second {
        pub id: u64,
        pub cents: i64,
    }

    impl Upcast<First> for Second {
        fn upcast(old: &First) -> Self {
            Second { id: old.id, cents: old.px * 100 }
        }
    }
}

/// What the type's author could do is of no use to the shell.
#[test]
fn where_only_a_program_knows_how_it_is_said_from_where_on_records_are_shown() {
    fn write<E: Event>(place: &Place, event: &E) {
        let (mut writer, _) = Journal::at(place.path("j")).segment_records(64).open::<E>().unwrap();
        for _ in 0..2 {
            writer.append(1, event).unwrap();
        }
        writer.close().unwrap();
    }
    const NEWER: &str = "name = \"Order\"\nversion = 2\n[fields]\nid = \"u64\"\ncents = \"i64\"\n";
    let place = Place::with(&[("2.toml", NEWER.as_bytes())]);
    write(&place, &upcast::First { id: 7, px: 3 });
    assert_eq!(place.fine("replay j --format csv --fields id,px"), "id,px\n7,3\n7,3\n");
    write(&place, &upcast::Second { id: 8, cents: 425 });
    place.fine("readers j set a --to-start");
    for line in [
        "replay j",
        "export j --output x.csv",
        "migrate j k --schema 2.toml",
        "follow j --from-sequence 0",
        "follow j --reader a",
    ] {
        let told = place.exits(3, line);
        assert!(told.contains("records from 2 on can be shown: begin there"), "{line}: {told}");
    }
    assert_eq!(place.names(), ["2.toml", "j"]);
    let rows = "id,cents\n8,425\n8,425\n";
    let format = "--format csv --fields id,cents";
    assert_eq!(place.fine(&format!("replay j --from-sequence 2 {format}")), rows);
    assert_eq!(place.fine(&format!("follow j --from-sequence 2 --limit 2 {format}")), rows);
    place.fine("readers j set a --to-sequence 2");
    assert_eq!(place.fine(&format!("follow j --reader a --limit 2 {format}")), rows);
}

#[test]
fn inspect_says_which_segment_is_of_which_version() {
    let place = first();
    let told = place.fine("inspect j");
    assert!(!told.contains("version 1"), "there is one version only: {told}");
    go_on(&place);
    let told = place.fine("inspect j");
    // A segment may have been made ahead.
    let filled = told.lines().filter(|line| !line.ends_with("empty"));
    let versions: Vec<&str> =
        filled.filter_map(|line| line.split_once("  version ").map(|(_, rest)| &rest[..1])).collect();
    assert_eq!(versions, ["1", "2"], "{told}");
    let told = json(&place.fine("inspect j --json"));
    let versions: Vec<_> = told["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| segment["event_version"].as_u64())
        .take(2)
        .collect();
    assert_eq!(versions, [Some(1), Some(2)]);
    assert_eq!(told["fields"][1]["name"], "price");
    place.fine("verify j");
}

#[test]
fn a_journal_of_several_versions_is_migrated_into_one_of_one() {
    let place = mixed();
    place.fine("migrate j k --schema 3.toml");
    let rows = "price,number,qty\n101.2500,7,1\n-0.5000,8,1\n3.1415,9,5\n2.5000,10,6\n";
    assert_eq!(place.fine("replay k --format csv --fields price,number,qty"), rows);
    let times = |journal: &str| place.records(journal).iter().map(|record| record.0).collect::<Vec<_>>();
    assert_eq!(times("k"), times("j"));
    assert!(!place.fine("inspect k").contains("  version "), "one type");
}

fn follow(place: &Place, args: &str) -> Child {
    Child::start(&mut place.command(&format!("follow j {args}")))
}

fn stop(child: Child) {
    child.signal(Signal::INT);
    let (lines, status) = child.rest();
    assert_eq!((lines.len(), status.code()), (0, Some(0)), "{lines:?}");
}

#[test]
fn follow_goes_on_with_the_newest_fields() {
    let place = first();
    let mut all = follow(&place, "--json --from-sequence 0");
    let mut named = follow(&place, "--json --reader billing");
    let mut table = follow(&place, "--format table --from-sequence 1 --fields _sequence,id");
    let mut chosen = follow(&place, "--format csv --from-sequence 0 --fields id --where id>7");
    for child in [&mut all, &mut named] {
        let prices = [child.line(), child.line()].map(|line| json(&line.unwrap())["px"].to_string());
        assert_eq!(prices, ["101.25", "-0.5"]);
    }
    let words = |line: Option<String>| line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!([words(table.line()), words(table.line())], ["sequence id", "1 8"]);
    assert_eq!([chosen.line().unwrap(), chosen.line().unwrap()], ["id", "8"]);
    go_on(&place);
    for child in [&mut all, &mut named] {
        let lines = [child.line(), child.line()].map(|line| json(&line.unwrap()));
        let told = lines.map(|line| format!("{} {} {}", line["_sequence"], line["price"], line["qty"]));
        assert_eq!(told, ["2 3.1415 5", "3 2.5 6"]);
    }
    assert_eq!([table.line(), table.line(), table.line()].map(words), ["sequence id", "2 9", "3 10"]);
    // The columns that were chosen are the same, so it is one CSV.
    assert_eq!([chosen.line().unwrap(), chosen.line().unwrap()], ["9", "10"]);
    [all, named, table, chosen].into_iter().for_each(stop);
    assert!(place.fine("readers j --json").contains("\"position\":4"));
}

/// What can't be shown as it was asked is said, with where to go on; what went before is printed.
#[test]
fn follow_ends_where_what_was_asked_for_ends() {
    let csv = "--format csv --from-sequence 0 --fields id,px";
    for (args, head, reason) in [
        (csv, "id,px", "the events have no field \"px\""),
        ("--format csv --from-sequence 0", "_sequence,_time,_epoch,id,px", "CSV can't change its columns"),
        ("--format csv --reader billing", "_sequence,_time,_epoch,id,px", "CSV can't change its columns"),
        ("--json --from-sequence 0 --where px<1000", "", "px"),
    ] {
        let place = first();
        let mut child = place.piped(&format!("follow j {args}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        if !head.is_empty() {
            assert_eq!(lines.next().unwrap(), head);
        }
        assert!(lines.next().unwrap().contains("101.25") && lines.next().is_some());
        go_on(&place);
        assert_eq!(lines.next(), None, "{args}");
        let output = ended(child);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{args}: {told}");
        assert!(told.contains("from sequence 2 on") && told.contains(reason), "{args}: {told}");
        // Said so, it goes on there.
        let again = if args.contains("--reader") { "--reader billing" } else { "--from-sequence 2" };
        let rest = place.fine(&format!("follow j --format csv {again} --limit 2"));
        assert_eq!(rest.lines().next(), Some("_sequence,_time,_epoch,id,price,qty"));
        assert_eq!(rest.lines().count(), 3, "{rest}");
    }
}

#[derive(Clone, Copy, Debug, Event)]
#[event(name = "Tick")]
#[repr(C)]
struct Cents {
    #[event(decimal = 2)]
    px: i64,
    #[event(names(buy = 1, sell = 2))]
    side: u64,
}

/// The same bytes, counted otherwise.
#[derive(Clone, Copy, Debug, Event)]
#[event(name = "Tick")]
#[repr(C)]
struct Fine {
    #[event(decimal = 4)]
    px: i64,
    #[event(names(buy = 2, sell = 1))]
    side: u64,
}

fn append<E: Event>(place: &Place, event: E) {
    let (mut writer, _) = Journal::at(place.path("j")).open::<E>().unwrap();
    writer.append(1, &event).unwrap();
    writer.close().unwrap();
}

/// The price was once printed as 0.1250, and the buyer as a seller.
#[test]
fn numbers_that_count_otherwise_are_printed_exported_and_migrated_as_they_were_meant() {
    let schema = "name = \"Tick\"\nversion = 2\n[fields]\npx = { type = \"decimal\", scale = 4, storage = \"i128\" }\n\
        side = { type = \"enum\", values = { buy = 2, sell = 1 }, storage = \"u64\" }\n";
    let place = Place::with(&[("2.toml", schema.as_bytes())]);
    append(&place, Cents { px: 1_250, side: 1 });
    let mut child = follow(&place, "--json --from-sequence 0 --fields px,side");
    assert_eq!(json(&child.line().unwrap())["side"], "buy");
    append(&place, Fine { px: 31_415, side: 1 });
    assert_eq!(json(&child.line().unwrap())["px"].to_string(), "3.1415");
    stop(child);
    let rows = "px,side\n12.5000,buy\n3.1415,sell\n";
    assert_eq!(place.fine("replay j --format csv --fields px,side"), rows);
    place.fine("export j --output all.csv --fields px,side");
    assert_eq!(place.read("all.csv"), rows);
    place.fine("migrate j k --schema 2.toml");
    assert_eq!(place.fine("replay k --format csv --fields px,side"), rows);
    // One that has no room is named, behind what is before it.
    append(&place, Cents { px: i64::MAX, side: 1 });
    append(&place, Fine { px: 1, side: 1 });
    let told = place.exits(3, "replay j --format csv --fields px");
    assert!(told.contains("record 2: 9223372036854775807"), "{told}");
}
