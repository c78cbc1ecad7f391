//! Records printed, in the forms of `slipring follow`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use slipring_journal::{Journal, Schema};
use slipring_test_servers::nats::{Nats, Options};

use crate::{append, bridge, complained, done, output, said, send};

#[test]
fn a_stream_is_printed_from_any_place() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("orders");
    append(&journal, 100);
    send(&nats, &journal);
    let print = |words: &[&str]| {
        let all = ["in", "--stream", "ORDERS", "--once"];
        done(bridge(&nats, &[&all[..], words].concat()))
    };
    let all = print(&[]);
    assert_eq!(all.lines().count(), 101, "{all}");
    assert!(all.starts_with("_sequence,_time,_epoch,ts,price,id,side\n0,2024-03-10T09:30:00Z,1,"), "{all}");
    let some = print(&["--from-sequence", "97", "--fields", "_sequence,price,side"]);
    assert_eq!(some, "_sequence,price,side\n97,100.97,sell\n98,100.98,buy\n99,100.99,sell\n");
    let late = print(&["--from", "2024-03-10T09:30:00.0975", "--fields", "_sequence", "--format", "csv"]);
    assert_eq!(late, "_sequence\n98\n99\n");
    let chosen = print(&["--where", "price > 100.9 and side == buy", "--limit", "2", "--json"]);
    let ids: Vec<&str> = chosen.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(ids, ["{\"_sequence\":92", "{\"_sequence\":94"], "{chosen}");
    let table = print(&["--format", "table", "--from-sequence", "99"]);
    assert!(table.lines().count() == 2 && table.contains("100.99"), "{table}");
    assert_eq!(print(&["--newest"]).lines().count(), 0);
    assert_eq!(print(&["--format", "none"]), "");
}

#[test]
fn what_comes_is_printed_at_once_until_a_signal_says_stop() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("orders");
    append(&journal, 1);
    send(&nats, &journal);
    let mut follow = bridge(&nats, &["in", "--stream", "ORDERS", "--fields", "id", "--format", "csv"]);
    let mut child = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!((next(), next()), ("id".to_owned(), "0".to_owned()));
    for id in 1..4 {
        append(&journal, 1);
        send(&nats, &journal);
        assert_eq!(next(), id.to_string());
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn events_of_another_type_have_their_own_columns() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("orders");
    for schema in ["Order 8\nprice i64 0 8\n", "Order 16\tversion=2\nprice i64 0 8\nsize u64 8 8\tsince=2\n"]
    {
        let schema = Schema::from_text(schema).unwrap();
        let (mut writer, _) = Journal::at(&journal).open_raw(&schema).unwrap();
        for _ in 0..2 {
            writer.append(1, &vec![1; schema.size]).unwrap();
        }
        writer.close().unwrap();
        send(&nats, &journal);
    }
    let all = ["in", "--stream", "ORDERS", "--once"];
    let json = done(bridge(&nats, &[&all[..], &["--json"]].concat()));
    let has_size: Vec<bool> = json.lines().map(|line| line.contains("size")).collect();
    assert_eq!(has_size, [false, false, true, true], "{json}");
    let table = done(bridge(&nats, &[&all[..], &["--format", "table"]].concat()));
    assert_eq!(table.lines().filter(|line| line.contains("price")).count(), 2, "{table}");
    let csv = output(bridge(&nats, &[&all[..], &["--format", "csv"]].concat()));
    assert_eq!((csv.status.code(), said(&csv).lines().count()), (Some(1), 3), "{}", said(&csv));
    assert!(complained(&csv).contains("--from-sequence 2"), "{}", complained(&csv));
    let one = done(bridge(&nats, &[&all[..], &["--format", "csv", "--fields", "price"]].concat()));
    assert_eq!(one.lines().count(), 5, "{one}");
}
