//! The servers themselves: started, killed, started again, led by another; spoken to in NATS's own lines.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::time::Duration;

use slipring_test_servers::client::Client;
use slipring_test_servers::nats::{Nats, Options};
use slipring_test_servers::proxy::Proxy;

#[test]
fn a_node_keeps_its_port_and_its_files_when_it_is_killed() {
    let Some(mut nats) = Nats::start(Options::one_node()) else { return };
    let mut client = Client::connect(&nats.address(0)).unwrap();
    client.make_stream("S", 1).unwrap();
    for n in 1..=10 {
        assert_eq!(client.ask("S", "x").unwrap()["seq"], n);
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
    assert_eq!(Client::connect(&address).unwrap().message_count("S").unwrap(), 10);
}

#[test]
fn three_nodes_go_on_without_their_leader() {
    let Some(mut nats) = Nats::start(Options::three_nodes()) else { return };
    let mut client = Client::connect(&nats.address(0)).unwrap();
    assert!(client.info()["connect_urls"].is_null(), "clients are told of no way round a proxy");
    client.make_stream("S", 3).unwrap();
    assert_eq!(client.ask("S", "x").unwrap()["seq"], 1);
    let first = nats.wait_for_stream_leader("S");
    nats.kill(first);
    let second = nats.wait_for_stream_leader("S");
    assert_ne!(first, second);
    // What a node is asked before it listens as the new leader is lost, or stored and not answered.
    let ask = |_| {
        let mut client = Client::connect(&nats.address(second)).unwrap();
        client.set_patience(Duration::from_secs(1)).unwrap();
        client.ask("S", "x").ok()
    };
    let said = (0..90).find_map(ask).expect("the new leader answers");
    let stored = said["seq"].as_u64().unwrap();
    assert!(stored >= 2, "{stored}");
    nats.start_again(first);
    nats.wait_until_healthy(first);
    assert_eq!(Client::connect(&nats.address(first)).unwrap().message_count("S").unwrap(), stored);
}

#[test]
fn a_line_is_cut_and_loses_what_comes_back() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    Client::connect(&nats.address(0)).unwrap().make_stream("S", 1).unwrap();
    let line = Proxy::recording(&nats.address(0));
    let mut client = Client::connect(&line.address()).unwrap();
    assert_eq!(client.ask("S", "first").unwrap()["seq"], 1);
    // The server takes it, and the client never hears of it.
    line.lose_replies();
    client.publish("S", "second").unwrap();
    let mut other = Client::connect(&nats.address(0)).unwrap();
    while other.message_count("S").unwrap() < 2 || !line.has_lost() {}
    line.pass();
    assert!(client.line().is_err(), "the line is closed");
    let mut client = Client::connect(&line.address()).unwrap();
    assert_eq!(client.ask("S", "third").unwrap()["seq"], 3);
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
    let mut direct = Client::connect(&nats.address(0)).unwrap();
    direct.make_stream("S", 1).unwrap();
    let line = Proxy::to(&nats.address(0));
    let mut client = Client::connect(&line.address()).unwrap();
    assert_eq!(client.ask("S", "x").unwrap()["seq"], 1);
    line.stall();
    client.publish("S", "x").unwrap();
    // What is asked behind it on another line is answered, so it had its time.
    for _ in 0..20 {
        assert_eq!(direct.message_count("S").unwrap(), 1);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    line.pass();
    assert!(client.line().unwrap().starts_with("MSG back"));
    assert!(client.line().unwrap().contains("\"seq\":2"));
    assert_eq!(line.connection_count(), 1);
}
