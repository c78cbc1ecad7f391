//! `slipring-bridge in`, as a user runs it, with `slipring-bridge out` at the other end of a real server.

mod killed;
mod printed;
mod refused;
mod replicas;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use slipring_journal::{Journal, Schema};
use slipring_test_servers::nats::Nats;

const SCHEMA: &str = "Order 24\n\
    ts u64 0 8\ttime=ns\nprice i64 8 8\tdecimal=2\nid u32 16 4\nside u8 20 1\tenum=buy:1,sell:2\n_pad [u8;3] 21 3\n";

/// 09:30 on the tenth of March 2024.
const OPEN_NS: u64 = 1_710_063_000_000_000_000;

fn time_ns(n: u64) -> u64 {
    OPEN_NS + n * 1_000_000
}

/// Appends so many orders, in a life of its own.
fn append(journal: &Path, count: u64) {
    let (mut writer, report) = Journal::at(journal).open_raw(&Schema::from_text(SCHEMA).unwrap()).unwrap();
    for n in report.end_sequence..report.end_sequence + count {
        let mut event = [0; 24];
        event[..8].copy_from_slice(&time_ns(n).to_le_bytes());
        event[8..16].copy_from_slice(&(10_000 + n as i64).to_le_bytes());
        event[16..20].copy_from_slice(&(n as u32).to_le_bytes());
        event[20] = 1 + (n % 2) as u8;
        writer.append(time_ns(n), &event).unwrap();
    }
    writer.close().unwrap();
}

/// The command with these words, by way of a server.
fn bridge(nats: &Nats, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-bridge"));
    command.args(words).args(["--server", &nats.url()]).stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> Output {
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it prints; it must end well.
fn done(command: Command) -> String {
    let output = output(command);
    assert_eq!(output.status.code(), Some(0), "{}{}", said(&output), complained(&output));
    said(&output)
}

/// Sends all that the journal has.
fn send(nats: &Nats, journal: &Path) {
    done(bridge(nats, &["out", journal.to_str().unwrap(), "--stream", "ORDERS", "--once"]));
}

/// Asserts that both hold the same records, byte for byte.
fn assert_equal(one: &Path, other: &Path) {
    let all = |path: &Path| {
        let mut reader = Journal::at(path).raw_reader().unwrap();
        let mut all = Vec::new();
        let range = reader.first_sequence()..reader.end_sequence();
        let take = |record: slipring_journal::RawRecord<'_>| {
            all.push((record.sequence, record.time_ns, record.epoch, record.crc, record.event.to_vec()));
            std::ops::ControlFlow::Continue(())
        };
        reader.for_each(range, take).unwrap();
        (reader.journal_id(), all)
    };
    assert!(all(one) == all(other));
}
