//! What is said of the engine as a whole, a line each.

use std::time::Duration;

use slipring::Counters;

use super::tables::Since;
use crate::args::TopArgs;
use crate::rows::newest::newest;
use crate::{plain, show};

/// All of it.
pub(super) fn all(args: &TopArgs, counters: &Counters, since: Since<'_>, is_stale: bool) -> Vec<String> {
    let mut lines = Vec::new();
    engine(args, counters, is_stale, &mut lines);
    progress(counters, since, &mut lines);
    if let Some(newest) = args.journal.as_deref().and_then(newest) {
        lines.push(format!("newest      {}", newest.line));
    }
    ring(counters, &mut lines);
    refused(counters, &mut lines);
    if counters.missed_wakeups > 0 {
        let missed = show::counted(counters.missed_wakeups, "wake-up was", "wake-ups were");
        lines.push(format!("warning     {missed} missed: a fault of slipring"));
    }
    lines
}

/// Whose counters these are, and whether it is well.
fn engine(args: &TopArgs, counters: &Counters, is_stale: bool, lines: &mut Vec<String>) {
    let state = match (&counters.halted, counters.closed) {
        _ if is_stale => "gone",
        (Some(_), _) => "halted",
        (None, true) => "shutting down",
        (None, false) => "running",
    };
    let place = args.journal.as_deref().or(args.counters.as_deref()).map_or_else(String::new, plain::path);
    lines.push(format!("engine      {place}, process {}, {state}", counters.process));
    if counters.folder_moved {
        let what = "the name of the journal's folder means another one by now, or none";
        lines.push(format!("warning     {what}: the engine goes on in the one that it opened"));
    }
    if let Some(halted) = &counters.halted {
        let (stage, cause) = (plain::line(&halted.stage), plain::line(&halted.cause));
        lines.push(format!("halted      by stage {stage} at {}: {cause}", halted.sequence));
    }
}

/// How far publishers and journal are, and in what time.
fn progress(counters: &Counters, since: Since<'_>, lines: &mut Vec<String>) {
    let published = counters.published_end;
    let rate = since.map_or_else(String::new, |(elapsed, before)| {
        format!("  {}", show::rate(published.saturating_sub(before.published_end), elapsed))
    });
    lines.push(format!("published   {}{rate}", show::count(published)));
    if let (Some(journalled), Some(durable)) = (counters.journalled_end, counters.durable_end) {
        let unsynced = show::count(journalled.saturating_sub(durable));
        let (journalled, durable) = (show::count(journalled), show::count(durable));
        lines.push(format!("journalled  {journalled}, durable {durable} ({unsynced} behind)"));
    }
    if let Some(journal) = counters.journal_time.filter(|journal| journal.last_ns > 0) {
        let ahead = match journal.ahead_ns {
            0 => String::new(),
            ns => format!(", {} ahead of the clock", show::duration(Duration::from_nanos(ns))),
        };
        let (at, came) = (show::time(journal.last_ns), show::counted(journal.regressions, "event", "events"));
        lines.push(format!("times       journal at {at}{ahead}; {came} came with an earlier time"));
    }
}

/// How full the ring is, and what had to wait.
fn ring(counters: &Counters, lines: &mut Vec<String>) {
    let (used, capacity) = (counters.occupancy(), counters.capacity);
    let share = used as f64 * 100.0 / capacity.max(1) as f64;
    let (used, capacity) = (show::count(used), show::count(capacity));
    lines.push(format!("ring        {used} of {capacity} slots in use ({share:.0} %)"));
    let waits = show::counted(counters.full_waits, "wait", "waits");
    let refusals = show::counted(counters.full_refusals, "refusal", "refusals");
    let journal = counters.journal_stalls.as_ref().map_or_else(String::new, |stalls| {
        let (segment, window) = (show::count(stalls.segment), show::count(stalls.window));
        let disk = show::count(stalls.disk_full);
        format!("; journal: {segment} for a segment, {window} for the window, {disk} for a full disk")
    });
    lines.push(format!("stalls      ring full: {waits}, {refusals}{journal}"));
}

/// What publishers dropped and handlers refused, if they did.
fn refused(counters: &Counters, lines: &mut Vec<String>) {
    if counters.doubles > 0 {
        lines.push(format!("doubles     {} dropped", show::count(counters.doubles)));
    }
    for stage in counters.stages.iter().filter(|stage| stage.retries + stage.dead_letters > 0) {
        let waited = show::duration(Duration::from_nanos(stage.retry_wait_ns));
        let tries = show::counted(stage.retries, "try", "tries");
        let letters = show::counted(stage.dead_letters, "dead letter", "dead letters");
        let (name, aside) = (plain::line(&stage.name), show::count(stage.set_aside));
        lines.push(format!(
            "refused     by {name}: {tries} behind {waited} of waiting; {letters}, {aside} set aside"
        ));
    }
}
