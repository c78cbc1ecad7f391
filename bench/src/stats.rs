//! The few figures that everything is told in.

use std::time::Duration;

use hdrhistogram::Histogram;

/// One figure from one run: the metric's name, its unit, the value.
pub struct Sample {
    pub metric: &'static str,
    pub unit: &'static str,
    pub value: f64,
}

impl Sample {
    /// Millions of events a second.
    pub fn throughput(events: u64, elapsed: Duration) -> Vec<Sample> {
        let value = events as f64 / elapsed.as_secs_f64() / 1e6;
        vec![Sample { metric: "throughput", unit: "M/s", value }]
    }
}

/// The percentiles of every latency: name, quantile.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999), ("max", 1.0)];

/// A histogram for nanoseconds up to a minute, three significant digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds")
}

pub fn median(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { sorted[middle - 1].midpoint(sorted[middle]) }
}

pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Four significant digits are more than any machine repeats.
pub fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    // By whole powers of ten on either side: a tenth of one is none exactly, and 116,100,000 would be
    // 116099999.99999999.
    let digits = value.abs().log10().floor() as i32 - 3;
    let power = 10f64.powi(digits.abs());
    if digits > 0 { (value / power).round() * power } else { (value * power).round() / power }
}

/// Nanoseconds for people: `182 ns`, `3.4 us`, `12 ms`.
pub fn human_ns(ns: f64) -> String {
    let digits = |value: f64| {
        let text = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    };
    match ns {
        ns if !ns.is_finite() => "-".to_owned(),
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{} us", digits(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", digits(ns / 1e6)),
        ns => format!("{} s", digits(ns / 1e9)),
    }
}

/// A rate for people: `10 k/s`, `2 M/s`.
pub fn human_rate(rate: f64) -> String {
    let trim = |value: f64| {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    };
    if rate >= 1e6 { format!("{} M/s", trim(rate / 1e6)) } else { format!("{} k/s", trim(rate / 1e3)) }
}

/// A ratio to three digits, and what is less than a hundredth as a part: `1/600`.
pub fn human_ratio(ratio: f64) -> String {
    match ratio {
        100.0.. => format!("{ratio:.0}"),
        10.0.. => format!("{ratio:.1}"),
        1.0.. => format!("{ratio:.2}"),
        0.1.. => format!("{ratio:.3}"),
        0.01.. => format!("{ratio:.4}"),
        _ if ratio > 0.0 => format!("1/{}", round(1.0 / ratio).round()),
        _ => ratio.to_string(),
    }
}

/// Whether more of a unit is better; `None` for what is neither (shares, counts).
pub fn more_is_better(unit: &str) -> Option<bool> {
    match unit {
        "M/s" => Some(true),
        "ns" | "us" | "ms" | "s" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_three_digits_and_small_ones_are_parts() {
        assert_eq!(
            [279.04, 10.37, 1.513, 0.41, 0.05361].map(human_ratio),
            ["279", "10.4", "1.51", "0.410", "0.0536"]
        );
        assert_eq!((human_ratio(0.001667), human_ratio(0.0)), ("1/600".to_owned(), "0".to_owned()));
    }

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn rounding_keeps_four_digits() {
        assert_eq!(round(123_456.0), 123_500.0);
        assert_eq!(round(0.001_234_56), 0.001_235);
        assert_eq!(round(116_123_456.0), 116_100_000.0);
        assert_eq!(round(924_849_999.0), 924_800_000.0);
        assert_eq!(round(0.0), 0.0);
    }

    #[test]
    fn people_read_units() {
        assert_eq!(human_ns(182.0), "182 ns");
        assert_eq!(human_ns(3_449.0), "3.4 us");
        assert_eq!(human_ns(12_000_000.0), "12 ms");
        assert_eq!(human_ns(1_000_000.0), "1 ms");
        assert_eq!(human_rate(10_000.0), "10 k/s");
        assert_eq!(human_rate(2_500_000.0), "2.5 M/s");
    }
}
