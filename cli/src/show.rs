//! Small things of the output: numbers, rates, progress bars.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A whole number with commas: 60,000.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: "1 record", "60,000 records".
pub fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// Events a second, in millions.
pub fn rate(events: u64, elapsed: Duration) -> String {
    format!("{:.1} M/s", events as f64 / elapsed.as_secs_f64().max(1e-9) / 1e6)
}

/// Nanoseconds in the unit that suits them.
pub fn nanos(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} us", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        _ => format!("{:.2} s", nanos as f64 / 1e9),
    }
}

/// A duration, likewise.
pub fn duration(elapsed: Duration) -> String {
    nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}

/// A progress bar on the standard error; it shows itself only on a terminal, and never if `hidden`.
pub fn bar(what: &str, total: u64, hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{prefix:<10} [{bar:40}] {human_pos}/{human_len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.set_prefix(what.to_owned());
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_commas_and_units() {
        assert_eq!((count(0), count(999)), ("0".into(), "999".into()));
        assert_eq!((count(1000), count(1_234_567)), ("1,000".into(), "1,234,567".into()));
        assert_eq!((nanos(999), nanos(1_500)), ("999 ns".into(), "1.5 us".into()));
        assert_eq!((nanos(2_500_000), nanos(1_250_000_000)), ("2.5 ms".into(), "1.25 s".into()));
    }
}
