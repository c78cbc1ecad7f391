//! `slipring-bridge out`: a journal's records into a stream.

use slipring_bridge::tell::Teller;
use slipring_cli::exit::Exit;
use slipring_cli::plain;
use slipring_jetstream::out::{self, Told};
use slipring_journal::{Journal, NotAcknowledged};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::OutArgs;
use crate::error::CommandError;
use crate::say::Say;

pub async fn run(args: &OutArgs) -> Result<Exit, CommandError> {
    let stop = stop_signals()?;
    let mut say = Say::new(args.json);
    let (journal, options) = (Journal::at(&args.journal), args.options());
    let connect = args.connect.connect(Some(format!("slipring-bridge out {}", args.stream)));
    let teller = match &args.acknowledge {
        None => None,
        Some((name, socket)) => {
            let complain = |error: &NotAcknowledged| plain::complain(&error.to_string());
            Some(Teller::start(socket, name, complain).map_err(CommandError::Runtime)?)
        }
    };
    let tell = |told: Told| {
        if let (Told::Acknowledged(anchor), Some(teller)) = (&told, &teller) {
            teller.tell(*anchor);
        }
        say.told(&told);
    };
    let ended = out::run(&journal, &connect, &options, stop, tell).await?;
    say.ended(&ended);
    Ok(if args.once && !ended.caught_up { Exit::Part } else { Exit::Fine })
}

/// True once a signal says stop. A second one ends the process at once.
pub fn stop_signals() -> Result<watch::Receiver<bool>, CommandError> {
    let (say, is_said) = watch::channel(false);
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt()).map_err(CommandError::Signals)?,
        signal(SignalKind::terminate()).map_err(CommandError::Signals)?,
    );
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if say.send_replace(true) {
                std::process::exit(Exit::Part as i32);
            }
        }
    });
    Ok(is_said)
}
