//! A test that is killed leaves no server behind.
#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slipring_test_servers::nats::{Nats, Options, binary};

/// Started by the test below, and killed.
#[test]
#[ignore = "the test below starts it"]
fn who_starts_a_server_and_is_killed() {
    // On a thread that ends before: the server goes with the process, and not with that.
    let started = std::thread::spawn(|| Nats::start(Options::one_node())).join().unwrap();
    let Some(nats) = started else { return };
    println!("server {}", nats.process_id(0).unwrap());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_server_goes_with_who_started_it() {
    // It says by its name that it was skipped.
    if binary().is_none() {
        drop(Nats::start(Options::one_node()));
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["who_starts_a_server_and_is_killed", "--exact", "--ignored", "--nocapture"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let server = lines.find_map(|line| line.split_once("server ").map(|(_, number)| number.to_owned()));
    let server = server.expect("it says which");
    let runs = || std::fs::read_link(format!("/proc/{server}/exe")).is_ok();
    assert!(runs());
    child.kill().unwrap();
    child.wait().unwrap();
    let since = Instant::now();
    while runs() {
        assert!(since.elapsed() < Duration::from_secs(90), "server {server} lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}
