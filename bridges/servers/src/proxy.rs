//! A line between a client and a server, over TCP, that can be cut, stalled, made to lose what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a read waits before it looks whether the line still is what it was.
const LOOK: Duration = Duration::from_millis(5);

/// What the line does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Hands it on.
    Passes,
    /// Keeps it back, both ways; nobody is told.
    Stalls,
    /// Hands on what goes to the server, and loses what comes back.
    LosesReplies,
    /// No connection is taken.
    Refuses,
}

/// A line to a server. It ends, with all its connections, when it is dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use slipring_test_servers::proxy::Proxy;
///
/// let server = TcpListener::bind("127.0.0.1:0").unwrap();
/// let line = Proxy::to(&server.local_addr().unwrap().to_string());
/// let mut client = TcpStream::connect(line.address()).unwrap();
/// let (mut other_end, _) = server.accept().unwrap();
/// client.write_all(b"hello").unwrap();
/// let mut heard = [0; 5];
/// other_end.read_exact(&mut heard).unwrap();
/// assert_eq!(&heard, b"hello");
/// line.cut();
/// assert_eq!(client.read(&mut heard).unwrap_or(0), 0);
/// ```
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    takes: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    is_over: bool,
    connections: Vec<Connection>,
    connection_count: u64,
    /// What clients have sent, one connection after the other where each is whole; `None` if nobody asked.
    sent: Option<Vec<Vec<u8>>>,
}

/// Both ends of one; a thread carries each direction.
#[derive(Debug)]
struct Connection {
    number: u64,
    client: TcpStream,
    server: TcpStream,
    has_lost: bool,
}

impl Connection {
    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

impl Proxy {
    /// A line to a server at `host:port`.
    ///
    /// # Panics
    /// If no port is to be had.
    pub fn to(target: &str) -> Self {
        Self::begin(target, None)
    }

    /// As [`Proxy::to`], and keeps what clients send: [`Proxy::sent`].
    pub fn recording(target: &str) -> Self {
        Self::begin(target, Some(Vec::new()))
    }

    fn begin(target: &str, sent: Option<Vec<Vec<u8>>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the proxy");
        let address = listener.local_addr().expect("the proxy's port");
        let state =
            State { mode: Mode::Passes, is_over: false, connections: Vec::new(), connection_count: 0, sent };
        let shared = Shared { target: target.to_owned(), state: Mutex::new(state), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let for_takes = Arc::clone(&shared);
        let takes = std::thread::spawn(move || for_takes.take_connections(&listener));
        Proxy { shared, address, takes: Some(takes) }
    }

    /// Where clients connect, as `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Closes all connections. New ones are taken, unless the line [refuses](Proxy::refuse) them.
    pub fn cut(&self) {
        self.shared.state().connections.drain(..).for_each(|connection| connection.close());
    }

    /// Closes all connections, and takes no more until the line [passes](Proxy::pass).
    pub fn refuse(&self) {
        self.shared.set(Mode::Refuses);
        self.cut();
    }

    /// Keeps back what comes, both ways, on connections that stay open, until the line [passes](Proxy::pass).
    pub fn stall(&self) {
        self.shared.set(Mode::Stalls);
    }

    /// Hands on what goes to the server, and loses what comes back: acknowledgements among it.
    pub fn lose_replies(&self) {
        self.shared.set(Mode::LosesReplies);
    }

    /// Passes all again. Connections that have lost something are closed: what they say next makes no sense.
    pub fn pass(&self) {
        // One lock: nothing comes through between the new mode and the end of a connection.
        let mut state = self.shared.state();
        state.mode = Mode::Passes;
        state.connections.retain(|connection| {
            if connection.has_lost {
                connection.close();
            }
            !connection.has_lost
        });
        self.shared.changed.notify_all();
    }

    /// Whether a connection that is open has lost something. A server may answer later than it acts.
    pub fn has_lost(&self) -> bool {
        self.shared.state().connections.iter().any(|connection| connection.has_lost)
    }

    /// How many connections there were.
    pub fn connection_count(&self) -> u64 {
        self.shared.state().connection_count
    }

    /// What clients have sent by now, an entry a connection, if it was kept.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.shared.state().sent.clone().unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_all();
        self.cut();
        // It wakes up who waits for a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(takes) = self.takes.take() {
            let _ = takes.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, mode: Mode) {
        self.state().mode = mode;
        self.changed.notify_all();
    }

    fn take_connections(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let client = listener.accept();
            let mode = {
                let state = self.state();
                if state.is_over {
                    return;
                }
                state.mode
            };
            let Ok((client, _)) = client else { continue };
            if mode == Mode::Refuses {
                continue;
            }
            // Where the server is dead, the client's connection is closed at once.
            let Ok(server) = TcpStream::connect(&self.target) else { continue };
            // A connection that is cut already needs no thread.
            let _ = self.carry(client, server);
        }
    }

    /// Starts the two threads of a connection.
    fn carry(self: &Arc<Self>, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
        for end in [&client, &server] {
            end.set_nodelay(true)?;
            end.set_read_timeout(Some(LOOK))?;
        }
        let ends = [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)];
        let number = {
            let mut state = self.state();
            let number = state.connection_count;
            state.connection_count += 1;
            if let Some(sent) = &mut state.sent {
                sent.push(Vec::new());
            }
            state.connections.push(Connection { number, client, server, has_lost: false });
            number
        };
        for ((from, to), way) in ends.into_iter().zip([Way::ToServer, Way::ToClient]) {
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.carry_one_way(number, from, to, way));
        }
        Ok(())
    }

    /// Carries bytes one way, until an end is closed; then the other is closed too.
    fn carry_one_way(&self, number: u64, mut from: TcpStream, mut to: TcpStream, way: Way) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let read = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => &bytes[..read],
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(_) => break,
            };
            if self.hands_on(number, read, way) && to.write_all(read).is_err() {
                break;
            }
        }
        let mut state = self.state();
        state.connections.retain(|connection| {
            if connection.number == number {
                connection.close();
            }
            connection.number != number
        });
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// Whether these bytes are handed on; waits as long as the line stalls.
    fn hands_on(&self, number: u64, bytes: &[u8], way: Way) -> bool {
        let mut state = self.state();
        let is_there = |state: &State| state.connections.iter().any(|other| other.number == number);
        while state.mode == Mode::Stalls && !state.is_over && is_there(&state) {
            // It is told of a new mode, but not when the connection is cut.
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        match way {
            Way::ToServer => {
                if let Some(sent) = &mut state.sent {
                    sent[number as usize].extend_from_slice(bytes);
                }
                true
            }
            Way::ToClient if state.mode == Mode::LosesReplies => {
                let mut all = state.connections.iter_mut();
                if let Some(own) = all.find(|other| other.number == number) {
                    own.has_lost = true;
                }
                false
            }
            Way::ToClient => true,
        }
    }
}
