//! `slipring inspect` and `slipring verify`: looking at a journal without changing it.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use slipring_journal::{Journal, JournalInfo, ReadError, ReaderInfo, Status, VerifyReport};

use crate::args::LookArgs;
use crate::error::{CliError, is_damage, verdict};
use crate::exit::Exit;
use crate::{plain, readers, show};

pub(crate) fn inspect(args: &LookArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let info = match slipring_journal::inspect(&args.journal) {
        Ok(info) => info,
        Err(error) => return refuse(args, out, &error),
    };
    // What lies in their folder makes the journal no other: it is said, and the rest all the same.
    let (readers, fault) = match Journal::at(&args.journal).readers() {
        Ok(readers) => (readers, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    if args.json {
        writeln!(out, "{}", plain::json(&WithReaders { info: &info, readers, readers_fault: fault })?)?;
        return Ok(Exit::Fine);
    }
    show_info(&info, out)?;
    if !readers.is_empty() {
        writeln!(out)?;
        readers::table(&readers, out)?;
    }
    if let Some(fault) = fault {
        writeln!(out, "warning     readers: {}", plain::line(&fault))?;
    }
    Ok(Exit::Fine)
}

/// What `inspect --json` prints.
#[derive(serde::Serialize)]
struct WithReaders<'i> {
    #[serde(flatten)]
    info: &'i JournalInfo,
    readers: Vec<ReaderInfo>,
    readers_fault: Option<String>,
}

pub(crate) fn verify(args: &LookArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let bar = show::bar("verifying", 0, args.json);
    let report = slipring_journal::verify(&args.journal, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = match report {
        Ok(report) => report,
        Err(error) => return refuse(args, out, &error),
    };
    let code = match report.status {
        Status::Fine => Exit::Fine,
        Status::TornTail => Exit::Part,
        Status::Corrupt => Exit::Damaged,
    };
    verdict(
        code,
        match args.json {
            true => writeln!(out, "{}", plain::json(&report)?),
            false => show_report(&report, out),
        },
    )
}

/// Says why there is nothing to show.
fn refuse(args: &LookArgs, out: &mut dyn Write, error: &ReadError) -> Result<Exit, CliError> {
    let damage = is_damage(error);
    let code = if damage { Exit::Damaged } else { Exit::CouldNot };
    plain::complain(&format!("slipring: {error}"));
    if args.json {
        let status = if damage { "corrupt" } else { "unusable" };
        let object = serde_json::json!({
            "path": plain::path_value(&args.journal), "status": status, "error": error.to_string(),
        });
        return verdict(code, writeln!(out, "{}", plain::json(&object)?));
    }
    Ok(code)
}

fn show_info(info: &JournalInfo, out: &mut dyn Write) -> std::io::Result<()> {
    let records = info.end_sequence - info.first_sequence;
    writeln!(out, "journal     {}", plain::path(&info.path))?;
    writeln!(out, "id          {}", info.journal_id)?;
    if info.replica {
        writeln!(out, "replica     takes records made elsewhere; appends its own once it is promoted")?;
    }
    let (first, end) = (info.first_sequence, info.end_sequence);
    writeln!(out, "records     {} (sequence {first} to {end}, the latter excluded)", show::count(records))?;
    let first_ns = info.segments.iter().find_map(|segment| segment.first_time_ns);
    let last_ns = info.segments.iter().rev().find_map(|segment| segment.last_time_ns);
    if let (Some(first_ns), Some(last_ns)) = (first_ns, last_ns) {
        let ahead = match info.ahead_ns {
            0 => String::new(),
            ns => format!(", {} ahead of the clock", show::duration(Duration::from_nanos(ns))),
        };
        writeln!(out, "times       {} to {}{ahead}", show::time(first_ns), show::time(last_ns))?;
    }
    writeln!(out, "durable     D = {}, window W = {}", info.durable_end, show::count(info.window_records))?;
    let writer = plain::line(&info.writer.to_string());
    writeln!(out, "epoch       {}, {writer}, control generation {}", info.epoch, info.control_generation)?;
    if !info.event.is_empty() {
        let (event, bytes) = (plain::line(&info.event), info.event_bytes);
        writeln!(out, "event       {event}, {bytes} bytes, {} as a record", info.record_bytes)?;
        let said = attributes(&info.attributes);
        if !said.is_empty() {
            writeln!(out, "            {said}")?;
        }
        for field in &info.fields {
            let (name, kind) = (plain::line(&field.name), plain::line(&field.kind));
            let said = attributes(&field.attributes);
            let said = if said.is_empty() { said } else { format!(", {said}") };
            writeln!(
                out,
                "  {:>5}  {name}: {kind} ({}){said}",
                field.offset,
                show::counted(field.size as u64, "byte", "bytes")
            )?;
        }
    }
    writeln!(out, "segments    {}", info.segments.len())?;
    // Those of older types are shown as the newest wherever events are.
    let newest = info.segments.last().map(|segment| segment.event_version);
    let is_mixed = info.segments.iter().any(|segment| Some(segment.event_version) != newest);
    for segment in &info.segments {
        let times = match (segment.first_time_ns, segment.last_time_ns) {
            (Some(first), Some(last)) => format!("{} to {}", show::time(first), show::time(last)),
            _ => "empty".to_owned(),
        };
        let fill = format!("{}/{}", show::count(segment.records), show::count(segment.capacity));
        let (name, epoch) = (&segment.name, segment.epoch);
        let mebibytes = segment.file_bytes as f64 / f64::from(1 << 20);
        let version = if is_mixed { format!("  version {}", segment.event_version) } else { String::new() };
        writeln!(out, "  {name}  {fill:>21}  epoch {epoch}{version}  {mebibytes:.1} MiB  {times}")?;
    }
    for warning in &info.warnings {
        writeln!(out, "warning     {}", plain::line(warning))?;
    }
    Ok(())
}

/// What a schema says beyond the layout.
fn attributes(said: &BTreeMap<String, String>) -> String {
    let one = |(name, value): (&String, &String)| match value.is_empty() {
        true => plain::line(name),
        false => format!("{}={}", plain::line(name), plain::line(value)),
    };
    said.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn show_report(report: &VerifyReport, out: &mut dyn Write) -> std::io::Result<()> {
    let verdict = match (report.status, report.torn_at) {
        (Status::Corrupt, _) => "CORRUPT".to_owned(),
        (Status::TornTail, Some(at)) => {
            format!(
                "torn tail at sequence {at}: what lies there is no part of the log, the next open cuts it off"
            )
        }
        (Status::TornTail, None) => "torn tail".to_owned(),
        (Status::Fine, _) => "fine".to_owned(),
    };
    let writer = plain::line(&report.writer.to_string());
    let what = if report.replica { ", a replica" } else { "" };
    writeln!(out, "{}{what}: {verdict}; {writer}", plain::path(&report.path))?;
    let (first, end, durable) = (report.first_sequence, report.end_sequence, report.durable_end);
    if report.status != Status::Corrupt {
        let whole = show::counted(report.records, "whole record", "whole records");
        writeln!(out, "{whole}, sequence {first} to {end}, durable to {durable}")?;
    } else {
        let whole = show::counted(report.records, "record is whole", "records are whole");
        let (looked_at, all) = (show::count(report.looked_at), show::count(end - first));
        writeln!(out, "{whole} of {looked_at} that were looked at and {all} that should be there")?;
        writeln!(out, "sequence {first} to {end}, durable to {durable}")?;
        let next = match report.refuses_to_open {
            true => "the next open refuses the journal; salvage keeps what is whole",
            false => "the next open goes on behind the damage, and whoever reads it meets it",
        };
        writeln!(out, "{next}")?;
    }
    for fault in &report.faults {
        writeln!(out, "corrupt: {}", plain::line(fault))?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning: {}", plain::line(warning))?;
    }
    Ok(())
}
