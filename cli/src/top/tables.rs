//! The tables: stages, late consumers, acknowledgements; with rates where there is an earlier look.

use std::io::Write;
use std::time::Duration;

use slipring::{Counters, LateCounters};

use crate::{fitted, plain, show};

/// A look before this one, and how long ago.
pub(super) type Since<'a> = Option<(Duration, &'a Counters)>;

/// Writes them all, as wide as the terminal is, if it is one.
pub(super) fn all(
    counters: &Counters,
    since: Since<'_>,
    width: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    stages_table(counters, since, width, out)?;
    late_table(counters, since, width, out)?;
    acknowledged_table(counters, since, width, out)
}

fn stages_table(
    counters: &Counters,
    since: Since<'_>,
    width: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let stages = counters.stages.iter().enumerate().map(|(index, stage)| {
        let rate = since.and_then(|(elapsed, before)| {
            let before = before.stages.get(index)?;
            Some(show::rate(stage.end.saturating_sub(before.end), elapsed))
        });
        [
            plain::line(&stage.name),
            plain::line(&stage.lane),
            show::count(stage.end),
            show::count(stage.lag),
            rate.unwrap_or_default(),
            show::count(stage.last_batch),
            show::count(stage.max_batch),
            show::count(stage.batches),
        ]
    });
    let head = ["STAGE", "LANE", "END", "LAG", "RATE", "BATCH", "MAX", "BATCHES"].map(str::to_owned);
    let rows: Vec<[String; 8]> = std::iter::once(head).chain(stages).collect();
    writeln!(out)?;
    columns(rows, width, out)
}

/// The late consumers, if there are any.
fn late_table(
    counters: &Counters,
    since: Since<'_>,
    width: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if counters.late_consumers.is_empty() && counters.late_not_shown == 0 {
        return Ok(());
    }
    let consumers = counters.late_consumers.iter().map(|late| {
        let rate = since.and_then(|(elapsed, before)| {
            // By its name: places change hands.
            let before = before.late_consumers.iter().find(|one| one.name == late.name)?;
            Some(show::rate(late.end.saturating_sub(before.end), elapsed))
        });
        let (end, lag) = (show::count(late.end), show::count(late.lag));
        [plain::line(&late.name), late_state(late).to_owned(), end, lag, rate.unwrap_or_default()]
    });
    let head = ["LATE CONSUMER", "STATE", "END", "LAG", "RATE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(consumers).collect();
    writeln!(out)?;
    columns(rows, width, out)?;
    match counters.late_not_shown {
        0 => Ok(()),
        more => writeln!(out, "and {} more, for which the counters have no place", show::count(more)),
    }
}

/// The names under which events are acknowledged, if there are any.
fn acknowledged_table(
    counters: &Counters,
    since: Since<'_>,
    width: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if counters.acknowledged.is_empty() {
        return Ok(());
    }
    let names = counters.acknowledged.iter().map(|one| {
        let rate = since.and_then(|(elapsed, before)| {
            let before = before.acknowledged.iter().find(|before| before.name == one.name)?;
            Some(show::rate(one.end.saturating_sub(before.end), elapsed))
        });
        let state = if one.lag == 0 { "all" } else { "behind" };
        let (end, lag) = (show::count(one.end), show::count(one.lag));
        [plain::line(&one.name), state.to_owned(), end, lag, rate.unwrap_or_default()]
    });
    let head = ["ACKNOWLEDGED", "STATE", "END", "LAG", "RATE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(names).collect();
    writeln!(out)?;
    columns(rows, width, out)
}

fn late_state(late: &LateCounters) -> &'static str {
    match (late.failed, late.evicted) {
        (_, true) => "evicted",
        (true, false) => "failed",
        (false, false) if late.is_caught_up() => "caught up",
        (false, false) => "behind",
    }
}

/// Writes rows below a head, two names to the left and numbers to the right. The rates, in the fifth column,
/// are left out if there are none; columns that the terminal has no room for likewise.
fn columns<const N: usize>(
    mut rows: Vec<[String; N]>,
    terminal_width: Option<usize>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if rows[1..].iter().all(|row| row[4].is_empty()) {
        rows[0][4].clear();
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let fitting = fitted::fitting(&widths, terminal_width);
    for row in &rows {
        let mut line = String::new();
        let cells = row.iter().zip(widths).take(fitting).enumerate();
        for (column, (text, width)) in cells.filter(|(_, (_, width))| *width > 0) {
            let cell = if column < 2 { format!("{text:<width$}  ") } else { format!("{text:>width$}  ") };
            line.push_str(&cell);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
