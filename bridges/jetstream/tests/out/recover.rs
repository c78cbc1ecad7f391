//! Power loss between an acknowledgement and the sync: the journal takes its own records back.

use std::path::Path;

use slipring_bridge::history::HistoryError;
use slipring_jetstream::error::OutError;
use slipring_jetstream::recover::{RecoverError, Recovered, recover};
use slipring_journal::{Journal, OpenError, RejoinError, SyncMode};
use slipring_test_servers::nats::{Nats, Options};

use crate::common::{self, Tick, count, options, send, to};
use crate::other_history::copy;

/// A journal that was sent ahead of the disk up to 1,500, and what power loss left of it: 1,000.
async fn after_power_loss(nats: &Nats, folder: &Path) -> (Journal, Journal) {
    let (here, left) = (folder.join("here"), folder.join("left"));
    let journal = common::journal(&here).sync(SyncMode::None);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    common::append(&mut writer, 1_000);
    writer.cursors().wait_durable(999, std::time::Duration::from_secs(10)).unwrap();
    copy(&here, &left);
    common::append(&mut writer, 500);
    let mut options = options("TICKS");
    options.source.ahead_of_disk = true;
    assert_eq!(send(&journal, &nats.url(), &options).await.unwrap().progress.acknowledged, 1_500);
    // So that its readers' files are those of then, too.
    copy(&here.join("readers"), &left.join("readers"));
    writer.close().unwrap();
    (journal, common::journal(&left))
}

/// The records as they lie.
fn stored(journal: &Journal) -> Vec<u8> {
    let mut reader = journal.stored_reader("look").unwrap();
    let mut bytes = Vec::new();
    while let Some(run) = reader.next_run_below(u64::MAX).unwrap() {
        bytes.extend_from_slice(run.records.bytes());
    }
    bytes
}

async fn take_back(journal: &Journal, nats: &Nats, finish: bool) -> Result<Recovered, RecoverError> {
    recover(journal, &to(&nats.url()), &options("TICKS").stream, finish).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_takes_its_own_records_back_and_goes_on() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, left) = after_power_loss(&nats, folder.path()).await;
    // As it is, nothing of it goes out.
    let mut options = options("TICKS");
    options.source.ahead_of_disk = true;
    assert!(send(&left, &nats.url(), &options).await.is_err());
    let recovered = take_back(&left, &nats, false).await.unwrap();
    assert_eq!(recovered, Recovered { from: 1_000, end: 1_500, epoch: Some(2) });
    assert_eq!(stored(&left), stored(&journal));
    // Once more there is nothing to do.
    assert_eq!(take_back(&left, &nats, false).await.unwrap().epoch, None);
    let (mut writer, report) = left.open::<Tick>().unwrap();
    assert_eq!((report.end_sequence, writer.epoch()), (1_500, 3));
    common::append(&mut writer, 100);
    writer.close().unwrap();
    assert_eq!(send(&left, &nats.url(), &options).await.unwrap().progress.acknowledged, 1_600);
    assert_eq!(count(&nats.url(), "TICKS").await.records, 1_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_went_on_without_them_is_refused() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_, left) = after_power_loss(&nats, folder.path()).await;
    let (mut writer, _) = left.open::<Tick>().unwrap();
    common::append(&mut writer, 10);
    let held = take_back(&left, &nats, false).await;
    writer.close().unwrap();
    for refused in [held, take_back(&left, &nats, false).await] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, RecoverError::History(HistoryError::Differs { sequence: 1_009, .. })),
            "{refused}"
        );
    }
    assert_eq!(left.raw_reader().unwrap().end_sequence(), 1_010);
    let refused = send(&left, &nats.url(), &options("TICKS")).await.unwrap_err();
    assert!(matches!(refused, OutError::History { .. } | OutError::Journal(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_try_left_is_finished_when_told_so_and_a_standby_is_not_promoted() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (journal, left) = after_power_loss(&nats, folder.path()).await;
    // Cut short behind its first step, or with all but the last one done.
    let last = left.raw_reader().unwrap().anchor(999).unwrap();
    left.rejoin(last).unwrap();
    assert!(matches!(left.open::<Tick>().unwrap_err(), OpenError::Replica { .. }));
    assert!(matches!(take_back(&left, &nats, false).await, Err(RecoverError::Replica)));
    let recovered = take_back(&left, &nats, true).await.unwrap();
    assert_eq!((recovered.end, recovered.epoch), (1_500, Some(2)));
    assert_eq!(stored(&left), stored(&journal));
    left.open::<Tick>().unwrap().0.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_a_program_has_is_left_alone() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_, left) = after_power_loss(&nats, folder.path()).await;
    let (writer, _) = left.open::<Tick>().unwrap();
    let locked = take_back(&left, &nats, false).await.unwrap_err();
    assert!(matches!(locked, RecoverError::Rejoin(RejoinError::Open(OpenError::Locked { .. }))), "{locked}");
    writer.close().unwrap();
    assert_eq!(take_back(&left, &nats, false).await.unwrap().end, 1_500);
}
