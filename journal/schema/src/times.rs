//! Times as people write them on a command line. Inside, every time is nanoseconds since 1970 (UTC).

use std::str::FromStr;

use crate::time_text::{TimeFault, parse_nanos};

/// Nanoseconds of a day.
pub(crate) const DAY_NS: u64 = 86_400_000_000_000;

/// A time as `--from` and `--to` take it. What says no zone is UTC.
///
/// | form | example |
/// |---|---|
/// | nanoseconds since 1970 | `1710063000000000000` |
/// | RFC 3339 | `2024-03-10T09:30:00.5Z`, `2024-03-10T10:30:00+01:00` |
/// | the same without a zone, without seconds, with a space | `2024-03-10T09:30:00`, `2024-03-10 09:30` |
/// | a date: its midnight | `2024-03-10` |
/// | a time of the journal's first day | `09:30`, `09:30:00`, `09:30:00.5` |
///
/// ```
/// use slipring_schema::TimeArgument;
///
/// let first_ns = 1_710_028_800_000_000_001; // in 2024-03-10
/// let half_past_nine = TimeArgument::parse("09:30")?.resolve(first_ns);
/// assert_eq!(half_past_nine, TimeArgument::parse("2024-03-10T10:30+01:00")?.resolve(first_ns));
/// # Ok::<(), slipring_schema::TimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArgument {
    /// Nanoseconds since 1970.
    Instant(u64),
    /// Nanoseconds after midnight (UTC) of the journal's first day.
    OfFirstDay(u64),
}

/// Why a text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// None of the forms.
    #[error(
        "{text:?} is no time: give RFC 3339 (2024-03-10T09:30:00.5Z; UTC if it has no zone), a date (2024-03-10), a \
         time of the journal's first day (09:30 or 09:30:00.5, UTC), or nanoseconds since 1970 (1710063000000000000)"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// Before 1970 or after 2554.
    #[error("{text:?} is out of range: a journal holds times from 1970-01-01 to 2554-07-21")]
    Range {
        /// The text.
        text: String,
    },
    /// A day or an hour that no calendar has.
    #[error("{text:?} is no time: there is no such day or hour")]
    NoSuch {
        /// The text.
        text: String,
    },
    /// More than nine decimals.
    #[error("{text:?} is finer than a nanosecond: give at most nine decimals")]
    TooFine {
        /// The text.
        text: String,
    },
    /// No calendar day.
    #[error("{text:?} is no date: give YYYY-MM-DD, from 1970-01-01 to 2554-07-20 (2012-06-21)")]
    Date {
        /// The text.
        text: String,
    },
}

impl TimeArgument {
    /// Reads a time.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let said = || text.to_owned();
        let range = || TimeError::Range { text: said() };
        if is_whole_number(text) {
            // Below 0 is before 1970.
            return text.parse().map(TimeArgument::Instant).map_err(|_| range());
        }
        match time_of_day(text) {
            Ok(time_ns) => return Ok(TimeArgument::OfFirstDay(time_ns)),
            Err(TimeFault::Form) => {}
            Err(TimeFault::TooFine) => return Err(TimeError::TooFine { text: said() }),
            Err(TimeFault::Range) => return Err(TimeError::NoSuch { text: said() }),
        }
        match parse_nanos(text) {
            Ok(nanos) => u64::try_from(nanos).map(TimeArgument::Instant).map_err(|_| range()),
            Err(TimeFault::Form) => Err(TimeError::Form { text: said() }),
            Err(TimeFault::TooFine) => Err(TimeError::TooFine { text: said() }),
            Err(TimeFault::Range) => Err(TimeError::NoSuch { text: said() }),
        }
    }

    /// The time meant, in a journal whose first record is at `first_ns`.
    pub fn resolve(self, first_ns: u64) -> u64 {
        match self {
            TimeArgument::Instant(time_ns) => time_ns,
            TimeArgument::OfFirstDay(time_ns) => (first_ns - first_ns % DAY_NS).saturating_add(time_ns),
        }
    }
}

impl FromStr for TimeArgument {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        TimeArgument::parse(text)
    }
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `HH:MM` or `HH:MM:SS` with up to nine decimals and zeros behind them, as nanoseconds after midnight.
/// [`TimeFault::Form`] if it does not look like one at all.
pub(crate) fn time_of_day(text: &str) -> Result<u64, TimeFault> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let parts: Vec<&str> = whole.split(':').take(4).collect();
    let are_two = parts.iter().all(|part| part.len() == 2 && digits(part));
    if !are_two || !(parts.len() == 3 || parts.len() == 2 && fraction.is_none()) {
        return Err(TimeFault::Form);
    }
    let mut seconds = 0;
    for (part, below) in parts.iter().chain(&["00"]).zip([24, 60, 60]) {
        let value: u64 = part.parse().map_err(|_| TimeFault::Form)?;
        if value >= below {
            return Err(TimeFault::Range);
        }
        seconds = 60 * seconds + value;
    }
    // Zeros say nothing, however many there are.
    let fraction_ns = match fraction.map(|fraction| (fraction, fraction.trim_end_matches('0'))) {
        None => 0,
        Some((fraction, _)) if !digits(fraction) => return Err(TimeFault::Form),
        Some((_, "")) => 0,
        Some((_, said)) if said.len() > 9 => return Err(TimeFault::TooFine),
        Some((_, said)) => {
            said.parse::<u64>().map_err(|_| TimeFault::Form)? * 10_u64.pow(9 - said.len() as u32)
        }
    };
    Ok(seconds * 1_000_000_000 + fraction_ns)
}

/// Midnight (UTC) of a day written as YYYY-MM-DD, in nanoseconds since 1970.
///
/// # Errors
/// No such day, or none that a journal can hold to its end.
pub fn parse_date(text: &str) -> Result<u64, TimeError> {
    let bad = || TimeError::Date { text: text.to_owned() };
    if text.len() != 10 {
        return Err(bad());
    }
    let midnight_ns = parse_nanos(text).ok().and_then(|nanos| u64::try_from(nanos).ok()).ok_or_else(bad)?;
    midnight_ns.checked_add(DAY_NS).ok_or_else(bad)?;
    Ok(midnight_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_PAST_NINE_NS: u64 = 34_200_000_000_000;

    #[test]
    fn every_form_is_read() {
        let day_ns = parse_date("2024-03-10").unwrap();
        for (text, time_ns) in [
            ("34200000000001", HALF_PAST_NINE_NS + 1),
            ("0", 0),
            ("18446744073709551615", u64::MAX),
            ("1970-01-01T09:30:00.5Z", HALF_PAST_NINE_NS + 500_000_000),
            ("1970-01-01T10:30:00+01:00", HALF_PAST_NINE_NS),
            ("2024-03-10t09:30:00z", day_ns + HALF_PAST_NINE_NS),
            ("2024-03-10T09:30:00", day_ns + HALF_PAST_NINE_NS),
            ("2024-03-10T09:30:00.000000001", day_ns + HALF_PAST_NINE_NS + 1),
            ("2024-03-10 09:30:00", day_ns + HALF_PAST_NINE_NS),
            ("2024-03-10T09:30", day_ns + HALF_PAST_NINE_NS),
            ("2024-03-10 09:30", day_ns + HALF_PAST_NINE_NS),
            ("2024-03-10T09:30Z", day_ns + HALF_PAST_NINE_NS),
            ("2024-03-10", day_ns),
        ] {
            assert_eq!(TimeArgument::parse(text), Ok(TimeArgument::Instant(time_ns)), "{text}");
        }
        for (text, time_ns) in [
            ("09:30", HALF_PAST_NINE_NS),
            ("09:30:00", HALF_PAST_NINE_NS),
            ("09:30:00.5", HALF_PAST_NINE_NS + 500_000_000),
            ("09:30:00.0000000000", HALF_PAST_NINE_NS),
            ("09:30:00.12345678900", HALF_PAST_NINE_NS + 123_456_789),
            ("00:00", 0),
            ("23:59:59.999999999", DAY_NS - 1),
        ] {
            assert_eq!(TimeArgument::parse(text), Ok(TimeArgument::OfFirstDay(time_ns)), "{text}");
            assert_eq!(text.parse::<TimeArgument>().unwrap().resolve(day_ns + 5), day_ns + time_ns, "{text}");
        }
        assert_eq!(TimeArgument::Instant(7).resolve(day_ns), 7);
        assert_eq!(TimeArgument::OfFirstDay(DAY_NS - 1).resolve(u64::MAX), u64::MAX);
    }

    #[test]
    fn what_is_no_time_is_named() {
        for bad in [
            "",
            " ",
            "9:30:00",
            "09:30:00.",
            "09:30.5",
            "09:30:00:00",
            "noon",
            "2024-03",
            "-",
            "2024-03-10T09:30:00[Europe/Berlin]",
            "1e9",
            "12.5",
            "09:3\u{663}",
        ] {
            assert!(matches!(TimeArgument::parse(bad), Err(TimeError::Form { .. })), "{bad}");
        }
        for bad in ["24:00:00", "09:60", "09:30:60", "2024-02-30", "2024-03-10T25:00:00Z", "2024-13-01"] {
            assert!(matches!(TimeArgument::parse(bad), Err(TimeError::NoSuch { .. })), "{bad}");
        }
        for bad in ["09:30:00.1234567891", "2024-03-10T09:30:00.1234567891Z"] {
            assert!(matches!(TimeArgument::parse(bad), Err(TimeError::TooFine { .. })), "{bad}");
        }
        for bad in
            ["99999999999999999999", "-5", "1969-12-31T23:59:59Z", "1969-12-31", "2600-01-01T00:00:00Z"]
        {
            assert!(matches!(TimeArgument::parse(bad), Err(TimeError::Range { .. })), "{bad}");
        }
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(parse_date("1970-01-01"), Ok(0));
        assert_eq!(parse_date("2012-06-21"), Ok(15_512 * DAY_NS));
        assert_eq!(parse_date("2554-07-20"), Ok(u64::MAX / DAY_NS * DAY_NS - DAY_NS));
        for bad in
            ["2012-6-21", "2012-02-30", "1969-12-31", "21.06.2012", "2600-01-01", "2012-06-21T", "2554-07-21"]
        {
            assert!(parse_date(bad).is_err(), "{bad}");
        }
    }
}
