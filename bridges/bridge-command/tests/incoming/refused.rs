//! Statuses of what can't be done.

use slipring_test_servers::nats::{Nats, Options};

use crate::{append, bridge, complained, output, send};

#[test]
fn what_is_refused_says_why() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("orders");
    append(&journal, 10);
    send(&nats, &journal);
    let refused = |words: &[&str], status: i32, why: &str| {
        let output = output(bridge(&nats, words));
        let complained = complained(&output);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {complained}");
        assert!(complained.contains(why), "{words:?}: {complained}");
    };
    let own = journal.to_str().unwrap();
    refused(&["in", "--stream", "NONE"], 3, "no stream \"NONE\"");
    refused(&["in", "--stream", "ORDERS", "--into", own], 3, "replica");
    refused(&["in", "--stream", "ORDERS", "--from", "09:30"], 3, "a date with the time");
    refused(&["in", "--stream", "ORDERS", "--fields", "none", "--once"], 3, "no field");
    refused(&["in", "--stream", "ORDERS", "--where", "price >", "--once"], 3, "price >");
    refused(&["in", "--stream", "ORDERS", "--into", "x", "--limit", "1"], 3, "cannot be used with");
    refused(&["in", "--stream", "ORDERS", "--format", "lobster", "--once"], 3, "LOBSTER");
}

#[test]
fn a_server_that_is_not_there_is_given_up() {
    let Some(mut nats) = Nats::start(Options::one_node()) else { return };
    nats.kill(0);
    let output = output(bridge(&nats, &["in", "--stream", "ORDERS", "--give-up", "200ms"]));
    assert_eq!(output.status.code(), Some(3));
    let complained = complained(&output);
    assert!(complained.contains("trying again") && complained.contains("given up"), "{complained}");
}
