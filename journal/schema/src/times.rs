//! Times on the command line and in the output. Inside, every time is nanoseconds since 1970 (UTC).

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;

const DAY_NS: u64 = 86_400_000_000_000;

/// A time as `--from` and `--to` take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArgument {
    /// Nanoseconds since 1970.
    Instant(u64),
    /// Nanoseconds after midnight of the journal's first day.
    OfFirstDay(u64),
}

/// Why a text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// None of the three forms.
    #[error(
        "{text:?} is no time: give nanoseconds since 1970 (34200004241176), RFC 3339 \
         (2012-06-21T09:30:30Z), or HH:MM:SS[.fraction] of the journal's first day (09:30:30.5)"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// Before 1970 or after 2554.
    #[error("{text:?} is out of range: a journal holds times from 1970 to 2554")]
    Range {
        /// The text.
        text: String,
    },
    /// No calendar day.
    #[error("{text:?} is no date: give YYYY-MM-DD, from 1970-01-01 on (2012-06-21)")]
    Date {
        /// The text.
        text: String,
    },
}

impl TimeArgument {
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
        let form = || TimeError::Form { text: text.to_owned() };
        let range = || TimeError::Range { text: text.to_owned() };
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(TimeArgument::Instant).map_err(|_| range());
        }
        if let Some(time_ns) = time_of_day(text) {
            return Ok(TimeArgument::OfFirstDay(time_ns));
        }
        let instant: Timestamp = text.parse().map_err(|_| form())?;
        u64::try_from(instant.as_nanosecond()).map(TimeArgument::Instant).map_err(|_| range())
    }
}

/// HH:MM:SS with up to nine decimals, as nanoseconds.
fn time_of_day(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let mut parts = whole.split(':');
    let mut part = |below: u64| {
        let digits = parts.next()?;
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|value| two && *value < below)
    };
    let seconds = (part(24)? * 60 + part(60)?) * 60 + part(60)?;
    if parts.next().is_some() {
        return None;
    }
    let fraction_ns = match fraction {
        None => 0,
        Some(digits) if (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse::<u64>().ok()? * 10_u64.pow(9 - digits.len() as u32)
        }
        Some(_) => return None,
    };
    Some(seconds * 1_000_000_000 + fraction_ns)
}

/// Midnight (UTC) of a day written as YYYY-MM-DD.
///
/// # Errors
/// No such day, or none that a journal can hold.
pub fn parse_date(text: &str) -> Result<u64, TimeError> {
    let bad = || TimeError::Date { text: text.to_owned() };
    if text.len() != 10 {
        return Err(bad());
    }
    let date: Date = text.parse().map_err(|_| bad())?;
    let midnight = date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad())?;
    let midnight_ns = u64::try_from(midnight.timestamp().as_nanosecond()).map_err(|_| bad())?;
    midnight_ns.checked_add(DAY_NS).ok_or_else(bad)?;
    Ok(midnight_ns)
}

/// RFC 3339, UTC, with as many decimals as it needs.
pub fn show(time_ns: u64) -> String {
    match Timestamp::from_nanosecond(i128::from(time_ns)) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{time_ns} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        let instant = |text: &str| text.parse::<TimeArgument>();
        assert_eq!(instant("34200000000001"), Ok(TimeArgument::Instant(34_200_000_000_001)));
        assert_eq!(instant("1970-01-01T09:30:00.5Z"), Ok(TimeArgument::Instant(34_200_500_000_000)));
        assert_eq!(instant("1970-01-01T10:30:00+01:00"), Ok(TimeArgument::Instant(34_200_000_000_000)));
        assert_eq!(instant("09:30:00"), Ok(TimeArgument::OfFirstDay(34_200_000_000_000)));
        assert_eq!(instant("23:59:59.999999999"), Ok(TimeArgument::OfFirstDay(DAY_NS - 1)));
        let day = 15_512 * DAY_NS;
        assert_eq!(instant("00:00:01").unwrap().resolve(day + 5), day + 1_000_000_000);
        for bad in
            ["", "9:30:00", "09:30", "24:00:00", "09:60:00", "09:30:00.", "09:30:00.1234567890", "noon", "-5"]
        {
            assert!(matches!(instant(bad), Err(TimeError::Form { .. })), "{bad}");
        }
        for bad in ["99999999999999999999", "1969-12-31T23:59:59Z", "2600-01-01T00:00:00Z"] {
            assert!(matches!(instant(bad), Err(TimeError::Range { .. })), "{bad}");
        }
    }

    #[test]
    fn dates_are_read_and_times_shown() {
        assert_eq!(parse_date("1970-01-01"), Ok(0));
        assert_eq!(parse_date("2012-06-21"), Ok(15_512 * DAY_NS));
        for bad in ["2012-6-21", "2012-02-30", "1969-12-31", "21.06.2012", "2600-01-01", "2012-06-21T"] {
            assert!(parse_date(bad).is_err(), "{bad}");
        }
        assert_eq!(show(15_512 * DAY_NS + 34_200_004_241_176), "2012-06-21T09:30:00.004241176Z");
        assert!(!show(u64::MAX).is_empty());
    }
}
