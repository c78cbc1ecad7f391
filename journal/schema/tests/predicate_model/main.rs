//! Random predicates on random events, against an evaluator that is as plain as can be.

mod model;
mod plain;
mod random;

use proptest::prelude::*;
use proptest::sample::select;
use slipring_journal::Schema;
use slipring_schema::{Predicate, Row, Table};

use random::{bytes_of, event, model};

/// Fields of each kind in two variants that lie over each other.
const FIELDS: [(&str, &str, usize, &str); 22] = [
    ("cents", "i64", 8, "\tdecimal=2"),
    ("nano", "i64", 8, "\tdecimal=9"),
    ("fine", "i128", 16, "\tdecimal=38"),
    ("wide", "i128", 16, ""),
    ("huge", "u128", 16, ""),
    ("big", "u64", 8, ""),
    ("long", "i64", 8, ""),
    ("ns", "u64", 8, "\ttime=ns"),
    ("ms", "i64", 8, "\ttime=ms"),
    ("us", "i64", 8, "\ttime=us"),
    ("double", "f64", 8, ""),
    ("name", "[u8;8]", 8, "\ttext"),
    ("pair", "[[i32;2];2]", 16, ""),
    ("sec", "u32", 4, "\ttime=s"),
    ("single", "f32", 4, ""),
    ("int", "i32", 4, ""),
    ("label", "[u8;12]", 12, "\ttext"),
    ("tick", "i16", 2, "\tdecimal=1"),
    ("side", "u8", 1, "\tenum=buy:1,sell:2,odd:255"),
    ("live", "u8", 1, "\tbool"),
    ("code", "[u8;3]", 3, "\ttext"),
    ("tiny", "i8", 1, ""),
];

fn table() -> Table {
    let mut text = String::new();
    for (variant, tag) in [("A", 1), ("B", 2)] {
        text.push_str(&format!("{variant} u32={tag} 0 SIZE\n"));
        let mut offset = 16;
        // In the other order, so that different kinds lie over each other.
        let mut fields = FIELDS;
        fields.rotate_left(if tag == 1 { 0 } else { 11 });
        fields.sort_by_key(|(_, _, size, _)| std::cmp::Reverse(if size % 8 == 0 { 8 } else { 1 }));
        for (name, kind, size, attributes) in fields {
            text.push_str(&format!("{variant}/{name} {kind} {offset} {size}{attributes}\n"));
            offset += size;
        }
    }
    let size = 184;
    let text = format!("M {size}\ntag u32 0 4\n{}", text.replace("SIZE", &size.to_string()));
    Table::new(&Schema::from_text(&text).expect("a possible schema"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

    #[test]
    fn a_predicate_says_what_a_plain_evaluator_says(
        model in model(),
        events in proptest::collection::vec(event(), 1..12),
    ) {
        let table = table();
        let text = model.text();
        let predicate = Predicate::parse(&text, &table).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for event in &events {
            let event = bytes_of(&table, event);
            let expected = model.holds(&table, &event) == Some(true);
            let found = predicate.matches(&Row { sequence: 0, time_ns: 0, epoch: 0, event: &event });
            prop_assert_eq!(found, expected, "{} of {:?}", text, event);
        }
    }

    /// Whatever the text, it is a predicate or refused with a place in it.
    #[test]
    fn no_text_is_too_much(words in proptest::collection::vec(select(&WORDS_OF_TEXT[..]), 0..14), noise in "\\PC{0,6}") {
        for text in [words.concat(), words.join(" "), format!("{}{noise}{}", words.concat(), words.join(" "))] {
            if let Err(error) = Predicate::parse(&text, &table()) {
                prop_assert!(error.column <= text.chars().count() + 1);
                prop_assert!(error.to_string().lines().count() <= 3, "{}", error);
            }
        }
    }
}

const WORDS_OF_TEXT: [&str; 36] = [
    "and",
    "or",
    "not",
    "!",
    "(",
    ")",
    "==",
    "=",
    "<",
    ">=",
    "!=",
    "<>",
    "in",
    "between",
    "is",
    "null",
    "like",
    ",",
    "A.cents",
    "B.side",
    "A.name",
    "\"",
    "'",
    "'a%'",
    "0x",
    "0xff",
    "1",
    "-",
    "1e5",
    "1_0",
    ".",
    "[",
    "]",
    "A.pair[0]",
    "true",
    "A.ns",
];
