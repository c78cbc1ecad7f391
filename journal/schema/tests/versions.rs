//! Schema files that say what was before; and that a default is the same value where an older event has no
//! such field as where a file has none.

use proptest::prelude::*;
use slipring_journal::{Event, Mapping, Schema};
use slipring_schema::Table;
use slipring_schema::codegen;
use slipring_schema::file::{from_toml, to_toml};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    #[event(was = "price")]
    px: i64,
    qty: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 3, was = "Trade, Deal", time = "ts")]
#[repr(C)]
struct Order {
    #[event(time)]
    ts: u64,
    #[event(was = "sides")]
    legs: [Leg; 2],
    #[event(since = 3)]
    last: Leg,
    #[event(decimal = 2, default = "12.5", was = "px, price")]
    limit: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2, name = "Feed")]
#[repr(u32)]
enum Feed {
    #[event(was = "New, Create")]
    Add(Leg) = 1,
    Price(f64) = 2,
}

const ORDER: &str = r#"
name = "Order"
time = "ts"
version = 3
was = ["Trade", "Deal"]
[fields]
ts = "time"
legs = { count = 2, was = "sides", fields = { px = { type = "i64", was = "price" }, qty = "i64" } }
last = { since = 3, fields = { px = { type = "i64", was = "price" }, qty = "i64" } }
limit = { type = "decimal", scale = 2, default = 12.5, was = "px, price" }
"#;

const FEED: &str = r#"
name = "Feed"
version = 2
[variants.Add]
tag = 1
was = "New, Create"
[variants.Add.fields]
px = { type = "i64", was = "price" }
qty = "i64"
[variants.Price]
tag = 2
value = "f64"
"#;

#[test]
fn a_file_says_what_the_derive_says() {
    for (file, derived) in [(ORDER, Order::schema()), (FEED, FeedEvent::schema())] {
        let sorted = |mut schema: Schema| {
            for field in &mut schema.fields {
                field.attributes.sort();
            }
            schema
        };
        let read = from_toml(file).unwrap();
        assert_eq!(sorted(read.clone()).to_text(), sorted(derived.clone()).to_text());
        for schema in [read, derived] {
            let text = to_toml(&schema);
            assert_eq!(from_toml(&text).unwrap(), schema, "{text}");
        }
    }
}

#[test]
fn rust_says_it_too() {
    let rust = codegen::rust(&from_toml(FEED).unwrap());
    for said in ["version = 2", "#[event(was = \"New,Create\")]", "#[event(was = \"price\")]"] {
        assert!(rust.contains(said), "no {said} in\n{rust}");
    }
    let rust = codegen::rust(&from_toml(ORDER).unwrap());
    for said in ["was = \"Trade,Deal\"", "since = 3", "default = \"12.5\", was = \"px,price\""] {
        assert!(rust.contains(said), "no {said} in\n{rust}");
    }
}

#[test]
fn a_one_of_event_that_came_later_says_so_everywhere() {
    let file = r#"
name = "E"
[fields]
id = "u64"
body = { since = 2, was = "text", variants = { A = { tag = 1, fields = { x = "u32" } }, B = { tag = 2 } } }
"#;
    let schema = from_toml(file).unwrap();
    let said: Vec<String> = schema.to_text().lines().skip(2).map(str::to_owned).collect();
    let expected = [
        "body.tag u32 8 4\tsince=2\twas.1=text",
        "body.A u32=1 8 4\tsince=2\twas.1=text",
        "body.A/x u32 12 4\tsince=2\twas.2=text",
        "body.B u32=2 8 4\tsince=2\twas.1=text",
    ];
    assert_eq!(said, expected);
    assert_eq!(from_toml(&to_toml(&schema)).unwrap(), schema);
    let older = from_toml("name = \"E\"\n[fields]\nid = \"u64\"\n").unwrap();
    assert!(Mapping::between(&older, &schema).is_ok());
}

#[test]
fn what_makes_no_sense_is_refused_at_its_place() {
    let told = |text: &str| from_toml(&format!("name = \"E\"\n{text}")).unwrap_err().to_string();
    assert_eq!(
        told("[fields]\na = \"u8\"\nb = { type = \"u8\", was = \"a\" }\n"),
        "line 4, column 26: `b` can't have been `a`, which another is or was: an older `a` could be either"
    );
    assert_eq!(
        told("[fields]\na = { type = \"u8\", was = \"c\" }\nb = { type = \"u8\", was = [\"d\", \"c\"] }\n"),
        "line 4, column 26: `b` can't have been `c`, which another is or was: an older `c` could be either"
    );
    assert_eq!(
        told("[variants]\nA = { tag = 1, value = \"u8\" }\nB = { tag = 2, was = \"A\" }\n"),
        "line 4, column 22: `B` can't have been `A`, which another is or was: an older `A` could be either"
    );
    assert_eq!(
        told("version = 2\n[fields]\na = { type = \"u8\", since = 3 }\n"),
        "line 2, column 11: `a` is there since version 3, and this is version 2: count on"
    );
    for wrong in ["version = 0", "was = \"a b\"", "was = 1", "version = \"2\""] {
        assert!(told(&format!("{wrong}\n[fields]\na = \"u8\"\n")).starts_with("line 2"), "{wrong}");
    }
    for wrong in ["since = 1", "since = \"2\"", "was = \"\"", "was = \"x.y\""] {
        let text = format!("[fields]\na = {{ type = \"u8\", {wrong} }}\n");
        assert!(told(&text).starts_with("line 3"), "{wrong}");
    }
    // Fields may have these names.
    let text = "name = \"E\"\n[fields]\nleg = { was = \"[u64;4]\", since = \"u8\" }\nwas = \"u8\"\n";
    let schema = from_toml(text).unwrap();
    assert_eq!(schema.fields[0].name, "leg.was");
    assert_eq!(from_toml(&to_toml(&schema)).unwrap(), schema);
}

/// The field with that default, where a file has no value and where an older event has none.
fn both(kind: &str, size: usize, attributes: &str, default: &str) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let mut wanted = Schema::from_text(&format!("E {size}\nf {kind} 0 {size}{attributes}\n")).unwrap();
    wanted.fields[0].attributes.push(("default".to_owned(), default.to_owned()));
    let older = Schema::from_text("E 1\nother u8 0 1\n").unwrap();
    let mut of_file = vec![0; size];
    let column = &Table::new(&wanted).columns[0];
    let of_file = column.parse_none(&mut of_file).is_ok().then_some(of_file);
    let mut of_older = vec![0; size];
    let mapping = Mapping::between(&older, &wanted).ok();
    let of_older = mapping.map(|mapping| {
        mapping.apply(&[7], &mut of_older);
        of_older
    });
    (of_file, of_older)
}

const KINDS: [(&str, usize, &str); 17] = [
    ("u8", 1, ""),
    ("i16", 2, ""),
    ("u128", 16, ""),
    ("i128", 16, ""),
    ("f32", 4, ""),
    ("f64", 8, ""),
    ("i32", 4, "\tdecimal=2"),
    ("u64", 8, "\ttime=ns"),
    ("i64", 8, "\ttime=ms\tinput=s"),
    ("u32", 4, "\ttime=s\tinput=ms"),
    ("i8", 1, "\tenum=buy:1,sell:-2"),
    ("u8", 1, "\tbool="),
    ("[u8;3]", 3, "\ttext="),
    ("[u8;3]", 3, ""),
    ("[i16;2]", 4, ""),
    ("[[u8;2];2]", 4, "\ttext="),
    ("[i32;2]", 8, "\tdecimal=1"),
];

#[test]
fn plain_defaults_are_taken_in_both() {
    let taken = [
        "0",
        "255",
        "",
        "-128",
        "",
        "1.5",
        "-1.25",
        "1700000000000000000",
        "1.5",
        "86400000",
        "sell",
        "yes",
        "abc",
        "0x0aff10",
        "[1, -2]",
        "[\"a\", \"bc\"]",
        "[1.5,2]",
    ];
    for ((kind, size, attributes), default) in KINDS.into_iter().zip(taken) {
        let (of_file, of_older) = both(kind, size, attributes, default);
        assert!(
            of_file.is_some() && of_file == of_older,
            "{kind}{attributes}: {default}: {of_file:?} {of_older:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(4000)))]

    #[test]
    fn a_default_is_one_value(
        kind in prop::sample::select(&KINDS[..]),
        default in "(\\[? ?(-?[0-9]{1,3}(\\.[05]{0,3})?|\"?[ab]{0,3}\"?|buy|true|nan|0x[0-9a-g]{0,6})(, ?(-?[0-9]{1,5}|\"[ab\\\\]{0,2}\"))?\\]?|[+-]?[0-9]{1,40})",
    ) {
        let (of_file, of_older) = both(kind.0, kind.1, kind.2, &default);
        if of_older.is_some() {
            prop_assert_eq!(of_file, of_older, "{:?}: {}", kind, default);
        } else if let Some(of_file) = of_file {
            // Beyond 64 bits, files take what is read with a library; what is left is no plain number.
            prop_assert!(!default.bytes().all(|byte| byte.is_ascii_digit()), "{:?}: {} is {:?}", kind, default, of_file);
        }
    }
}
