//! Into a replica, which goes on where it ends.

use slipring_test_servers::nats::{Nats, Options};

use crate::{append, assert_equal, bridge, complained, done, output, send};

#[test]
fn a_replica_goes_on_where_it_ends() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, standby) = (folder.path().join("orders"), folder.path().join("standby"));
    let into = standby.to_str().unwrap();
    let take = || done(bridge(&nats, &["in", "--stream", "ORDERS", "--into", into, "--once", "--json"]));
    for (lives, taken) in [(1, 100), (2, 100), (3, 0), (4, 1)] {
        append(&journal, taken);
        send(&nats, &journal);
        let said: serde_json::Value = serde_json::from_str(&take()).unwrap();
        assert_eq!((&said["taken"], &said["into"]), (&taken.into(), &into.into()), "{lives}: {said}");
    }
    assert_equal(&journal, &standby);
    let words = done(bridge(&nats, &["in", "--stream", "ORDERS", "--into", into, "--once"]));
    assert_eq!(words, format!("0 records taken into {into}; it ends at 201\n"));
    // A start is refused where the replica has one.
    let refused = output(bridge(&nats, &["in", "--stream", "ORDERS", "--into", into, "--newest"]));
    assert_eq!(refused.status.code(), Some(3));
    assert!(complained(&refused).contains("goes on at 201"), "{}", complained(&refused));
}

#[test]
fn a_new_replica_begins_where_it_is_told() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, standby) = (folder.path().join("orders"), folder.path().join("standby"));
    append(&journal, 100);
    send(&nats, &journal);
    let into = standby.to_str().unwrap();
    let words = ["in", "--stream", "ORDERS", "--into", into, "--once", "--from", "2024-03-10T09:30:00.050"];
    done(bridge(&nats, &words));
    let info = slipring_journal::inspect(&standby).unwrap();
    assert_eq!((info.first_sequence, info.end_sequence), (50, 100));
}

#[test]
fn a_replica_keeps_what_it_is_told_to() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, standby) = (folder.path().join("orders"), folder.path().join("standby"));
    append(&journal, 20_000);
    send(&nats, &journal);
    let into = standby.to_str().unwrap();
    let words = ["in", "--stream", "ORDERS", "--into", into, "--once", "--segment-records", "1000"];
    done(bridge(&nats, &[&words[..], &["--keep-bytes", "100KiB"]].concat()));
    let info = slipring_journal::inspect(&standby).unwrap();
    assert_eq!(info.end_sequence, 20_000);
    // 40 bytes a record, and whole segments.
    assert!((17_000..20_000).contains(&info.first_sequence), "{}", info.first_sequence);
    // Of printed records nothing is kept.
    let refused = output(bridge(&nats, &["in", "--stream", "ORDERS", "--once", "--keep-age", "1d"]));
    assert_eq!(refused.status.code(), Some(3));
    assert!(complained(&refused).contains("--into"), "{}", complained(&refused));
}
