//! Values read where they lie are what [`Column::parse`](slipring_schema::Column::parse) makes of them.

use proptest::prelude::*;
use serde_json::value::RawValue;
use slipring_journal::Schema;
use slipring_schema::quick::{QuickField, Stops, plain_json};
use slipring_schema::{Column, ParseOptions, Parsed, Table};

const STOPS: Stops = Stops::new(b',', b'"');

/// Kinds of every sort: type, bytes, attributes.
const KINDS: [(&str, usize, &str); 27] = [
    ("u8", 1, ""),
    ("i8", 1, ""),
    ("u16", 2, ""),
    ("i32", 4, ""),
    ("u64", 8, ""),
    ("i64", 8, ""),
    ("u128", 16, ""),
    ("i128", 16, ""),
    ("f32", 4, ""),
    ("f64", 8, ""),
    ("u8", 1, "\tbool"),
    ("i64", 8, "\tdecimal=2"),
    ("u32", 4, "\tdecimal=9"),
    ("i128", 16, "\tdecimal=38"),
    ("u64", 8, "\ttime=ns"),
    ("i64", 8, "\ttime=ns\tinput=s"),
    ("i64", 8, "\ttime=ms"),
    ("u32", 4, "\ttime=s"),
    ("i64", 8, "\ttime=ms\tinput=ns"),
    ("u8", 1, "\tenum=buy:1,sell:2,eightlet:3,ninechars:4"),
    ("i16", 2, "\tenum=a:1,a:2,é:-3,1st:4"),
    ("[u8;5]", 5, "\ttext"),
    ("[u8;8]", 8, "\ttext"),
    ("[u8;19]", 19, "\ttext\tdefault=none"),
    ("[u8;4]", 4, ""),
    ("[i16;2]", 4, ""),
    ("i32", 4, "\tdefault=-7"),
];

fn column(which: usize) -> Column {
    let (kind, size, attributes) = KINDS[which];
    let schema = Schema::from_text(&format!("E {size}\nf {kind} 0 {size}{attributes}\n")).expect("a schema");
    Table::new(&schema).columns.remove(0)
}

fn quick(column: &Column) -> QuickField {
    column.quick().expect("it is of no variant")
}

/// What a value's text may be, sensible or not.
fn texts() -> impl Strategy<Value = String> {
    let words =
        ["", "buy", "sell", "eightlet", "ninechars", "a", "é", "1st", "true", "false", "t", "nan", "null"];
    prop_oneof![
        "-?[0-9]{1,21}(\\.[0-9]{0,5})?",
        "[-+]?[0-9]{0,3}\\.?[0-9]{0,3}(e[-+]?[0-9]{0,2})?",
        "(19[67][0-9]|20[0-9]{2}|[0-9]{4})-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,10})?\
         (Z|\\+00:00|\\+01:00)?",
        "[ -~é世\u{0}\t\r]{0,24}",
        "[0-9A-Z]{0,9}",
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(4096)))]

    #[test]
    fn what_is_taken_is_what_is_parsed(which in 0..KINDS.len(), text in texts(), behind in "[,\n\"a0.\\-]?[é,0]{0,2}") {
        let column = column(which);
        let (mut quick_event, mut event) = ([0xa5; 32], [0xa5; 32]);
        let line = format!("{text}{behind}");
        if let Some(bytes) = quick(&column).take(line.as_bytes(), 0, &STOPS, &mut quick_event) {
            prop_assert!(line.is_char_boundary(bytes), "{:?}", line);
            let parsed = column.parse(&line[..bytes], &mut event, &ParseOptions::default());
            prop_assert_eq!(parsed, Ok(Parsed::default()), "{:?}", line);
            prop_assert_eq!(quick_event, event, "{:?}", line);
        }
    }

    #[test]
    fn what_json_says_is_what_is_parsed(which in 0..KINDS.len(), text in texts(), behind in "[,}\n ].{0,9}") {
        let column = column(which);
        let (mut quick_event, mut event) = ([0xa5; 32], [0xa5; 32]);
        let line = format!("{text}{behind}");
        // More of it may be the value: then no comma and no brace follows, which is for the caller to see.
        if let Some(bytes) = quick(&column).take_json(line.as_bytes(), 0, &mut quick_event)
            && line[bytes..].starts_with([',', '}', '\n', ' '])
        {
            let value = serde_json::from_str::<&RawValue>(&line[..bytes]);
            prop_assert!(value.is_ok(), "{:?}", line);
            let parsed = column.parse(&line[..bytes], &mut event, &ParseOptions::default());
            prop_assert_eq!(parsed, Ok(Parsed::default()), "{:?}", line);
            prop_assert_eq!(quick_event, event, "{:?}", line);
        }
        match plain_json(text.as_bytes(), 0) {
            Some(bytes) => prop_assert!(serde_json::from_str::<&RawValue>(&text[..bytes]).is_ok(), "{:?}", text),
            None => prop_assert!(text.starts_with(['"']) || serde_json::from_str::<&RawValue>(&text).is_err()
                || text.starts_with([' ', '\t', '\r']), "{:?}", text),
        }
    }

    /// Text that no valid UTF-8 could be is nobody's.
    #[test]
    fn bytes_that_are_no_text_are_left(which in 0..KINDS.len(), mut bytes in proptest::collection::vec(b' '..0xff, 0..12)) {
        bytes.retain(|byte| !b",\"".contains(byte));
        bytes.push(0xff);
        bytes.push(b',');
        let mut event = [0; 32];
        let taken = quick(&column(which)).take(&bytes, 0, &STOPS, &mut event);
        // A number ends before what is none.
        prop_assert!(taken.is_none_or(|taken| taken + 2 <= bytes.len() && bytes[taken] != b','), "{:?}", bytes);
    }
}

#[test]
fn the_usual_forms_are_taken() {
    let cases = [
        (0, "255"),
        (1, "-128"),
        (3, "-2147483648"),
        (4, "9999999999999999999"),
        (5, "-9223372036854775808"),
        (6, "18446744073709551"),
        (7, "-1"),
        (9, "-1.5e300"),
        (10, "true"),
        (11, "687.00"),
        (11, "-0.5"),
        (11, "7"),
        (12, "1.000000001"),
        (14, "1710063000000000946"),
        (14, "2024-03-10T09:30:00.000000001Z"),
        (14, "2024-03-10 09:30:00"),
        (15, "1710063000.5"),
        (15, "2024-03-10T09:30:00.000000001Z"),
        (16, "2024-03-10 09:30:00.123+00:00"),
        (17, "2024-03-10T09:30:00Z"),
        (19, "sell"),
        (19, "eightlet"),
        (19, "3"),
        (20, "é"),
        (21, "ABC"),
        (21, "5 世"),
        (22, ""),
        (22, "ABCD.N"),
        (22, "8letters"),
        (23, "nineteen characters"),
        (23, ""),
        (24, "0x01020304"),
        (26, ""),
    ];
    for (which, text) in cases {
        let column = column(which);
        let (mut event, mut wanted) = ([0xa5; 32], [0xa5; 32]);
        let taken = quick(&column).take(format!("{text},").as_bytes(), 0, &STOPS, &mut event);
        assert_eq!(taken, Some(text.len()), "{:?}: {text}", KINDS[which]);
        column.parse(text, &mut wanted, &ParseOptions::default()).expect("a value");
        assert_eq!(event, wanted, "{:?}: {text}", KINDS[which]);
        // So it is behind others, and the end of what is read is an end too.
        let behind = quick(&column).take(format!("é,{text}\n").as_bytes(), 3, &STOPS, &mut event);
        assert_eq!(behind, Some(3 + text.len()), "{text}");
        assert_eq!(quick(&column).take(text.as_bytes(), 0, &STOPS, &mut event), Some(text.len()), "{text}");
    }
}

#[test]
fn what_is_none_or_only_part_of_a_value_is_left() {
    let left = [
        (0, "256"),
        (0, "-1"),
        (0, ""),
        (5, "9223372036854775808"),
        (5, "+5"),
        (11, "1.005"),
        (14, "2024-02-30T00:00:00Z"),
        (16, "2024-03-10T09:30:00.0001Z"),
        (17, "2107-03-10T09:30:00Z"),
        (17, "1969-12-31T23:59:59Z"),
        (18, "1710063000000000000"),
        (19, "eightletters"),
        (19, "ninechars"),
        // No name stands for it.
        (19, "7"),
        (20, "1"),
        (21, "ABCDEF"),
        (22, "nineteen."),
        (22, "\u{0}"),
    ];
    for (which, text) in left {
        let taken = quick(&column(which)).take(format!("{text},").as_bytes(), 0, &STOPS, &mut [0; 32]);
        assert!(taken.is_none_or(|taken| taken < text.len()), "{:?}: {text}: {taken:?}", KINDS[which]);
    }
}
