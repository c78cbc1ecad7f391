//! `slipring salvage`: what can be read of a damaged journal, into a new one.

use std::io::Write;
use std::process::ExitCode;

use slipring_journal::{SalvageError, SalvageOptions};

use crate::args::SalvageArgs;
use crate::error::{CliError, verdict};
use crate::{look, plain, show};

/// Exit status when records were lost.
const LOST: u8 = 1;
/// When nothing could be kept.
const NOTHING: u8 = 2;

pub(crate) fn run(args: &SalvageArgs, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let bar = show::bar("salvaging", 0, args.json);
    let options = SalvageOptions { skip_damaged: args.skip_damaged, allow_bytes: args.allow_bytes };
    let done = slipring_journal::salvage(&args.journal, &args.into, options, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = match done {
        Ok(report) => report,
        Err(error) => return refuse(args, out, &error),
    };
    let code = if report.lost_count == 0 { ExitCode::SUCCESS } else { ExitCode::from(LOST) };
    verdict(
        code,
        match args.json {
            true => writeln!(out, "{}", plain::json(&report)?),
            false => writeln!(out, "{}", plain::lines(&report.to_string())),
        },
    )
}

fn refuse(args: &SalvageArgs, out: &mut dyn Write, error: &SalvageError) -> Result<ExitCode, CliError> {
    plain::complain(&format!("slipring: {error}"));
    let (code, report) = match error {
        SalvageError::NothingToKeep { report, .. } => (NOTHING, Some(report)),
        SalvageError::NoHeader { .. } => (NOTHING, None),
        _ => (look::UNUSABLE, None),
    };
    if args.json {
        let status = if code == NOTHING { "nothing-to-keep" } else { "unusable" };
        let object = serde_json::json!({
            "from": plain::path_value(&args.journal), "into": plain::path_value(&args.into), "status": status, "error": error.to_string(),
            "report": report,
        });
        return verdict(ExitCode::from(code), writeln!(out, "{}", plain::json(&object)?));
    }
    Ok(ExitCode::from(code))
}
