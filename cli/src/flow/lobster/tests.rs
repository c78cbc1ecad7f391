use super::*;
use crate::flow::print;

fn read(text: &str) -> Result<Vec<OrderMessage>, ParseError> {
    parse("in.csv", text.as_bytes(), 0, [0; 8])
}

fn write(messages: &[OrderMessage]) -> String {
    let mut out = Vec::new();
    messages.iter().for_each(|message| print::csv(message, &mut out));
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_read_is_written_byte_for_byte() {
    for text in [
        "34200.004241176,1,16113575,18,5853300,1\n34200.00426064,1,16113584,18,5853200,-1\n",
        "0,1,1,1,1,1\n0.0,2,0,0,0,-1\n0.10,3,9223372036854775807,4294967295,9223372036854775807,1\n",
        "86399.999999999,5,0,100,5853300,1\r\n86399.999999999,5,0,100,5853300,1\n",
        "36000,7,0,0,-1,-1\n36001.5,7,0,0,0,-1\n36002,6,-1,1000,100,1",
        "36000.000000000,4,5,6,7,1\r\n36000.1,4,5,6,7,1",
    ] {
        let messages = read(text).unwrap();
        assert_eq!(write(&messages), text);
    }
}

#[test]
fn the_date_goes_into_the_time_and_not_into_the_csv() {
    let date_ns = 15_512 * DAY_NS;
    let messages = parse("in.csv", b"34200.25,1,2,3,4,1\n", date_ns, *b"AAPL\0\0\0\0").unwrap();
    assert_eq!(messages[0].time_ns, date_ns + 34_200_250_000_000);
    assert_eq!(messages[0].symbol(), "AAPL");
    assert_eq!(write(&messages), "34200.25,1,2,3,4,1\n");
}

#[test]
fn malformed_lines_are_refused_with_line_and_column() {
    let good = "34200.5,1,2,3,4,1\n";
    for (bad, column, says) in [
        ("", 1, "empty line"),
        ("\r", 1, "empty line"),
        ("34200.5", 8, "the type should be"),
        ("34200.5,1,2,3,4", 16, "the direction should be"),
        ("34200.5,1,2,3,4,1,", 18, "more than six"),
        ("34200.5,1,2,3,4,1,5", 18, "more than six"),
        ("time,type,id,size,price,dir", 1, "the time is \"time\""),
        ("34200.5,1,abc,3,4,1", 11, "the order id is \"abc\""),
        ("34200.5,1,2x,3,4,1", 12, "the order id is \"2x\""),
        ("34200.5,,2,3,4,1", 9, "the type is \"\""),
        ("34200.5,8,2,3,4,1", 9, "from 1 to 7"),
        ("34200.5,0,2,3,4,1", 9, "from 1 to 7"),
        ("34200.5,1,+2,3,4,1", 11, "without plus sign"),
        ("34200.5,1,02,3,4,1", 11, "leading zeros"),
        ("34200.5,1, 2,3,4,1", 11, "blanks"),
        ("34200.5,1,2,3,4,1 ", 17, "blanks"),
        ("34200.5,1,-0,3,4,1", 11, "leading zeros"),
        ("34200.5,1,-1,3,4,1", 11, "the order id is -1"),
        ("34200.5,1,9223372036854775808,3,4,1", 11, "2^63-1"),
        ("34200.5,1,2,-3,4,1", 13, "the size is -3"),
        ("34200.5,1,2,4294967296,4,1", 13, "4294967295"),
        ("34200.5,1,2,3,-4,1", 15, "the price is -4"),
        ("34200.5,1,2,3,4.0,1", 15, "the price is \"4.0\""),
        ("34200.5,1,2,3,4,0", 17, "1 (buy) or -1 (sell)"),
        ("34200.5,1,2,3,4,2", 17, "1 (buy) or -1 (sell)"),
        ("34200.,1,2,3,4,1", 1, "the time is \"34200.\""),
        (".5,1,2,3,4,1", 1, "the time is \".5\""),
        ("34200.5.1,1,2,3,4,1", 1, "the time is"),
        ("3.42e4,1,2,3,4,1", 5, "the time is"),
        ("034200.5,1,2,3,4,1", 1, "leading zeros"),
        ("-1.5,1,2,3,4,1", 1, "0 <= t < 86400"),
        ("86400,1,2,3,4,1", 1, "0 <= t < 86400"),
        ("99999999999999999999,1,2,3,4,1", 1, "0 <= t < 86400"),
        ("35821.088778456004,1,2,3,4,1", 1, "finer than a nanosecond"),
        ("34200.4,1,2,3,4,1", 1, "before that of the line before"),
        ("\u{feff}34200.5,1,2,3,4,1", 1, "the time is"),
        ("34200.5,1,2,3,4,1\r\r", 17, "the direction is"),
    ] {
        let error = read(&format!("{good}{good}{bad}\n{good}")).expect_err(bad);
        assert_eq!((error.line, error.column), (3, column), "{bad:?}: {error}");
        let shown = error.to_string();
        assert!(shown.contains(says) && shown.starts_with("in.csv:3:"), "{bad:?}: {shown}");
    }
}

#[test]
fn an_empty_input_is_refused() {
    assert_eq!(read("").unwrap_err().fault, ParseFault::Empty);
    assert_eq!(read("\n").unwrap_err().fault, ParseFault::EmptyLine);
}

#[test]
fn no_bytes_make_it_panic() {
    let mut random = crate::flow::random::Random::new(3);
    let alphabet = b"0123456789,,,,..--+ \r\n\xffe";
    for _ in 0..20_000 {
        let length = random.below(40) as usize;
        let bytes: Vec<u8> =
            (0..length).map(|_| alphabet[random.below(alphabet.len() as u64) as usize]).collect();
        if let Ok(messages) = parse("fuzz", &bytes, 0, [0; 8]) {
            assert_eq!(write(&messages).as_bytes(), bytes);
        }
    }
}
