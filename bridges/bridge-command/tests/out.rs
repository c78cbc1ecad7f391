//! `slipring-bridge`, as a user runs it: killed again and again, stopped, refused.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures_util::StreamExt;
use serde_json::Value;
use slipring_journal::{Event, Journal, SyncMode, Writer};
use slipring_test_servers::long::times;
use slipring_test_servers::nats::{Nats, Options};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Tick {
    /// The record's own sequence.
    own: u64,
    price: u64,
}

fn append(writer: &mut Writer<Tick>, count: u64) {
    let first = writer.end_sequence();
    for own in first..first + count {
        writer.append(own, &Tick { own, price: 7 }).unwrap();
    }
}

fn written(folder: &Path, count: u64) -> Journal {
    let journal = Journal::at(folder.join("ticks"));
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    append(&mut writer, count);
    writer.close().unwrap();
    journal
}

fn bridge(folder: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-bridge"));
    command.args(args).args(["ticks", "--stream", "TICKS", "--server", url]).current_dir(folder);
    command.stdin(Stdio::null());
    command
}

fn run(folder: &Path, url: &str, args: &[&str]) -> Output {
    bridge(folder, url, args).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn ends_with(status: i32, output: &Output) -> String {
    assert_eq!(output.status.code(), Some(status), "{}", said(output));
    said(output)
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Where the bridge's reader stands; 0 if there is none yet.
fn position(journal: &Journal) -> u64 {
    let readers = journal.readers().unwrap();
    let found = readers.iter().find(|reader| reader.name == "jetstream-TICKS");
    found.and_then(|reader| reader.position).unwrap_or(0)
}

/// How many records the stream has: each must lie at its place, and once.
fn count(url: &str) -> u64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let context = async_nats::jetstream::new(async_nats::connect(url).await.unwrap());
        let stream = context.get_stream("TICKS").await.unwrap();
        let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
        let consumer = stream.create_consumer(config).await.unwrap();
        let (mut left, mut records) = (stream.get_info().await.unwrap().state.messages, 0);
        while left > 0 {
            let mut batch = consumer.fetch().max_messages(128).messages().await.unwrap();
            while let Some(message) = batch.next().await.map(Result::unwrap) {
                let headers = message.headers.as_ref().unwrap();
                let number = |name: &str| headers.get(name).unwrap().as_str().parse::<u64>().unwrap();
                assert_eq!(number("Slipring-First"), records);
                if number("Slipring-Count") > 0 {
                    for record in message.payload.chunks_exact(32) {
                        assert_eq!(u64::from_le_bytes(record[16..24].try_into().unwrap()), records);
                        records += 1;
                    }
                }
                left -= 1;
            }
        }
        records
    })
}

#[test]
fn killed_at_any_moment_it_sends_each_record_once() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path().join("ticks")).sync(SyncMode::every(Duration::from_millis(2)));
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    let is_over = Arc::<AtomicBool>::default();
    let theirs = Arc::clone(&is_over);
    let writing = std::thread::spawn(move || {
        while !theirs.load(Ordering::Relaxed) {
            append(&mut writer, 20);
            std::thread::sleep(Duration::from_millis(1));
        }
        writer.close().unwrap()
    });
    let args = ["out", "--max-delay", "100us", "--in-flight", "16"];
    for n in 0..times(25) {
        let before = position(&journal);
        let mut child = bridge(folder.path(), &nats.url(), &args).stderr(Stdio::null()).spawn().unwrap();
        // Some while it starts, most on the way.
        while n % 4 > 0 && position(&journal) <= before {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(n * 7919 % 97));
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let end = writing.join().unwrap();
    let text = ends_with(0, &run(folder.path(), &nats.url(), &["out", "--once"]));
    assert!(text.contains(&format!("acknowledged up to {end} (lag 0)")), "{text}");
    assert_eq!((position(&journal), count(&nats.url())), (end, end));
}

#[test]
fn a_signal_ends_it_at_an_acknowledged_point() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = written(folder.path(), 2_000);
    for (n, name) in ["-TERM", "-INT"].into_iter().enumerate() {
        let end = 2_000 + 1_000 * n as u64;
        let child = bridge(folder.path(), &nats.url(), &["out"]).stderr(Stdio::piped()).spawn().unwrap();
        while position(&journal) < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        let text = ends_with(0, &child.wait_with_output().unwrap());
        assert!(text.contains(&format!("acknowledged up to {end} (lag 0)")), "{text}");
        let (mut writer, _) = journal.open::<Tick>().unwrap();
        append(&mut writer, 1_000);
        writer.close().unwrap();
    }
    // While there is no server, too.
    let child = bridge(folder.path(), "nats://127.0.0.1:9", &["out"]).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-TERM");
    assert!(ends_with(0, &child.wait_with_output().unwrap()).contains("trying again"));
}

#[test]
fn what_it_says_is_json_when_asked_for() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1_000);
    let output = run(folder.path(), &nats.url(), &["out", "--once", "--json"]);
    ends_with(0, &output);
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((&lines[0]["stream"]["made"], &lines[0]["stream"]["storage"]), (&true.into(), &"file".into()));
    assert_eq!(lines[1]["goes_on"]["sequence"], 0);
    let ended = &lines.last().unwrap()["ended"];
    assert_eq!(
        (&ended["acknowledged"], &ended["lag"], &ended["records"]),
        (&1_000.into(), &0.into(), &1_000.into())
    );
}

#[test]
fn the_status_says_how_it_ended() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = nats.url();
    assert!(ends_with(3, &run(folder.path(), &url, &["out", "--once"])).contains("ticks"));
    let journal = written(folder.path(), 100);
    ends_with(0, &run(folder.path(), &url, &["out", "--once"]));
    assert!(ends_with(0, &run(folder.path(), &url, &["recover"])).contains("nothing to do"));
    ends_with(3, &run(folder.path(), &url, &["out", "--replicas", "x"]));
    ends_with(3, &run(folder.path(), &url, &["out", "--once", "--replicas", "3"]));
    let away = run(folder.path(), "nats://127.0.0.1:9", &["out", "--once", "--give-up", "100ms"]);
    assert!(ends_with(3, &away).contains("given up"));
    // Held by another.
    let reader = journal.stored_reader("jetstream-TICKS").unwrap();
    assert!(ends_with(3, &run(folder.path(), &url, &["out", "--once"])).contains("held by another"));
    drop(reader);
    // Another journal in its place.
    std::fs::remove_dir_all(folder.path().join("ticks")).unwrap();
    written(folder.path(), 100);
    assert!(ends_with(1, &run(folder.path(), &url, &["out", "--once"])).contains("the stream is of journal"));
    ends_with(1, &run(folder.path(), &url, &["recover"]));
    // Damage.
    std::fs::write(folder.path().join("ticks/control"), vec![7; 8192]).unwrap();
    ends_with(2, &run(folder.path(), &url, &["out", "--once"]));
    for help in [&["--help"][..], &["out", "--help"], &["recover", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_slipring-bridge")).args(help).output().unwrap();
        assert!(ends_with(0, &output).contains("Exit status:"));
    }
}
