//! Spans of time and sizes, with their units.

use std::time::Duration;

/// `5ms`, `30s`, `7d`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text).ok_or("a span of time is a number and ns, us, ms, s, m, h or d: 5ms")?;
    let unit_ns: u64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return Err(format!("{unit:?} is no unit of time: ns, us, ms, s, m, h or d")),
    };
    number.checked_mul(unit_ns).map(Duration::from_nanos).ok_or_else(|| "that is too long".to_owned())
}

/// `100`, `64KiB`, `10GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) =
        split(text).ok_or("a size is a number of bytes, or with KiB, MiB, GiB or TiB: 10GiB")?;
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err(format!("{unit:?} is no unit of sizes: KiB, MiB, GiB or TiB")),
    };
    number
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes <= i64::MAX as u64)
        .ok_or_else(|| "that is too much".to_owned())
}

fn split(text: &str) -> Option<(u64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_have_units() {
        assert_eq!(span("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(span("0s"), Ok(Duration::ZERO));
        assert_eq!(span("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!((size("10"), size("64KiB"), size("1TiB")), (Ok(10), Ok(65_536), Ok(1 << 40)));
        for text in ["", "5", "ms", "-1s", "1.5s", "1 s", "1y", "999999999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5GiB", "1KB", "99999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
