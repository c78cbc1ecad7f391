//! Predicates: each form of the grammar on events whose answer is known; and what is refused.

mod refused;

use slipring_journal::Schema;
use slipring_schema::{ParseOptions, Predicate, PredicateError, Row, Table};

const SCHEMA: &str = "E 224\n\
    price i64 0 8\tdecimal=2\n\
    fine i128 16 16\tdecimal=9\n\
    qty u32 32 4\n\
    side u8 36 1\tenum=buy:1,sell:2,cross:9\n\
    live u8 37 1\tbool\n\
    small i8 38 1\n\
    tag [u8;3] 40 3\ttext\n\
    symbol [u8;8] 48 8\ttext\n\
    long [u8;12] 56 12\ttext\n\
    raw [u8;4] 68 4\n\
    ts u64 72 8\ttime=ns\n\
    sent i64 80 8\ttime=ms\n\
    vol f64 88 8\n\
    ratio f32 96 4\n\
    leg.px i64 104 8\n\
    levels [[i32;2];3] 112 24\n\
    huge u128 144 16\n\
    and u64 160 8\n\
    id u64 168 8\n\
    wide i128 176 16\n\
    dec0 i64 192 8\tdecimal=0\n\
    flags u16 200 2\n\
    past u32 204 4\ttime=s\n\
    legs[0].px i32 208 4\n\
    legs[1].px i32 212 4\n\
    last [u8;3] 216 3\ttext\n";

const VALUES: [(&str, &str); 25] = [
    ("price", "101.25"),
    ("fine", "101.250000001"),
    ("qty", "300"),
    ("side", "sell"),
    ("live", "true"),
    ("small", "-5"),
    ("tag", "B"),
    ("symbol", "AAPL"),
    ("long", "MICROSOFT 1%"),
    ("raw", "0x00ff0001"),
    ("ts", "2024-03-10T09:30:00.000000001Z"),
    ("sent", "2024-03-10T09:30:00.000Z"),
    ("vol", "0.1"),
    ("ratio", "0.1"),
    ("leg.px", "-7"),
    ("levels", "[[1,2],[3,4],[-5,6]]"),
    ("huge", "340282366920938463463374607431768211455"),
    ("and", "9007199254740993"),
    ("id", "18446744073709551615"),
    ("dec0", "101"),
    ("flags", "255"),
    ("past", "2024-03-10T09:30:00Z"),
    ("legs[0].px", "10"),
    ("legs[1].px", "20"),
    ("last", "ZZ"),
];

fn table(schema: &str) -> Table {
    Table::new(&Schema::from_text(schema).expect("a possible schema"))
}

fn event(table: &Table, values: &[(&str, &str)]) -> Vec<u8> {
    let mut event = vec![0; table.event_bytes];
    for (path, text) in values {
        let column = &table.columns[table.find(path).unwrap_or_else(|| panic!("{path}"))];
        column.parse(text, &mut event, &ParseOptions::default()).unwrap_or_else(|fault| panic!("{fault}"));
    }
    event
}

/// 2024-03-10T08:00:00Z
const FIRST_NS: u64 = 1_710_057_600_000_000_000;

fn passes(text: &str, table: &Table, event: &[u8]) -> Result<bool, PredicateError> {
    let predicate = Predicate::parse_from(text, table, FIRST_NS)?;
    Ok(predicate.matches(&Row { sequence: 41, time_ns: FIRST_NS + 7, epoch: 3, event }))
}

#[test]
fn every_form_says_what_it_should() {
    let table = table(SCHEMA);
    let mut event = event(&table, &VALUES);
    event[176..192].copy_from_slice(&i128::MIN.to_le_bytes());
    for (text, expected) in [
        // Numbers and decimals, exactly.
        ("qty == 300", true),
        ("qty = 300", true),
        ("qty != 300", false),
        ("qty <> 301", true),
        ("qty == 3_00", true),
        ("qty == 3e2", true),
        ("qty == 300.0", true),
        ("qty == 300.5", false),
        ("qty < 300.5 and qty > 299.5", true),
        ("qty < 1e40", true),
        ("qty > -1e40", true),
        ("qty == 4294967596", false),
        ("qty == 0x12c", true),
        ("qty < -1", false),
        ("small == -5", true),
        ("small < -128", false),
        ("small >= -128", true),
        ("small < 128", true),
        ("small == 251", false),
        ("price == 101.25", true),
        ("price >= 101.255", false),
        ("price < 101.255", true),
        ("price > 101.245", true),
        ("price == 101.2500", true),
        ("price == 101.255", false),
        ("price != 101.255", true),
        ("price == 10125e-2", true),
        ("101.25 <= price", true),
        ("101.25 < price", false),
        ("fine == 101.250000001", true),
        ("fine > 101.25", true),
        ("fine <= 101.2500000009999999999999999999999999999999999999999999", false),
        ("huge == 340282366920938463463374607431768211455", true),
        ("huge < 340282366920938463463374607431768211456", true),
        ("huge == -1", false),
        ("huge >= 0x80000000000000000000000000000000", true),
        ("wide == -170141183460469231731687303715884105728", true),
        ("wide < -170141183460469231731687303715884105728", false),
        ("wide > -170141183460469231731687303715884105729", true),
        ("id == 18446744073709551615", true),
        ("id > 18446744073709551614", true),
        ("id < 0", false),
        ("flags == 0xff", true),
        // Lists and ranges.
        ("qty in (1, 300)", true),
        ("qty not in (1, 300)", false),
        ("qty in (299, 300, 301)", true),
        ("qty in (299, 301, 305)", false),
        ("qty in (1.5, 1e99)", false),
        ("qty not in (1.5, 1e99)", true),
        ("qty in (qty, 4)", true),
        ("300 in (id, qty)", true),
        ("301 in (id, qty)", false),
        ("qty between 300 and 300", true),
        ("qty between 299.5 and 300 and live", true),
        ("qty not between 301 and 400", true),
        ("qty between 400 and 301", false),
        ("huge in (1, 340282366920938463463374607431768211455)", true),
        ("symbol in ('MSFT', 'AAPL')", true),
        ("long in ('MSFT', 'AAPL')", false),
        // Enums, truth.
        ("side == sell", true),
        ("side == 'sell'", true),
        ("sell == side", true),
        ("side == 2", true),
        ("side in (buy, sell)", true),
        ("side in (buy, cross)", false),
        ("side > buy", true),
        ("side like 's%'", true),
        ("side not like 's%'", false),
        ("live", true),
        ("not live", false),
        ("! live", false),
        ("live == true", true),
        ("live = 1", true),
        ("live != FALSE", true),
        ("(live)", true),
        // Text.
        ("symbol == 'AAPL'", true),
        ("symbol == 'AAP'", false),
        ("symbol == 'AAPLAAPLA'", false),
        ("symbol < 'AAPM'", true),
        ("symbol < 'AAPL'", false),
        ("symbol <= 'AAPLAAPLAA'", true),
        ("symbol >= 'AAPLAAPLAA'", false),
        ("symbol > 'AAP'", true),
        ("symbol > ''", true),
        ("symbol < ''", false),
        ("symbol like 'AA%'", true),
        ("symbol like 'AAPL'", true),
        ("symbol like '_APL'", true),
        ("symbol like '%P_'", true),
        ("symbol not like 'B%'", true),
        ("symbol starts_with 'AAPL'", true),
        ("symbol starts_with ''", true),
        ("symbol starts_with 'AAPLAAPLA'", false),
        ("symbol ends_with 'PL'", true),
        ("symbol contains 'AP'", true),
        ("tag == 'B'", true),
        ("tag starts_with 'B'", true),
        ("tag > 'AZZ'", true),
        ("last == 'ZZ'", true),
        ("last < 'ZZA'", true),
        ("long == 'MICROSOFT 1%'", true),
        ("long like '%1\\%'", true),
        ("long starts_with 'MICRO'", true),
        ("long > 'MICROSOFT 1'", true),
        ("long < 'MICROSOFT 1%%'", true),
        ("long >= 'MICROSOFT 1%%'", false),
        ("raw == 0x00ff0001", true),
        ("raw < 0x01", true),
        ("raw[1] == 255", true),
        ("symbol == 'it''s'", false),
        ("symbol < long", true),
        ("tag < symbol", false),
        // Times.
        ("ts > '2024-03-10T09:30:00Z'", true),
        ("ts == '2024-03-10T09:30:00.000000001Z'", true),
        ("ts == '2024-03-10T10:30:00.000000001+01:00'", true),
        ("ts >= '2024-03-10 09:30'", true),
        ("ts >= '2024-03-11'", false),
        ("ts >= '09:30'", true),
        ("ts < '09:30:00.000000002'", true),
        ("ts < '1969-12-31'", false),
        ("ts < '9999-12-30'", true),
        ("ts == 1710063000000000001", true),
        ("sent == 1710063000000", true),
        ("sent == '09:30'", true),
        ("sent > '2024-03-10T09:30:00.000000001Z'", false),
        ("sent > '2024-03-10T09:29:59.999999999Z'", true),
        ("sent < ts", true),
        ("ts <= sent", false),
        ("past == sent", true),
        ("past < ts", true),
        ("past < '2262-01-01'", true),
        // Floats.
        ("vol == 0.1", true),
        ("ratio == 0.1", true),
        ("vol < ratio", true),
        ("vol < inf", true),
        ("vol > -inf", true),
        ("vol == NaN", false),
        ("vol != nan", true),
        ("vol between 0 and 1", true),
        // Fields against fields.
        ("price < fine", true),
        ("fine > price", true),
        ("fine <= price", false),
        ("dec0 < price", true),
        ("qty > price", true),
        ("wide < huge", true),
        ("huge > wide", true),
        ("leg.px < small", true),
        ("legs[0].px < legs[1].px", true),
        ("side == small", false),
        ("vol < price", true),
        ("price > vol", true),
        ("live == live", true),
        // Paths.
        ("levels[2][0] == -5", true),
        ("levels[ 02 ][1] == 6", true),
        ("\"and\" == 9007199254740993", true),
        ("\"leg\".px == -7", true),
        ("\"leg.px\" == -7", true),
        // The journal's own.
        ("_sequence == 41", true),
        ("_time > '08:00'", true),
        ("_time > '08:00:00.000000007'", false),
        ("_epoch >= 3", true),
        // Joined.
        ("qty == 1 or qty == 300", true),
        ("qty == 1 or qty == 2 or live", true),
        ("qty == 1 and live or symbol == 'AAPL'", true),
        ("qty == 1 and (live or symbol == 'AAPL')", false),
        ("not (qty == 1 and live)", true),
        ("not not live", true),
        ("!(qty==300)", false),
        ("qty==300&&live||false", true),
        ("QTY == 300 or qty == 300", false),
        ("NOT qty IN (1) AND live Or false", true),
        ("(((qty))) >= (((300)))", false),
        ("qty is null", false),
        ("qty is not null", true),
        ("levels is not null", true),
        ("true", true),
        ("  qty\n==\t300  ", true),
    ] {
        let found = passes(text, &table, &event);
        match text {
            // Names have their case, and a literal no parentheses.
            "QTY == 300 or qty == 300" | "(((qty))) >= (((300)))" => assert!(found.is_err(), "{text}"),
            _ => assert_eq!(found.unwrap_or_else(|error| panic!("{error}")), expected, "{text}"),
        }
    }
}

const ONE_OF: &str = "M 24\n\
    tag u32 0 4\n\
    Add u32=1 0 24\n\
    Add/price i64 8 8\tdecimal=2\n\
    Cancel u32=2 0 24\n\
    Cancel/id u64 8 8\n\
    Heartbeat u32=7 0 24\n";

/// Of what an event does not have nothing is true, nor is its `not`.
#[test]
fn null_is_neither_true_nor_false() {
    let table = table(ONE_OF);
    let add = event(&table, &[("_variant", "Add"), ("Add.price", "5")]);
    let cancel = event(&table, &[("_variant", "Cancel"), ("Cancel.id", "500")]);
    for (text, of_add, of_cancel) in [
        ("Add.price > 4", true, false),
        ("not Add.price > 4", false, false),
        ("not not Add.price > 4", true, false),
        ("Add.price < 1e99", true, false),
        ("not Add.price < 1e99", false, false),
        ("Add.price is null", false, true),
        ("Add.price is not null", true, false),
        ("not Add.price is null", true, false),
        ("not (Add.price > 4 or Cancel.id == 500)", false, false),
        ("not (Add.price > 4 and Cancel.id == 500)", false, false),
        ("not (Add.price > 4 and Cancel.id == 499)", false, true),
        ("Add.price > 4 or Cancel.id == 500", true, true),
        ("Add.price > 4 or true", true, true),
        ("Add.price == 7 or not Add.price == 7", true, false),
        ("Add.price in (5, 7)", true, false),
        ("Add.price not in (6, 7)", true, false),
        ("Add.price not in (1e99)", true, false),
        ("Add.price not between 6 and 7", true, false),
        ("500 in (Add.price, Cancel.id)", false, true),
        ("500 not in (Add.price, Cancel.id)", false, false),
        ("Add.price == Cancel.id", false, false),
        ("Add.price != Cancel.id", false, false),
        ("_variant == Add", true, false),
        ("_variant != Add", false, true),
        ("_variant in (Add, Heartbeat)", true, false),
        ("_variant like 'C%'", false, true),
    ] {
        assert_eq!(passes(text, &table, &add), Ok(of_add), "Add: {text}");
        assert_eq!(passes(text, &table, &cancel), Ok(of_cancel), "Cancel: {text}");
    }
    assert_eq!(passes("true", &table, &add[..23]), Ok(false), "an event that is too short");
}

/// A schema is a file's word: what lies outside of the event is null.
#[test]
fn a_field_outside_of_the_event_is_null() {
    let mut schema = Schema::from_text("E 12\na u64 0 8\nb [u16;2] 8 4\n").unwrap();
    for offset in [10, 12, usize::MAX - 1] {
        schema.fields[1].offset = offset;
        let table = Table::new(&schema);
        for (text, expected) in
            [("b[1] == 0", false), ("b[1] != 0", false), ("b is null", true), ("a == 0", true)]
        {
            assert_eq!(passes(text, &table, &[0; 12]), Ok(expected), "{text} {offset}");
        }
    }
}
