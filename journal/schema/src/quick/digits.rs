//! Decimal digits, eight at a time.

use super::word;

/// Nineteen nines fit into 64 bits, twenty do not.
const MOST_DIGITS: usize = 19;

const POWERS: [u64; MOST_DIGITS + 1] = {
    let mut powers = [1; MOST_DIGITS + 1];
    let mut at = 1;
    while at <= MOST_DIGITS {
        powers[at] = 10 * powers[at - 1];
        at += 1;
    }
    powers
};

/// A number without a sign that begins at `start`, times ten to the `scale`, and where it ends. Digits on
/// both sides of a point, if there is one, and no more behind it than `scale`; with scale 0 it ends before a
/// point. `None` for anything else.
#[inline(always)]
pub(super) fn scaled(text: &[u8], start: usize, scale: usize) -> Option<(u64, usize)> {
    let (whole, count) = run(text, start)?;
    if count == 0 || count + scale > MOST_DIGITS {
        return None;
    }
    let end = start + count;
    if scale == 0 || text.get(end) != Some(&b'.') {
        return Some((whole * POWERS[scale], end));
    }
    let (fraction, decimals) = run(text, end + 1)?;
    if decimals == 0 || decimals > scale {
        return None;
    }
    let value = whole * POWERS[scale] + fraction * POWERS[scale - decimals];
    Some((value, end + 1 + decimals))
}

/// The digits from `start` on: their value, and how many there are. `None` if they are too many.
#[inline(always)]
fn run(text: &[u8], start: usize) -> Option<(u64, usize)> {
    let (mut value, mut done) = (0, 0);
    loop {
        let digits = word::from_digits(word::at(text, start + done));
        let count = word::first(word::no_digits(digits));
        if done + count > MOST_DIGITS {
            return None;
        }
        if count > 0 {
            value = value * POWERS[count] + eight(digits << (64 - 8 * count));
        }
        done += count;
        if count < 8 {
            return Some((value, done));
        }
    }
}

/// The value of eight digits, the first of which lies lowest: pairs, then fours, then all.
#[inline(always)]
fn eight(digits: u64) -> u64 {
    const FIRST_OF_PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let outer = (pairs & FIRST_OF_PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let inner = ((pairs >> 16) & FIRST_OF_PAIRS).wrapping_mul(1 + (10_000 << 32));
    outer.wrapping_add(inner) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_their_digits_do() {
        let whole = |text: &str| scaled(text.as_bytes(), 0, 0);
        for text in ["0", "7", "12345678", "123456789", "1234567890123456", "9999999999999999999", "007"] {
            let wanted = Some((text.parse().unwrap(), text.len()));
            for behind in ["", ",", "\n1", "e5", ".", ".0", "-123456789", "/::::::::", "\u{e9}23456789"] {
                assert_eq!(whole(&format!("{text}{behind}")), wanted, "{text}{behind}");
            }
        }
        for none in ["", ",1", "-1", "+1", "x", "99999999999999999999", ".5"] {
            assert_eq!(whole(none), None, "{none}");
        }
    }

    #[test]
    fn a_point_moves_to_where_the_scale_says() {
        let cents = |text: &str| scaled(text.as_bytes(), 0, 2);
        assert_eq!(cents("687.05,"), Some((68_705, 6)));
        assert_eq!(cents("687.5,"), Some((68_750, 5)));
        assert_eq!(cents("687,"), Some((68_700, 3)));
        assert_eq!(cents("687.05.1"), Some((68_705, 6)));
        assert_eq!(cents("99999999999999999.99"), Some((9_999_999_999_999_999_999, 20)));
        for none in ["687.,", "687.055,", "687.-5", "100000000000000000", ".5"] {
            assert_eq!(cents(none), None, "{none}");
        }
        assert_eq!(scaled(b"1", 0, 38), None);
        assert_eq!(scaled(b"-1.5", 1, 1), Some((15, 4)));
    }
}
