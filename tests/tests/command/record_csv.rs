//! `slipring record` of CSV files: whatever their people write, exactly or not at all.

use crate::place::Place;

const ORDER: &str = r#"
name = "Order"
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
symbol = { type = "text", length = 8 }
side = { type = "enum", values = { buy = 1, sell = 2 } }
price = { type = "decimal", scale = 2 }
qty = { type = "u32", default = 0 }
"#;

/// The survey's own events.
const EVENTS: &str = "timestamp,event_type,user,amount\n1700000001,USER_LOGIN,17,0.00\n\
    1700000002,PAYMENT,17,12.50\n1700000002,PAYMENT,18,7.25\n1700000005,USER_LOGOUT,17,0.00\n";
const EVENT: &str = r#"
name = "Event"
time = "timestamp"
[fields]
timestamp = { type = "time", unit = "s" }
event_type = { type = "text", length = 16 }
user = "u32"
amount = { type = "decimal", scale = 2 }
"#;

const TWO: [&str; 2] = [
    "2024-03-10T09:30:00.000000001Z 2024-03-10T09:30:00.000000001Z,A B,buy,101.25,300",
    "2024-03-10T09:30:00.000000002Z 2024-03-10T09:30:00.000000002Z,\"C,\"\"D\",sell,-0.50,0",
];

fn orders(input: impl AsRef<[u8]>) -> Place {
    Place::with(&[("order.toml", ORDER.as_bytes()), ("in.csv", input.as_ref())])
}

const RECORD: &str = "record j --schema order.toml --input in.csv";

#[test]
fn replay_from_a_time_gives_the_rows_at_or_behind_it() {
    let place = Place::with(&[("event.toml", EVENT.as_bytes()), ("events.csv", EVENTS.as_bytes())]);
    let said = place.fine("record j --input events.csv --schema event.toml");
    assert!(said.contains("recorded 4 events from events.csv into j: sequence 0 to 4"), "{said}");
    for from in 1_700_000_000..1_700_000_007_u64 {
        let wanted: Vec<&str> = EVENTS
            .lines()
            .skip(1)
            .filter(|line| line.split(',').next().unwrap().parse::<u64>().unwrap() >= from)
            .map(|line| line.split_once(',').unwrap().1)
            .collect();
        let printed = place.fine(&format!("replay j --format csv --from {}", from * 1_000_000_000));
        let rows: Vec<&str> =
            printed.lines().skip(1).map(|line| line.splitn(5, ',').nth(4).unwrap()).collect();
        assert_eq!(rows, wanted, "from {from}");
    }
}

#[test]
fn quotes_line_ends_marks_and_order_of_columns_change_nothing() {
    let plain = "ts,symbol,side,price,qty\n2024-03-10T09:30:00.000000001Z,A B,buy,101.25,300\n\
        2024-03-10T09:30:00.000000002Z,\"C,\"\"D\",sell,-0.50,\n";
    let ns = 1_710_063_000_000_000_000_u64;
    let forms = [
        plain.to_owned(),
        plain.replace('\n', "\r\n"),
        format!("\u{feff}{plain}"),
        plain.trim_end().to_owned(),
        plain.replace('\n', "\n\n"),
        plain.replace('\n', "\r\n\r\n"),
        format!(
            "qty,price, side ,symbol,ts\n300,1.0125e2,1,A B,{}\n,-0.5,2,\"C,\"\"D\",{}\n",
            ns + 1,
            ns + 2
        ),
        format!(
            "\"ts\",\"symbol\",\"side\",\"price\",\"qty\"\r\n\"{}\",\"A B\",\"buy\",\"101.250\",\"300\"\r\n\
             \"{}\",\"C,\"\"D\",\"sell\",\"-.5\",\"\"",
            ns + 1,
            ns + 2
        ),
    ];
    for form in forms {
        let place = orders(&form);
        place.fine(RECORD);
        assert_eq!(place.rows("j"), TWO, "{form}");
    }
}

#[test]
fn a_quoted_cell_may_have_line_ends_and_lines_are_counted_right_behind_it() {
    let text = "name = \"T\"\n[fields]\na = { type = \"text\", length = 16 }\nb = \"u8\"\n";
    let place = Place::with(&[
        ("t.toml", text.as_bytes()),
        ("in.csv", b"a,b\n\"one\n\ntwo\r\",1\n\"x\"\"\n\",2\r\n\"y\",300\n"),
    ]);
    let said = place.exits(1, "record j --schema t.toml --input in.csv");
    assert!(said.contains("in.csv:7:5: b is \"300\""), "{said}");
    let records = place.records("j");
    let texts: Vec<&[u8]> = records.iter().map(|(_, event)| &event.as_ref().unwrap()[..9]).collect();
    assert_eq!(texts, [&b"one\n\ntwo\r"[..], b"x\"\n\0\0\0\0\0\0"]);
}

#[test]
fn what_is_malformed_is_refused_with_line_and_column_and_what_is_before_it_is_in() {
    let good = "1710063000000000001,AB,buy,1.00,1\n";
    let cases: [(&[u8], &str); 14] = [
        (b"1710063000000000002,AB,by,1.00,1\n", "3:24: side is \"by\": expected one of buy, sell"),
        (b"1710063000000000002,AB,buy,1.005,1\n", "3:28: price is \"1.005\": the field keeps 2 decimals"),
        (b"1710063000000000002,AB,buy,1,00,1\n", "3:33: 6 cells, and there are 5 names"),
        (b"1710063000000000002,AB,buy\n", "3:27: the line ends where price should be: 3 of 5 cells"),
        (b"1710063000000000002,ABCDEFGHI,buy,1,1\n", "3:21: symbol is \"ABCDEFGHI\": 9 bytes"),
        (b"1710063000000000002.5,AB,buy,1,1\n", "3:1: ts is \"1710063000000000002.5\": the field keeps"),
        (b"noon,AB,buy,1,1\n", "3:1: ts is \"noon\": expected a time"),
        (b"-1,AB,buy,1,1\n", "3:1: ts is \"-1\""),
        (b"1710063000000000002,AB,buy,1,-1\n", "3:30: qty is \"-1\""),
        (b"1710063000000000002,AB,buy,1,4294967296\n", "3:30: qty is \"4294967296\""),
        (b"1710063000000000002,A\xff,buy,1,1\n", "3:22: the line is no UTF-8"),
        (b"1710063000000000002,AB,,1,1\n", "3:24: side has no value"),
        (
            b"1710063000000000002,\"AB,buy,1,1\n1710063000000000003,AB,buy,1,1\n",
            "3:21: a quote is not closed",
        ),
        (b"1710063000000000002,\"A\0\",buy,1,1\n", "3:21: symbol is"),
    ];
    for (bad, wanted) in cases {
        let head = ["ts,symbol,side,price,qty\n".as_bytes(), good.as_bytes()].concat();
        let place = orders([&head, bad, good.as_bytes()].concat());
        let said = place.exits(1, RECORD);
        assert!(said.contains(&format!("in.csv:{wanted}")), "{wanted}: {said}");
        assert!(said.contains("recorded 1 event, all of them durable; go on with --resume"), "{said}");
        assert_eq!(place.rows("j").len(), 1);
        // With nothing before it nothing is recorded.
        let place = orders([b"ts,symbol,side,price,qty\n", bad].concat());
        let said = place.exits(3, RECORD);
        assert!(said.contains("in.csv:2:") && said.contains("nothing was recorded"), "{said}");
        assert!(place.records("j").is_empty());
    }
}

#[test]
fn malformed_lines_are_set_aside_as_they_were_and_can_be_mended_and_recorded() {
    let input = "ts,symbol,side,price,qty\r\n1,A,buy,1,1\r\n2,\"B\n\",by,1,1\r\n3,C,sell,x,1\r\n4,D,buy,1,1\r\n5,E,buy";
    let place = orders(input);
    let said = place.exits(1, &format!("{RECORD} --rejects bad.csv"));
    assert!(said.contains("3 malformed, set aside in bad.csv; why is in bad.csv.why"), "{said}");
    assert_eq!(place.rows("j").len(), 2);
    let aside = "ts,symbol,side,price,qty\r\n2,\"B\n\",by,1,1\r\n3,C,sell,x,1\r\n5,E,buy\n";
    assert_eq!(place.read("bad.csv"), aside);
    let why = place.read("bad.csv.why");
    let begins: Vec<&str> = why.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(begins, ["in.csv:4:3", "in.csv:5:10", "in.csv:7:8"]);
    // What was set aside is not written over.
    let said = place.exits(3, "record k --schema order.toml --input in.csv --rejects bad.csv");
    assert!(said.contains("bad.csv is there already"), "{said}");
    let mended = aside.replace("by", "buy").replace('x', "1").replace("E,buy", "E,buy,1,1");
    place.write("mended.csv", mended);
    place.fine("record j --schema order.toml --input mended.csv");
    assert_eq!(place.records("j").len(), 5);
}

#[test]
fn files_that_are_no_such_csv_are_refused_before_there_is_a_journal() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "it is empty; expected a line of names"),
        (b"\n\r\n", "it is empty"),
        (b"\xff\xfet\0s\0", "it is UTF-16"),
        (b"ts,symbol,side,price,qty\r1,A,buy,1,1\r", "carriage return alone"),
        (b"ts,sym,side,qty\n", "there is no column for symbol, price; the columns are ts, sym, side, qty"),
        (b"1,A,buy,1,1\n", "there is no column for ts, symbol, side, price"),
        (b"ts,symbol,side,price,qty,ts\n", "the column ts is there twice"),
        (b"ts,\"symbol,side,price,qty\n", "a quote that is not closed"),
    ];
    for (input, wanted) in cases {
        let place = orders(input);
        let said = place.exits(3, RECORD);
        assert!(said.contains(wanted) && said.contains("nothing was recorded"), "{wanted}: {said}");
        assert!(!place.path("j").exists(), "{wanted}");
    }
    let place = orders("ts,symbol,side,price,qty\n");
    assert!(place.fine(RECORD).contains("recorded 0 events"));
    assert!(place.records("j").is_empty());
    let said = place.exits(3, "record j --schema order.toml --input nowhere.csv");
    assert!(said.contains("read nowhere.csv"), "{said}");
}

#[test]
fn a_line_that_never_ends_is_refused() {
    for begin in ["ts,symbol,side,price,qty\n", "ts,symbol,side,price,qty\n1,\""] {
        let place = orders(begin);
        let file = std::fs::OpenOptions::new().write(true).open(place.path("in.csv")).unwrap();
        // A hole: zeros, and no newline among them.
        file.set_len(64 << 20).unwrap();
        let said = place.exits(3, RECORD);
        let wanted =
            if begin.ends_with('"') { "a quote is not closed" } else { "a line of more than 16777216 bytes" };
        assert!(said.contains(wanted) && said.contains("nothing was recorded"), "{said}");
    }
}

#[test]
fn names_delimiters_and_columns_can_be_said() {
    let place = orders("1,A,buy,1.5,2\n");
    place.fine("record a --schema order.toml --input in.csv --no-header");
    place.fine("record b --schema order.toml --input in.csv --as csv-noheader");
    place.write("swapped.csv", "2;buy;A;1.5;unknown;1\n");
    let said = place.fine(
        "record c --schema order.toml --input swapped.csv --delimiter ; --header qty,side,symbol,price,note,ts",
    );
    assert!(said.contains("recorded 1 event"), "{said}");
    let noticed = place.exits(
        0,
        "record d --schema order.toml --input swapped.csv --delimiter ; --header qty,side,symbol,price,note,ts",
    );
    assert!(noticed.contains("no field takes these columns, and they are passed over: note"), "{noticed}");
    place.write("in.tsv", "side\tprice\tsymbol\tts\nbuy\t1.50\tA\t1\n");
    place.fine("record e --schema order.toml --input in.tsv");
    let wanted = ["1970-01-01T00:00:00.000000001Z 1970-01-01T00:00:00.000000001Z,A,buy,1.50,2"];
    for journal in ["a", "b", "c"] {
        assert_eq!(place.rows(journal), wanted, "{journal}");
    }
    assert_eq!(place.rows("e"), [wanted[0].replace(",2", ",0")]);
    assert!(
        place.exits(3, "record f --schema order.toml --input in.csv --delimiter ab").contains("--delimiter")
    );
}

#[test]
fn what_does_not_fit_is_cut_or_rounded_if_that_is_said_and_counted() {
    let place = orders(
        "ts,symbol,side,price,qty\n1.5,ABCDEFGHI,buy,1,1\n2,\u{e4}\u{f6}\u{fc}\u{df}x,buy,1,1\n3,A,buy,1,1\n",
    );
    let said = place.fine(&format!("{RECORD} --truncate-text --round-times"));
    assert!(
        said.contains("2 with text that was cut") && said.contains("1 with times that were rounded"),
        "{said}"
    );
    let rows = place.rows("j");
    assert!(rows[0].contains("00:00:00.000000002Z,ABCDEFGH,"), "{}", rows[0]);
    // Never in the middle of a character.
    assert!(rows[1].contains(",\u{e4}\u{f6}\u{fc}\u{df},"), "{}", rows[1]);
}

#[test]
fn a_time_before_the_last_one_is_counted_and_takes_the_last_ones_place() {
    let place = orders("ts,symbol,side,price,qty\n5,A,buy,1,1\n3,A,buy,1,1\n7,A,buy,1,1\n");
    let said: serde_json::Value = serde_json::from_str(&place.fine(&format!("{RECORD} --json"))).unwrap();
    assert_eq!((said["recorded"].as_u64(), said["regressions"].as_u64()), (Some(3), Some(1)));
    assert_eq!((said["end_sequence"].as_u64(), said["durable_end"].as_u64()), (Some(3), Some(3)));
    let times: Vec<u64> = place.records("j").iter().map(|(time_ns, _)| *time_ns).collect();
    assert_eq!(times, [5, 5, 7]);
}

#[test]
fn what_was_exported_is_recorded_with_its_times() {
    let place = orders("ts,symbol,side,price,qty\n5,A,buy,1,1\n3,\"B,\n\",sell,2.50,1\n7,C,buy,1,1\n");
    place.fine(RECORD);
    place.write("out.csv", place.fine("replay j --format csv"));
    place.fine("record k --like j --input out.csv");
    place.fine("record l --input k");
    for journal in ["k", "l"] {
        assert_eq!(place.records(journal), place.records("j"), "{journal}");
    }
    // A journal needs no schema said again.
    place.fine("record k --input out.csv");
    assert_eq!(place.records("k").len(), 6);
}

#[test]
fn a_limit_ends_a_recording_in_good_order() {
    let place = orders("ts,symbol,side,price,qty\n1,A,buy,1,1\n2,A,buy,1,1\nbroken\n");
    assert!(place.fine(&format!("{RECORD} --limit 2")).contains("recorded 2 events"));
    assert_eq!(place.records("j").len(), 2);
}

#[test]
fn without_a_time_in_the_schema_the_clock_says_it() {
    let place = Place::with(&[("t.toml", b"name = \"T\"\n[fields]\na = \"u8\"\n"), ("in.csv", b"a\n1\n2\n")]);
    let now =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let before = now();
    place.fine("record j --schema t.toml --input in.csv");
    let times: Vec<u64> = place.records("j").iter().map(|(time_ns, _)| *time_ns).collect();
    assert!(times[0] >= before && times[1] >= times[0] && times[1] <= now(), "{times:?}");
}

#[test]
fn a_schema_is_inferred_written_and_used() {
    let place = Place::with(&[("events.csv", EVENTS.as_bytes())]);
    let said = place.exits(0, "record j --input events.csv --infer");
    assert!(said.contains("the events' schema is in j.toml"), "{said}");
    assert_eq!(place.rows("j")[1], "2023-11-14T22:13:22Z 2023-11-14T22:13:22Z,PAYMENT,17,12.50");
    // What is there is not written over.
    let said = place.exits(3, "record k --input events.csv --infer=j.toml");
    assert!(said.contains("j.toml is there already"), "{said}");
    place.fine("record k --input events.csv --schema j.toml");
    assert_eq!(place.records("k"), place.records("j"));
}

#[test]
fn nothing_is_guessed_about_what_nothing_says() {
    let place = orders("ts,symbol,side,price,qty\n1,A,buy,1,1\n");
    place.write("in.data", "x");
    assert!(place.exits(3, "record j --input in.data --schema order.toml").contains("give --as one of csv"));
    assert!(place.exits(3, "record j --input in.csv --as xml").contains("there is no format xml"));
    assert!(place.exits(3, "record j --input in.csv --as csv").contains("give --schema SCHEMA.toml, --like"));
    assert!(place.exits(3, "record j --input in.csv --schema nowhere.toml").contains("nowhere.toml"));
    place.write("bad.toml", "name = \"Order\"\n[fields]\nts = \"int\"\n");
    assert!(place.exits(3, "record j --input in.csv --schema bad.toml").contains("bad.toml:3:"));
    assert!(!place.path("j").exists());
}
