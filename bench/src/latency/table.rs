//! The tables that people read: each percentile three times, and the curve with its knee.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::latency::judge::KINDS;
use crate::latency::{Cell, Latency};
use crate::stalls::Kind;
use crate::stats::{QUANTILES, human_ns, human_rate};

/// Percentiles of one group.
pub fn group(name: &str, cells: &[Cell]) -> String {
    let Some(first) = cells.first() else { return String::new() };
    let mut text = format!("{name}  ({} rounds, {})\n", first.rounds, first.topology);
    let _ = write!(text, "  {:<32}", "");
    for head in ["p50", "p90", "p99", "p99.9", "p99.99", "max"] {
        let _ = write!(text, "{head:>9}");
    }
    text.push('\n');
    for cell in cells {
        let who = who(cell);
        let _ = writeln!(text, "  {who:<32}{}", percentiles(&cell.judged.all));
        for (what, part, histogram) in [
            ("outside host", cell.judged.left_out_host(), &cell.judged.outside_host),
            ("outside stalls", cell.judged.left_out(), &cell.judged.outside),
        ] {
            let left = format!("    {what}, {:.2}% left out", part * 100.0);
            let _ = writeln!(text, "  {left:<32}{}", percentiles(histogram));
        }
        let _ = writeln!(text, "      {}", remarks(cell));
    }
    text
}

fn who(cell: &Cell) -> String {
    let variant = if cell.variant.is_empty() { String::new() } else { format!(" {}", cell.variant) };
    format!("{} {}{variant}", cell.column.name(), cell.contender)
}

fn percentiles(histogram: &Histogram<u64>) -> String {
    let cell = |(_, at)| {
        let value = if histogram.is_empty() { f64::NAN } else { histogram.value_at_quantile(at) as f64 };
        format!("{:>9}", human_ns(value))
    };
    QUANTILES.into_iter().map(cell).collect()
}

/// Events, rolls, what was taken, whose stalls.
pub fn remarks(cell: &Cell) -> String {
    let judged = &cell.judged;
    let mut parts = vec![format!("{} events", judged.all.len())];
    if judged.rolls > 0 {
        parts.push(format!("{} rolls", judged.rolls));
    }
    if judged.achieved < 0.995 {
        parts.push(format!("only {:.0}% taken in time", judged.achieved * 100.0));
    }
    for (kind, (count, ns)) in KINDS.iter().zip(judged.stalls) {
        if count > 0 {
            let ours = *kind == Kind::Switched && judged.ours_beside;
            let whose = if ours { ", may be slipring's helpers" } else { "" };
            parts.push(format!("{} {count} ({}{whose})", kind.name(), human_ns(ns as f64)));
        }
    }
    parts.push(format!("host's {:.1} ms/s", judged.host_ms_per_second()));
    if judged.at_rolls > 0 {
        parts.push(format!("{} stalls near a roll kept in", judged.at_rolls));
    }
    if judged.missed > 0 {
        parts.push(format!("{} stalls more than could be kept", judged.missed));
    }
    parts.join(", ")
}

/// p50 and p99 by rate, a line a column.
pub fn curve(latency: &Latency) -> String {
    let mut rates: Vec<f64> = latency.cells.iter().filter(|c| c.variant.is_empty()).map(|c| c.rate).collect();
    rates.dedup();
    let mut text = String::from("rate and latency: p50 / p99 outside stalls as the rate rises\n");
    let _ = write!(text, "  {:<22}", "");
    for rate in &rates {
        let _ = write!(text, "{:>18}", human_rate(*rate));
    }
    text.push_str("   knee\n");
    let mut seen: Vec<String> = Vec::new();
    for cell in latency.cells.iter().filter(|cell| cell.variant.is_empty()) {
        let who = who(cell);
        if seen.contains(&who) {
            continue;
        }
        let _ = write!(text, "  {who:<22}");
        for rate in &rates {
            let here =
                |other: &&Cell| other.variant.is_empty() && other.rate == *rate && self::who(other) == who;
            let shown = latency.cells.iter().find(here).map_or("past the knee".to_owned(), |cell| {
                let outside = &cell.judged.outside;
                if outside.is_empty() {
                    return "all in stalls".to_owned();
                }
                let at = |quantile| human_ns(outside.value_at_quantile(quantile) as f64);
                format!("{} / {}", at(0.5), at(0.99))
            });
            let _ = write!(text, "{shown:>18}");
        }
        let knee = latency.knees.iter().find(|(name, _)| *name == who);
        let _ = writeln!(text, "   {}", knee.map_or("below all".to_owned(), |(_, rate)| human_rate(*rate)));
        seen.push(who);
    }
    text
}
