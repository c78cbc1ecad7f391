//! `slipring stages` and `slipring dead-letters`: what stages keep beside a journal.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};
use slipring::{DeadLetter, DeadLetterKind, DeadLetters, KeptInfo};
use slipring_journal::{Journal, Kind, RawReader};

use crate::args::{DeadLettersArgs, LookArgs};
use crate::error::CliError;
use crate::{fields, show, time};

/// Exit status when something that is kept is damaged.
const DAMAGED: u8 = 2;

pub(crate) fn stages(args: &LookArgs, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let all = KeptInfo::of(&args.journal)?;
    if args.json {
        writeln!(out, "{}", Value::from_iter(all.iter().map(object)))?;
    } else {
        if all.is_empty() {
            writeln!(out, "no stage keeps anything beside {}", args.journal.display())?;
        }
        all.iter().try_for_each(|info| table(info, out))?;
    }
    Ok(if all.iter().any(is_damaged) { ExitCode::from(DAMAGED) } else { ExitCode::SUCCESS })
}

fn is_damaged(info: &KeptInfo) -> bool {
    info.snapshots.iter().any(|snapshot| snapshot.fault.is_some())
        || matches!(info.effects_end, Some(Err(_)))
        || matches!(info.digests, Some(Err(_)))
}

fn object(info: &KeptInfo) -> Value {
    let snapshots = info.snapshots.iter().map(|snapshot| {
        json!({
            "path": snapshot.path, "end_sequence": snapshot.end, "bytes": snapshot.bytes,
            "version": snapshot.version, "fault": snapshot.fault,
        })
    });
    let fault = |error: &String| json!({ "fault": error });
    json!({
        "stage": info.stage,
        "snapshots": Value::from_iter(snapshots),
        "effects": info.effects_end.as_ref().map(|end| match end {
            Ok(end) => json!({ "end_sequence": end }),
            Err(error) => fault(error),
        }),
        "digests": info.digests.as_ref().map(|digests| match digests {
            Ok((count, end)) => json!({ "count": count, "end_sequence": end }),
            Err(error) => fault(error),
        }),
        "open_dead_letters": info.open_dead_letters,
    })
}

fn table(info: &KeptInfo, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", info.stage)?;
    for snapshot in &info.snapshots {
        let (end, bytes) = (show::count(snapshot.end), show::count(snapshot.bytes));
        let state = match (&snapshot.fault, snapshot.version) {
            (Some(fault), _) => format!("REFUSED: {fault}"),
            (None, version) => format!("version {}", version.unwrap_or(0)),
        };
        writeln!(out, "  snapshot      up to {end:>15}  {bytes:>13} bytes  {state}")?;
    }
    match &info.effects_end {
        Some(Ok(end)) => writeln!(out, "  effects       up to {:>15}", show::count(*end))?,
        Some(Err(error)) => writeln!(out, "  effects       DAMAGED: {error}")?,
        None => {}
    }
    match &info.digests {
        Some(Ok((count, end))) => {
            writeln!(
                out,
                "  digests       up to {:>15}  {:>13} logged",
                show::count(*end),
                show::count(*count)
            )?;
        }
        Some(Err(error)) => writeln!(out, "  digests       DAMAGED: {error}")?,
        None => {}
    }
    if info.open_dead_letters > 0 {
        writeln!(out, "  dead letters  {} open", show::count(info.open_dead_letters))?;
    }
    Ok(())
}

pub(crate) fn dead_letters(args: &DeadLettersArgs, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let mut letters = DeadLetters::of(&args.journal)?;
    let is_asked = |letter: &DeadLetter| {
        args.stage.as_ref().is_none_or(|stage| *stage == letter.stage)
            && args.sequence.is_none_or(|sequence| sequence == letter.sequence)
    };
    let listed: Vec<DeadLetter> = match args.all {
        true => letters.all().iter().filter(|letter| is_asked(letter)).cloned().collect(),
        false => letters.open().into_iter().filter(|letter| is_asked(letter)).cloned().collect(),
    };
    // The events lie in the journal; without it the letters are still worth showing.
    let mut reader = Journal::at(&args.journal).raw_reader()?;
    for letter in &listed {
        let event = event(&mut reader, letter);
        if args.json {
            writeln!(out, "{}", letter_object(letter, &event))?;
        } else {
            show_letter(letter, &event, out)?;
        }
    }
    if listed.is_empty() && !args.json {
        writeln!(out, "no {}dead letter", if args.all { "" } else { "open " })?;
    }
    if let Some(how) = &args.settle {
        let open = listed.iter().filter(|letter| letter.kind != DeadLetterKind::Settled);
        let mut count = 0;
        for letter in open {
            letters.settle(letter, how)?;
            count += 1;
        }
        if !args.json {
            writeln!(out, "settled {count}: {how}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The event of a dead letter: its time and fields, or why there is none.
fn event(reader: &mut RawReader, letter: &DeadLetter) -> Result<(u64, Value), String> {
    let schema = reader.schema().ok_or("the journal has no segment")?;
    let record = reader.at(letter.sequence).map_err(|error| error.to_string())?;
    match record.kind {
        _ if record.epoch != letter.epoch => {
            Err("the journal has lost this record, and holds another in its place".to_owned())
        }
        Kind::Void => Err("it is void".to_owned()),
        _ => Ok((record.time_ns, fields::of(&schema, record.event))),
    }
}

fn letter_object(letter: &DeadLetter, event: &Result<(u64, Value), String>) -> Value {
    let mut object = json!({
        "stage": letter.stage, "sequence": letter.sequence, "epoch": letter.epoch,
        "kind": letter.kind.to_string(), "cause": letter.cause,
    });
    match event {
        Ok((time_ns, fields)) => {
            object["time_ns"] = json!(time_ns);
            object["event"] = fields.clone();
        }
        Err(error) => object["fault"] = json!(error),
    }
    object
}

fn show_letter(
    letter: &DeadLetter,
    event: &Result<(u64, Value), String>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let DeadLetter { stage, sequence, kind, cause, .. } = letter;
    let when = event.as_ref().map_or_else(|_| "-".to_owned(), |(time_ns, _)| time::show(*time_ns));
    writeln!(out, "{stage:<12} {sequence:>12}  {when}  {kind}: {cause}")?;
    match event {
        Ok((_, fields)) => writeln!(out, "{:<12} {:>12}  {fields}", "", ""),
        Err(fault) => writeln!(out, "{:<12} {:>12}  no event: {fault}", "", ""),
    }
}
