//! The servers themselves: started, killed, started again, led by another; spoken to in NATS's own lines.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use slipring_test_servers::nats::{Nats, Options};
use slipring_test_servers::proxy::Proxy;

/// No two clients get each other's answers.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// A client that knows only what these tests need.
struct Client {
    lines: BufReader<TcpStream>,
    info: Value,
    inbox: String,
}

impl Client {
    fn connect(address: &str) -> Self {
        let lines = BufReader::new(TcpStream::connect(address).unwrap());
        let inbox = format!("back{}", CLIENTS.fetch_add(1, Ordering::Relaxed));
        let mut client = Client { lines, info: Value::Null, inbox };
        client.info = serde_json::from_str(client.line().strip_prefix("INFO ").unwrap()).unwrap();
        client.say(&format!("CONNECT {{\"verbose\":false}}\r\nSUB {} 1\r\n", client.inbox));
        client
    }

    fn say(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "the server has closed the connection");
        line.trim_end().to_owned()
    }

    fn publish(&mut self, subject: &str, body: &str) {
        self.say(&format!("PUB {subject} {} {}\r\n{body}\r\n", self.inbox, body.len()));
    }

    fn ask(&mut self, subject: &str, body: &str) -> Value {
        self.publish(subject, body);
        loop {
            match self.line() {
                head if head.starts_with("MSG back") => return serde_json::from_str(&self.line()).unwrap(),
                line if line == "PING" => self.say("PONG\r\n"),
                line if line.starts_with("INFO ") => {}
                other => panic!("{other}"),
            }
        }
    }

    fn make_stream(&mut self, replicas: u32) {
        let stream = json!({
            "name": "S", "subjects": ["s"], "num_replicas": replicas, "storage": "file", "retention": "limits",
        });
        let said = self.ask("$JS.API.STREAM.CREATE.S", &stream.to_string());
        assert!(said["error"].is_null(), "{said}");
    }

    fn message_count(&mut self) -> u64 {
        let said = self.ask("$JS.API.STREAM.INFO.S", "");
        said["state"]["messages"].as_u64().unwrap_or_else(|| panic!("{said}"))
    }
}

#[test]
fn a_node_keeps_its_port_and_its_files_when_it_is_killed() {
    let Some(mut nats) = Nats::start(Options::one_node()) else { return };
    let mut client = Client::connect(&nats.address(0));
    client.make_stream(1);
    for n in 1..=10 {
        assert_eq!(client.ask("s", "x")["seq"], n);
    }
    assert_eq!(nats.stream_leader("S"), Some(0));
    let (address, process) = (nats.address(0), nats.process_id(0));
    nats.kill(0);
    assert!(!nats.is_running(0) && nats.stream_leader("S").is_none());
    assert!(TcpStream::connect(&address).is_err());
    nats.start_again(0);
    nats.wait_until_ready(0);
    assert_eq!(nats.address(0), address);
    assert_ne!(nats.process_id(0), process);
    assert_eq!(Client::connect(&address).message_count(), 10);
}

#[test]
fn three_nodes_go_on_without_their_leader() {
    let Some(mut nats) = Nats::start(Options::three_nodes()) else { return };
    let mut client = Client::connect(&nats.address(0));
    assert!(client.info["connect_urls"].is_null(), "clients are told of no way round a proxy");
    client.make_stream(3);
    assert_eq!(client.ask("s", "x")["seq"], 1);
    let first = nats.wait_for_stream_leader("S");
    nats.kill(first);
    let second = nats.wait_for_stream_leader("S");
    assert_ne!(first, second);
    let mut client = Client::connect(&nats.address(second));
    assert_eq!(client.ask("s", "x")["seq"], 2);
    nats.start_again(first);
    nats.wait_until_healthy(first);
    assert_eq!(Client::connect(&nats.address(first)).message_count(), 2);
}

#[test]
fn a_line_is_cut_and_loses_what_comes_back() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    Client::connect(&nats.address(0)).make_stream(1);
    let line = Proxy::recording(&nats.address(0));
    let mut client = Client::connect(&line.address());
    assert_eq!(client.ask("s", "first")["seq"], 1);
    // The server takes it, and the client never hears of it.
    line.lose_replies();
    client.publish("s", "second");
    let mut other = Client::connect(&nats.address(0));
    while other.message_count() < 2 || !line.has_lost() {}
    line.pass();
    assert_eq!(client.lines.read_line(&mut String::new()).unwrap_or(0), 0, "the line is closed");
    let mut client = Client::connect(&line.address());
    assert_eq!(client.ask("s", "third")["seq"], 3);
    line.refuse();
    let refused = TcpStream::connect(line.address())
        .map(|stream| BufReader::new(stream).read_line(&mut String::new()).unwrap_or(0));
    assert_eq!(refused.unwrap_or(0), 0);
    let sent: Vec<String> =
        line.sent().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].contains("first") && sent[0].contains("second") && sent[1].contains("third"), "{sent:?}");
}

#[test]
fn a_stalled_line_keeps_back_and_loses_nothing() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let mut direct = Client::connect(&nats.address(0));
    direct.make_stream(1);
    let line = Proxy::to(&nats.address(0));
    let mut client = Client::connect(&line.address());
    assert_eq!(client.ask("s", "x")["seq"], 1);
    line.stall();
    client.publish("s", "x");
    // What is asked behind it on another line is answered, so it had its time.
    for _ in 0..20 {
        assert_eq!(direct.message_count(), 1);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    line.pass();
    assert!(client.line().starts_with("MSG back"));
    assert!(client.line().contains("\"seq\":2"));
    assert_eq!(line.connection_count(), 1);
}
