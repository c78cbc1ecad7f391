//! Random predicates on random events, against an evaluator that is as plain as can be: numbers are their digits,
//! compared as text, and what is unknown is carried through every `and`, `or` and `not`.

use std::cmp::Ordering;

use proptest::prelude::*;
use proptest::sample::select;
use slipring_journal::Schema;
use slipring_schema::{Column, Kind, Predicate, Row, Table, show_nanos};

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

#[derive(Clone, Debug)]
enum Model {
    All(Vec<Model>),
    Any(Vec<Model>),
    Not(Box<Model>),
    /// A field, a comparison, what it is compared with.
    Compare(String, &'static str, Side),
    Turned(Side, &'static str, String),
    In(String, Vec<Side>),
    Between(String, Side, Side),
    IsNull(String),
    Like(String, String),
    Truth(String),
}

/// A literal as it is written, or another field.
#[derive(Clone, Debug)]
enum Side {
    Field(String),
    Number(String),
    Time(i128),
    Text(String),
    Name(&'static str),
}

impl Side {
    fn text(&self) -> String {
        match self {
            Side::Field(text) | Side::Number(text) => text.clone(),
            Side::Time(nanos) => format!("'{}'", show_nanos(*nanos)),
            Side::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Side::Name(name) => (*name).to_owned(),
        }
    }
}

impl Model {
    fn text(&self) -> String {
        let joined = |all: &[Model], word: &str| {
            all.iter().map(|one| format!("({})", one.text())).collect::<Vec<_>>().join(word)
        };
        match self {
            Model::All(all) => joined(all, " and "),
            Model::Any(all) => joined(all, " || "),
            Model::Not(one) => format!("not ({})", one.text()),
            Model::Compare(field, op, side) => format!("{field} {op} {}", side.text()),
            Model::Turned(side, op, field) => format!("{} {op} {field}", side.text()),
            Model::In(field, sides) => {
                format!("{field} in ({})", sides.iter().map(Side::text).collect::<Vec<_>>().join(", "))
            }
            Model::Between(field, low, high) => format!("{field} between {} and {}", low.text(), high.text()),
            Model::IsNull(field) => format!("{field} is null"),
            Model::Like(field, pattern) => format!("{field} like '{pattern}'"),
            Model::Truth(field) => field.clone(),
        }
    }

    fn holds(&self, table: &Table, event: &[u8]) -> Option<bool> {
        let compare = |field: &str, op: &str, side: &Side| compare(table, event, field, op, side);
        match self {
            Model::All(all) => {
                let found: Vec<_> = all.iter().map(|one| one.holds(table, event)).collect();
                if found.contains(&Some(false)) {
                    Some(false)
                } else {
                    found.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            Model::Any(all) => {
                let found: Vec<_> = all.iter().map(|one| one.holds(table, event)).collect();
                if found.contains(&Some(true)) {
                    Some(true)
                } else {
                    found.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            Model::Not(one) => one.holds(table, event).map(|holds| !holds),
            Model::Compare(field, op, side) => compare(field, op, side),
            Model::Turned(side, op, field) => {
                let turned = op.replace('<', "(").replace('>', "<").replace('(', ">");
                compare(field, if *op == "<>" { "<>" } else { &turned }, side)
            }
            Model::In(field, sides) => {
                let any =
                    sides.iter().map(|side| Model::Compare(field.clone(), "==", side.clone())).collect();
                Model::Any(any).holds(table, event)
            }
            Model::Between(field, low, high) => Model::All(vec![
                Model::Compare(field.clone(), ">=", low.clone()),
                Model::Compare(field.clone(), "<=", high.clone()),
            ])
            .holds(table, event),
            Model::IsNull(field) => Some(bytes(table, event, field).is_none()),
            Model::Like(field, pattern) => {
                let text = trimmed(&bytes(table, event, field)?.1);
                let (text, pattern) =
                    (String::from_utf8(text).expect("text"), pattern.chars().collect::<Vec<_>>());
                Some(is_like(&text.chars().collect::<Vec<_>>(), &pattern))
            }
            Model::Truth(field) => Some(bytes(table, event, field)?.1 == [1]),
        }
    }
}

fn is_like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|from| is_like(&text[from..], rest)),
        Some(('_', rest)) => !text.is_empty() && is_like(&text[1..], rest),
        Some((c, rest)) => text.first() == Some(c) && is_like(&text[1..], rest),
    }
}

/// A field's kind and bytes, if the event has it.
fn bytes(table: &Table, event: &[u8], path: &str) -> Option<(Kind, Vec<u8>)> {
    let (column, item) = match path.find('[') {
        Some(at) => (&path[..at], Some(&path[at..])),
        None => (path, None),
    };
    let column: &Column = &table.columns[table.find(column).expect("a column")];
    let found = column.bytes_in(event).filter(|_| column.is_in(event))?;
    let Some(item) = item else { return Some((column.kind.clone(), found.to_vec())) };
    let digit = |at: usize| usize::from(item.as_bytes()[at] - b'0');
    let at = 4 * (2 * digit(1) + digit(4));
    Some((Kind::Integer(slipring_schema::Integer::from_name("i32").unwrap()), found[at..at + 4].to_vec()))
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

fn compare(table: &Table, event: &[u8], field: &str, op: &str, side: &Side) -> Option<bool> {
    let (kind, found) = bytes(table, event, field)?;
    let order = match (&kind, side) {
        (Kind::Text(_), Side::Text(text)) => Some(trimmed(&found).cmp(&text.clone().into_bytes())),
        (Kind::Text(_), Side::Field(other)) => {
            Some(trimmed(&found).cmp(&trimmed(&bytes(table, event, other)?.1)))
        }
        (Kind::Float32, Side::Number(text)) => {
            float(&kind, &found).partial_cmp(&f64::from(text.parse::<f32>().unwrap()))
        }
        (Kind::Float64, Side::Number(text)) => {
            float(&kind, &found).partial_cmp(&text.parse::<f64>().unwrap())
        }
        (_, Side::Field(other)) => {
            let (other, others) = bytes(table, event, other)?;
            digits_of(&kind, &found)
                .zip(digits_of(&other, &others))
                .map(|(one, other)| by_digits(&one, &other))
        }
        (Kind::Time { .. }, Side::Time(nanos)) => {
            let nanos = Digits::new(*nanos < 0, &nanos.unsigned_abs().to_string(), -9);
            digits_of(&kind, &found).map(|found| by_digits(&found, &nanos))
        }
        (Kind::Time { storage, .. }, Side::Number(text)) => {
            Some(by_digits(&digits_of(&Kind::Integer(*storage), &found)?, &written(text)))
        }
        (Kind::Enum { storage, .. }, Side::Name(name)) => {
            let value =
                ["buy", "sell", "odd"].iter().position(|known| known == name).map(|at| [1, 2, 255][at]);
            Some(storage.read(&found).cmp(&value.expect("a name")))
        }
        (_, Side::Number(text)) => digits_of(&kind, &found).map(|found| by_digits(&found, &written(text))),
        (kind, side) => panic!("{kind:?} {side:?}"),
    };
    Some(match (op, order) {
        ("==" | "=", order) => order == Some(Ordering::Equal),
        ("!=" | "<>", order) => order != Some(Ordering::Equal),
        (_, None) => false,
        ("<", Some(order)) => order.is_lt(),
        ("<=", Some(order)) => order.is_le(),
        (">", Some(order)) => order.is_gt(),
        (_, Some(order)) => order.is_ge(),
    })
}

fn float(kind: &Kind, bytes: &[u8]) -> f64 {
    match kind {
        Kind::Float32 => f64::from(f32::from_le_bytes(bytes.try_into().unwrap())),
        _ => f64::from_le_bytes(bytes.try_into().unwrap()),
    }
}

/// A number as 64 thousand.. of digits: a sign, digits before and behind the point, all of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    negative: bool,
    text: String,
}

/// Digits before the point, and behind it.
const BEFORE: usize = 400;
const BEHIND: usize = 1100;

impl Digits {
    /// A number that is `digits` times ten to the `exponent`.
    fn new(negative: bool, digits: &str, exponent: i32) -> Self {
        let before = BEFORE as i32 - digits.len() as i32 - exponent;
        let mut text = "0".repeat(before.try_into().expect("room"));
        text.push_str(digits);
        assert!(text.len() <= BEFORE + BEHIND);
        text.push_str(&"0".repeat(BEFORE + BEHIND - text.len()));
        Digits { negative: negative && text.bytes().any(|digit| digit != b'0'), text }
    }
}

fn by_digits(one: &Digits, other: &Digits) -> Ordering {
    match (one.negative, other.negative) {
        (false, false) => one.text.cmp(&other.text),
        (true, true) => other.text.cmp(&one.text),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// A number as it is written.
fn written(text: &str) -> Digits {
    let text = text.replace('_', "");
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |text| (true, text));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    Digits::new(negative, &format!("{whole}{fraction}"), exponent)
}

/// What a field holds; `None` if it is no number. A time counts seconds.
fn digits_of(kind: &Kind, bytes: &[u8]) -> Option<Digits> {
    let scale = match kind {
        Kind::Float32 | Kind::Float64 => {
            let float = float(kind, bytes);
            let endless = || Digits { negative: float < 0.0, text: "9".repeat(BEFORE + BEHIND + 1) };
            return match () {
                () if float.is_nan() => None,
                () if float.is_infinite() => Some(endless()),
                // A double has no more decimals than these: this is all of it.
                () => Some(written(&format!("{float:.1090}"))),
            };
        }
        Kind::Decimal { scale, .. } => i32::from(*scale),
        Kind::Time { unit, .. } => 9 - unit.nanos().ilog10() as i32,
        _ => 0,
    };
    let storage = match kind {
        Kind::Integer(storage) | Kind::Decimal { storage, .. } | Kind::Enum { storage, .. } => *storage,
        Kind::Time { storage, .. } => *storage,
        kind => panic!("{kind:?}"),
    };
    if storage.name() == "u128" {
        return Some(Digits::new(false, &u128::from_le_bytes(bytes.try_into().unwrap()).to_string(), 0));
    }
    let value = storage.read(bytes);
    Some(Digits::new(value < 0, &value.unsigned_abs().to_string(), -scale))
}

const NUMBERS: [&str; 15] = [
    "cents",
    "nano",
    "fine",
    "wide",
    "huge",
    "big",
    "long",
    "double",
    "single",
    "int",
    "tick",
    "tiny",
    "pair[0][1]",
    "pair[1][0]",
    "pair[1][1]",
];
const TIMES: [&str; 4] = ["ns", "ms", "us", "sec"];
const TEXTS: [&str; 3] = ["name", "label", "code"];
const OPS: [&str; 8] = ["==", "=", "!=", "<>", "<", "<=", ">", ">="];
/// Bits of what is near an edge as a number or as a float.
const WORDS: [u64; 18] = [
    0,
    0,
    1,
    2,
    5,
    100,
    10_125,
    1_000_000_000,
    1_710_063_000,
    1_710_063_000_000_000_000,
    u64::MAX,
    i64::MAX as u64,
    i64::MIN as u64,
    0x3fb9_9999_9999_999a, // 0.1
    0x3dcc_cccd_3dcc_cccd, // 0.1 as f32, twice
    0x4340_0000_0000_0000, // 2^53
    0x7ff8_0000_0000_0000, // NaN
    0x7ff0_0000_0000_0000, // infinity
];
const DIGITS: [&str; 18] = [
    "0",
    "1",
    "2",
    "5",
    "100",
    "101",
    "10125",
    "1710063000",
    "1710063000000000000",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "170141183460469231731687303715884105727",
    "170141183460469231731687303715884105728",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "12345678901234567890123456789012345678901234567890",
];

fn of_variant(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    (select(&["A", "B"][..]), select(names)).prop_map(|(variant, name)| format!("{variant}.{name}"))
}

fn number() -> impl Strategy<Value = Side> {
    let digits = prop_oneof![3 => select(&DIGITS[..]).prop_map(str::to_owned), 1 => any::<u64>().prop_map(|n| n.to_string())];
    let exponent = prop_oneof![4 => select(&[0i32, 0, -1, -2, -9][..]), 1 => -45i32..45];
    (any::<bool>(), digits, exponent, any::<bool>()).prop_map(|(negative, digits, exponent, plain)| {
        let sign = if negative { "-" } else { "" };
        if !plain {
            return Side::Number(format!("{sign}{digits}e{exponent}"));
        }
        if exponent >= 0 {
            return Side::Number(format!("{sign}{digits}{}", "0".repeat(exponent as usize)));
        }
        let digits = format!("{}{digits}", "0".repeat(exponent.unsigned_abs() as usize));
        let (whole, fraction) = digits.split_at(digits.len() - exponent.unsigned_abs() as usize);
        Side::Number(format!("{sign}{whole}.{fraction}"))
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ab\u{e9}]{0,4}", 1 => "[ab']{5,14}"]
}

/// Fields that compare with one another, and what they compare with.
fn sides() -> impl Strategy<Value = (String, Side, Side)> {
    let time = || {
        prop_oneof![
            select(&[0i64, 1, -1, 1_000, 1_710_063_000_000_000_000, 1_000_000_000][..]).prop_map(i128::from),
            any::<i64>().prop_map(i128::from),
        ]
        .prop_map(Side::Time)
    };
    let whole = || select(&DIGITS[..]).prop_map(|digits| Side::Number(digits.to_owned()));
    let times = move || prop_oneof![3 => time(), 1 => whole(), 2 => of_variant(&TIMES).prop_map(Side::Field)];
    let numbers = || prop_oneof![3 => number(), 2 => of_variant(&NUMBERS).prop_map(Side::Field)];
    let texts =
        || prop_oneof![3 => text().prop_map(Side::Text), 1 => of_variant(&TEXTS).prop_map(Side::Field)];
    let names = || {
        prop_oneof![
            2 => select(&["buy", "sell", "odd"][..]).prop_map(Side::Name),
            1 => number(),
            1 => of_variant(&["side"]).prop_map(Side::Field),
        ]
    };
    prop_oneof![
        5 => (of_variant(&NUMBERS), numbers(), numbers()),
        2 => (of_variant(&TIMES), times(), times()),
        2 => (of_variant(&TEXTS), texts(), texts()),
        1 => (of_variant(&["side"]), names(), names()),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    let op = || select(&OPS[..]);
    let leaf = prop_oneof![
        6 => (sides(), op()).prop_map(|((field, side, _), op)| Model::Compare(field, op, side)),
        2 => (sides(), op()).prop_map(|((field, side, _), op)| Model::Turned(side, op, field)),
        1 => sides().prop_map(|(field, low, high)| Model::Between(field, low, high)),
        1 => sides().prop_map(|(field, one, other)| Model::In(field, vec![one.clone(), other, one])),
        1 => of_variant(&["cents", "name"]).prop_map(Model::IsNull),
        1 => (of_variant(&TEXTS), "[ab%_\u{e9}]{0,5}").prop_map(|(field, pattern)| Model::Like(field, pattern)),
        1 => of_variant(&["live"]).prop_map(Model::Truth),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Model::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Model::Any),
            inner.prop_map(|inner| Model::Not(Box::new(inner))),
        ]
    })
}

prop_compose! {
    fn event()(
        tag in 1u32..4,
        words in proptest::collection::vec(prop_oneof![4 => select(&WORDS[..]), 1 => any::<u64>()], 23),
        texts in proptest::collection::vec(text(), 3),
    ) -> (u32, Vec<u64>, Vec<String>) {
        (tag, words, texts)
    }
}

fn bytes_of(table: &Table, (tag, words, texts): &(u32, Vec<u64>, Vec<String>)) -> Vec<u8> {
    let mut event: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    event[..4].copy_from_slice(&tag.to_le_bytes());
    // So that they are text: anything else is tried by what lies over them in the other variant.
    for (column, text) in
        table.columns.iter().filter(|column| matches!(column.kind, Kind::Text(_))).zip(texts.iter().cycle())
    {
        if column.is_in(&event) {
            let room = &mut event[column.offset..][..column.kind.bytes()];
            room.fill(0);
            let end = text.floor_char_boundary(room.len());
            room[..end].copy_from_slice(&text.as_bytes()[..end]);
        }
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

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
