//! `slipring record`: values that no event may have, and whether what is said of a line is true and of use.

use crate::place::Place;

const ORDER: &str = "name = \"Order\"\n[fields]\nts = \"u64\"\nsymbol = { type = \"text\", length = 8 }\n\
    side = { type = \"enum\", values = { buy = 1, sell = 2 } }\n";

const MESSAGE: &str = "name = \"Message\"\n[variants.Add]\ntag = 1\n[variants.Add.fields]\nts = \"u64\"\n\
    [variants.Cancel]\ntag = 2\n[variants.Cancel.fields]\nts = \"u64\"\n";

const RECORD: &str = "record j --schema order.toml --input";

fn place() -> Place {
    Place::with(&[("order.toml", ORDER.as_bytes()), ("message.toml", MESSAGE.as_bytes())])
}

/// What is said of a file of which nothing is recorded.
fn refused(schema: &str, name: &str, content: &str) -> String {
    let place = place();
    place.write(name, content);
    place.exits(3, &format!("record j --schema {schema} --input {name}"))
}

#[test]
fn a_number_that_is_no_value_of_an_enum_is_malformed() {
    for (name, content, at) in [
        ("in.csv", "ts,symbol,side\n1,A,9\n", "in.csv:2:5"),
        ("in.csv", "ts,symbol,side\n1,A,\"+9\"\n", "in.csv:2:5"),
        ("in.jsonl", "{\"ts\":1,\"symbol\":\"A\",\"side\":9}\n", "in.jsonl:1:29"),
        ("in.jsonl", "{\"side\":\"9\",\"ts\":1,\"symbol\":\"A\"}\n", "in.jsonl:1:9"),
    ] {
        let said = refused("order.toml", name, content);
        assert!(
            said.contains(&format!("{at}: side is \"")) && said.contains("expected one of buy, sell"),
            "{said}"
        );
    }
    // After lines that are in the usual form too, of CSV and of JSON.
    let place = place();
    place.write("in.csv", "ts,symbol,side\n1,A,1\n2,A,sell\n3,A,9\n4,A,2\n");
    place.write(
        "in.jsonl",
        (1..5)
            .map(|n| format!("{{\"ts\":{n},\"symbol\":\"A\",\"side\":{}}}\n", [1, 2, 9, 1][n - 1]))
            .collect::<String>(),
    );
    for end in ["csv", "jsonl"] {
        let said = place.exits(1, &format!("{RECORD} in.{end} --rejects bad.{end}"));
        assert!(said.contains("recorded 3 events") && said.contains("1 malformed"), "{said}");
        assert!(place.read(&format!("bad.{end}")).contains('9'));
    }
}

/// An export is read back as it was: what it prints without a name was without one.
#[test]
fn an_export_may_have_values_without_a_name() {
    let place = place();
    place.write("in.csv", "_sequence,ts,symbol,side\n0,1,A,buy\n1,2,A,9\n");
    place.fine(&format!("{RECORD} in.csv"));
    for end in ["csv", "jsonl"] {
        place.fine(&format!("export j -o out.{end}"));
        assert!(place.read(&format!("out.{end}")).contains('9'));
        place.fine(&format!("record {end} --like j --input out.{end}"));
        assert_eq!(place.records(end), place.records("j"), "{end}");
    }
}

#[test]
fn a_variant_that_is_not_there_is_malformed_in_every_input() {
    for (name, content) in [
        ("in.jsonl", "{\"_variant\":9}\n"),
        ("in.jsonl", "{\"_sequence\":0,\"_variant\":9}\n"),
        ("in.csv", "_sequence,_variant,Add.ts,Cancel.ts\n0,9,,\n"),
    ] {
        let said = refused("message.toml", name, content);
        assert!(said.contains("_variant is \"9\": expected one of Add, Cancel"), "{said}");
    }
    let place = place();
    place.write("in.jsonl", "{\"_variant\":2,\"Cancel.ts\":5}\n");
    place.fine("record j --schema message.toml --input in.jsonl");
    assert!(place.rows("j")[0].contains("Cancel"), "{:?}", place.rows("j"));
}

#[test]
fn what_is_no_field_of_the_schema_is_not_given_a_default() {
    let said = refused("order.toml", "in.csv", "_time,ts,symbol,side\n,1,A,buy\n");
    assert!(
        said.contains("in.csv:2:1: _time has no value: give each event one, or leave it out of all"),
        "{said}"
    );
    assert!(!said.contains("default"), "{said}");
    for (name, content) in [
        ("in.csv", "_variant,Add.ts,Cancel.ts\n,1,\n"),
        ("in.jsonl", "{\"Add.ts\":1000}\n"),
        ("in.jsonl", "{\"_variant\":null,\"Add.ts\":1000}\n"),
    ] {
        let said = refused("message.toml", name, content);
        assert!(said.contains("_variant has no value: expected one of Add, Cancel"), "{said}");
    }
}

#[test]
fn an_array_of_structs_has_no_key_that_is_not_there() {
    let schema = "name = \"T\"\n[fields]\nlegs = { count = 2, fields = { q = \"u32\", r = \"u32\" } }\n";
    let place = Place::with(&[("t.toml", schema.as_bytes())]);
    place.write("in.jsonl", "{\"legs\":[{\"q\":1,\"r\":5},{\"q\":2,\"r\":5}]}\n");
    let said = place.exits(0, "record j --schema t.toml --input in.jsonl");
    assert!(!said.contains("passed over"), "{said}");
    place.write("in.jsonl", "{\"legs\":[{\"q\":1,\"r\":5},{\"q\":2,\"r\":5},{\"q\":3,\"r\":5}]}\n");
    let said = place.exits(0, "record k --schema t.toml --input in.jsonl");
    assert!(said.contains("passed over: legs[2]"), "{said}");
}

#[test]
fn faults_of_json_are_said_in_words() {
    for (line, wanted) in [
        ("{\"ts\":1,\"symbol\":\"\\ud83d\"}", "1:18: symbol is \"\\\\ud83d\": expected text of Unicode"),
        (" nope", "1:3: expected null, true or false"),
        ("{\"ts\":tru}", "1:10: expected null, true or false"),
    ] {
        let said = refused("order.toml", "in.jsonl", &format!("{line}\n"));
        assert!(said.contains(&format!("in.jsonl:{wanted}")), "{said}");
    }
}

#[test]
fn a_file_of_rejects_whose_name_says_no_format_is_recorded_with_as() {
    let place = place();
    place.write("in.csv", "ts,symbol,side\n1,A,buy\n2,A,by\n");
    let said = place.exits(1, &format!("{RECORD} in.csv --rejects m.rej"));
    assert!(
        said.contains("set aside in m.rej; why is in m.rej.why; mended it is recorded with --as csv"),
        "{said}"
    );
    place.write("m.rej", place.read("m.rej").replace(",by", ",buy"));
    place.fine("record j --input m.rej --as csv");
    let said = place.exits(1, "record k --schema order.toml --input in.csv --rejects m.csv");
    assert!(said.contains("why is in m.csv.why\n"), "{said}");
}
