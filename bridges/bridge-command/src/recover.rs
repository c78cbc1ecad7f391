//! `slipring-bridge recover`: a journal takes its own records back from the stream.

use std::io::{self, Write};

use serde_json::json;
use slipring_cli::exit::Exit;
use slipring_cli::plain;
use slipring_jetstream::recover::{Recovered, recover};
use slipring_journal::Journal;

use crate::args::RecoverArgs;
use crate::error::CommandError;

pub async fn run(args: &RecoverArgs) -> Result<Exit, CommandError> {
    let connect = args.connect.connect(Some(format!("slipring-bridge recover {}", args.stream)));
    let done = recover(&Journal::at(&args.journal), &connect, &args.stream(), args.finish).await?;
    let Recovered { from, end, epoch } = done;
    let text = match (args.json, epoch) {
        (true, _) => plain::json(&json!({ "from": from, "end": end, "records": end - from, "epoch": epoch })),
        (false, None) => Ok(format!("the journal ends at {end}, and the stream has no more: nothing to do")),
        (false, Some(epoch)) => {
            Ok(format!("{} records taken back: the journal ends at {end}, in epoch {epoch}", end - from))
        }
    };
    let said = text.and_then(|text| writeln!(io::stdout(), "{text}"));
    said.map(|()| Exit::Fine).map_err(CommandError::Output)
}
