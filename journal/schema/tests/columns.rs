//! Columns of every kind: text into bytes and out again, and schemas that lie.

use proptest::prelude::*;
use slipring_journal::{Event, Field, Schema};
use slipring_schema::{FieldFault, Kind, ParseOptions, Table, Value};

fn schema(kind: &str, size: usize, attributes: &str) -> Schema {
    Schema::from_text(&format!("E {size}\nf {kind} 0 {size}{attributes}\n")).expect("a possible schema")
}

/// What the only column makes of a text: as CSV and as JSON.
fn through(schema: &Schema, text: &str) -> Result<(String, String), FieldFault> {
    through_with(schema, text, ParseOptions::default())
}

fn through_with(schema: &Schema, text: &str, options: ParseOptions) -> Result<(String, String), FieldFault> {
    let table = Table::new(schema);
    let mut event = vec![0; table.event_bytes];
    table.columns[0].parse(text, &mut event, &options)?;
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    table.columns[0].value(&event).push_csv(&mut csv);
    table.columns[0].value(&event).push_json(&mut json);
    Ok((String::from_utf8(csv).unwrap(), String::from_utf8(json).unwrap()))
}

#[test]
fn each_kind_is_read_and_printed() {
    for (kind, size, attributes, text, csv, json) in [
        ("u8", 1, "", "255", "255", "255"),
        ("i8", 1, "", "-128", "-128", "-128"),
        ("u64", 8, "", "18446744073709551615", "18446744073709551615", "18446744073709551615"),
        ("i64", 8, "", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
        ("i32", 4, "", "100.0", "100", "100"),
        (
            "u128",
            16,
            "",
            "340282366920938463463374607431768211455",
            "340282366920938463463374607431768211455",
            "\"340282366920938463463374607431768211455\"",
        ),
        (
            "u128",
            16,
            "",
            "+170141183460469231731687303715884105729",
            "170141183460469231731687303715884105729",
            "\"170141183460469231731687303715884105729\"",
        ),
        (
            "u128",
            16,
            "",
            "340282366920938463463374607431768211455.0",
            "340282366920938463463374607431768211455",
            "\"340282366920938463463374607431768211455\"",
        ),
        (
            "u128",
            16,
            "",
            "3.40282366920938463463374607431768211455e38",
            "340282366920938463463374607431768211455",
            "\"340282366920938463463374607431768211455\"",
        ),
        ("u128", 16, "", "-0", "0", "\"0\""),
        ("i128", 16, "", "-5", "-5", "\"-5\""),
        ("f64", 8, "", "0.1", "0.1", "0.1"),
        ("f32", 4, "", "1e30", "1e30", "1e30"),
        ("f64", 8, "", "NaN", "NaN", "\"NaN\""),
        ("f64", 8, "", "-inf", "-inf", "\"-inf\""),
        ("u8", 1, "\tbool", "True", "true", "true"),
        ("u8", 1, "\tbool", "0", "false", "false"),
        ("i64", 8, "\tdecimal=2", "101.5", "101.50", "101.5"),
        ("i64", 8, "\tdecimal=2", "-0.05", "-0.05", "-0.05"),
        ("i64", 8, "\tdecimal=2", "100", "100.00", "100"),
        ("i32", 4, "\tdecimal=0", "7", "7", "7"),
        (
            "i128",
            16,
            "\tdecimal=38",
            "1.00000000000000000000000000000000000001",
            "1.00000000000000000000000000000000000001",
            "1.00000000000000000000000000000000000001",
        ),
        (
            "u64",
            8,
            "\ttime=ns",
            "2024-03-10T09:30:00.000000001Z",
            "2024-03-10T09:30:00.000000001Z",
            "\"2024-03-10T09:30:00.000000001Z\"",
        ),
        (
            "u64",
            8,
            "\ttime=ns",
            "2024-03-10T10:30:00+01:00",
            "2024-03-10T09:30:00Z",
            "\"2024-03-10T09:30:00Z\"",
        ),
        (
            "u64",
            8,
            "\ttime=ms",
            "2024-03-10 09:30:00.5",
            "2024-03-10T09:30:00.5Z",
            "\"2024-03-10T09:30:00.5Z\"",
        ),
        ("u32", 4, "\ttime=s", "1700000001", "2023-11-14T22:13:21Z", "\"2023-11-14T22:13:21Z\""),
        (
            "u64",
            8,
            "\ttime=ns\tinput=s",
            "34200.004241176",
            "1970-01-01T09:30:00.004241176Z",
            "\"1970-01-01T09:30:00.004241176Z\"",
        ),
        ("i64", 8, "\ttime=s", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "\"9999-12-31T23:59:59Z\""),
        ("u64", 8, "\ttime=ns", "2024-03-10T09:30+01", "2024-03-10T08:30:00Z", "\"2024-03-10T08:30:00Z\""),
        ("u64", 8, "\ttime=ns", "2024-03-10T09+01:00", "2024-03-10T08:00:00Z", "\"2024-03-10T08:00:00Z\""),
        (
            "u64",
            8,
            "\ttime=ns",
            "1970-01-01T00:00:00.123456789000Z",
            "1970-01-01T00:00:00.123456789Z",
            "\"1970-01-01T00:00:00.123456789Z\"",
        ),
        ("i64", 8, "\ttime=s\tinput=ms", "300000000000s", "300000000000s", "\"300000000000s\""),
        ("u8", 1, "\tenum=5:1,x:2", "5", "5", "5"),
        ("i64", 8, "\ttime=ns", "1969-12-31", "1969-12-31T00:00:00Z", "\"1969-12-31T00:00:00Z\""),
        ("u8", 1, "\tenum=buy:1,sell:2", "sell", "sell", "\"sell\""),
        ("u8", 1, "\tenum=buy:1,sell:2", "9", "9", "9"),
        ("[u8;8]", 8, "\ttext", "ABC", "ABC", "\"ABC\""),
        ("[u8;8]", 8, "\ttext", "", "", "\"\""),
        ("[u8;8]", 8, "\ttext", "a\"b,c", "\"a\"\"b,c\"", "\"a\\\"b,c\""),
        ("[u8;8]", 8, "\ttext", "né\u{1F600}", "né\u{1F600}", "\"né\u{1F600}\""),
        ("[u8;3]", 3, "", "abc", "abc", "\"abc\""),
        ("[u8;2]", 2, "", "0xff00", "0xff00", "\"0xff00\""),
        ("[i16;3]", 6, "", "[1,-2,3]", "\"[1,-2,3]\"", "[1,-2,3]"),
        ("[[i64;2];1]", 16, "\tdecimal=1", "[[0.5,2]]", "\"[[0.5,2]]\"", "[[0.5,2]]"),
    ] {
        let found = through(&schema(kind, size, attributes), text).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!((found.0.as_str(), found.1.as_str()), (csv, json), "{kind}{attributes} {text}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_said() {
    for (kind, size, attributes, text, said) in [
        ("u8", 1, "", "256", "f is \"256\": that does not fit into u8"),
        ("u8", 1, "", "-1", "does not fit into u8"),
        ("u128", 16, "", "-1", "does not fit into u128"),
        ("u128", 16, "", "340282366920938463463374607431768211456", "does not fit into u128"),
        ("u32", 4, "", "1.5", "expected a whole number (u32)"),
        ("u32", 4, "", "x", "f is \"x\": expected a whole number (u32)"),
        ("u32", 4, "", "", "f has no value"),
        ("f64", 8, "", "1,5", "expected a number"),
        ("u8", 1, "\tbool", "maybe", "expected true or false"),
        ("i64", 8, "\tdecimal=2", "1.005", "the field keeps 2 decimals"),
        ("i64", 8, "\tdecimal=2", "1e30", "does not fit into i64"),
        ("u64", 8, "\ttime=ns", "2024-03-10T09:30:00.0000000001Z", "--round-times"),
        ("u32", 4, "\ttime=s", "2024-03-10T09:30:00.5Z", "times in s"),
        ("u64", 8, "\ttime=ns", "1969-12-31T23:59:59Z", "does not fit into u64"),
        ("u64", 8, "\ttime=ns", "noon", "expected a time"),
        ("u64", 8, "\ttime=ns", "2024-13-10T09:30:00Z", "expected a time"),
        ("u64", 8, "\ttime=ns", "2024-02-30", "expected a time"),
        ("u64", 8, "\ttime=ns", "2024-03-10T09:30-11.5", "expected a time"),
        ("u64", 8, "\ttime=ns", "2024-03-10T09:30+05Z", "expected a time"),
        ("u64", 8, "\ttime=ns", "2024-03-10T09:30:00+25:00", "expected a time"),
        ("u64", 8, "\ttime=ns", "2016-12-31T23:59:60Z", "expected a time"),
        ("u64", 8, "\ttime=ns", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "expected a time"),
        ("f32", 4, "", "1e39", "does not fit into f32"),
        ("f64", 8, "", "-1e309", "does not fit into f64"),
        ("u64", 8, "\ttime=ns", "2024-03-10T09:30:00[Europe/Berlin]", "expected a time"),
        ("u8", 1, "\tenum=buy:1,sell:2", "Buy", "expected one of buy, sell"),
        ("[u8;4]", 4, "\ttext", "ABCDE", "5 bytes, and the field has 4"),
        ("[u8;4]", 4, "\ttext", "A\0B", "expected text"),
        ("[i16;3]", 6, "", "[1,2]", "expected [3 values]"),
        ("[i16;3]", 6, "", "1,2,3", "expected [3 values]"),
    ] {
        let fault = through(&schema(kind, size, attributes), text).expect_err(text).to_string();
        assert!(fault.contains(said), "{kind}{attributes} {text}: {fault}");
    }
}

#[test]
fn text_may_be_cut_and_times_rounded_if_asked() {
    let options = ParseOptions { truncate_text: true, round_times: true };
    let text = schema("[u8;4]", 4, "\ttext");
    assert_eq!(through_with(&text, "abcé", options).unwrap().0, "abc", "not within a character");
    let nanos = schema("u64", 8, "\ttime=ns\tinput=s");
    assert_eq!(
        through_with(&nanos, "35821.088778456004", options).unwrap().0,
        "1970-01-01T09:57:01.088778456Z"
    );
    assert_eq!(
        through_with(&nanos, "1970-01-01T00:00:00.0000000015Z", options).unwrap().0,
        "1970-01-01T00:00:00.000000002Z"
    );
    let seconds = schema("u32", 4, "\ttime=s");
    assert_eq!(
        through_with(&seconds, "1970-01-01T00:00:01.4999999999Z", options).unwrap().0,
        "1970-01-01T00:00:01Z"
    );
    assert_eq!(through_with(&seconds, "1970-01-01T00:00:01.5Z", options).unwrap().0, "1970-01-01T00:00:02Z");
}

#[test]
fn a_default_stands_for_what_is_missing() {
    assert_eq!(through(&schema("i64", 8, "\tdecimal=2\tdefault=1.5"), "").unwrap().0, "1.50");
    let table = Table::new(&schema("[u8;4]", 4, "\ttext"));
    let mut event = [1; 4];
    assert!(matches!(table.columns[0].parse_none(&mut event), Err(FieldFault::Missing { .. })));
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    px: i64,
    _pad: u64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Add {
    order: u64,
    legs: [Leg; 2],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Add(Add) = 1,
    Cancel(Leg) = 2,
    Heartbeat = 7,
}

#[test]
fn a_one_of_event_has_the_columns_of_its_variant() {
    let table = Table::new(&MessageEvent::schema());
    let paths: Vec<&str> = table.columns.iter().map(|column| column.path.as_str()).collect();
    assert_eq!(paths, ["_variant", "Add.order", "Add.legs[0].px", "Add.legs[1].px", "Cancel.px"]);
    let cancel = MessageEvent::from(Message::Cancel(Leg { px: -5, _pad: 9 }));
    let cells = |event: &[u8]| {
        table.columns.iter().map(|column| column.value(event).to_string()).collect::<Vec<_>>().join(",")
    };
    assert_eq!(cells(bytemuck::bytes_of(&cancel)), "Cancel,,,,-5");
    let heartbeat = MessageEvent::from(Message::Heartbeat);
    assert_eq!(cells(bytemuck::bytes_of(&heartbeat)), "Heartbeat,,,,");
    let mut event = vec![0; table.event_bytes];
    assert_eq!(cells(&event), "0,,,,");
    let options = ParseOptions::default();
    for (column, text) in table.columns.iter().zip(["Cancel", "", "", "", "-5"]) {
        column.parse(text, &mut event, &options).unwrap();
    }
    let read: &MessageEvent = bytemuck::from_bytes(&event);
    assert!(matches!(Message::try_from(*read), Ok(Message::Cancel(Leg { px: -5, _pad: 0 }))));
    let fault = table.columns[1].parse("3", &mut event, &options).unwrap_err();
    assert!(matches!(fault, FieldFault::OtherVariant { .. }), "{fault}");
}

/// `time = "ts"` of a one-of event is the `ts` of whatever variant it is of.
#[test]
fn each_variant_says_its_own_time() {
    let text = "M 24\ttime=ts\ntag u32 0 4\nA u32=1 0 4\nA/ts u64 8 8\ttime=ms\nA/x u64 16 8\nB u32=2 0 4\n\
                B/y u64 8 8\nB/ts u64 16 8\ttime=ns\nC u32=3 0 4\n";
    let table = Table::new(&Schema::from_text(text).unwrap());
    let mut event = [0; 24];
    (event[8], event[16]) = (5, 7);
    for (tag, time_ns) in [(1, Some(5_000_000)), (2, Some(7)), (3, None), (9, None)] {
        event[0] = tag;
        assert_eq!(table.time_ns(&event), time_ns, "{tag}");
    }
    let exact = Table::new(&Schema::from_text(&text.replace("time=ts", "time=B/ts")).unwrap());
    event[0] = 1;
    assert_eq!(exact.time_ns(&event), None);
}

#[test]
fn an_export_is_read_by_paths_and_a_file_by_its_own_names() {
    let text = "E 24\nts u64 0 8\ttime=ns\tsource=exch_ts\nrecv u64 8 8\ttime=ns\tsource=ts\nx u64 16 8\n";
    let table = Table::new(&Schema::from_text(text).unwrap());
    for (names, wanted) in [
        (&["exch_ts", "ts", "x"][..], [Some(0), Some(1), Some(2)]),
        (&["ts", "recv", "x"], [Some(0), Some(1), Some(2)]),
        (&["_sequence", "ts"], [Some(1), None, None]),
        (&["ts", "x"], [None, Some(0), Some(1)]),
        (&["recv", "exch_ts"], [Some(1), Some(0), None]),
    ] {
        assert_eq!(table.places(names), wanted, "{names:?}");
    }
}

#[test]
fn tables_that_mean_another_thing_differ() {
    let table = |text: &str| Table::new(&Schema::from_text(text).unwrap());
    let base = table("E 16\ttime=t\nt u64 0 8\ttime=ns\np i64 8 8\tdecimal=2\tunit=USD\n");
    let same =
        table("E 16\ttime=t\nt u64 0 8\ttime=ns\tinput=s\np i64 8 8\tdecimal=2\tsource=Px\tdefault=0\n");
    assert_eq!(base.differs_from(&same), None);
    for (text, wanted) in [
        ("E 16\ttime=t\nt u64 0 8\ttime=ns\np i64 8 8\tdecimal=4\n", "p"),
        ("E 16\ttime=t\nt u64 0 8\ttime=us\np i64 8 8\tdecimal=2\n", "t"),
        ("E 16\nt u64 0 8\ttime=ns\np i64 8 8\tdecimal=2\n", "t"),
    ] {
        assert_eq!(base.differs_from(&table(text)).as_deref(), Some(wanted), "{text}");
    }
}

/// What a file says is believed no further than an event has bytes.
#[test]
fn a_schema_that_lies_is_shown_as_bytes_or_not_at_all() {
    let deep = format!("{}u8{}", "[".repeat(500), ";1]".repeat(500));
    for kind in [
        "[[u8;0];1000000000000000]",
        "[[u8;1000000000000000];0]",
        "[u8;9]",
        "[u16;18446744073709551615]",
        "[[u64;4294967296];4294967296]",
        "[u8;",
        "[;]",
        "[]",
        "",
        "u32",
        "char",
        &deep,
    ] {
        let field = Field { name: "f".into(), kind: kind.into(), offset: 0, size: 8, attributes: Vec::new() };
        let schema = Schema { name: "E".into(), size: 8, fields: vec![field], attributes: Vec::new() };
        let table = Table::new(&schema);
        assert_eq!(table.columns[0].kind, Kind::Bytes(8), "{kind}");
        assert_eq!(table.columns[0].value(&[255; 8]), Value::Bytes(&[255; 8]));
        assert_eq!(table.columns[0].value(&[255; 3]), Value::Null, "an event that is too short");
    }
}

proptest! {
    /// Whatever the bytes, what is printed is read back as the same bytes, by CSV and by JSON.
    #[test]
    fn what_is_printed_is_read_back(
        bytes in proptest::collection::vec(any::<u8>(), 16),
        which in 0usize..16,
    ) {
        let kinds = [
            ("u8", 1, ""), ("i16", 2, ""), ("u32", 4, ""), ("i64", 8, ""), ("u64", 8, ""), ("u128", 16, ""),
            ("i128", 16, ""), ("i64", 8, "\tdecimal=9"), ("i128", 16, "\tdecimal=38"), ("u64", 8, "\ttime=ns"),
            ("i64", 8, "\ttime=s"), ("i64", 8, "\ttime=ms"), ("[u8;7]", 7, ""), ("[i32;4]", 16, ""),
            ("u16", 2, "\tenum=a:1,b:2"), ("[[u8;4];2]", 8, ""),
        ];
        let (kind, size, attributes) = kinds[which];
        let table = Table::new(&schema(kind, size, attributes));
        let event = &bytes[..size];
        let column = &table.columns[0];
        let text = column.value(event).to_string();
        let mut back = vec![0; size];
        column.parse(&text, &mut back, &ParseOptions::default()).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(&back, event, "{}", text);
        let mut json = Vec::new();
        column.value(event).push_json(&mut json);
        let json = String::from_utf8(json).unwrap();
        let text = match json.starts_with('"') {
            true => serde_json::from_str::<String>(&json).unwrap(),
            false => json,
        };
        let mut back = vec![0; size];
        column.parse(&text, &mut back, &ParseOptions::default()).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(&back, event, "{}", text);
    }

    /// Whatever the text, it is refused or it is there.
    #[test]
    fn no_text_is_too_much(text in "\\PC{0,40}", which in 0usize..8) {
        let kinds = [
            ("u8", 1, ""), ("u128", 16, ""), ("i128", 16, "\tdecimal=38"), ("u64", 8, "\ttime=ns"),
            ("[u8;7]", 7, "\ttext"), ("[i32;4]", 16, ""), ("u16", 2, "\tenum=a:1,b:2"), ("[u8;4]", 4, ""),
        ];
        let (kind, size, attributes) = kinds[which];
        let table = Table::new(&schema(kind, size, attributes));
        let mut event = vec![0; size];
        let options = ParseOptions { truncate_text: true, round_times: true };
        let _ = table.columns[0].parse(&text, &mut event, &options);
    }
}
