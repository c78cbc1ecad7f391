//! `slipring record --infer`: what is guessed takes the lines that it was guessed of, and says what it adds.

use crate::place::Place;

/// The lines of a schema file's fields.
fn fields(place: &Place, file: &str) -> Vec<String> {
    let text = place.read(file);
    let fields = text.lines().skip_while(|line| !line.starts_with("[fields]")).skip(1);
    fields.map(str::to_owned).collect()
}

#[test]
fn arrays_of_one_length_become_arrays() {
    let place = Place::new();
    place.write(
        "in.jsonl",
        "{\"a\":{\"b\":1,\"c\":[1,-2]},\"px\":[1.5,20,3.25],\"big\":[18446744073709551615]}\n\
         {\"a\":{\"b\":2,\"c\":[3,4]},\"px\":[1,2,3],\"big\":[1]}\n",
    );
    place.fine("record j --input in.jsonl --infer");
    let wanted = ["c = \"[i64;2]\"", "big = \"[u64;1]\""];
    let found = fields(&place, "j.toml").join("\n");
    assert!(wanted.iter().all(|field| found.contains(field)), "{found}");
    let rows = place.fine("replay j --format jsonl --fields a.b,a.c,px,big");
    assert_eq!(
        rows,
        "{\"a.b\":1,\"a.c\":[1,-2],\"px\":[1.5,20,3.25],\"big\":[18446744073709551615]}\n\
         {\"a.b\":2,\"a.c\":[3,4],\"px\":[1,2,3],\"big\":[1]}\n"
    );
}

#[test]
fn what_no_field_can_hold_is_passed_over_and_named() {
    for (first, second) in [
        ("[1,2]", "[1]"),
        ("[]", "[]"),
        ("[[1],[2]]", "[[1],[2]]"),
        ("[\"a\"]", "[\"b\"]"),
        ("[{\"x\":1}]", "[{\"x\":2}]"),
        ("[1,null]", "[1,2]"),
        ("[true]", "[false]"),
        ("[1]", "2"),
        ("[1]", "null"),
        ("[\"2024-03-10\"]", "[\"2024-03-11\"]"),
    ] {
        let place = Place::new();
        place.write("in.jsonl", format!("{{\"b\":1,\"c\":{first}}}\n{{\"b\":2,\"c\":{second}}}\n"));
        let said = place.exits(0, "record j --input in.jsonl --infer");
        assert!(said.contains("recorded 2 events"), "{said}");
        assert!(said.contains("no field takes these keys, and they are passed over: c"), "{first}: {said}");
        assert_eq!(fields(&place, "j.toml"), ["b = \"i64\""]);
    }
}

#[test]
fn what_stands_for_no_value_is_said_and_written() {
    let place =
        Place::with(&[("in.csv", b"id,n,ok,at,name,px\n1,,,,,\n2,5,true,2024-03-10T09:30:00Z,x,1.5\n")]);
    let said = place.exits(0, "record j --input in.csv --infer");
    let wanted = "cells without a value are recorded as n = 0, ok = false, at = 1970-01-01T00:00:00Z, px = 0.0; to have \
                  them refused take `default` out of j.toml, and record with --schema into a new journal";
    assert!(said.contains(wanted), "{said}");
    let text = place.read("j.toml");
    assert!(text.starts_with("# Where a row has no value of these fields"), "{text}");
    assert!(text.contains("# n = 0\n# ok = false\n# at = 1970-01-01T00:00:00Z\n# px = 0.0\n"), "{text}");
    // It is a schema file as any other.
    place.fine("record k --input in.csv --schema j.toml");
    assert_eq!(place.records("k").len(), 2);
    // Where each has one nothing is said.
    place.write("all.csv", "id,n,name\n1,2,\n");
    let said = place.exits(0, "record l --input all.csv --infer");
    assert!(!said.contains("without a value") && !place.read("l.toml").contains('#'), "{said}");
}

#[test]
fn an_object_that_is_null_at_times_is_one() {
    for lines in [
        "{\"b\":1,\"a\":null}\n{\"b\":2,\"a\":{\"x\":7}}\n{\"b\":3}\n",
        "{\"b\":1}\n{\"b\":2,\"a\":{\"x\":7}}\n{\"b\":3,\"a\":null}\n",
    ] {
        let place = Place::new();
        place.write("in.jsonl", lines);
        place.fine("record j --input in.jsonl --infer");
        let rows = place.fine("replay j --format jsonl --fields b,a.x");
        assert_eq!(rows, "{\"b\":1,\"a.x\":0}\n{\"b\":2,\"a.x\":7}\n{\"b\":3,\"a.x\":0}\n");
    }
}

#[test]
fn what_is_a_value_here_and_an_object_there_is_refused_before_anything_is_recorded() {
    for (value, lines) in [
        (1, "{\"b\":1,\"a\":5}\n{\"b\":2,\"a\":{\"x\":1}}\n"),
        (2, "{\"b\":1,\"a\":{\"x\":1}}\n{\"b\":2,\"a\":\"text\"}\n"),
        (2, "{\"b\":1,\"a\":{}}\n{\"b\":2,\"a\":true}\n"),
    ] {
        let place = Place::new();
        place.write("in.jsonl", lines);
        let said = place.exits(3, "record j --input in.jsonl --infer");
        let wanted = format!("`a` is a single value in line {value} and an object in line {}", 3 - value);
        assert!(said.contains(&wanted), "{said}");
        assert!(!place.path("j").exists() && !place.path("j.toml").exists(), "{said}");
    }
}
