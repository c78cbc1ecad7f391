//! What is refused: what is said of it, where, and that no text is too hostile.

use slipring_schema::{Predicate, PredicateFault};

use super::{SCHEMA, passes, table};

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let table = table(SCHEMA);
    for (text, column, said) in [
        ("", 1, "there is nothing to test"),
        ("prize > 1", 1, "prize is no field; did you mean price? The fields are price, fine, qty"),
        ("qty > 1 and Live", 13, "did you mean live?"),
        ("px > 1", 1, "did you mean leg.px or legs[0].px"),
        ("qty == prize", 8, "prize is no field"),
        ("a == b", 1, "a is no field"),
        ("qty ~ 1", 5, "expected and, or, or the end, found ~"),
        ("qty > ", 7, "expected a field or a value, found the end"),
        ("qty > 1 live", 9, "expected and, or, or the end, found live"),
        ("(qty > 1", 1, "a parenthesis begins here"),
        ("(qty > 1 live)", 10, "expected an operator, and, or, or ), found live"),
        ("qty > 1)", 8, "found )"),
        ("qty in 1", 8, "a list in parentheses"),
        ("qty in ()", 9, "expected a field or a value"),
        ("qty in (1 2)", 11, "a comma or )"),
        ("qty in (1, 2", 8, "a list begins here"),
        ("qty not 5", 9, "expected in, between"),
        ("qty is 5", 8, "null or not null"),
        ("qty between 1 or 2", 15, "and the greatest value"),
        ("1 <= qty <= 3", 10, "a comparison has two sides"),
        ("symbol == 'A", 11, "text begins here"),
        ("symbol == AAPL", 11, "did you mean 'AAPL' as text"),
        ("symbol == \"AAPL\"", 11, "did you mean 'AAPL' as text"),
        (
            "symbol == 5",
            11,
            "symbol is text of 8 bytes and can't be compared with 5; text stands in single quotes: '5'",
        ),
        ("qty == 'x'", 8, "qty is a whole number (u32) and can't be compared with 'x'; write a whole number"),
        ("price == '101.25'", 10, "write 101.25 without quotes"),
        ("side == byu", 9, "side has no value byu; did you mean buy? The values are buy, sell, cross"),
        ("side == Sell", 9, "did you mean sell?"),
        ("live == 'true'", 9, "write true or false"),
        ("ts == 'noon'", 7, "'noon' is no time: write '2024-03-10T09:30:00.5Z'"),
        ("ts == '2024-02-30'", 7, "there is no such day"),
        ("ts == '24:00'", 7, "there is no such day or hour"),
        ("ts == '09:30:00.0000000001'", 7, "at most nine decimals"),
        ("ts == true", 7, "write a time in single quotes"),
        ("ts > qty", 6, "time=ns"),
        ("symbol > qty", 10, "can't be compared with qty, a whole number (u32)"),
        ("levels == 5", 11, "name an item: levels[0]"),
        ("levels[3][0] == 5", 1, "levels has 3 items"),
        ("levels[0][0][0] == 5", 1, "levels[0][0] is a whole number (i32) and has no items"),
        ("levels[x] == 5", 8, "the number of an item"),
        ("qty.x == 5", 1, "qty.x is no field"),
        ("qty == null", 8, "write qty is null"),
        ("1 == 1", 1, "neither side is a field"),
        ("'1' is null", 1, "a field stands without quotes"),
        ("qty", 1, "can't be taken as a test"),
        ("qty like 'A'", 10, "only text has patterns"),
        ("symbol like 5", 13, "write the pattern in single quotes"),
        ("qty == 0x", 8, "0x is no number"),
        ("qty == 1__2_", 8, "1__2_ is no number"),
        ("qty == 1.2.3", 8, "1.2.3 is no number"),
        ("qty == -0xf", 8, "-0xf is no number"),
        ("raw == 0xf", 8, "two digits for each byte"),
        ("and == 5", 1, "in double quotes"),
        ("vol == 'x'", 8, "vol is a float (f64)"),
        ("\u{e9}\u{e9} == 5 and (", 14, "expected a field"),
    ] {
        let error = passes(text, &table, &[0; 224]).expect_err(text);
        let shown = error.to_string();
        assert!(shown.to_lowercase().contains(&said.to_lowercase()), "{text}: {shown}");
        assert_eq!(error.column, column, "{text}: {shown}");
    }
    let error = Predicate::parse("ts > '09:30'", &table).unwrap_err();
    assert!(error.to_string().contains("write the date too"), "{error}");
    assert_eq!(
        error.to_string().lines().skip(1).collect::<Vec<_>>(),
        ["  ts > '09:30'", "       ^ column 6"]
    );
}

#[test]
fn hostile_text_is_refused() {
    let table = table(SCHEMA);
    let fault = |text: &str| *Predicate::parse(text, &table).unwrap_err().fault;
    assert!(matches!(fault(&"(".repeat(100_000)), PredicateFault::TooDeep { .. }));
    assert!(matches!(fault(&"!(".repeat(100_000)), PredicateFault::TooDeep { .. }));
    assert!(matches!(fault(&"not ".repeat(100_000)), PredicateFault::Expected { .. }));
    assert!(matches!(fault(&"qty == 1 or ".repeat(100_000)), PredicateFault::TooLong { .. }));
    let long = format!("{}qty == 1", "qty == 2 or qty == 3 and ".repeat(40_000));
    assert!(Predicate::parse(&long, &table).is_ok());
    let deep = format!("{}live{}", "(".repeat(64), ")".repeat(64));
    assert!(Predicate::parse(&deep, &table).is_ok());
    assert!(Predicate::parse(&format!("qty == {}", "9".repeat(1_000_000)), &table).is_ok());
    // What it shows is short, in one line, and gives a terminal no orders.
    let shown = Predicate::parse(&format!("live and \u{1b}[2J{}\n", "x".repeat(10_000)), &table)
        .unwrap_err()
        .to_string();
    assert!(shown.len() < 500 && !shown.contains('\u{1b}') && shown.lines().count() == 3, "{shown}");
}
