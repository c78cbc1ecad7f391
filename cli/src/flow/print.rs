//! Writing messages as the CSV lines that they were read from.

use crate::flow::message::{LineEnd, OrderMessage};

/// Appends the message's line, byte for byte as it was read.
pub fn csv(message: &OrderMessage, out: &mut Vec<u8>) {
    let time_ns = message.time_of_day_ns();
    push_integer(out, (time_ns / 1_000_000_000) as i64);
    let decimals = usize::from(message.time_decimals.min(9));
    if decimals > 0 {
        let mut digits = [b'0'; 10];
        let mut fraction = time_ns % 1_000_000_000;
        for digit in digits[1..].iter_mut().rev() {
            *digit = b'0' + (fraction % 10) as u8;
            fraction /= 10;
        }
        digits[0] = b'.';
        out.extend_from_slice(&digits[..=decimals]);
    }
    let fields = [
        i64::from(message.kind),
        message.order_id,
        i64::from(message.size),
        message.price,
        i64::from(message.direction),
    ];
    for field in fields {
        out.push(b',');
        push_integer(out, field);
    }
    out.extend_from_slice(LineEnd::bytes(message.line_end));
}

fn push_integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        start -= 1;
        digits[start] = b'-';
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_to_their_extremes() {
        for value in [0, 7, -1, 10, i64::MAX, i64::MIN, -1234567890] {
            let mut out = Vec::new();
            push_integer(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
