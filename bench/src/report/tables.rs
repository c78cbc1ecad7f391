//! The page's tables.

use hdrhistogram::Histogram;

use crate::harness::Row;
use crate::latency::beside::Call;
use crate::latency::cost::Costs;
use crate::latency::{Cell, ratios, remarks, who};
use crate::report::Findings;
use crate::report::page::escape;
use crate::stats::{QUANTILES, human_ns, human_rate, human_ratio, more_is_better};

fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    table_of(heads, rows.iter().map(|row| row_of(row, "")))
}

/// A row, with cells of another kind behind the plain ones.
fn row_of(cells: &[String], more: &str) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}{more}</tr>\n")
}

fn table_of(heads: &[&str], rows: impl Iterator<Item = String>) -> String {
    let head: String = heads.iter().map(|head| format!("<th>{}</th>", escape(head))).collect();
    let rows: String = rows.collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    )
}

pub fn machine(findings: &Findings) -> String {
    let rows: Vec<Vec<String>> = findings
        .machine
        .facts()
        .into_iter()
        .map(|(name, fact)| vec![name.to_owned(), escape(&fact)])
        .collect();
    table(&["host", ""], &rows)
}

pub fn jitter(findings: &Findings) -> String {
    let rows: Vec<Vec<String>> = findings
        .jitter
        .iter()
        .map(|core| {
            let at = |quantile| human_ns(core.jumps.value_at_quantile(quantile) as f64);
            let worst = core.worst.first().map_or("-".to_owned(), |worst| {
                format!("{} ({})", human_ns(worst.stall_ns as f64), worst.kind.name())
            });
            vec![
                core.core.to_string(),
                at(0.5),
                at(0.999),
                at(0.9999),
                at(0.99999),
                worst,
                format!("{:.1}", core.per_second),
                format!("{:.3}%", core.lost * 100.0),
            ]
        })
        .collect();
    let heads =
        ["core", "p50", "p99.9", "p99.99", "p99.999", "worst", "stalls a second", "time lost in stalls"];
    table(&heads, &rows)
}

/// A percentile with fewer than ten events behind it is shown as the luck that it is.
fn percentiles(histogram: &Histogram<u64>) -> Vec<String> {
    QUANTILES
        .iter()
        .map(|(_, at)| {
            if histogram.is_empty() {
                return "-".to_owned();
            }
            let text = human_ns(histogram.value_at_quantile(*at) as f64);
            let behind = histogram.len() as f64 * (1.0 - at);
            if *at < 1.0 && behind < 10.0 { format!("<span class=\"luck\">{text}</span>") } else { text }
        })
        .collect()
}

/// Three lines a cell: all rounds together; the ratios are medians of the rounds'.
pub fn latency(cells: &[&Cell], found: &[Row]) -> String {
    let mut rows = Vec::new();
    for cell in cells {
        let over = |set: &str| {
            let lines = ratios(cell, found, set);
            lines.iter().map(|line| escape(line)).collect::<Vec<_>>().join("<br>")
        };
        let variant = if cell.variant.is_empty() { String::new() } else { format!(", {}", cell.variant) };
        let who = format!("<b>{}</b> {}{variant}", cell.column.name(), cell.contender);
        let mut measured = vec![who, human_rate(cell.rate), "as measured".to_owned()];
        measured.extend(percentiles(&cell.judged.all));
        measured.push(over(""));
        // Beside all three lines, or they would be as far apart as it is long.
        let remarks = format!("<td rowspan=\"3\"><small>{}</small></td>", escape(&remarks(cell)));
        rows.push(row_of(&measured, &remarks));
        let judged = &cell.judged;
        for (what, set, part, histogram) in [
            ("outside the host's stalls", "-outside-host", judged.left_out_host(), &judged.outside_host),
            ("outside stalls", "-outside-stalls", judged.left_out(), &judged.outside),
        ] {
            let left = format!("{what}<br><small>{:.2}% left out</small>", part * 100.0);
            let mut outside = vec![String::new(), String::new(), left];
            outside.extend(percentiles(histogram));
            outside.push(over(set));
            rows.push(row_of(&outside, ""));
        }
    }
    let heads = [
        "column",
        "rate",
        "",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "p99.99",
        "max",
        "p50, p99.9 over",
        "events, rolls, stalls of both threads",
    ];
    table_of(&heads, rows.into_iter())
}

/// The share of a core that the threads beside take, a column a rate.
pub fn costs(costs: &Costs) -> String {
    let rates: Vec<String> = costs.rates.iter().map(|rate| human_rate(*rate)).collect();
    let heads: Vec<&str> = std::iter::once("column").chain(rates.iter().map(String::as_str)).collect();
    let line = |(who, shares): &(String, Vec<Option<f64>>)| -> Vec<String> {
        let shares = shares.iter().map(|share| share.map_or("-".to_owned(), |share| format!("{share:.2}%")));
        std::iter::once(escape(who)).chain(shares).collect()
    };
    table(&heads, &costs.lines.iter().map(line).collect::<Vec<_>>())
}

/// What the journal's threads can't cut into pieces, a column a kind of call; nothing where none was made.
pub fn calls(cells: &[&Cell]) -> String {
    let cells: Vec<&&Cell> = cells.iter().filter(|cell| !cell.judged.beside.calls.is_empty()).collect();
    let Some(first) = cells.first() else { return String::new() };
    let names = first.judged.beside.calls.iter().map(|call| call.name);
    let heads: Vec<&str> = std::iter::once("column").chain(names).collect();
    let line = |cell: &&&Cell| -> Vec<String> {
        std::iter::once(escape(&who(cell)))
            .chain(cell.judged.beside.calls.iter().map(Call::figures))
            .collect()
    };
    let table = table(&heads, &cells.iter().map(line).collect::<Vec<_>>());
    format!(
        "<p>Calls of the journal's own threads that can't be cut into pieces: how long one is on a core, in the mean and, in \
         brackets, at most.</p>\n{table}"
    )
}

/// ` better` or ` worse` than the other, where all rounds agree on it.
pub fn mark(row: &Row, other: &str) -> &'static str {
    let spread = row.ratio_spread.get(other);
    match (more_is_better(&row.unit), spread) {
        (Some(more), Some((low, high))) if *high < 1.0 || *low > 1.0 => {
            let good = if more { *low > 1.0 } else { *high < 1.0 };
            if good { " <span class=\"better\">better</span>" } else { " <span class=\"worse\">worse</span>" }
        }
        _ => "",
    }
}

/// What the marks and the tables go by.
pub const RATIOS: &str = "A ratio is slipring's figure over the other's: above 1 is better for M/s, below 1 is better \
                          for times (ns, ms). Marked better or worse where every round agrees. ";

/// A figure with its unit; long times as people say them.
fn figure(value: f64, unit: &str) -> String {
    if unit == "ns" && value >= 10_000.0 { human_ns(value) } else { format!("{value} {}", escape(unit)) }
}

/// From the least to the greatest; the unit once if it is the same.
fn least_to_greatest(row: &Row) -> String {
    let (least, greatest) = (figure(row.min, &row.unit), figure(row.max, &row.unit));
    match (least.split_once(' '), greatest.split_once(' ')) {
        (Some((least, unit)), Some((_, same))) if unit == same => format!("{least} to {greatest}"),
        _ => format!("{least} to {greatest}"),
    }
}

/// Everything that is not latency, a line a figure.
pub fn rows(rows: &[&Row]) -> String {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let ratios: Vec<String> = row
                .ratio
                .iter()
                .map(|(other, ratio)| {
                    let spread = row.ratio_spread.get(other);
                    let spread = spread.map_or(String::new(), |(low, high)| {
                        format!(" ({} to {})", human_ratio(*low), human_ratio(*high))
                    });
                    let (ratio, other) = (human_ratio(*ratio), (escape(other), mark(row, other)));
                    format!("<span class=\"line\">{ratio}x {}{spread}{}</span>", other.0, other.1)
                })
                .collect();
            let ratios = if row.contender == "slipring" { ratios.join("<br>") } else { String::new() };
            vec![
                escape(&row.bench),
                escape(&row.contender),
                escape(&row.metric),
                format!("<b>{}</b>", figure(row.median, &row.unit)),
                least_to_greatest(row),
                row.rounds.to_string(),
                ratios,
            ]
        })
        .collect();
    table(&["bench", "contender", "metric", "median", "least to greatest", "rounds", "slipring is"], &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_said_as_people_say_them() {
        assert_eq!(figure(2.82, "ns"), "2.82 ns");
        assert_eq!(figure(1_732.0, "ns"), "1732 ns");
        assert_eq!(figure(116_100_000.0, "ns"), "116 ms");
        assert_eq!(figure(83.73, "M/s"), "83.73 M/s");
    }

    #[test]
    fn less_time_is_better_and_less_throughput_worse() {
        let row = |unit: &str, spread| Row {
            bench: String::new(),
            contender: "slipring".to_owned(),
            metric: String::new(),
            unit: unit.to_owned(),
            median: 1.0,
            min: 1.0,
            max: 1.0,
            rounds: 3,
            ratio: [("sqlite".to_owned(), 0.41)].into(),
            ratio_spread: [("sqlite".to_owned(), spread)].into(),
            topology: String::new(),
        };
        assert!(mark(&row("ns", (0.3, 0.5)), "sqlite").contains("better"));
        assert!(mark(&row("M/s", (0.3, 0.5)), "sqlite").contains("worse"));
        assert!(mark(&row("M/s", (1.3, 1.5)), "sqlite").contains("better"));
        assert_eq!(mark(&row("ns", (0.9, 1.1)), "sqlite"), "");
        assert_eq!(mark(&row("records", (2.0, 2.0)), "sqlite"), "");
        assert_eq!(mark(&row("ns", (0.3, 0.5)), "redb"), "");
    }
}
