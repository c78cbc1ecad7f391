//! The tables that people read: each percentile three times, and the curve with its knee.

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::harness::Row;
use crate::latency::cost::{Cost, Costs};
use crate::latency::judge::KINDS;
use crate::latency::{Cell, Latency};
use crate::stalls::Kind;
use crate::stats::{QUANTILES, human_ns, human_rate, human_ratio};

/// There is no room for more in a line.
fn first_ratio(cell: &Cell, rows: &[Row], set: &str) -> String {
    ratios(cell, rows, set).into_iter().next().unwrap_or_default()
}

/// Percentiles of one group.
pub fn group(name: &str, cells: &[Cell], rows: &[Row]) -> String {
    let Some(first) = cells.first() else { return String::new() };
    let (least, most) = cells
        .iter()
        .fold((usize::MAX, 0), |(least, most), cell| (cell.rounds.min(least), cell.rounds.max(most)));
    let rounds = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let mut text = format!("{name}  (all of {rounds} rounds together, {})\n", first.topology);
    let _ = write!(text, "  {:<32}", "");
    for head in ["p50", "p90", "p99", "p99.9", "p99.99", "max"] {
        let _ = write!(text, "{head:>9}");
    }
    text.push_str("   p50, p99.9 over (median of the rounds)\n");
    for cell in cells {
        let who = who(cell);
        let all = percentiles(&cell.judged.all);
        let _ = writeln!(text, "  {who:<32}{all}   {}", first_ratio(cell, rows, ""));
        for (what, metric, part, histogram) in [
            ("outside host", "-outside-host", cell.judged.left_out_host(), &cell.judged.outside_host),
            ("outside stalls", "-outside-stalls", cell.judged.left_out(), &cell.judged.outside),
        ] {
            let left = format!("    {what}, {:.2}% left out", part * 100.0);
            let _ = writeln!(
                text,
                "  {left:<32}{}   {}",
                percentiles(histogram),
                first_ratio(cell, rows, metric)
            );
        }
        let _ = writeln!(text, "      {}", remarks(cell));
    }
    text
}

/// Its p50 and p99.9 over those of each other contender that it is compared with, the ring first: the medians
/// of the rounds' ratios. `set` is how the metrics' names end.
pub fn ratios(cell: &Cell, rows: &[Row], set: &str) -> Vec<String> {
    let find = |metric: &str| {
        let metric = format!("{metric}{set}");
        let mine =
            |row: &&Row| row.bench == cell.bench && row.contender == cell.contender && row.metric == metric;
        rows.iter().find(mine)
    };
    let Some(p50) = find("p50") else { return Vec::new() };
    let p999 = find("p999");
    let line = |(other, ratio): (&String, &f64)| {
        let p999 = p999.and_then(|row| row.ratio.get(other));
        let p999 = p999.map_or("-".to_owned(), |ratio| format!("{}x", human_ratio(*ratio)));
        (other != RING, format!("{}x, {p999} {other}", human_ratio(*ratio)))
    };
    let mut lines: Vec<(bool, String)> = p50.ratio.iter().map(line).collect();
    // The rest stays in its order.
    lines.sort_by_key(|(is_another, _)| *is_another);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// What ratios to the ring alone are called.
const RING: &str = "ring";

/// Column, contender and what is not as usual.
pub fn who(cell: &Cell) -> String {
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
            let whose = if ours { ", may be the journal's own threads" } else { "" };
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

/// What the threads beside cost at one rate: their share of a core, in pieces of how long, and interrupts;
/// a line for each contender that has such threads.
pub fn beside(cells: &[Cell]) -> String {
    let mut text = String::new();
    for (cell, cost) in cells.iter().filter_map(|cell| Some((cell, Cost::of(cell)?))) {
        let _ = writeln!(
            text,
            "  {:<32}{:>8.2}% of a core   {:>8.0} unmapping interrupts/s   {}",
            who(cell),
            cost.percent(),
            cost.interrupts_per_second,
            cost.threads_text()
        );
        if !cost.calls.is_empty() {
            let _ = writeln!(text, "      can't be cut: {}", cost.calls_text());
        }
    }
    if text.is_empty() {
        text
    } else {
        format!(
            "what the threads beside cost (a piece: mean time on a core; calls that can't be cut: mean and, in brackets, longest)\n{text}"
        )
    }
}

/// What the threads beside cost as the rate rises.
pub fn costs(latency: &Latency) -> String {
    let costs = Costs::of(latency);
    if costs.lines.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n  {:<32}", Costs::TITLE, "");
    for rate in &costs.rates {
        let _ = write!(text, "{:>12}", human_rate(*rate));
    }
    text.push('\n');
    for (who, shares) in &costs.lines {
        let _ = write!(text, "  {who:<32}");
        for share in shares {
            let share = share.map_or("-".to_owned(), |share| format!("{share:.2}%"));
            let _ = write!(text, "{share:>12}");
        }
        text.push('\n');
    }
    text
}

/// p50 and p99 by rate, a line a column, as measured; p99 also outside the host's stalls.
pub fn curve(latency: &Latency) -> String {
    let mut rates: Vec<f64> = latency.cells.iter().filter(|c| c.variant.is_empty()).map(|c| c.rate).collect();
    rates.dedup();
    let mut text = String::from(
        "rate and latency: p50 / p99 as measured / p99 outside the host's stalls, as the rate rises\n",
    );
    let _ = write!(text, "  {:<32}", "");
    for rate in &rates {
        let _ = write!(text, "{:>25}", human_rate(*rate));
    }
    text.push_str("   knee\n");
    let mut seen: Vec<String> = Vec::new();
    for cell in latency.cells.iter().filter(|cell| cell.variant.is_empty()) {
        let who = who(cell);
        if seen.contains(&who) {
            continue;
        }
        let _ = write!(text, "  {who:<32}");
        for rate in &rates {
            let here =
                |other: &&Cell| other.variant.is_empty() && other.rate == *rate && self::who(other) == who;
            let shown = latency.cells.iter().find(here).map_or("past the knee".to_owned(), |cell| {
                let at = |histogram: &Histogram<u64>, quantile| {
                    let some = !histogram.is_empty();
                    human_ns(if some { histogram.value_at_quantile(quantile) as f64 } else { f64::NAN })
                };
                let (all, outside) = (&cell.judged.all, &cell.judged.outside_host);
                format!("{} / {} / {}", at(all, 0.5), at(all, 0.99), at(outside, 0.99))
            });
            let _ = write!(text, "{shown:>25}");
        }
        let knee = latency.knees.iter().find(|knee| knee.who == who);
        let _ = writeln!(text, "   {}", knee.map_or("below all".to_owned(), |knee| knee.text()));
        seen.push(who);
    }
    text
}
