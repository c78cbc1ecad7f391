//! Tells the program that writes the journal what the other end has acknowledged, for who waits for that
//! there: `Gate::acknowledged` in the engine.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

use slipring_journal::{AcknowledgementSender, Anchor, NotAcknowledged, Refusal};

use crate::retry::Backoff;

/// A thread that tells a program, over the Unix socket where it listens, the newest anchor. While the program
/// is not there it tries again; the newest anchor covers all before it, so none is kept.
///
/// ```no_run
/// use slipring_bridge::tell::Teller;
/// # let anchor = slipring_journal::Journal::at("orders").raw_reader()?.anchor(7)?;
///
/// let teller = Teller::start("/run/orders/acknowledge", "standby", |error| eprintln!("{error}"))?;
/// teller.tell(anchor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Teller {
    said: Option<Sender<Anchor>>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    /// Starts it, for acknowledgements of this name. `complain` hears what goes wrong, each thing once until
    /// all was well again.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(
        path: impl Into<PathBuf>,
        name: impl Into<String>,
        complain: impl FnMut(&NotAcknowledged) + Send + 'static,
    ) -> io::Result<Self> {
        let (said, heard) = mpsc::channel();
        let backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
        let (path, name) = (path.into(), name.into());
        let telling = Telling { path, name, complain, heard, sender: None, backoff, last: String::new() };
        let builder = std::thread::Builder::new().name("acknowledge".to_owned());
        let thread = builder.spawn(move || telling.run())?;
        Ok(Teller { said: Some(said), thread: Some(thread) })
    }

    /// All up to this record, that one included, is acknowledged. It does not wait.
    pub fn tell(&self, anchor: Anchor) {
        if let Some(said) = &self.said {
            let _ = said.send(anchor);
        }
    }
}

impl Drop for Teller {
    /// Waits until the newest anchor was told, or one more try has failed.
    fn drop(&mut self) {
        self.said = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Telling<C> {
    path: PathBuf,
    name: String,
    complain: C,
    heard: Receiver<Anchor>,
    sender: Option<AcknowledgementSender>,
    backoff: Backoff,
    /// What was complained of last.
    last: String,
}

impl<C: FnMut(&NotAcknowledged)> Telling<C> {
    fn run(mut self) {
        while let Ok(mut newest) = self.heard.recv() {
            loop {
                newest = self.heard.try_iter().last().unwrap_or(newest);
                let Err(error) = self.send(&newest) else { break };
                self.complain(&error);
                // The journal does not hold that record: the next one may be another matter.
                let is_final = matches!(
                    error,
                    NotAcknowledged::Refused { why: Refusal::NotConfirmed | Refusal::AnotherJournal, .. }
                );
                if is_final {
                    break;
                }
                std::thread::sleep(self.backoff.pause());
                match self.heard.try_recv() {
                    Ok(newer) => newest = newer,
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => {
                        let _ = self.send(&newest);
                        return;
                    }
                }
            }
        }
    }

    fn send(&mut self, newest: &Anchor) -> Result<(), NotAcknowledged> {
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => AcknowledgementSender::connect(&self.path, &self.name)?,
        };
        match sender.acknowledge(newest) {
            // The program knows more: another bridge told it.
            Ok(_) | Err(NotAcknowledged::Refused { why: Refusal::GoesBack, .. }) => {
                self.sender = Some(sender);
                self.backoff.reset();
                self.last.clear();
                Ok(())
            }
            Err(error) => {
                if matches!(error, NotAcknowledged::Refused { .. }) {
                    self.sender = Some(sender);
                }
                Err(error)
            }
        }
    }

    fn complain(&mut self, error: &NotAcknowledged) {
        let text = error.to_string();
        if text != self.last {
            (self.complain)(error);
            self.last = text;
        }
    }
}
