//! Files that people write, and files that are wrong.

use super::{Problem, from_toml, to_toml};
use slipring_journal::{Event, Schema};

pub(super) const ORDER: &str = r#"
name = "Order"
time = "ts"
[fields]
ts = { type = "time", unit = "ns", input = "s" }
symbol = { type = "text", length = 8, source = "sym" }
side = { type = "enum", values = { buy = 1, sell = 2 }, default = "buy" }
price = { type = "decimal", scale = 2, default = 0.00 }
qty = { type = "u32", unit = "shares", source = "Size", default = 0 }
ids = "[u64;4]"
live = "bool"
id = "u128"
leg.px = "i64"
leg.qty = "u32"
legs = { count = 2, fields = { px = "i64" } }
"#;

#[test]
fn a_file_becomes_a_layout_and_attributes() {
    let schema = from_toml(ORDER).unwrap();
    let expected = [
        "Order 128\ttime=ts",
        "ts u64 0 8\ttime=ns\tinput=s",
        "symbol [u8;8] 8 8\ttext=\tsource=sym",
        "side u8 16 1\tenum=buy:1,sell:2\tdefault=buy",
        "_pad [u8;7] 17 7",
        "price i64 24 8\tdecimal=2\tdefault=0.00",
        "qty u32 32 4\tunit=shares\tsource=Size\tdefault=0",
        "_pad1 [u8;4] 36 4",
        "ids [u64;4] 40 32",
        "live u8 72 1\tbool=",
        "_pad2 [u8;7] 73 7",
        "id u128 80 16",
        "leg.px i64 96 8",
        "leg.qty u32 104 4",
        "leg._pad [u8;4] 108 4",
        "legs[0].px i64 112 8",
        "legs[1].px i64 120 8",
    ];
    let text = schema.to_text();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!(from_toml(&to_toml(&schema)).unwrap(), schema);
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    px: i64,
    r#type: u32,
    _pad: [u8; 4],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Pair(i64, u32, [u8; 4]);

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Spread {
    id: u128,
    legs: [[Leg; 1]; 2],
    last: Leg,
    pair: Pair,
    price: Price,
    band: [Price; 2],
    _pad7: [u32; 2],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(transparent)]
struct Price(i64);

#[derive(Clone, Copy, Debug, Event)]
#[repr(C, packed)]
struct Packed {
    kind: u8,
    price: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C, align(16))]
struct Aligned {
    words: [u64; 2],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Small {
    Byte(u8) = 1,
    Legs([Leg; 2]) = 2,
    Nothing = 3,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Spread(Spread) = 7,
    Tick(f64) = 70_000,
    Quotes([i32; 3]) = 70_001,
    Small(SmallEvent) = 70_002,
    Pair(Pair) = 70_003,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum OverAligned {
    Aligned(Aligned) = 1,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum OfPacked {
    Packed(Packed) = 1,
    Word(u64) = 2,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Routed {
    from: u64,
    message: SmallEvent,
    more: [SmallEvent; 2],
}

#[test]
fn what_the_derive_says_is_written_and_read_back() {
    fn check<E: Event>() {
        let schema = E::schema();
        let text = to_toml(&schema);
        assert_eq!(from_toml(&text).as_ref(), Ok(&schema), "{text}");
        assert!(!text.starts_with('#'), "{text}");
    }
    check::<Leg>();
    check::<Pair>();
    check::<Spread>();
    check::<Price>();
    check::<Packed>();
    check::<Aligned>();
    check::<SmallEvent>();
    check::<MessageEvent>();
    check::<OverAlignedEvent>();
    check::<OfPackedEvent>();
    check::<Routed>();
}

#[test]
fn a_one_of_event_lies_as_the_derive_writes_it() {
    let text = r#"
        name = "MessageEvent"
        [variants.Add]
        tag = 1
        [variants.Add.fields]
        order = "u64"
        price = "i64"
        [variants.Heartbeat]
        tag = 2
        [variants.Tick]
        tag = 3
        value = "f64"
    "#;
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    struct Add {
        order: u64,
        price: i64,
    }
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(u32)]
    enum Message {
        Add(Add) = 1,
        Heartbeat = 2,
        Tick(f64) = 3,
    }
    let schema = from_toml(text).unwrap();
    assert!(schema.same_layout(&MessageEvent::schema()), "{schema}\n{}", MessageEvent::schema());
}

#[test]
fn paths_with_dots_are_structs() {
    let quoted = from_toml("name='E'\n[fields]\n'a.b.c'='u8'\n'a.b.d'='u32'\n'a.e'='u8'").unwrap();
    let nested = from_toml("name='E'\n[fields]\na.b.c='u8'\na.b.d='u32'\na.e='u8'").unwrap();
    assert_eq!(quoted, nested);
    let names: Vec<&str> = quoted.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["a.b.c", "a.b._pad", "a.b.d", "a.e", "a._pad"]);
}

#[test]
fn a_schema_of_no_derive_is_written_as_near_as_can_be() {
    let gap = Schema::from_text("E 16\na u32 8 4\n").unwrap();
    let text = to_toml(&gap);
    assert!(text.starts_with("# Not the schema"), "{text}");
    assert_eq!(from_toml(&text).unwrap().size, 16);
    for odd in [
        "E 8\na i64 0 8\tdecimal=99\n",
        "E 8\ttime=a\na f64 0 8\ttime=ns\n",
        "E 4\na u32 0 4\tenum=a:1,a:2\tdefault=x\n",
        "E 8\nlegs[0].px i32 0 4\nlegs[2].px i32 4 4\n",
        "E 8\na/b u64 0 8\n",
        "E 0\n",
    ] {
        let schema = Schema::from_text(odd).unwrap();
        assert!(to_toml(&schema).starts_with("# Not the schema"), "{odd}");
    }
    let others =
        Schema::from_text("E 8\tx=y\na i64 0 8\tdecimal=2\tunit=a\tsource=\"b\"\tdefault=\tz=\n").unwrap();
    assert!(to_toml(&others).contains("attributes = { z = \"\" }"));
}

fn problem(text: &str) -> (usize, usize, Problem) {
    let error = from_toml(text).unwrap_err();
    (error.line, error.column, error.problem)
}

#[test]
fn errors_say_where_and_what_to_write() {
    let field = |definition: &str| problem(&format!("name = \"E\"\n[fields]\n\"é\" = {definition}\n"));
    for (definition, column, wanted) in [
        ("\"int\"", 5, "no type"),
        ("5", 5, "a type as"),
        ("\"text\"", 5, "`length` is missing"),
        ("{ type = \"text\" }", 5, "length = 8"),
        ("{ type = \"text\", length = 0 }", 31, "1 or more"),
        ("{ type = \"text\", length = 2000000 }", 8, "at most 1048560 bytes"),
        ("{ type = \"decimal\", scale = 39 }", 33, "0 to 38"),
        ("{ type = \"decimal\", scale = 2, storage = \"f64\" }", 46, "is an integer"),
        ("{ type = \"decimal\", scale = 2, storage = \"u128\" }", 46, "up to `u64`"),
        ("{ type = \"time\", storage = \"i128\" }", 32, "at most 64 bits"),
        ("{ type = \"time\", input = 1 }", 30, "\"ms\""),
        ("{ type = \"time\", unit = \"min\" }", 29, "\"ms\""),
        ("{ type = \"time\", signed = false, storage = \"i64\" }", 48, "one is enough"),
        ("{ type = \"enum\", values = { buy = 1, sell = 1 } }", 42, "twice"),
        ("{ type = \"enum\", values = [\"a\", \"a\"] }", 37, "twice"),
        ("{ type = \"enum\", values = { buy = 256 } }", 33, "does not go into `u8`"),
        ("{ type = \"enum\", values = { 'a:b' = 1 } }", 33, "without `,`"),
        ("{ type = \"enum\", values = {} }", 31, "a table of names"),
        ("{ type = \"u8\", default = 256 }", 30, "is not a whole number (u8)"),
        ("{ type = \"decimal\", scale = 1, default = \"0.25\" }", 46, "at most 1 decimals"),
        ("{ type = \"enum\", values = [\"a\"], default = \"b\" }", 48, "one of a"),
        ("{ type = \"[u8;2]\", default = \"abc\" }", 34, "at most 2 bytes"),
        ("{ type = \"[u16;2]\", default = [1] }", 35, "[2 values]"),
        ("{ type = \"u8\", unit = \"\" }", 27, "not empty"),
        ("{ type = \"u8\", px = \"u8\" }", 20, "`px` means nothing here"),
        ("{ type = \"u8\", attributes = { time = \"ns\" } }", 35, "no option of their own"),
        ("{ count = 0, fields = { a = \"u8\" } }", 15, "1 or more"),
        ("{}", 5, "no fields"),
    ] {
        let (line, found, problem) = field(definition);
        let said = problem.to_string();
        assert!(said.contains(wanted), "{definition}: {said}");
        let at = if wanted.starts_with("at most 1048560") { (1, 8) } else { (3, column + 2) };
        assert_eq!((line, found), at, "{definition}: {said}");
    }
}

#[test]
fn errors_of_the_event() {
    for (text, wanted) in [
        ("", "`name` is missing"),
        ("name = ", "no TOML"),
        ("name = \"E\"", "no fields"),
        ("name = \"a b\"\n[fields]\na=\"u8\"", "a blank"),
        ("name = \"E\"\ntime=\"b\"\n[fields]\na=\"u8\"", "no field of this event"),
        ("name = \"E\"\ntime=\"a\"\n[fields]\na=\"u8\"", "is no time"),
        ("name = \"E\"\n[fields]\n\"a/b\"=\"u8\"", "letters, digits"),
        ("name = \"E\"\n[fields]\n\"a.\"=\"u8\"", "it is empty"),
        ("name = \"E\"\n[fields]\n\"a.b\"=\"u8\"\nc=\"u8\"\n\"a.d\"=\"u8\"", "twice"),
        ("name = \"E\"\n[fields]\na.b=\"u8\"\n\"a.b\"=\"u8\"", "twice"),
        ("name = \"E\"\n[fields]\na=\"[u64;0]\"", "no fields"),
        ("name = \"E\"\nfield = 1\n[fields]\na=\"u8\"", "`field` means nothing here"),
        ("name = \"E\"\n[fields]\na=\"u8\"\n[variants.A]\ntag=1", "take one away"),
        ("name = \"E\"\n[variants.A]\ntag=0\nvalue=\"u8\"", "from 1 to"),
        ("name = \"E\"\n[variants.A]\ntag=4294967296\nvalue=\"u8\"", "from 1 to"),
        ("name = \"E\"\n[variants.A]\ntag=1\n", "no variant holds a value"),
        ("name = \"E\"\n[variants.A]\ntag=1\nvalue=\"u8\"\n[variants.B]\ntag=1", "two variants"),
        ("name = \"E\"\n[variants.tag]\ntag=1\nvalue=\"u8\"", "not called `tag`"),
        ("name = \"E\"\n[fields]\na={count=1000000,fields={b=\"u8\"}}", "written out"),
        (
            "name = \"E\"\n[fields]\na={count=[65536,65536,65536,65536],fields={b=\"u8\"}}",
            "at most 1048560 bytes",
        ),
        ("name = \"E\"\n[fields]\na={count=[65536,65536,65536,65536],fields={b=\"[u8;0]\"}}", "no fields"),
        ("name = \"E\"\n[fields]\na.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=\"u8\"", "16 deep"),
    ] {
        let said = from_toml(text).unwrap_err().to_string();
        assert!(said.contains(wanted), "{text}\n{said}");
    }
    let large = from_toml("name = \"E\"\n[fields]\na = \"[u8;1048560]\"").unwrap();
    assert_eq!(large.size, 1_048_560);
}
