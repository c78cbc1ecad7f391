//! Small things of the output: numbers, rates, progress bars.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::fitted::progress_columns;

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

/// Events a second, in the unit that suits them.
pub fn rate(events: u64, elapsed: Duration) -> String {
    slipring::__private::per_second(events, elapsed)
}

/// Bytes in the unit that suits them.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => counted(count, "byte", "bytes"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
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

/// A time in nanoseconds since 1970: RFC 3339, UTC, with as many decimals as it needs.
pub fn time(time_ns: u64) -> String {
    slipring_schema::show_nanos(i128::from(time_ns))
}

/// A progress bar on the standard error; it shows itself only on a terminal, and never if `hidden`.
pub fn bar(what: &str, total: u64, hidden: bool) -> ProgressBar {
    if hidden {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let what = what.to_owned();
    let style = ProgressStyle::with_template("{line}").unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("line", move |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A line that could not be made is drawn again soon.
        let _ = out.write_str(&bar_line(&what, state.pos(), state.len().unwrap_or(0), progress_columns()));
    }));
    bar
}

/// The most characters of a bar, and the least that say anything.
const BAR: usize = 40;
const LEAST_BAR: usize = 8;

/// A line of progress that fits: a bar and the counts, else a bar and the share, else the share alone.
fn bar_line(what: &str, at: u64, of: u64, columns: usize) -> String {
    // One column stays free: some terminals begin another line when the last one is taken.
    let room = columns.saturating_sub(1);
    let share = u128::from(at.min(of)) * 100 / u128::from(of.max(1));
    let all = count(of);
    let counts = (format!("{what:<10} ["), format!("] {:>1$}/{all}", count(at), all.len()));
    let shares = (format!("{what} ["), format!("] {share:>3}%"));
    for (before, behind) in [counts, shares] {
        let width = room.saturating_sub(before.len() + behind.len()).min(BAR);
        if width >= LEAST_BAR {
            let done = (share * width as u128 / 100) as usize;
            let head = if done < width { ">" } else { "" };
            return format!("{before}{:<width$}{behind}", format!("{:=<done$}{head}", ""));
        }
    }
    let mut line = format!("{what} {share:>3}%");
    if line.len() > room {
        line = format!("{share}%");
    }
    line.truncate(room);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_commas_and_units() {
        assert_eq!((count(0), count(999)), ("0".into(), "999".into()));
        assert_eq!((count(1000), count(1_234_567)), ("1,000".into(), "1,234,567".into()));
        assert_eq!(
            (bytes(1), bytes(999), bytes(1_500)),
            ("1 byte".into(), "999 bytes".into(), "1.5 kB".into())
        );
        assert_eq!((bytes(2_500_000), bytes(1_250_000_000)), ("2.5 MB".into(), "1.25 GB".into()));
        assert_eq!((nanos(999), nanos(1_500)), ("999 ns".into(), "1.5 us".into()));
        assert_eq!((nanos(2_500_000), nanos(1_250_000_000)), ("2.5 ms".into(), "1.25 s".into()));
    }
    #[test]
    fn progress_fits_into_any_terminal() {
        for columns in 0..200 {
            for (at, of) in [(0, 0), (0, 7), (3, 7), (7, 7), (9, 7), (u64::MAX, u64::MAX)] {
                let line = bar_line("journalled", at, of, columns);
                assert!(line.len() <= columns.saturating_sub(1), "{columns}: {line}");
                assert!(columns < 6 || line.contains(['%', '/']), "{columns}: {line}");
            }
        }
        let line = |columns| bar_line("recording", 3_928_063, 6_000_000, columns);
        assert_eq!(line(20), "recording  65%");
        assert_eq!(line(40), "recording [==============>       ]  65%");
        let wide = "recording  [==========================>             ] 3,928,063/6,000,000";
        assert_eq!((line(80), line(120)), (wide.to_owned(), wide.to_owned()));
        assert_eq!(bar_line("verifying", 5, 5, 80), format!("verifying  [{}] 5/5", "=".repeat(40)));
        assert_eq!(counted(1, "record", "records"), "1 record");
    }
}
