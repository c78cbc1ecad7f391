//! Samples as people have them, and those that would lose something if they were guessed carelessly.

use super::Cell::{Array, Bool, Missing, Number, String as Str, Text};
use super::{Cell, InferError, infer};
use proptest::prelude::*;

fn lines(columns: &[&str], rows: &[Vec<Cell<'_>>]) -> Vec<String> {
    let schema = infer("E", columns, rows.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(crate::file::from_toml(&crate::file::to_toml(&schema)).unwrap(), schema);
    schema.to_text().lines().map(str::to_owned).collect()
}

/// The field for one column of these values, without its place.
fn one(name: &str, cells: &[Cell<'_>]) -> String {
    let rows: Vec<Vec<Cell<'_>>> = cells.iter().map(|cell| vec![*cell]).collect();
    let line = &lines(&[name], &rows)[1];
    let (layout, attributes) = line.split_once('\t').unwrap_or((line, ""));
    format!("{} {attributes}", layout.split(' ').nth(1).unwrap()).trim_end().to_owned()
}

#[test]
fn json_lines_of_orders() {
    let row =
        |ts, symbol, side, price, qty| vec![Str(ts), Str(symbol), Str(side), Number(price), Number(qty)];
    let rows = [
        row("2024-03-10T09:30:00.000000001Z", "ABC", "buy", "101.25", "300"),
        row("2024-03-10T09:30:00.000000002Z", "ABCD.N", "sell", "101.5", "100"),
    ];
    let expected = [
        "E 40\ttime=ts",
        "ts u64 0 8\ttime=ns",
        "symbol [u8;8] 8 8\ttext=",
        "side [u8;8] 16 8\ttext=",
        "price i64 24 8\tdecimal=2",
        "qty i64 32 8",
    ];
    assert_eq!(lines(&["ts", "symbol", "side", "price", "qty"], &rows), expected);
}

#[test]
fn csv_of_events_with_times_in_seconds() {
    let row = |cells: [&'static str; 4]| cells.map(Text).to_vec();
    let rows =
        [row(["1700000001", "USER_LOGIN", "17", "0.00"]), row(["1700000002", "PAYMENT", "17", "12.50"])];
    let expected = [
        "E 40\ttime=timestamp",
        "timestamp u64 0 8\ttime=s",
        "event_type [u8;16] 8 16\ttext=",
        "user i64 24 8",
        "amount i64 32 8\tdecimal=2",
    ];
    assert_eq!(lines(&["timestamp", "event_type", "user", "amount"], &rows), expected);
}

#[test]
fn types_of_single_columns() {
    for (cells, kind) in [
        (vec![Text("1"), Text("-2")], "i64"),
        (vec![Text("18446744073709551615")], "u64"),
        (vec![Text("18446744073709551615"), Text("-1")], "i128"),
        (vec![Text("340282366920938463463374607431768211455")], "u128"),
        (vec![Text("340282366920938463463374607431768211456")], "[u8;48] text="),
        (vec![Text("1"), Text("0.125")], "i64 decimal=3"),
        (vec![Text("123456789012345.12")], "i64 decimal=2"),
        (vec![Text("1234567890123456.12")], "i128 decimal=2"),
        (vec![Text("0.00000000000000000000000000000000000001")], "i128 decimal=38"),
        (vec![Text("1.00000000000000000000000000000000000001")], "[u8;56] text="),
        (vec![Text("1e5"), Text("2")], "f64"),
        (vec![Number("1E-5")], "f64"),
        (vec![Text("NaN"), Text("1.5")], "f64"),
        (vec![Text("NaN"), Text("9007199254740993")], "[u8;24] text="),
        (vec![Text("true"), Text("false")], "u8 bool="),
        (vec![Bool(true), Missing], "u8 bool=\tdefault=false"),
        (vec![Bool(true), Number("1")], "[u8;8] text="),
        (vec![Text("007"), Text("12")], "[u8;8] text="),
        (vec![Text("+1")], "[u8;8] text="),
        (vec![Text("5.")], "[u8;8] text="),
        (vec![Text("1"), Text("x")], "[u8;8] text="),
        (vec![Str("1"), Str("2")], "[u8;8] text="),
        (vec![Str("12345678")], "[u8;16] text="),
        (vec![Number("1"), Missing], "i64 default=0"),
        (vec![Str(""), Missing], "[u8;8] text=\tdefault="),
        (vec![Text("")], "[u8;16] text=\tdefault="),
        (vec![], "[u8;16] text="),
        (vec![Text("1969-12-31T23:59:59Z"), Text("2024-01-01T00:00:00+02:00")], "i64 time=ns"),
        (vec![Text("9000-01-01T00:00:00Z")], "[u8;32] text="),
        (vec![Text("2024-03-10 09:30:00.000000001")], "u64 time=ns"),
        (vec![Text("2024-03-10"), Text("2024-03-11")], "u64 time=ns"),
        (vec![Text("2024-03-10"), Text("tomorrow")], "[u8;16] text="),
        (vec![Text("True"), Text("False")], "u8 bool="),
        (vec![Text("1700000001")], "i64"),
        (vec![Array("[1,-2]"), Array(" [ 3 , 4 ] ")], "[i64;2]"),
        (vec![Array("[1.5]"), Array("[2]")], "[i64;1] decimal=1"),
        (vec![Array("[1e5,2]")], "[f64;2]"),
    ] {
        assert_eq!(one("x", &cells), kind, "{cells:?}");
    }
    let long = "x".repeat(400);
    assert_eq!(one("x", &[Text(&long)]), "[u8;255] text=");
}

#[test]
fn arrays_that_no_field_holds_are_passed_over() {
    for cells in [
        vec![Array("[1]"), Array("[1,2]")],
        vec![Array("[]")],
        vec![Array("[1,\"a\"]")],
        vec![Array("[[1]]")],
        vec![Array("{}")],
        vec![Array("[1,true]")],
        vec![Array("[true]")],
        vec![Array("[1,null]")],
        vec![Array("[1]"), Missing],
        vec![Number("1"), Array("[1]")],
    ] {
        let rows: Vec<Vec<Cell<'_>>> = cells.iter().map(|cell| vec![*cell, Number("1")]).collect();
        assert_eq!(lines(&["x", "y"], &rows)[1..], ["y i64 0 8"], "{cells:?}");
    }
}

#[test]
fn integers_count_from_1970_where_name_and_size_say_so() {
    for (name, value, kind) in [
        ("ts", "1700000001", "u64 time=s"),
        ("Time", "1700000001000", "u64 time=ms"),
        ("ts_event", "1700000001000000", "u64 time=us"),
        ("recv-timestamp", "1700000001000000000", "u64 time=ns"),
        ("ts", "1700000001.25", "u64 time=ns\tinput=s"),
        ("ts", "1700000001250.000001", "u64 time=ns\tinput=ms"),
        ("ts", "1700000001.0000000001", "i128 decimal=10"),
        ("ts", "34200.5", "i64 decimal=1"),
        ("ts", "34200", "i64"),
        ("lifetime", "1700000001", "i64"),
    ] {
        assert_eq!(one(name, &[Text(value)]), kind, "{name}");
    }
    assert_eq!(one("ts", &[Text("1700000001"), Text("1700000001000")]), "i64");
}

#[test]
fn the_journal_time_never_decreases_and_is_always_there() {
    let late = || Text("2024-01-02T00:00:00Z");
    let early = || Text("2024-01-01T00:00:00Z");
    let columns = ["sent", "seen", "stored", "more"];
    let rows = [vec![late(), early(), early(), early()], vec![early(), Missing, early(), late()]];
    assert_eq!(lines(&columns, &rows)[0], "E 32\ttime=stored");
    assert_eq!(lines(&["sent"], &[vec![late()], vec![early()]])[0], "E 8");
}

#[test]
fn names_of_columns_become_names_of_fields() {
    let columns =
        ["_time", "leg.px", "id", "leg.qty", "Size (shares)", "id.x", "_own", "legs[0].px", "é", "a.0"];
    let rows = [columns.map(|_| Number("1")).to_vec()];
    let expected = [
        "E 72",
        "leg.px i64 0 8",
        "leg.qty i64 8 8",
        "id i64 16 8",
        "Size__shares_ i64 24 8\tsource=Size (shares)",
        "id_x i64 32 8\tsource=id.x",
        "field_own i64 40 8\tsource=_own",
        "legs_0__px i64 48 8\tsource=legs[0].px",
        "é i64 56 8",
        "a_0 i64 64 8\tsource=a.0",
    ];
    assert_eq!(lines(&columns, &rows), expected);
}

#[test]
fn samples_of_which_no_schema_can_be_made() {
    let none: [&[Cell<'_>]; 0] = [];
    assert_eq!(infer("E", &["a", " "], none), Err(InferError::NoName { index: 2 }));
    assert_eq!(infer("E", &["a", "a"], none), Err(InferError::Twice("a".into())));
    assert_eq!(infer("E", &["_time"], none), Err(InferError::NoColumns));
    assert_eq!(infer("E", &["" as &str; 0], none), Err(InferError::NoColumns));
    assert_eq!(infer("a b", &["a"], none), Err(InferError::EventName("a b".into())));
    let many: Vec<String> = (0..30_000).map(|index| format!("column{index}")).collect();
    assert!(matches!(infer("E", &many, none), Err(InferError::TooLarge(_))));
}

proptest! {
    #[test]
    fn any_sample_gives_a_schema_or_an_error(
        columns in prop::collection::vec("[a-c_.0é \\[]{0,4}|ts|_time", 0..6),
        cells in prop::collection::vec(("[-+0-9.eETZ:a]{0,24}|[\\[][1-9](,[1-9.]{1,3}){0,2}[\\]]", 0u8..6), 0..24),
    ) {
        let cells: Vec<Cell<'_>> = cells.iter().map(|(text, hint)| match hint {
            0 => Missing,
            1 => Text(text),
            2 => Number(text),
            3 => Str(text),
            4 => Array(text),
            _ => Bool(text.is_empty()),
        }).collect();
        let rows: Vec<&[Cell<'_>]> = cells.chunks(columns.len().max(1)).collect();
        if let Ok(schema) = infer("E", &columns, rows) {
            let text = crate::file::to_toml(&schema);
            prop_assert_eq!(crate::file::from_toml(&text), Ok(schema), "{}", text);
        }
    }
}
