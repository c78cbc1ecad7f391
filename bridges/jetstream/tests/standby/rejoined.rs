//! Where the histories part, and what does not rejoin.

use slipring_jetstream::rejoin::{self, RejoinFailure};
use slipring_jetstream::standby::{self, PromoteOptions};
use slipring_test_servers::nats::{Nats, Options};

use super::program::{self, journal, stored, write};

/// A primary that has `sent` records in the stream and `more` beyond, and one that was promoted over it.
async fn parted(folder: impl Fn(&str) -> std::path::PathBuf, url: &str, (sent, more): (u64, u64)) {
    let client = program::client(url).await;
    write(&folder("old"), 0, sent);
    program::send(&folder("old"), url).await.unwrap();
    let mut new = program::replica(&folder("new"), &client).await;
    let (stream, options) = (program::stream(), PromoteOptions::default());
    let agreed = standby::promote(&mut new, &client, &stream, &options, |_| {}).await.unwrap();
    standby::become_primary(new, &agreed).unwrap();
    if more > 0 {
        write(&folder("old"), 100_000, more);
    }
    write(&folder("new"), sent, 777);
    program::send(&folder("new"), url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beyond_the_fork_is_set_aside_and_the_rest_is_equal() {
    let _alone = program::alone().await;
    for more in [0, 1, 9_000] {
        let Some(nats) = Nats::start(Options::one_node()) else { return };
        let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
        let folder = |name: &str| place.path().join(name);
        parted(folder, &nats.url(), (6_000, more)).await;
        let had = stored(&folder("old"));
        let rejoined = program::rejoin(&folder("old"), &client).await.unwrap();
        assert_eq!(
            (rejoined.fork.sequence, rejoined.epoch),
            (5_999, 1025),
            "its program opened it once more"
        );
        assert_eq!((rejoined.report.records(), rejoined.report.end_sequence), (more, 6_000));
        let mut listed = Vec::new();
        for file in rejoin::set_aside(&folder("old")).unwrap() {
            listed.extend(file.records().unwrap().into_iter().map(|record| (record.sequence, record.crc)));
        }
        let beyond: Vec<_> =
            (6_000..).zip(&had[6_000..]).map(|(sequence, record)| (sequence, record.2)).collect();
        assert_eq!(listed, beyond);
        // Said again, it changes nothing; then it follows.
        let again = program::rejoin(&folder("old"), &client).await.unwrap();
        assert_eq!(again.report.records(), 0);
        program::replica(&folder("old"), &client).await.close().unwrap();
        assert_eq!(stored(&folder("old")), stored(&folder("new")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_replaced_or_has_nothing_in_common_keeps_what_it_has() {
    let _alone = program::alone().await;
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (place, client) = (tempfile::tempdir().unwrap(), program::client(&nats.url()).await);
    let folder = |name: &str| place.path().join(name);
    write(&folder("old"), 0, 100);
    program::send(&folder("old"), &nats.url()).await.unwrap();
    write(&folder("old"), 100, 50);
    let refused = program::rejoin(&folder("old"), &client).await.unwrap_err();
    assert!(matches!(refused, RejoinFailure::NotFenced { epoch: 1, own: 2 }), "{refused}");
    write(&folder("foreign"), 0, 10);
    let refused = program::rejoin(&folder("foreign"), &client).await.unwrap_err();
    assert!(matches!(refused, RejoinFailure::Stream(_)), "{refused}");
    assert_eq!(stored(&folder("old")).len(), 150);
    assert!(!journal(&folder("old")).raw_reader().unwrap().is_replica());
    assert!(rejoin::set_aside(&folder("old")).unwrap().is_empty());
}
