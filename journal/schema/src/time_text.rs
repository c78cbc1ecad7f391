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
    // A zone by its name (`[Europe/Berlin]`) is no RFC 3339.
    if !text.is_ascii() || text.len() < 10 || text.contains('[') {
        return Err(TimeFault::Form);
    }
    if is_too_fine(text) {
        return Err(TimeFault::TooFine);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_nanosecond());
    }
    let shape = text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let civil = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    match civil.parse::<DateTime>() {
        // A civil time's offset would be passed over.
        Ok(time) if shape && !has_offset(civil) => Ok(civil_nanos(time)),
        _ if shape && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) => Err(TimeFault::Range),
        _ => Err(TimeFault::Form),
    }
}

/// Nanoseconds from 1970 to a time of the calendar, UTC. Days at the calendar's very end are no instants for
/// who must be able to show them in every zone; people write them for never.
fn civil_nanos(time: DateTime) -> i128 {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    time.duration_since(epoch).as_nanos()
}

fn has_offset(text: &str) -> bool {
    text.get(10..).is_some_and(|time| time.contains(['+', '-']))
}

fn is_too_fine(text: &str) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    fraction.bytes().take_while(u8::is_ascii_digit).count() > 9
}

/// The form in which times come by the million: `2024-03-10T09:30:00.000000001Z`, or without the `Z`. The
/// seconds of one are often those of the one before.
fn parse_usual(text: &[u8]) -> Option<i128> {
    thread_local! {
        static LAST: Cell<([u8; 19], i128)> = const { Cell::new(([0; 19], 0)) };
    }
    let (whole, rest) = text.split_first_chunk::<19>()?;
    let rest = rest.strip_suffix(b"Z").unwrap_or(rest);
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
    if whole[10] != b'T' {
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
