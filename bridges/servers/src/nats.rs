//! nats-server with JetStream: one, or three in a cluster.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::access::{Access, Tls};
use crate::client::Client;
use crate::node::{Node, Ports, wait_until};
use crate::skip::skipped;

/// The version that the tests are written for, as `bridges/servers/install` gets it.
pub const VERSION: &str = "2.15.1";
/// Older ones, which know no atomic batches: what the bridge does with such is tested too.
pub const OLDER: [&str; 2] = ["2.9.10", "2.10.25"];
/// The variable that names another nats-server.
pub const BINARY: &str = "SLIPRING_NATS_SERVER";

/// A stream that is made and deleted to see whether a cluster is ready.
const PROBE: &str = "probe";

/// How long a server may take for anything before the test gives up. A machine that does much else is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How many servers, and who is let in.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Three nodes in a cluster instead of one.
    pub is_cluster: bool,
    /// Who is let in.
    pub access: Access,
    /// Whether clients must come by TLS.
    pub is_tls: bool,
    /// Lines of nats-server's own configuration, added to each node's.
    pub more: String,
    /// The version, if it is not [`VERSION`] but one of [`OLDER`].
    pub version: Option<&'static str>,
}

impl Options {
    /// One node, open to all.
    pub fn one_node() -> Self {
        Options::default()
    }

    /// Three nodes, open to all.
    pub fn three_nodes() -> Self {
        Options { is_cluster: true, ..Options::default() }
    }

    /// One node for whom this lets in.
    pub fn with_access(access: Access) -> Self {
        Options { access, ..Options::default() }
    }

    /// One node of an older version.
    pub fn of_version(version: &'static str) -> Self {
        Options { version: Some(version), ..Options::default() }
    }

    /// One node that is spoken to by TLS.
    pub fn with_tls() -> Self {
        Options { is_tls: true, ..Options::default() }
    }
}

/// Servers that run until this is dropped.
///
/// Files lie in a temporary folder. What goes wrong panics: this is for tests.
#[derive(Debug)]
pub struct Nats {
    nodes: Vec<Node>,
    tls: Option<Tls>,
    // Last: the servers are gone before their files are.
    folder: TempDir,
}

/// The nats-server that tests use: what `SLIPRING_NATS_SERVER` names, what `bridges/servers/install` got, or
/// what is on the PATH; `None` if there is none.
///
/// # Panics
/// If the variable names no file.
pub fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(BINARY) {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "{BINARY} is {}, which is no file", named.display());
        return Some(named);
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&on_path).map(|folder| folder.join("nats-server"));
    std::iter::once(installed(VERSION)).chain(on_path).find(|path| path.is_file())
}

/// Where `bridges/servers/install` puts one.
fn installed(version: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers");
    target.join(format!("nats-server-{version}/bin/nats-server"))
}

impl Nats {
    /// Starts them, and waits until JetStream is ready. `None` if there is no nats-server: then the test is
    /// [`skipped`].
    ///
    /// # Panics
    /// If they don't come up.
    pub fn start(options: Options) -> Option<Nats> {
        let found = match options.version {
            None => binary(),
            Some(version) => Some(installed(version)).filter(|path| path.is_file()),
        };
        let Some(binary) = found else {
            let version = options.version.map_or_else(String::new, |version| format!(" {version}"));
            skipped(&format!("nats-server{version} (bridges/servers/install gets it)"));
            return None;
        };
        loop {
            let folder = tempfile::tempdir().expect("make a folder for nats-server");
            let tls = options.is_tls.then(|| Tls::make(folder.path()));
            let nodes = described(&binary, folder.path(), &options, tls.as_ref());
            let mut nats = Nats { nodes, tls, folder };
            // Another process may have taken a port since it was looked for: then with other ports.
            if nats.nodes.iter_mut().all(|node| node.start().is_ok()) {
                (0..nats.nodes.len()).for_each(|node| nats.wait_until_ready(node));
                if nats.nodes.len() > 1 {
                    nats.wait_until_placing();
                }
                return Some(nats);
            }
        }
    }

    /// Where to connect: all nodes, parted by commas.
    pub fn url(&self) -> String {
        (0..self.nodes.len()).map(|node| self.node_url(node)).collect::<Vec<_>>().join(",")
    }

    /// Where to connect to one node. Clients are not told of the others.
    pub fn node_url(&self, node: usize) -> String {
        let scheme = if self.tls.is_some() { "tls" } else { "nats" };
        format!("{scheme}://{}", self.address(node))
    }

    /// A node's address as `host:port`: what a proxy stands in front of.
    pub fn address(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.nodes[node].ports.client)
    }

    /// How many nodes there are, dead ones too.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The folder with the servers' files; tests may put their own there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificates, if clients come by TLS.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Ends a node as the death of its process does (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Ends all of them.
    pub fn kill_all(&mut self) {
        self.nodes.iter_mut().for_each(Node::kill);
    }

    /// Starts a node that was killed, on the same ports and files, and waits until it takes clients. Its
    /// JetStream may not be ready yet.
    ///
    /// # Panics
    /// If it runs, or does not come up.
    pub fn start_again(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        // Whoever has its port just now: most likely a test that looks for a free one.
        let start = || node.start().ok();
        wait_until("the port of a server that was killed", start, String::new);
    }

    /// Whether a node's process runs.
    pub fn is_running(&mut self, node: usize) -> bool {
        self.nodes[node].is_running()
    }

    /// A node's process, if it was not killed.
    pub fn process_id(&self, node: usize) -> Option<u32> {
        self.nodes[node].process_id()
    }

    /// Stops a node (SIGSTOP): it answers nobody, and its connections stay.
    pub fn pause(&self, node: usize) {
        self.nodes[node].signal(Signal::STOP);
    }

    /// Has a node go on that was paused.
    pub fn go_on(&self, node: usize) {
        self.nodes[node].signal(Signal::CONT);
    }

    /// Waits until a node's JetStream is up, and in a cluster knows its leader.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_until_ready(&self, node: usize) {
        let (node, is_cluster) = (&self.nodes[node], self.nodes.len() > 1);
        wait_until("JetStream", || node.is_ready(is_cluster).then_some(()), || node.log());
    }

    /// Waits until a stream can lie on all nodes. A cluster has a leader before that: what it is asked in its
    /// first moments is lost, and a node of which it has heard no figures yet is offline to it.
    fn wait_until_placing(&self) {
        let places = || -> io::Result<()> {
            let mut client = Client::connect(&self.address(0))?;
            client.set_patience(Duration::from_secs(1))?;
            client.make_stream(PROBE, self.nodes.len())?;
            client.delete_stream(PROBE)
        };
        let refused = RefCell::new(String::new());
        let look = || places().map_err(|error| *refused.borrow_mut() = error.to_string()).ok();
        wait_until("a cluster that places streams", look, || format!("{}\n{}", refused.borrow(), self.log()));
    }

    /// Waits until all that lies on a node has caught up with the cluster.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_until_healthy(&self, node: usize) {
        let node = &self.nodes[node];
        wait_until("a node that has caught up", || node.is_healthy().then_some(()), || node.log());
    }

    /// The node that leads a stream just now; `None` if none does, or nobody knows. One node leads all.
    pub fn stream_leader(&self, stream: &str) -> Option<usize> {
        let said = |node: &Node| {
            let all = node.get("/jsz?accounts=true&streams=true")?;
            let accounts = all["account_details"].as_array()?;
            let streams = accounts.iter().filter_map(|account| account["stream_detail"].as_array());
            let found = streams.flatten().find(|detail| detail["name"] == stream)?;
            Some(found["cluster"]["leader"].as_str().unwrap_or_default().to_owned())
        };
        // Of two who say it, one has not heard of an election yet: who says so of itself knows.
        let by_itself = self.nodes.iter().position(|node| said(node).is_some_and(|name| name == node.name));
        by_itself.or_else(|| {
            let alone = self.nodes.len() == 1 && said(&self.nodes[0]).is_some();
            alone.then_some(0)
        })
    }

    /// Waits until a stream has a leader.
    ///
    /// # Panics
    /// If it never has.
    pub fn wait_for_stream_leader(&self, stream: &str) -> usize {
        let standing = || self.log();
        wait_until("a leader of the stream", || self.stream_leader(stream), standing)
    }

    /// What a node's monitoring port says at a path such as `/jsz`; `None` if it does not answer.
    pub fn monitor(&self, node: usize, path: &str) -> Option<Value> {
        self.nodes[node].get(path)
    }

    /// All that the servers have said.
    pub fn log(&self) -> String {
        self.nodes.iter().map(|node| format!("{}:\n{}", node.name, node.log())).collect()
    }
}

/// The nodes as their configuration describes them, not started.
fn described(binary: &Path, folder: &Path, options: &Options, tls: Option<&Tls>) -> Vec<Node> {
    let ports: Vec<Ports> = (0..if options.is_cluster { 3 } else { 1 }).map(|_| Ports::free()).collect();
    let describe = |(index, own): (usize, &Ports)| {
        let name = format!("node{index}");
        let store = folder.join(format!("{name}.store"));
        let mut text = format!(
            "server_name: {name}\nlisten: 127.0.0.1:{}\nhttp: 127.0.0.1:{}\n\
             jetstream {{ store_dir: {store:?} }}\n",
            own.client, own.monitor,
        );
        if options.is_cluster {
            let routes: Vec<String> =
                ports.iter().map(|node| format!("nats://127.0.0.1:{}", node.cluster)).collect();
            let _ = writeln!(
                text,
                "cluster {{ name: slipring, listen: 127.0.0.1:{}, no_advertise: true, routes: {routes:?} }}",
                own.cluster
            );
        }
        if let Some(tls) = tls {
            let _ = writeln!(text, "tls {{ cert_file: {:?}, key_file: {:?} }}", tls.certificate, tls.key);
        }
        text += &options.access.config();
        text += &options.more;
        Node::new(binary, folder, name, *own, &text)
    };
    ports.iter().enumerate().map(describe).collect()
}
