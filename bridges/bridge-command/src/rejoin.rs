//! `slipring-bridge rejoin`: an old primary becomes a replica; and what it has set aside, listed.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;
use slipring_cli::exit::Exit;
use slipring_cli::plain;
use slipring_jetstream::rejoin::{self, RejoinFailure, Rejoined, SetAsideFile};
use slipring_journal::{Journal, JournalFault, ReadError};
use tokio::sync::watch;

use crate::args::{RejoinArgs, SetAsideArgs};
use crate::error::CommandError;
use crate::standby::{Say, connect};

pub async fn run(args: &RejoinArgs, mut stop: watch::Receiver<bool>) -> Result<Exit, CommandError> {
    let followed = &args.followed;
    let Some(link) = connect(followed, "rejoin", &mut stop).await? else { return Ok(Exit::Part) };
    let (journal, subject) = (Journal::at(&args.journal), followed.subject.as_deref());
    let mut say = Say::new(followed.json);
    let tell = |told| say.told(&told);
    let rejoin = rejoin::rejoin(&journal, &link.client, &followed.stream, subject, followed.give_up, tell);
    let Rejoined { fork, epoch, report } = rejoin.await?;
    let text = if followed.json {
        plain::json(&json!({ "fork": fork.sequence, "epoch": epoch, "rejoined": report }))
    } else {
        let mut text = format!(
            "rejoined behind record {}: the stream is in epoch {epoch}, and {} records were set aside",
            fork.sequence,
            report.records()
        );
        for part in &report.set_aside {
            let _ = write!(text, "\n  {} to {}: {}", part.first, part.end, part.path.display());
        }
        text.push_str("\nit is a replica now: go on with slipring bridge standby");
        Ok(text)
    };
    let said = text.and_then(|text| writeln!(io::stdout(), "{text}"));
    said.map(|()| Exit::Fine).map_err(CommandError::Output)
}

/// Lists what rejoins have set aside.
pub fn set_aside(args: &SetAsideArgs) -> Result<Exit, CommandError> {
    let files = rejoin::set_aside(&args.journal).map_err(CommandError::Input)?;
    let mut out = io::stdout().lock();
    for file in &files {
        list(file, args, &mut out)?;
    }
    Ok(Exit::Fine)
}

fn list(file: &SetAsideFile, args: &SetAsideArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let SetAsideFile { path, first, end, epoch } = file;
    let print = |out: &mut dyn Write, text: &str| writeln!(out, "{text}").map_err(CommandError::Output);
    if !args.records {
        let records = end - first;
        return if args.json {
            let path = path.to_string_lossy();
            let value =
                json!({ "path": path, "first": first, "end": end, "records": records, "epoch": epoch });
            print(out, &plain::json(&value).map_err(CommandError::Output)?)
        } else {
            print(
                out,
                &format!("{first} to {end} ({records} records), cut in epoch {epoch}: {}", path.display()),
            )
        };
    }
    for record in file.records().map_err(CommandError::Input)? {
        let event = record.event.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let (sequence, time_ns, epoch) = (record.sequence, record.time_ns, record.epoch);
        if args.json {
            let value = json!({ "sequence": sequence, "time_ns": time_ns, "epoch": epoch, "event": event });
            print(out, &plain::json(&value).map_err(CommandError::Output)?)?;
        } else {
            print(out, &format!("{sequence} at {time_ns} ns, epoch {epoch}: {event}"))?;
        }
    }
    Ok(())
}

/// The exit status of a rejoin that failed.
pub fn exit(error: &RejoinFailure) -> Exit {
    match error {
        RejoinFailure::NotFenced { .. } | RejoinFailure::NothingInCommon | RejoinFailure::Empty => Exit::Part,
        RejoinFailure::Stream(error) if !error.is_passing() => Exit::Part,
        RejoinFailure::Read(ReadError::Journal(fault)) if JournalFault::is_damage(fault) => Exit::Damaged,
        _ => Exit::CouldNot,
    }
}
