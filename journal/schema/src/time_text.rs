//! Times as text, exact to the nanosecond.

use std::cell::Cell;

use jiff::civil::{Date, DateTime, Time};
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

/// The forms in which times come by the million: `2024-03-10T09:30:00.000000001Z`, with a space for the `T`,
/// with `+00:00` for the `Z`, or without. The day of one is nearly always that of the one before.
pub(crate) fn parse_usual(text: &[u8]) -> Option<i128> {
    thread_local! {
        static LAST: Cell<([u8; 10], i64)> = const { Cell::new(([0; 10], 0)) };
    }
    let (date, rest) = text.split_first_chunk::<10>()?;
    let (time, rest) = rest.split_first_chunk::<9>()?;
    let rest = rest.strip_suffix(b"Z").or_else(|| rest.strip_suffix(b"+00:00")).unwrap_or(rest);
    let fraction = match rest.split_first() {
        None => 0,
        Some((b'.', digits)) if (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            let value = digits.iter().fold(0u32, |value, digit| 10 * value + u32::from(digit - b'0'));
            value * 10u32.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let of_day = seconds_of_day(time)?;
    let (known, midnight) = LAST.get();
    let midnight = if known == *date { midnight } else { midnight_of(date)? };
    LAST.set((*date, midnight));
    Some(i128::from(midnight + of_day) * SECOND_NS + i128::from(fraction))
}

/// Of `T09:30:00`, or with a space for the `T`.
fn seconds_of_day(time: &[u8; 9]) -> Option<i64> {
    let [b'T' | b' ', h, hh, b':', m, mm, b':', s, ss] = *time else { return None };
    let two = |ten: u8, one: u8, most: i64| {
        let is_number = ten.is_ascii_digit() && one.is_ascii_digit();
        let value = 10 * i64::from(ten.wrapping_sub(b'0')) + i64::from(one.wrapping_sub(b'0'));
        (is_number && value <= most).then_some(value)
    };
    Some(3600 * two(h, hh, 23)? + 60 * two(m, mm, 59)? + two(s, ss, 59)?)
}

/// Seconds from 1970 to the beginning of a day.
fn midnight_of(date: &[u8; 10]) -> Option<i64> {
    let date: Date = std::str::from_utf8(date).ok().filter(|date| is_dated(date.as_bytes()))?.parse().ok()?;
    i64::try_from(civil_nanos(date.to_datetime(Time::midnight())) / SECOND_NS).ok()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(4096)))]

        #[test]
        fn usual_times_are_what_they_are_by_the_other_way(
            date in "(0000|1[0-9]{3}|20[0-9]{2}|2[0-9]{3})-[01][0-9]-[0-3][0-9]|2024-02-29|2023-02-29",
            time in "[T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
            fraction in "|\\.[0-9]{1,9}",
            zone in "|Z|\\+00:00",
        ) {
            let text = format!("{date}{time}{fraction}{zone}");
            let other = parts(&text).ok().map(|(whole, digits)| {
                whole + format!("{digits:0<9}").parse::<i128>().expect("digits")
            });
            prop_assert_eq!(parse_usual(text.as_bytes()), other, "{}", text);
        }

        #[test]
        fn what_is_no_usual_time_is_left(text in "2024-0[0-9]-[0-9]{1,2}[T t]?[-+0-9:]{0,9}(\\.[0-9]{0,10})?[Zz]?(.00:00)?") {
            if let Some(nanos) = parse_usual(text.as_bytes()) {
                prop_assert_eq!(parts(&text).map(|(whole, _)| whole), Ok(nanos.div_euclid(SECOND_NS) * SECOND_NS), "{}", text);
            }
        }
    }
}
