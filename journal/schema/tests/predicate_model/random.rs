//! Random predicates and events, with values near each other and near the edges.

use proptest::prelude::*;
use proptest::sample::select;
use slipring_schema::{Kind, Table};

use crate::model::{Model, Side};

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

pub fn model() -> impl Strategy<Value = Model> {
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
    pub fn event()(
        tag in 1u32..4,
        words in proptest::collection::vec(prop_oneof![4 => select(&WORDS[..]), 1 => any::<u64>()], 23),
        texts in proptest::collection::vec(text(), 3),
    ) -> (u32, Vec<u64>, Vec<String>) {
        (tag, words, texts)
    }
}

pub fn bytes_of(table: &Table, (tag, words, texts): &(u32, Vec<u64>, Vec<String>)) -> Vec<u8> {
    let mut event: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    event[..4].copy_from_slice(&tag.to_le_bytes());
    // So that they are text: anything else is tried by what lies over them in the other variant.
    for (column, text) in
        table.columns.iter().filter(|column| matches!(column.kind, Kind::Text(_))).zip(texts.iter().cycle())
    {
        if column.is_in(&event) {
            let room = &mut event[column.offset..][..column.kind.bytes()];
            room.fill(0);
            let most = text.len().min(room.len());
            let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            room[..end].copy_from_slice(&text.as_bytes()[..end]);
        }
    }
    event
}
