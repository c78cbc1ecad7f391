//! `slipring stages`: what stages keep beside a journal.

use std::io::Write;

use serde_json::{Value, json};
use slipring::KeptInfo;

use crate::args::LookArgs;
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::{plain, show};

pub(crate) fn stages(args: &LookArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let all = KeptInfo::of(&args.journal)?;
    let code = if all.iter().any(is_damaged) { Exit::Damaged } else { Exit::Fine };
    verdict(
        code,
        match (args.json, &all[..]) {
            (true, _) => writeln!(out, "{}", plain::json(&Value::from_iter(all.iter().map(object)))?),
            (false, []) => writeln!(out, "no stage keeps anything beside {}", plain::path(&args.journal)),
            (false, all) => all.iter().try_for_each(|info| table(info, out)),
        },
    )
}

fn is_damaged(info: &KeptInfo) -> bool {
    info.snapshots.iter().any(|snapshot| snapshot.fault.is_some())
        || matches!(info.effects_end, Some(Err(_)))
        || matches!(info.digests, Some(Err(_)))
}

fn object(info: &KeptInfo) -> Value {
    let snapshots = info.snapshots.iter().map(|snapshot| {
        json!({
            "path": plain::path_value(&snapshot.path), "end_sequence": snapshot.end, "bytes": snapshot.bytes,
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
    writeln!(out, "{}", plain::line(&info.stage))?;
    for snapshot in &info.snapshots {
        let (end, bytes) = (show::count(snapshot.end), show::count(snapshot.bytes));
        let state = match (&snapshot.fault, snapshot.version) {
            (Some(fault), _) => format!("REFUSED: {}", plain::line(fault)),
            (None, version) => format!("version {}", version.unwrap_or(0)),
        };
        writeln!(out, "  snapshot      up to {end:>15}  {bytes:>13} bytes  {state}")?;
    }
    match &info.effects_end {
        Some(Ok(end)) => writeln!(out, "  effects       up to {:>15}", show::count(*end))?,
        Some(Err(error)) => writeln!(out, "  effects       DAMAGED: {}", plain::line(error))?,
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
        Some(Err(error)) => writeln!(out, "  digests       DAMAGED: {}", plain::line(error))?,
        None => {}
    }
    if info.open_dead_letters > 0 {
        writeln!(out, "  dead letters  {} open", show::count(info.open_dead_letters))?;
    }
    Ok(())
}
