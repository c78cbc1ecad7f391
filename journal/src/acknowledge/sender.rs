//! The end that sends acknowledgements: one message, one reply, over a Unix socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::refusal::Refusal;
use super::wire::{Message, REPLY_BYTES, Reply};
use crate::format::Anchor;
use crate::positions::files::is_name;

/// How long a message or its reply may take. The program notes an anchor on disk before it replies.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells a program, from another process, up to where events are acknowledged elsewhere: the other end is the
/// engine's `listen_for_acknowledgements`.
///
/// A connection that fails is not used again: connect anew, and say the newest anchor. It covers all before
/// it, so nothing has to be said twice.
///
/// ```no_run
/// use slipring_journal::{AcknowledgementSender, Anchor, NotAcknowledged, Refusal};
///
/// /// What a server has of the journal; whether the program knows it now.
/// fn tell(sender: &mut AcknowledgementSender, newest: &Anchor) -> Result<bool, NotAcknowledged> {
///     match sender.acknowledge(newest) {
///         Ok(end) => Ok(end > newest.sequence),
///         // Its late consumer has not started yet: say it again, later.
///         Err(NotAcknowledged::Refused { why: Refusal::UnknownName, .. }) => Ok(false),
///         // It knows more: fine.
///         Err(NotAcknowledged::Refused { why: Refusal::GoesBack, .. }) => Ok(true),
///         Err(other) => Err(other),
///     }
/// }
///
/// let mut sender = AcknowledgementSender::connect("/run/orders/acknowledge", "standby")?;
/// # let newest = Anchor { journal_id: slipring_journal::JournalId([0; 16]), sequence: 0, epoch: 1, crc: 0 };
/// tell(&mut sender, &newest)?;
/// # Ok::<(), NotAcknowledged>(())
/// ```
///
/// More: [which gate].
///
/// [which gate]: https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md#which-gate
#[derive(Debug)]
pub struct AcknowledgementSender {
    path: PathBuf,
    name: String,
    /// `None` once it has failed: a reply that is late must not be taken for the next one's.
    stream: Option<UnixStream>,
}

/// Why an acknowledgement did not get to the program, or was not taken.
///
/// See the example of [`AcknowledgementSender`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAcknowledged {
    /// The name can be no file's.
    #[error(
        "{name:?} can be no name of acknowledgements: give 1 to 100 of the letters a to z and A to Z, digits, -, _ and ., and \
         no . at the beginning"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// Nobody listens, or the connection failed.
    #[error("{}: can't {what}: {source}; is the program there? connect again", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What came back is no reply to what was sent.
    #[error(
        "{}: what came back is no reply to what was sent: it is no socket of slipring, or another version's",
        path.display()
    )]
    NoReply {
        /// The socket.
        path: PathBuf,
    },
    /// The program does not take it.
    #[error("acknowledgement {name} of {anchor} is not taken: {why} ({end})")]
    Refused {
        /// The name.
        name: String,
        /// What was said.
        anchor: Anchor,
        /// Why.
        why: Refusal,
        /// The sequence behind the last event that is acknowledged; of [`Refusal::BeyondJournalled`] behind
        /// the last that is journalled; 0 if neither is known.
        end: u64,
    },
}

impl AcknowledgementSender {
    /// Connects to a program that listens at `path`, to speak of acknowledgements of this name.
    ///
    /// # Errors
    /// [`NotAcknowledged::BadName`], or [`NotAcknowledged::Io`] if nobody listens there.
    pub fn connect(path: impl AsRef<Path>, name: impl Into<String>) -> Result<Self, NotAcknowledged> {
        let (path, name) = (path.as_ref().to_owned(), name.into());
        if !is_name(&name) {
            return Err(NotAcknowledged::BadName { name });
        }
        let connect = || {
            let stream = UnixStream::connect(&path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        match connect() {
            Ok(stream) => Ok(AcknowledgementSender { path, name, stream: Some(stream) }),
            Err(source) => Err(NotAcknowledged::Io { what: "connect", path, source }),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says that every event up to the anchor's, that one included, is acknowledged, and waits for the reply:
    /// the sequence behind the last event that is acknowledged by now.
    ///
    /// # Errors
    /// [`NotAcknowledged::Refused`]: the connection is as good as before. Any other: connect anew.
    pub fn acknowledge(&mut self, anchor: &Anchor) -> Result<u64, NotAcknowledged> {
        let message = Message { name: self.name.clone(), anchor: *anchor };
        let Some(bytes) = message.encode() else {
            return Err(NotAcknowledged::BadName { name: self.name.clone() });
        };
        let Some(mut stream) = self.stream.take() else {
            let source = ErrorKind::NotConnected.into();
            return Err(NotAcknowledged::Io { what: "go on", path: self.path.clone(), source });
        };
        let mut reply = [0; REPLY_BYTES];
        let failed = |what| {
            let path = self.path.clone();
            move |source| NotAcknowledged::Io { what, path, source }
        };
        stream.write_all(&bytes).map_err(failed("send"))?;
        stream.read_exact(&mut reply).map_err(failed("get a reply"))?;
        let reply = Reply::decode(&reply);
        let end = match reply {
            Some(Reply { refusal: Some(Refusal::Busy | Refusal::Garbled), end, .. }) => end,
            Some(Reply { sequence, end, .. }) if sequence == anchor.sequence => end,
            _ => return Err(NotAcknowledged::NoReply { path: self.path.clone() }),
        };
        match reply.and_then(|reply| reply.refusal) {
            None => {
                self.stream = Some(stream);
                Ok(end)
            }
            Some(why) => {
                // The other end hangs up behind these two.
                if !matches!(why, Refusal::Busy | Refusal::Garbled) {
                    self.stream = Some(stream);
                }
                Err(NotAcknowledged::Refused { name: self.name.clone(), anchor: *anchor, why, end })
            }
        }
    }
}
