//! `slipring top`: how far an engine in another process is, once or again and again.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use slipring::{Counters, CountersError, CountersReader, LateCounters};

use crate::args::TopArgs;
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::rows::newest::newest;
use crate::{gone, plain, show};

pub(crate) fn run(args: &TopArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let reader = match (&args.journal, &args.counters) {
        (_, Some(file)) => CountersReader::open(file)?,
        (journal, None) => CountersReader::of_journal(journal.as_deref().unwrap_or(Path::new(".")))?,
    };
    let mut before: Option<(Instant, Counters)> = None;
    loop {
        let now = Instant::now();
        let counters = match reader.read() {
            Ok(counters) => counters,
            Err(CountersError::Stale { path, last }) => {
                let shown = show(args, &reader, &last, None, true, out).and_then(|()| out.flush());
                let process = last.process;
                let path = plain::path(&path);
                plain::complain(&format!(
                    "slipring: {path}: process {process} is gone; this is what it left"
                ));
                return verdict(Exit::Part, shown);
            }
            // Watched to its end.
            Err(CountersError::Ended { .. }) if before.is_some() => {
                for stage in reader.last().stages.iter().filter(|stage| stage.lag > 0) {
                    let events = show::counted(stage.lag, "event published was", "events published were");
                    let name = plain::line(&stage.name);
                    plain::complain(&format!("slipring: {events} not delivered to stage {name}"));
                }
                return Ok(Exit::Fine);
            }
            Err(error) => return Err(error.into()),
        };
        let since = before.as_ref().map(|(then, counters)| (now - *then, counters));
        show(args, &reader, &counters, since, false, out)?;
        out.flush()?;
        let Some(interval) = args.watch else { return Ok(Exit::Fine) };
        before = Some((now, counters));
        gone::sleep_until(now + interval.0)?;
    }
}

/// Shows them, with rates if there is an earlier look to compare with.
fn show(
    args: &TopArgs,
    reader: &CountersReader,
    counters: &Counters,
    since: Option<(Duration, &Counters)>,
    stale: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if args.json {
        let newest = args.journal.as_deref().and_then(newest).map(|newest| newest.json);
        let counters = object(reader, counters, stale);
        return writeln!(out, "{}", plain::json(&Object { counters, newest_event: newest })?);
    }
    if args.watch.is_some() && std::io::stdout().is_terminal() {
        // To the top of a cleared screen.
        write!(out, "\x1b[H\x1b[2J")?;
    } else if since.is_some() {
        writeln!(out)?;
    }
    table(args, counters, since, stale, out)
}

fn table(
    args: &TopArgs,
    counters: &Counters,
    since: Option<(Duration, &Counters)>,
    stale: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let state = match (&counters.halted, counters.closed) {
        _ if stale => "gone",
        (Some(_), _) => "halted",
        (None, true) => "shutting down",
        (None, false) => "running",
    };
    let place = args.journal.as_ref().or(args.counters.as_ref());
    let place = place.map_or_else(String::new, |path| plain::path(path));
    writeln!(out, "engine      {place}, process {}, {state}", counters.process)?;
    if counters.folder_moved {
        let what = "the name of the journal's folder means another one by now, or none";
        writeln!(out, "warning     {what}: the engine goes on in the one that it opened")?;
    }
    if let Some(halted) = &counters.halted {
        writeln!(
            out,
            "halted      by stage {} at {}: {}",
            plain::line(&halted.stage),
            halted.sequence,
            plain::line(&halted.cause)
        )?;
    }
    let rate = |now: u64, then: fn(&Counters) -> u64| match since {
        Some((elapsed, before)) => {
            format!("  {}", show::rate(now.saturating_sub(then(before)), elapsed))
        }
        None => String::new(),
    };
    let published = counters.published_end;
    let rate = rate(published, |before| before.published_end);
    writeln!(out, "published   {}{rate}", show::count(published))?;
    if let (Some(journalled), Some(durable)) = (counters.journalled_end, counters.durable_end) {
        let unsynced = show::count(journalled.saturating_sub(durable));
        let (journalled, durable) = (show::count(journalled), show::count(durable));
        writeln!(out, "journalled  {journalled}, durable {durable} ({unsynced} behind)")?;
    }
    if let Some(journal) = counters.journal_time.filter(|journal| journal.last_ns > 0) {
        write!(out, "times       journal at {}", show::time(journal.last_ns))?;
        if journal.ahead_ns > 0 {
            write!(out, ", {} ahead of the clock", show::duration(Duration::from_nanos(journal.ahead_ns)))?;
        }
        writeln!(
            out,
            "; {} came with an earlier time",
            show::counted(journal.regressions, "event", "events")
        )?;
    }
    if let Some(newest) = args.journal.as_deref().and_then(newest) {
        writeln!(out, "newest      {}", newest.line)?;
    }
    let (used, capacity) = (counters.occupancy(), counters.capacity);
    let share = used as f64 * 100.0 / capacity.max(1) as f64;
    writeln!(
        out,
        "ring        {} of {} slots in use ({share:.0} %)",
        show::count(used),
        show::count(capacity)
    )?;
    let waits = show::counted(counters.full_waits, "wait", "waits");
    let refusals = show::counted(counters.full_refusals, "refusal", "refusals");
    write!(out, "stalls      ring full: {waits}, {refusals}")?;
    if let Some(stalls) = &counters.journal_stalls {
        let (segment, window) = (show::count(stalls.segment), show::count(stalls.window));
        let disk = show::count(stalls.disk_full);
        write!(out, "; journal: {segment} for a segment, {window} for the window, {disk} for a full disk")?;
    }
    writeln!(out)?;
    refused(counters, out)?;
    if counters.missed_wakeups > 0 {
        let missed = show::counted(counters.missed_wakeups, "wake-up was", "wake-ups were");
        writeln!(out, "warning     {missed} missed: a fault of slipring")?;
    }
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
    columns(rows, out)?;
    late_table(counters, since, out)?;
    acknowledged_table(counters, since, out)
}

/// What publishers dropped and handlers refused, if they did.
fn refused(counters: &Counters, out: &mut dyn Write) -> std::io::Result<()> {
    if counters.doubles > 0 {
        writeln!(out, "doubles     {} dropped", show::count(counters.doubles))?;
    }
    for stage in counters.stages.iter().filter(|stage| stage.retries + stage.dead_letters > 0) {
        let (retries, waited) = (stage.retries, Duration::from_nanos(stage.retry_wait_ns));
        writeln!(
            out,
            "refused     by {}: {} behind {} of waiting; {}, {} set aside",
            plain::line(&stage.name),
            show::counted(retries, "try", "tries"),
            show::duration(waited),
            show::counted(stage.dead_letters, "dead letter", "dead letters"),
            show::count(stage.set_aside)
        )?;
    }
    Ok(())
}

/// The late consumers, if there are any.
fn late_table(
    counters: &Counters,
    since: Option<(Duration, &Counters)>,
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
    columns(rows, out)?;
    match counters.late_not_shown {
        0 => Ok(()),
        more => writeln!(out, "and {} more, for which the counters have no place", show::count(more)),
    }
}

/// The names under which events are acknowledged, if there are any.
fn acknowledged_table(
    counters: &Counters,
    since: Option<(Duration, &Counters)>,
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
    columns(rows, out)
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
/// are left out if there are none.
fn columns<const N: usize>(mut rows: Vec<[String; N]>, out: &mut dyn Write) -> std::io::Result<()> {
    if rows[1..].iter().all(|row| row[4].is_empty()) {
        rows[0][4].clear();
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in &rows {
        let mut line = String::new();
        for (column, (text, width)) in row.iter().zip(widths).enumerate().filter(|(_, (_, width))| *width > 0)
        {
            let cell = if column < 2 { format!("{text:<width$}  ") } else { format!("{text:>width$}  ") };
            line.push_str(&cell);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The counters, and what was journalled last.
#[derive(Serialize)]
struct Object {
    #[serde(flatten)]
    counters: Value,
    newest_event: Option<Box<RawValue>>,
}

fn object(reader: &CountersReader, counters: &Counters, stale: bool) -> Value {
    let stages = counters.stages.iter().map(|stage| {
        json!({
            "name": stage.name, "lane": stage.lane, "end": stage.end, "lag": stage.lag,
            "batches": stage.batches, "last_batch": stage.last_batch, "max_batch": stage.max_batch,
            "retries": stage.retries, "retry_wait_ns": stage.retry_wait_ns, "dead_letters": stage.dead_letters,
            "set_aside": stage.set_aside,
        })
    });
    let late_consumers = counters.late_consumers.iter().map(|late| {
        json!({
            "name": late.name, "end": late.end, "lag": late.lag, "caught_up": late.is_caught_up(),
            "failed": late.failed, "evicted": late.evicted,
        })
    });
    let acknowledged =
        counters.acknowledged.iter().map(|one| json!({ "name": one.name, "end": one.end, "lag": one.lag }));
    json!({
        "path": plain::path_value(reader.path()),
        "process": counters.process,
        "stale": stale,
        "closed": counters.closed,
        "folder_moved": counters.folder_moved,
        "halted": counters.halted.as_ref().map(|halted| json!({
            "stage": halted.stage, "sequence": halted.sequence, "cause": halted.cause,
        })),
        "published_end": counters.published_end,
        "journalled_end": counters.journalled_end,
        "durable_end": counters.durable_end,
        "journal_time": counters.journal_time.map(|journal| json!({
            "last_ns": journal.last_ns, "ahead_ns": journal.ahead_ns, "regressions": journal.regressions,
        })),
        "live_from": counters.live_from,
        "capacity": counters.capacity,
        "occupancy": counters.occupancy(),
        "full_waits": counters.full_waits,
        "full_refusals": counters.full_refusals,
        "doubles": counters.doubles,
        "journal_stalls": counters.journal_stalls.map(|stalls| json!({
            "segment": stalls.segment, "window": stalls.window, "disk_full": stalls.disk_full,
        })),
        "missed_wakeups": counters.missed_wakeups,
        "stages": stages.collect::<Vec<_>>(),
        "late_consumers": late_consumers.collect::<Vec<_>>(),
        "late_not_shown": counters.late_not_shown,
        "acknowledged": acknowledged.collect::<Vec<_>>(),
    })
}
