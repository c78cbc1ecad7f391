//! Times as text, exact to the nanosecond.

use std::cell::Cell;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

const SECOND_NS: i128 = 1_000_000_000;

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFault {
    /// Neither RFC 3339 nor a date.
    Form,
    /// No such day, or one far outside of history.
    Range,
    /// More than nine decimals.
    TooFine,
}

/// Nanoseconds since 1970 from RFC 3339. Without a zone it is UTC; a date alone is its midnight.
///
/// # Errors
/// What is wrong with it.
pub fn parse_nanos(text: &str) -> Result<i128, TimeFault> {
    if let Some(nanos) = parse_usual(text.as_bytes()) {
        return Ok(nanos);
    }
    let (whole, digits) = parts(text)?;
    let digits = digits.trim_end_matches('0');
    if digits.len() > 9 {
        return Err(TimeFault::TooFine);
    }
    let fraction = digits.bytes().fold(0, |value, digit| 10 * value + i128::from(digit - b'0'));
    Ok(whole + fraction * 10i128.pow(9 - digits.len() as u32))
}

/// Nanoseconds since 1970 without the fraction of a second, and the fraction's digits.
pub(crate) fn parts(text: &str) -> Result<(i128, &str), TimeFault> {
    // A zone by its name (`[Europe/Berlin]`) is no RFC 3339.
    if !text.is_ascii() || text.len() < 10 || text.contains('[') || !is_dated(text.as_bytes()) {
        return Err(TimeFault::Form);
    }
    let (before, digits, behind) = match text.split_once('.') {
        None => (text, "", ""),
        Some((before, rest)) => {
            let end = rest.bytes().take_while(u8::is_ascii_digit).count();
            (before, &rest[..end], &rest[end..])
        }
    };
    // A fraction is one of seconds.
    let is_whole = before.len() == 19 && before.as_bytes()[16] == b':';
    if text.contains('.') && (digits.is_empty() || !is_whole) {
        return Err(TimeFault::Form);
    }
    // A second that the clock shows twice has no number of its own.
    if before.as_bytes().get(16..19) == Some(b":60") {
        return Err(TimeFault::Range);
    }
    let whole = format!("{before}{behind}");
    if let Some(offset) = offset_of(&whole) {
        let hours = offset.get(1..3).and_then(|hours| hours.parse::<u8>().ok());
        if hours.is_none_or(|hours| hours > 23) {
            return Err(TimeFault::Form);
        }
    }
    if let Ok(time) = whole.parse::<Timestamp>() {
        return Ok((time.as_nanosecond(), digits));
    }
    let civil = whole.strip_suffix(['Z', 'z']).unwrap_or(&whole);
    match civil.parse::<DateTime>() {
        // A civil time's offset would be passed over.
        Ok(time) if offset_of(civil).is_none() => Ok((civil_nanos(time), digits)),
        // Written as one, but there is no such day or hour.
        _ if is_timed(civil) => Err(TimeFault::Range),
        _ => Err(TimeFault::Form),
    }
}

/// Whether it begins as a date does: `2024-03-10`.
fn is_dated(text: &[u8]) -> bool {
    text.iter().take(10).enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    })
}

/// Whether it is nothing but a date, or a date with a time of day: `2024-03-10 09:30`; an offset apart.
fn is_timed(text: &str) -> bool {
    let Some(time) = text.get(10..) else { return false };
    let time = &time[..time.find(['+', '-']).unwrap_or(time.len())];
    let parts =
        |time: &str| time.split(':').all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()));
    time.is_empty() || time.strip_prefix(['T', 't', ' ']).is_some_and(parts)
}

/// What is written behind a time of day for the zone, from the sign on.
fn offset_of(text: &str) -> Option<&str> {
    let behind = text.get(10..)?;
    behind.find(['+', '-']).map(|at| &behind[at..])
}

/// Nanoseconds from 1970 to a time of the calendar, UTC. Days at the calendar's very end are no instants for
/// who must be able to show them in every zone; people write them for never.
fn civil_nanos(time: DateTime) -> i128 {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    time.duration_since(epoch).as_nanos()
}

/// The forms in which times come by the million: `2024-03-10T09:30:00.000000001Z`, with a space for the `T`, with
/// `+00:00` for the `Z`, or without. The seconds of one are often those of the one before.
pub(crate) fn parse_usual(text: &[u8]) -> Option<i128> {
    thread_local! {
        static LAST: Cell<([u8; 19], i128)> = const { Cell::new(([0; 19], 0)) };
    }
    let (whole, rest) = text.split_first_chunk::<19>()?;
    let rest = rest.strip_suffix(b"Z").or_else(|| rest.strip_suffix(b"+00:00")).unwrap_or(rest);
    let fraction = match rest.split_first() {
        None => 0,
        Some((b'.', digits)) if (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            let value = digits.iter().fold(0u32, |value, digit| 10 * value + u32::from(digit - b'0'));
            value * 10u32.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let (known, seconds) = LAST.get();
    if known == *whole {
        return Some(seconds * SECOND_NS + i128::from(fraction));
    }
    // An offset in place of the minutes or seconds would be passed over.
    let is_usual = whole.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        10 => matches!(byte, b'T' | b' '),
        13 | 16 => *byte == b':',
        17 => (b'0'..b'6').contains(byte),
        _ => byte.is_ascii_digit(),
    });
    if !is_usual {
        return None;
    }
    let time: DateTime = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let seconds = civil_nanos(time) / SECOND_NS;
    LAST.set((*whole, seconds));
    Some(seconds * SECOND_NS + i128::from(fraction))
}

/// RFC 3339, UTC, with as many decimals as it needs; a time outside of what that can say as a number with
/// ` ns` behind it.
pub fn show_nanos(nanos: i128) -> String {
    let mut out = Vec::with_capacity(32);
    match push_rfc3339(nanos, &mut out) {
        true => String::from_utf8_lossy(&out).into_owned(),
        false => format!("{nanos} ns"),
    }
}

/// Appends RFC 3339; `false`, and nothing appended, if that has no form for it.
pub(crate) fn push_rfc3339(nanos: i128, out: &mut Vec<u8>) -> bool {
    thread_local! {
        static LAST: Cell<(i64, [u8; 19])> = const { Cell::new((i64::MIN, [0; 19])) };
    }
    let Ok(seconds) = i64::try_from(nanos.div_euclid(SECOND_NS)) else { return false };
    let (known, mut text) = LAST.get();
    if known != seconds {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let Ok(time) = epoch.checked_add(SignedDuration::from_secs(seconds)) else { return false };
        let whole = time.to_string();
        // Years before 0 are longer.
        let Some(first) = whole.as_bytes().first_chunk::<19>().filter(|_| whole.len() == 19) else {
            return false;
        };
        text = *first;
        LAST.set((seconds, text));
    }
    out.extend_from_slice(&text);
    let mut fraction = nanos.rem_euclid(SECOND_NS) as u32;
    if fraction > 0 {
        let mut digits = *b".000000000";
        for digit in digits[1..].iter_mut().rev() {
            *digit = b'0' + (fraction % 10) as u8;
            fraction /= 10;
        }
        let end = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        out.extend_from_slice(&digits[..end]);
    }
    out.push(b'Z');
    true
}
