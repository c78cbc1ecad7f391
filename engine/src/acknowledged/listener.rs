//! The thread that takes acknowledgements of other processes, over a Unix socket: a message, a reply.
//!
//! A connection has a thread of its own, for a peer may send nothing for hours. There are few: a connection
//! beyond them is told so and hung up. Whatever a peer sends, it costs him his connection at most.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use slipring_journal::__private::acknowledge_wire::{MESSAGE_BYTES, Message, Reply};
use slipring_journal::Refusal;

use super::error::ListenError;
use super::names::AcknowledgedNames;
use super::socket::Socket;
use crate::own_thread::OwnThread;

/// Connections that may be open.
const MOST: usize = 16;
/// How long a peer may take to take a reply.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause where connections can't be taken for the moment, of handles say.
const PAUSE: Duration = Duration::from_millis(10);

/// Takes acknowledgements of other processes at a Unix socket, on threads of its own, until it is dropped.
/// From [`Engine::listen_for_acknowledgements`](crate::Engine::listen_for_acknowledgements); the other end is
/// [`AcknowledgementSender`](crate::AcknowledgementSender).
///
/// Only processes of this user, and root, can connect. It does not hold up the engine's end: behind that
/// every acknowledgement is refused.
///
/// ```
/// # use slipring::prelude::*;
/// use slipring::{AcknowledgementSender, FollowFrom, LateConsumer, LateContext, ListenError};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let socket = folder.path().join("acknowledge");
/// # let journal = Journal::at(folder.path().join("journal"));
/// # let lane = Lane::named("main").journal();
/// let (engine, mut publisher) = Engine::builder().journal(journal.clone()).lane(lane).go_live()?;
/// let out = LateConsumer::named("out").from(FollowFrom::Start).acknowledged("standby");
/// let out = engine.follow(out, |tick: &Tick, _: &LateContext| println!("safe there: {}", tick.price))?;
/// let listener = engine.listen_for_acknowledgements(&socket)?;
/// assert!(matches!(engine.listen_for_acknowledgements(&socket), Err(ListenError::InUse { .. })));
///
/// // In another process, once it has been told that the record has arrived:
/// let sequence = publisher.publish(Tick { price: 7 })?;
/// engine.wait_durable(sequence)?;
/// let arrived = journal.raw_reader()?.anchor(sequence)?;
/// let mut sender = AcknowledgementSender::connect(&socket, "standby")?;
/// assert_eq!(sender.acknowledge(&arrived)?, sequence + 1);
///
/// engine.join()?;
/// assert_eq!(out.join().end, sequence + 1);
/// drop(listener);
/// assert!(!socket.exists());
/// # Ok::<(), slipring::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "when it is dropped nobody listens any more"]
pub struct AcknowledgementListener {
    shared: Arc<ListenerShared>,
    thread: OwnThread<()>,
}

#[derive(Debug)]
struct ListenerShared {
    socket: Socket,
    names: Arc<AcknowledgedNames>,
    stop: AtomicBool,
    connections: Mutex<Vec<Connection>>,
}

/// One that is open, or that has just ended.
#[derive(Debug)]
struct Connection {
    /// To hang up by.
    stream: UnixStream,
    thread: JoinHandle<()>,
}

impl AcknowledgementListener {
    /// Listens at `path`.
    pub(crate) fn start(path: &Path, names: Arc<AcknowledgedNames>) -> Result<Self, ListenError> {
        let socket = Socket::bind(path)?;
        let (stop, connections) = (AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(ListenerShared { socket, names, stop, connections });
        let thread = std::thread::Builder::new().name("slipring-listen".to_owned());
        let run = Arc::clone(&shared);
        match thread.spawn(move || run.listen()) {
            Ok(thread) => Ok(AcknowledgementListener { shared, thread: OwnThread::new(thread) }),
            Err(source) => {
                Err(ListenError::Io { path: path.to_owned(), what: "start a thread for it", source })
            }
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        self.shared.socket.path()
    }
}

impl Drop for AcknowledgementListener {
    fn drop(&mut self) {
        if self.thread.is_forked() {
            return;
        }
        // Relaxed: the shutdown that follows goes through the kernel, and so do those who come back by it.
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.socket.shut_down();
        let _ = self.thread.join();
        // Nobody comes any more.
        let connections = std::mem::take(&mut *self.shared.connections());
        for Connection { stream, thread } in connections {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

impl ListenerShared {
    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes connections until it is stopped.
    fn listen(self: &Arc<Self>) {
        while !self.is_stopped() {
            match self.socket.listener.accept() {
                Ok((stream, _)) => self.take(stream),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.is_stopped() => {}
                // No handles, say: there may be some again.
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Gives a connection a thread, if there is room for one more.
    fn take(self: &Arc<Self>, stream: UnixStream) {
        let mut connections = self.connections();
        connections.retain(|connection| !connection.thread.is_finished());
        if stream.set_write_timeout(Some(PATIENCE)).is_err() {
            return;
        }
        if connections.len() >= MOST {
            return refuse(&stream, Refusal::Busy);
        }
        let Ok(own) = stream.try_clone() else { return refuse(&stream, Refusal::Busy) };
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().name("slipring-peer".to_owned());
        match thread.spawn(move || shared.serve(&own)) {
            Ok(thread) => connections.push(Connection { stream, thread }),
            Err(_) => refuse(&stream, Refusal::Busy),
        }
    }

    /// Takes one message after the other, until its peer hangs up or sends what is none.
    fn serve(&self, mut stream: &UnixStream) {
        let mut bytes = [0; MESSAGE_BYTES];
        while !self.is_stopped() && stream.read_exact(&mut bytes).is_ok() {
            let Some(message) = Message::decode(&bytes) else {
                refuse(stream, Refusal::Garbled);
                break;
            };
            if stream.write_all(&self.reply(&message).encode()).is_err() {
                break;
            }
        }
        // The other handle on it stays until it is swept.
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn reply(&self, message: &Message) -> Reply {
        let Message { name, anchor } = message;
        let done = self.names.find(name).and_then(|name| self.names.acknowledge(&name, *anchor));
        let (end, refusal) = match done {
            Ok(end) => (end, None),
            Err(error) => {
                let (refusal, end) = error.refusal();
                (end, Some(refusal))
            }
        };
        Reply { sequence: anchor.sequence, end, refusal }
    }
}

/// Says why before it is hung up.
fn refuse(mut stream: &UnixStream, refusal: Refusal) {
    let _ = stream.write_all(&Reply { sequence: 0, end: 0, refusal: Some(refusal) }.encode());
    let _ = stream.shutdown(Shutdown::Both);
}
