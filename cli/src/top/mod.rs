//! `slipring top`: how far an engine in another process is, once or again and again.

mod facts;
mod json;
mod tables;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use slipring::{Counters, CountersError, CountersReader};

use crate::args::TopArgs;
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::rows::newest::newest;
use crate::{fitted, gone, plain, show};
use json::{Object, object};
use tables::Since;

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
    since: Since<'_>,
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
    let width = fitted::width();
    for line in facts::all(args, counters, since, stale) {
        writeln!(out, "{}", fitted::wrapped(&line, width))?;
    }
    tables::all(counters, since, width, out)
}
