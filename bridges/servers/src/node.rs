//! One server process: its folder, its ports, its life.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::http;
use crate::nats::PATIENCE;
use crate::ports::free_port;
use crate::watchdog::Watchdog;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) client: u16,
    pub(crate) cluster: u16,
    pub(crate) monitor: u16,
}

impl Ports {
    pub(crate) fn free() -> Self {
        Ports { client: free_port(), cluster: free_port(), monitor: free_port() }
    }
}

/// A server that was started once; it may be dead.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) ports: Ports,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    watchdog: Option<Watchdog>,
}

/// Somebody else had a port first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortTaken;

impl Node {
    /// With this text as its configuration; not started yet.
    pub(crate) fn new(binary: &Path, folder: &Path, name: String, ports: Ports, config: &str) -> Self {
        let path = folder.join(format!("{name}.conf"));
        fs::write(&path, config).expect("write the server's configuration");
        let log = folder.join(format!("{name}.log"));
        Node { name, ports, binary: binary.to_owned(), config: path, log, child: None, watchdog: None }
    }

    /// Starts it, and waits until it takes clients.
    pub(crate) fn start(&mut self) -> Result<(), PortTaken> {
        assert!(self.child.is_none(), "{} runs", self.name);
        let log = File::options().append(true).create(true).open(&self.log).expect("open the server's log");
        let mut said_before = log.metadata().expect("look at the server's log").len() as usize;
        let mut command = Command::new(&self.binary);
        command.arg("-c").arg(&self.config).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("share the server's log")).stderr(log);
        let child = command.spawn().expect("start nats-server");
        self.watchdog = Some(Watchdog::over(child.id(), &self.binary));
        self.child = Some(child);
        let since = Instant::now();
        loop {
            let log = self.log();
            said_before = said_before.min(log.len());
            if log[said_before..].contains("address already in use") {
                self.kill();
                return Err(PortTaken);
            }
            if log[said_before..].contains("Server is ready") && self.takes_clients() {
                return Ok(());
            }
            assert!(self.is_running(), "{} ended at its start:\n{log}", self.name);
            assert!(since.elapsed() < PATIENCE, "{} does not start:\n{log}", self.name);
            std::thread::sleep(LOOK);
        }
    }

    /// SIGKILL; waits until the process is gone.
    pub(crate) fn kill(&mut self) {
        self.watchdog = None;
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name));
        let pid = Pid::from_child(child);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("a signal to {}: {error}", self.name));
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.child.as_ref()?;
        http::get(self.ports.monitor, path)
    }

    /// Whether JetStream is up, and of a cluster knows who leads it.
    pub(crate) fn is_ready(&self, is_cluster: bool) -> bool {
        let is_up = self.get("/healthz?js-server-only=true").is_some_and(|health| health["status"] == "ok");
        let leader = |state: Value| Some(!state["meta_cluster"]["leader"].as_str()?.is_empty());
        is_up && (!is_cluster || self.get("/jsz").and_then(leader) == Some(true))
    }

    /// Whether all that lies on it has caught up too.
    pub(crate) fn is_healthy(&self) -> bool {
        self.get("/healthz").is_some_and(|health| health["status"] == "ok")
    }

    /// All that it has said.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn takes_clients(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.client));
        TcpStream::connect_timeout(&address, PATIENCE).is_ok()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until that is so. `what` is said, with how it stands, if it never is.
pub(crate) fn wait_until<T>(
    what: &str,
    mut look: impl FnMut() -> Option<T>,
    standing: impl Fn() -> String,
) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}:\n{}", standing());
        std::thread::sleep(LOOK);
    }
}
