//! Acknowledgements of other processes: over a socket, whatever comes in by it.

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};

use slipring::{AcknowledgementSender, ListenError, NotAcknowledged, Refusal};

use super::*;

fn refusal(error: NotAcknowledged) -> (Refusal, u64) {
    match error {
        NotAcknowledged::Refused { why, end, .. } => (why, end),
        other => panic!("{other}"),
    }
}

#[test]
fn a_sender_is_told_what_became_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, socket) = (journal(&folder.path().join("journal")), folder.path().join("socket"));
    let seen = Seen::default();
    let (engine, mut publisher) = with_out(journal.clone(), held(), &seen).go_live().unwrap();
    assert!(matches!(
        AcknowledgementSender::connect(&socket, NAME),
        Err(NotAcknowledged::Io { what: "connect", .. })
    ));
    let listener = engine.listen_for_acknowledgements(&socket).unwrap();
    assert_eq!(listener.path(), socket);
    publish(&mut publisher, 0..50);
    engine.wait_durable(49).unwrap();
    assert!(matches!(AcknowledgementSender::connect(&socket, "../x"), Err(NotAcknowledged::BadName { .. })));
    let mut sender = AcknowledgementSender::connect(&socket, NAME).unwrap();
    let good = anchor(&journal, 9);
    assert_eq!((sender.acknowledge(&good).unwrap(), sender.name()), (10, NAME));
    assert_eq!(sender.acknowledge(&good).unwrap(), 10);
    engine.wait_stage("out", 9).unwrap();
    let mut refused = |wrong| refusal(sender.acknowledge(&wrong).unwrap_err());
    assert_eq!(refused(anchor(&journal, 8)), (Refusal::GoesBack, 10));
    assert_eq!(refused(Anchor { sequence: 50, ..good }), (Refusal::BeyondJournalled, 50));
    assert_eq!(refused(Anchor { crc: !good.crc, ..good }), (Refusal::NotConfirmed, 0));
    let id = JournalId([3; 16]);
    assert_eq!(refused(Anchor { journal_id: id, ..good }), (Refusal::AnotherJournal, 0));
    let mut other = AcknowledgementSender::connect(&socket, "other").unwrap();
    assert_eq!(refusal(other.acknowledge(&good).unwrap_err()).0, Refusal::UnknownName);
    // Behind refusals the connection goes on.
    assert_eq!(sender.acknowledge(&anchor(&journal, 49)).unwrap(), 50);
    engine.join().unwrap();
    assert_eq!(list(&seen).len(), 50);
    assert_eq!(refusal(sender.acknowledge(&anchor(&journal, 49)).unwrap_err()).0, Refusal::Ended);
    drop(listener);
    assert!(!socket.exists());
    assert!(matches!(sender.acknowledge(&good), Err(NotAcknowledged::Io { .. })));
    let spent = sender.acknowledge(&good).unwrap_err();
    assert!(matches!(&spent, NotAcknowledged::Io { what: "go on", .. }), "{spent}");
}

#[test]
fn the_socket_is_its_owners_and_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, socket) = (journal(&folder.path().join("journal")), folder.path().join("socket"));
    let (engine, _publisher) = with_out(journal, held(), &Seen::default()).go_live().unwrap();
    let listen = || engine.listen_for_acknowledgements(&socket);
    let listener = listen().unwrap();
    let found = std::fs::symlink_metadata(&socket).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(matches!(listen(), Err(ListenError::InUse { .. })));
    // It is another's by now: that one stays.
    std::fs::remove_file(&socket).unwrap();
    let next = listen().unwrap();
    drop(listener);
    assert!(socket.exists());
    drop(next);
    assert!(!socket.exists());
    // One that a killed process left behind.
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    drop(listen().unwrap());
    std::fs::write(&socket, "a letter").unwrap();
    assert!(matches!(listen(), Err(ListenError::Occupied { .. })));
    assert_eq!(std::fs::read(&socket).unwrap(), b"a letter");
    let nowhere = engine.listen_for_acknowledgements(folder.path().join("none/socket"));
    assert!(matches!(nowhere, Err(ListenError::Io { .. })), "{nowhere:?}");
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "the journal and the letter: nothing half made");
    engine.close();
    drop(engine);
}

#[test]
fn hostile_bytes_cost_their_sender_the_connection_and_nobody_else_anything() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, socket) = (journal(&folder.path().join("journal")), folder.path().join("socket"));
    let (engine, mut publisher) = with_out(journal.clone(), held(), &Seen::default()).go_live().unwrap();
    publish(&mut publisher, 0..10);
    engine.wait_durable(9).unwrap();
    let listener = engine.listen_for_acknowledgements(&socket).unwrap();
    let mut sender = AcknowledgementSender::connect(&socket, NAME).unwrap();
    sender.acknowledge(&anchor(&journal, 0)).unwrap();
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 56) as u8
    };
    for length in [0, 1, 159, 160, 161, 1_000, 100_000] {
        for _ in 0..5 {
            let mut stream = UnixStream::connect(&socket).unwrap();
            let bytes: Vec<u8> = (0..length).map(|_| random()).collect();
            // It may hang up in the midst of it.
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said);
            assert!(said.len() <= 32, "{}", said.len());
        }
    }
    assert_eq!(sender.acknowledge(&anchor(&journal, 3)).unwrap(), 4);
    assert_eq!(end(&engine.acknowledged()), 4);

    // Sixteen that say nothing, this sender among them: the next is told so.
    let silent: Vec<_> = (0..15).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let busy = loop {
        let mut one_more = AcknowledgementSender::connect(&socket, NAME).unwrap();
        match one_more.acknowledge(&anchor(&journal, 3)) {
            // Some of those before have not been swept yet, or have just been.
            Ok(_) | Err(NotAcknowledged::Io { .. }) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal(busy).0, Refusal::Busy);
    assert_eq!(sender.acknowledge(&anchor(&journal, 5)).unwrap(), 6);
    drop(silent);
    // There is room again once they have hung up.
    let mut one_more = loop {
        let mut one_more = AcknowledgementSender::connect(&socket, NAME).unwrap();
        match one_more.acknowledge(&anchor(&journal, 5)) {
            Ok(_) => break one_more,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    one_more.acknowledge(&anchor(&journal, 9)).unwrap();
    // Half a message keeps nobody.
    let mut half = UnixStream::connect(&socket).unwrap();
    half.write_all(&[0; 80]).unwrap();
    drop(listener);
    engine.join().unwrap();
}

/// What answers at the other end need not be slipring.
#[test]
fn a_sender_takes_no_reply_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let answers =
        [vec![0; 32], vec![0xff; 32], b"HTTP/1.1 400 Bad Request\r\n\r\n.......".to_vec(), vec![1; 31]];
    for answer in answers {
        let is_short = answer.len() < 32;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 160]).unwrap();
                stream.write_all(&answer).unwrap();
            });
            let mut sender = AcknowledgementSender::connect(&path, NAME).unwrap();
            let anchor = Anchor { journal_id: JournalId([0; 16]), sequence: 7, epoch: 1, crc: 0 };
            let error = sender.acknowledge(&anchor).unwrap_err();
            match error {
                NotAcknowledged::NoReply { .. } => assert!(!is_short),
                NotAcknowledged::Io { what: "get a reply", .. } => assert!(is_short),
                other => panic!("{other}"),
            }
        });
    }
}
