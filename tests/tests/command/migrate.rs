//! `slipring migrate`: a journal's records as events of a newer type, in a new journal.

use slipring_journal::{Journal, Kind};

use crate::place::{Place, said};

const ORDER: &str = r#"
name = "Order"
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
sym = { type = "text", length = 4 }
px = { type = "decimal", scale = 2, storage = "i32" }
note = { type = "text", length = 4 }
"#;

const NEWER: &str = r#"
name = "Trade"
was = "Order"
version = 2
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
price = { type = "decimal", scale = 4, was = "px" }
symbol = { type = "text", length = 8, was = "sym" }
side = { type = "enum", values = { buy = 1, sell = 2 }, since = 2, default = "sell" }
"#;

const ROWS: &str = "ts,sym,px,note\n1700000000000000001,ABC,101.25,x\n1700000000000000002,DEFG,-0.50,\n";

fn orders() -> Place {
    let files: [(&str, &[u8]); 3] =
        [("order.toml", ORDER.as_bytes()), ("newer.toml", NEWER.as_bytes()), ("in.csv", ROWS.as_bytes())];
    let place = Place::with(&files);
    place.fine("record j --input in.csv --schema order.toml");
    place
}

#[test]
fn records_become_events_of_the_newer_type_with_their_times() {
    let place = orders();
    let (mut writer, _) = Journal::at(place.path("j"))
        .open_raw(&Journal::at(place.path("j")).raw_reader().unwrap().schema().unwrap())
        .unwrap();
    writer.append_void(1_700_000_000_000_000_005).unwrap();
    writer.close().unwrap();
    let told = place.fine("migrate j k --schema newer.toml --dry-run");
    let changes = "\
        \x20 price: was called px\n\
        \x20 price: i32 (decimal=2) becomes i64 (decimal=4)\n\
        \x20 symbol: was called sym\n\
        \x20 symbol: [u8;4] (text) becomes [u8;8] (text)\n\
        \x20 side: added, \"sell\" in older events\n\
        \x20 note: left out ([u8;4] (text))\n";
    assert_eq!(told, format!("j can be migrated into k:\n{changes}"));
    assert!(!place.path("k").exists());
    let told = place.fine("migrate j k --schema newer.toml");
    let (first, rest) = told.split_once('\n').unwrap();
    assert!(first.starts_with("migrated 3 records of j into k, durable, in "), "{told}");
    assert_eq!(rest, format!("without an event, as before: 1\n{changes}"));
    let rows = [
        "2023-11-14T22:13:20.000000001Z 2023-11-14T22:13:20.000000001Z,101.2500,ABC,sell",
        "2023-11-14T22:13:20.000000002Z 2023-11-14T22:13:20.000000002Z,-0.5000,DEFG,sell",
    ];
    assert_eq!(place.rows("k"), rows);
    let times = |journal: &str| place.records(journal).iter().map(|record| record.0).collect::<Vec<_>>();
    assert_eq!(times("k"), times("j"));
    assert_eq!(place.records("k")[2].1, None);
    place.fine("verify k");
    let schema = Journal::at(place.path("k")).raw_reader().unwrap().schema().unwrap();
    assert_eq!((schema.name.as_str(), schema.version()), ("Trade", Some(2)));
}

#[test]
fn a_refusal_says_field_by_field_what_to_do_and_leaves_nothing() {
    let place = orders();
    let narrow = NEWER.replace("length = 8", "length = 2").replace(", since = 2, default = \"sell\"", "");
    place.write("narrow.toml", narrow);
    let before = place.names();
    let told = place.exits(3, "migrate j k --schema narrow.toml");
    assert!(told.starts_with("slipring: events of j can't become Trade:\n"), "{told}");
    for line in [
        "  symbol  [u8;4] (text)  [u8;2] (text)          it would be cut: keep `[u8;4] (text)`, or say how in `impl Upcast`",
        "  side    -              u8 (enum=buy:1,sell:2)  say what it is in older events: `default = ..`, or `since = N` for \
         zero; if it had another name, `was = \"..\"`",
    ] {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.lines().any(|has| flat(has) == flat(line)), "no {line} in {told}");
    }
    assert!(told.ends_with("nothing was migrated\n"), "{told}");
    let output = place.run("migrate j k --schema narrow.toml --json");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&object["status"], &object["differences"][0]["field"]),
        (&"refused".into(), &"symbol".into())
    );
    // What is there is left alone.
    place.write("k", "mine");
    let told = place.exits(3, "migrate j k --schema newer.toml");
    assert!(told.contains("k is there already: give the path of a new folder"), "{told}");
    std::fs::remove_file(place.path("k")).unwrap();
    place.exits(3, "migrate j k --schema nowhere.toml");
    place.exits(3, "migrate nowhere k --schema newer.toml");
    assert_eq!(place.names(), before);
}

#[test]
fn the_answer_as_json() {
    let place = orders();
    let object = |line: &str| serde_json::from_str::<serde_json::Value>(&place.fine(line)).unwrap();
    let said = object("migrate j k --schema newer.toml --dry-run --json");
    assert_eq!((&said["status"], &said["records"]), (&"possible".into(), &serde_json::Value::Null));
    let said = object("migrate j k --schema newer.toml --json");
    assert_eq!(
        (&said["status"], &said["records"], &said["voids"]),
        (&"migrated".into(), &2.into(), &0.into())
    );
    assert_eq!(said["changes"][0], "price: was called px");
}

#[test]
fn a_damaged_journal_is_2_and_nothing_is_there() {
    use std::os::unix::fs::FileExt;
    let place = orders();
    let segment = place.path("j").join(format!("{:020}.seg", 0));
    let file = std::fs::File::options().write(true).open(segment).unwrap();
    file.write_all_at(&[7; 8], slipring_journal::HEADER_BYTES + 20).unwrap();
    let before = place.names();
    place.exits(2, "migrate j k --schema newer.toml");
    assert_eq!(place.names(), before);
}

/// Killed at whatever moment, the new journal is whole or not there; the next run makes it.
#[test]
fn a_migration_that_is_killed_leaves_no_part_under_the_name() {
    let place = Place::with(&[("order.toml", ORDER.as_bytes()), ("newer.toml", NEWER.as_bytes())]);
    let rows: String = (0..20_000).map(|at| format!("17000000000000{at:05},A,{at}.25,n\n")).collect();
    place.write("in.csv", format!("ts,sym,px,note\n{rows}"));
    place.fine("record j --input in.csv --schema order.toml");
    let mut whole = 0;
    for pause_us in (0..40).map(|step| 1_000 * step) {
        let mut child = place.command("migrate j k --schema newer.toml --json").spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(pause_us));
        child.kill().unwrap();
        child.wait().unwrap();
        if place.path("k").exists() {
            whole += 1;
            check_whole(&place);
            std::fs::remove_dir_all(place.path("k")).unwrap();
        }
    }
    println!("killed 40 times, {whole} of them whole");
    place.fine("migrate j k --schema newer.toml");
    check_whole(&place);
}

fn check_whole(place: &Place) {
    place.fine("verify k");
    let mut reader = Journal::at(place.path("k")).raw_reader().unwrap();
    assert_eq!(reader.end_sequence(), 20_000);
    assert_eq!(reader.at(19_999).unwrap().kind, Kind::Event);
}
