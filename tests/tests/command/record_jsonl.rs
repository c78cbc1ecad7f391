//! `slipring record` of JSON lines and of Debezium's envelopes.

use crate::place::Place;

const ORDER: &str = r#"
name = "Order"
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
symbol = { type = "text", length = 8 }
side = { type = "enum", values = { buy = 1, sell = 2 } }
price = { type = "decimal", scale = 2 }
qty = "u32"
"#;

/// Somebody's own events: times one nanosecond apart, prices as decimals, text of different lengths.
const ORDERS: &str = r#"{"ts":"2024-03-10T09:30:00.000000001Z","symbol":"ABC","side":"buy","price":101.25,"qty":300}
{"ts":"2024-03-10T09:30:00.000000002Z","symbol":"ABCD.N","side":"sell","price":101.5,"qty":100}
"#;

const RECORD: &str = "record j --schema order.toml --input in.jsonl";

fn orders(input: impl AsRef<[u8]>) -> Place {
    Place::with(&[("order.toml", ORDER.as_bytes()), ("in.jsonl", input.as_ref())])
}

#[test]
fn what_goes_in_comes_out_equal_with_times_exact() {
    let place = orders(ORDERS);
    place.fine(RECORD);
    let fields = "--fields ts,symbol,side,price,qty";
    assert_eq!(place.fine(&format!("replay j --format jsonl {fields}")), ORDERS);
    // All of what is printed can be recorded again.
    place.write("out.jsonl", place.fine("replay j --format jsonl"));
    place.fine("record k --like j --input out.jsonl");
    assert_eq!(place.records("k"), place.records("j"));
    place.fine("record l --input in.jsonl --infer");
    assert_eq!(place.fine(&format!("replay l --format jsonl {fields}")), ORDERS);
}

#[test]
fn keys_may_be_dotted_nested_escaped_in_any_order_and_unknown() {
    let schema = r#"
name = "Leg"
[fields]
a = { fields = { px = { type = "decimal", scale = 2 }, qty = "u32" } }
name = { type = "text", length = 8, source = "Name" }
levels = "[i16;3]"
big = "u128"
live = "bool"
note = { type = "text", length = 4, default = "-" }
"#;
    let max = u128::MAX;
    let lines = [
        format!(
            r#"{{"a":{{"px":1.5,"qty":3}},"Name":"A\u0042\n","levels":[1,-2,3],"big":{max},"live":true}}"#
        ),
        format!(
            r#" {{ "live" : 1, "big" : "{max}", "levels" : [ 1, -2, 3 ], "N\u0061me" : "AB\n", "x":{{"a":[{{}}]}}, "a.qty":3, "a.px":15e-1 }} "#
        ),
        format!(
            r#"{{"a":{{"qty":3,"px":1.50,"z":null}},"name":"AB\n","levels":"[1,-2,3]","big":{max},"live":"yes","note":null}}"#
        ),
    ];
    let place = Place::with(&[("leg.toml", schema.as_bytes())]);
    place.write("in.jsonl", lines.join("\r\n"));
    let said = place.exits(0, "record j --schema leg.toml --input in.jsonl");
    assert!(said.contains("no field takes these keys, and they are passed over: a.z, x"), "{said}");
    let events: Vec<_> = place.records("j").into_iter().map(|(_, event)| event).collect();
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| *event == events[0]), "{events:?}");
    let row = place.rows("j")[0].split_once(' ').unwrap().1.to_owned();
    assert_eq!(row, format!("1.50,3,\"AB\n\",\"[1,-2,3]\",{max},true,-").lines().next().unwrap());
}

#[test]
fn what_is_malformed_is_refused_with_line_and_column() {
    let good = r#"{"ts":1,"symbol":"A","side":"buy","price":1,"qty":1}"#;
    let cases: [(&[u8], &str); 13] = [
        (br#"{"ts":2,"symbol":"A","side":"by","price":1,"qty":1}"#, "2:29: side is \"by\""),
        (br#"{"ts":2,"symbol":"A","side":"buy","price":1.005,"qty":1}"#, "2:43: price is \"1.005\""),
        (br#"{"ts":2,"symbol":"A","side":"buy","price":1}"#, "2:45: qty has no value"),
        (br#"{"ts":2,"symbol":"A","side":null,"price":1,"qty":1}"#, "2:29: side has no value"),
        (
            br#"{"ts":2,"symbol":["A"],"side":"buy","price":1,"qty":1}"#,
            "2:18: symbol is \"[\\\"A\\\"]\": expected a string",
        ),
        (br#"{"ts":2,"symbol":"A","side":"buy","price":{},"qty":1}"#, "2:43: price is \"{}\""),
        (br#"{"ts":2,"ts":2,"symbol":"A","side":"buy","price":1,"qty":1}"#, "2:14: ts is there twice"),
        (br#"{"ts":2,"symbol":"A","side":"buy""#, "2:33: EOF while parsing an object"),
        (br#"{"ts":2} {"ts":3}"#, "2:10: trailing characters"),
        (br#"[1]"#, "2:1: invalid type"),
        (b"{\"ts\":\"\xff\"}", "2:8: the line is no UTF-8"),
        (br#"{"ts":99999999999999999999,"symbol":"A","side":"buy","price":1,"qty":1}"#, "2:7: ts is"),
        (br#"{"ts":NaN,"symbol":"A","side":"buy","price":1,"qty":1}"#, "2:7: expected value"),
    ];
    for (bad, wanted) in cases {
        let place = orders([good.as_bytes(), b"\n", bad, b"\n", good.as_bytes()].concat());
        let said = place.exits(1, RECORD);
        assert!(said.contains(&format!("in.jsonl:{wanted}")), "{wanted}: {said}");
        assert!(!said.contains("at line 1"), "{said}");
        assert_eq!(place.records("j").len(), 1);
        let said = place.exits(1, "record k --schema order.toml --input in.jsonl --rejects bad.jsonl");
        assert!(said.contains("recorded 2 events") && said.contains("1 malformed"), "{said}");
        assert_eq!(std::fs::read(place.path("bad.jsonl")).unwrap(), [bad, b"\n"].concat());
    }
}

#[test]
fn a_file_of_one_array_is_refused_and_an_empty_one_is_fine() {
    let place = orders(format!("[{}]", ORDERS.trim().replace('\n', ",\n")));
    let said = place.exits(3, RECORD);
    assert!(said.contains("it is one array; make lines of it: jq -c '.[]'"), "{said}");
    assert!(!place.path("j").exists());
    for empty in ["", "\n\n", "\u{feff}"] {
        let place = orders(empty);
        assert!(place.fine(RECORD).contains("recorded 0 events"));
    }
}

#[test]
fn events_of_several_variants_come_back_from_both_formats() {
    let schema = r#"
name = "Message"
[variants.Add]
tag = 1
[variants.Add.fields]
order = "u64"
price = { type = "decimal", scale = 2 }
[variants.Cancel]
tag = 2
[variants.Cancel.fields]
order = "u64"
"#;
    let place = Place::with(&[("m.toml", schema.as_bytes())]);
    place.write(
        "in.jsonl",
        "{\"Add\":{\"order\":7,\"price\":1.25},\"_variant\":\"Add\"}\n{\"_variant\":\"Cancel\",\"Cancel.order\":7}\n",
    );
    place.fine("record j --schema m.toml --input in.jsonl");
    place.write("out.csv", place.fine("replay j --format csv"));
    place.write("out.jsonl", place.fine("replay j --format jsonl"));
    assert!(place.read("out.csv").contains("Add,7,1.25,"), "{}", place.read("out.csv"));
    place.fine("record k --like j --input out.csv");
    place.fine("record l --like j --input out.jsonl");
    for journal in ["k", "l"] {
        assert_eq!(place.records(journal), place.records("j"), "{journal}");
    }
    // A field of another variant has no value to say.
    place.write("bad.jsonl", "{\"_variant\":\"Cancel\",\"Cancel.order\":7,\"Add.order\":1}\n");
    let said = place.exits(3, "record j --input bad.jsonl");
    assert!(said.contains("Add.order is \"1\", but the event is of another variant"), "{said}");
}

const CHANGE: &str = r#"
name = "Change"
[fields]
id = "u64"
price = { type = "decimal", scale = 2 }
at = { type = "time", unit = "ns" }
op = { type = "enum", values = { c = 1, r = 2, u = 3, d = 4 }, source = "__op" }
deleted = { type = "bool", source = "__deleted" }
lsn = { type = "u64", source = "__source_lsn", default = 0 }
"#;

/// The schema that comes with each envelope, if the database's connector is told so.
fn enveloped(op: &str, before: &str, after: &str, source: &str) -> String {
    let row = r#"[{"type":"int64","field":"id"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"price"},{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"}]"#;
    let of = |field: &str| format!(r#"{{"type":"struct","fields":{row},"field":"{field}"}}"#);
    format!(
        r#"{{"schema":{{"type":"struct","fields":[{},{}]}},"payload":{{"before":{before},"after":{after},"source":{source},"op":"{op}","ts_ms":1700000000999}}}}"#,
        of("before"),
        of("after")
    )
}

#[test]
fn changes_of_a_database_are_recorded_with_their_operation_and_time() {
    let source = r#"{"ts_ms":1700000000123,"ts_us":1700000000123456,"ts_ns":1700000000123456789,"lsn":99}"#;
    let seconds = r#"{"ts_ms":1700000001000}"#;
    let row = |id: u64, price: &str| format!(r#"{{"id":{id},"price":"{price}","at":1700000000000001}}"#);
    let plain = r#"{"before":null,"after":{"id":4,"price":"-0.50","at":"2023-11-14T22:13:20.000001Z"},"source":{"ts_ms":1700000002000},"op":"r"}"#;
    let lines = [
        enveloped("c", "null", &row(1, "BOI="), source),
        enveloped("u", &row(1, "BOI="), &row(1, "/84="), seconds),
        enveloped("d", &row(1, "/84="), "null", seconds),
        "null".to_owned(),
        r#"{"schema":null,"payload":null}"#.to_owned(),
        r#"{"before":null,"after":null,"source":{},"op":"t","ts_ms":1700000002000}"#.to_owned(),
        r#"{"source":{},"op":"m","message":{"prefix":"a","content":""}}"#.to_owned(),
        plain.to_owned(),
    ];
    let place = Place::with(&[("change.toml", CHANGE.as_bytes())]);
    place.write("in.jsonl", lines.join("\n"));
    let said = place.exits(0, "record j --as debezium --schema change.toml --input in.jsonl");
    assert!(
        said.contains("recorded 4 events")
            && said.contains("passed over 2 envelopes of no row (truncations, messages), 2 tombstones"),
        "{said}"
    );
    let at = "2023-11-14T22:13:20.000001Z";
    let wanted = [
        format!("2023-11-14T22:13:20.123456789Z 1,12.50,{at},c,false,99"),
        format!("2023-11-14T22:13:21Z 1,-0.50,{at},u,false,0"),
        format!("2023-11-14T22:13:21Z 1,-0.50,{at},d,true,0"),
        format!("2023-11-14T22:13:22Z 4,-0.50,{at},r,false,0"),
    ];
    assert_eq!(place.rows("j"), wanted);
    place.exits(0, "record k --as debezium --input in.jsonl --infer");
    assert_eq!(place.records("k").len(), 4);
}

#[test]
fn what_is_no_envelope_is_refused() {
    let cases = [
        (r#"{"id":1,"price":1}"#, "there is no op: this is no envelope of Debezium"),
        (r#"{"op":"d","before":null,"after":null}"#, "before is null, so nothing says which row was deleted"),
        (r#"{"op":"c","before":null,"after":{"id":1,"price":"BOI=","at":0}}"#, "price is \"BOI=\""),
        (r#"{"op":"#, "EOF while parsing"),
        // An operation that nobody knows may be about a row.
        (
            r#"{"op":"C","before":null,"after":{"id":1,"price":1,"at":0}}"#,
            "1:7: op is \"C\": expected c, r, u, d, t or m",
        ),
        (
            r#"{"payload":{"op":5,"after":{"id":1,"price":1,"at":0}}}"#,
            "1:18: op is 5: expected c, r, u, d, t or m",
        ),
        (r#"{"op":null,"after":{"id":1,"price":1,"at":0}}"#, "there is no op"),
    ];
    for (line, wanted) in cases {
        let place = Place::with(&[("change.toml", CHANGE.as_bytes()), ("in.jsonl", line.as_bytes())]);
        let said = place.exits(3, "record j --as debezium --schema change.toml --input in.jsonl");
        assert!(said.contains("in.jsonl:1:") && said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_change_of_an_unknown_operation_is_set_aside_and_not_lost() {
    let row = |op: &str, id: u8| {
        format!(
            r#"{{"op":"{op}","after":{{"id":{id},"price":1,"at":0}},"source":{{"ts_ms":1700000000000}}}}"#
        ) + "\n"
    };
    let place = Place::with(&[("change.toml", CHANGE.as_bytes())]);
    place.write("in.jsonl", row("c", 1) + &row("C", 2) + &row("r", 3));
    let said =
        place.exits(1, "record j --as debezium --schema change.toml --input in.jsonl --rejects bad.debezium");
    assert!(said.contains("recorded 2 events") && said.contains("1 malformed"), "{said}");
    assert_eq!(place.read("bad.debezium"), row("C", 2));
}

#[test]
fn a_record_that_stands_for_a_lost_event_goes_on_doing_so() {
    use slipring_journal::{Journal, Schema};
    let place = Place::new();
    let schema = Schema::from_text("T 8\na u64 0 8\n").unwrap();
    let (mut writer, _) = Journal::at(place.path("j")).open_raw(&schema).unwrap();
    writer.append(5, &7_u64.to_le_bytes()).unwrap();
    writer.append_void(6).unwrap();
    writer.append(7, &8_u64.to_le_bytes()).unwrap();
    writer.close().unwrap();
    place.write("out.jsonl", place.fine("replay j --format jsonl"));
    place.fine("record k --like j --input out.jsonl");
    place.fine("record l --input j");
    assert_eq!(place.records("j")[1], (6, None));
    for journal in ["k", "l"] {
        assert_eq!(place.records(journal), place.records("j"), "{journal}");
    }
}
