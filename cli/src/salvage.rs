//! `slipring salvage`: what can be read of a damaged journal, into a new one.

use std::io::Write;

use slipring_journal::{SalvageError, SalvageOptions};

use crate::args::SalvageArgs;
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::signals::{First, Stop};
use crate::{plain, show};

pub(crate) fn run(args: &SalvageArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let stop = Stop::listen(Exit::Part, First::Ends)?;
    // Half of a journal may be taken for a whole one. What was there before is refused, and stays.
    if args.into.symlink_metadata().is_err() {
        stop.may_remove(&args.into);
    }
    let bar = show::bar("salvaging", 0, args.json);
    let options = SalvageOptions { skip_damaged: args.skip_damaged, allow_bytes: args.allow_bytes };
    let done = slipring_journal::salvage(&args.journal, &args.into, options, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    stop.is_over();
    bar.finish_and_clear();
    let report = match done {
        Ok(report) => report,
        Err(error) => return refuse(args, out, &error),
    };
    let code = if report.lost_count == 0 { Exit::Fine } else { Exit::Part };
    verdict(
        code,
        match args.json {
            true => writeln!(out, "{}", plain::json(&report)?),
            false => writeln!(out, "{}", plain::lines(&report.to_string())),
        },
    )
}

fn refuse(args: &SalvageArgs, out: &mut dyn Write, error: &SalvageError) -> Result<Exit, CliError> {
    plain::complain(&format!("slipring: {error}"));
    let (code, report) = match error {
        SalvageError::NothingToKeep { report, .. } => (Exit::Damaged, Some(report)),
        SalvageError::NoHeader { .. } => (Exit::Damaged, None),
        _ => (Exit::CouldNot, None),
    };
    if args.json {
        let status = if code == Exit::Damaged { "nothing-to-keep" } else { "unusable" };
        let object = serde_json::json!({
            "from": plain::path_value(&args.journal), "into": plain::path_value(&args.into), "status": status, "error": error.to_string(),
            "report": report,
        });
        return verdict(code, writeln!(out, "{}", plain::json(&object)?));
    }
    Ok(code)
}
