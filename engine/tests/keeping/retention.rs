//! Retention never takes what stages need: only snapshots that can be used count, and nothing goes before
//! them.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

fn open<H: Handler<Trade>>(folder: &Path, retention: Retention, stage: Stage<H>) -> Recovered<Trade> {
    let journal = Journal::at(folder)
        .segment_records(64)
        .sync(SyncMode::every(Duration::from_millis(1)))
        .retention(retention);
    // A ring of many segments: a stage may be far behind the journal.
    let builder = Engine::builder().ring_capacity(1024).journal(journal);
    builder.lane(Lane::named("journal").journal()).lane(Lane::named("main").with(stage)).open().unwrap()
}

/// Goes live and publishes the trades up to `end`, each snapshot written before the next; the first sequence
/// that is kept once retention has had its time.
fn go_to<H: Handler<Trade>>(recovered: Recovered<Trade>, every: u64, end: u64) -> (H, u64) {
    let (from, restored) = (recovered.end_sequence(), recovered.restored()[0].end.unwrap_or(0));
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let wait_for = |snapshot| {
        while engine.kept()[0].snapshot_end < snapshot {
            std::thread::yield_now();
        }
    };
    // The one of the replay.
    if restored < from / every * every {
        wait_for(from / every * every);
    }
    for id in from..end {
        publisher.publish(trade(id)).unwrap();
        if (id + 1) % every == 0 {
            wait_for(id + 1);
        }
    }
    engine.wait_durable(end - 1).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let first = engine.retention().map_or(0, |retention| retention.first_sequence());
    let mut report = engine.join().unwrap();
    assert_eq!(report.keep_faults, Vec::<String>::new());
    (report.take(&StageKey::named("sum")).unwrap(), first)
}

pub(crate) fn flip_a_bit(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[70] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn ends(folder: &Path) -> Vec<u64> {
    let name = |path: &std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    snapshot_files(folder).iter().map(name).collect()
}

/// Opened, and replayed from the snapshot.
fn replayed(folder: &Path, snapshots: Snapshots) -> Recovered<Trade> {
    let behind = Retention::new().only_behind_snapshots();
    let mut recovered = open(folder, behind, sum().snapshots(snapshots));
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    recovered
}

#[test]
fn a_snapshot_that_recovery_refused_is_none_of_those_kept() {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::every(100).keep(2);
    let again = |snapshots| replayed(folder.path(), snapshots);
    go_to::<Sum>(again(snapshots), 100, 250);
    assert_eq!(ends(folder.path()), [200, 250]);
    flip_a_bit(&snapshot_files(folder.path())[1]);
    let recovered = again(snapshots);
    assert_eq!(recovered.restored()[0].end, Some(200));
    go_to::<Sum>(recovered, 100, 310);
    // (310 is the one of the shutdown.)
    assert_eq!(ends(folder.path()), [300, 310], "250 is older than those that count");

    let folder = tempfile::tempdir().unwrap();
    let again = |snapshots| replayed(folder.path(), snapshots);
    go_to::<Sum>(again(snapshots), 100, 250);
    flip_a_bit(&snapshot_files(folder.path())[1]);
    go_to::<Sum>(again(snapshots.at_shutdown(false)), 100, 390);
    assert_eq!(ends(folder.path()), [200, 250, 300]);
    flip_a_bit(&snapshot_files(folder.path())[2]);
    let recovered = again(snapshots);
    assert_eq!(recovered.restored()[0].end, Some(200), "{}", recovered.restored()[0]);
    let (state, _) = go_to::<Sum>(recovered, 100, 395);
    assert_eq!((state.total, state.seen), (total(395), 395));
}

/// [`Sum`] after its saved form has changed, which can't read the old one.
#[derive(Default)]
struct Newer(Sum);

impl Handler<Trade> for Newer {
    fn event(&mut self, trade: &Trade, context: &Context) -> Result<(), HandlerError> {
        self.0.event(trade, context)
    }
}

impl Snapshot for Newer {
    const VERSION: u32 = 8;

    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        if version == 8 { self.0.restore(7, bytes) } else { Err("an old version".into()) }
    }
}

#[test]
fn history_goes_only_behind_as_many_snapshots_as_are_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::every(300).keep(3).at_shutdown(false);
    live(folder.path(), sum().snapshots(Snapshots::every(150).keep(3)), ReplayFrom::Snapshot, 200);
    live(folder.path(), sum().snapshots(Snapshots::every(150).keep(3)), ReplayFrom::Snapshot, 50);
    let again = || {
        let newer = Stage::new("sum", Newer::default(), Gate::JOURNALLED).snapshots(snapshots);
        let mut recovered = open(folder.path(), Retention::new().only_behind_snapshots(), newer);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        recovered
    };
    let recovered = again();
    assert!(recovered.restored()[0].refused.len() >= 2, "{}", recovered.restored()[0]);
    let (_, first) = go_to::<Newer>(recovered, 300, 590);
    assert_eq!(first, 0, "one snapshot can be used");
    let newest = snapshot_files(folder.path()).pop().unwrap();
    assert!(newest.ends_with("00000000000000000300.snapshot"), "{newest:?}");
    flip_a_bit(&newest);
    // So nothing was lost with it; and once there are three, what they don't need goes.
    let (state, first) = go_to::<Newer>(again(), 300, 950);
    assert_eq!((state.0.total, state.0.seen), (total(950), 950));
    assert_eq!(first, 256, "the segment that holds 300 stays");
}

#[test]
fn a_count_removes_nothing_that_no_snapshot_covers() {
    let folder = tempfile::tempdir().unwrap();
    let again = || {
        let stage = sum().snapshots(Snapshots::every(1 << 40).at_shutdown(false));
        let mut recovered = open(folder.path(), Retention::new().keep_records(64), stage);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        recovered
    };
    let publish_to = |end| {
        let (engine, mut publisher) = again().go_live().unwrap();
        (engine.live_from()..end).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
        engine.wait_durable(end - 1).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(engine.retention().unwrap().first_sequence(), 0);
        let state: Sum = engine.join().unwrap().take(&StageKey::named("sum")).unwrap();
        assert_eq!((state.total, state.seen), (total(end), end));
    };
    publish_to(1_000);
    publish_to(2_000);
}

#[test]
fn a_count_regardless_of_snapshots_is_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    let stage = sum().snapshots(Snapshots::every(1 << 40).at_shutdown(false));
    let retention = Retention::new().keep_records(64).regardless_of_snapshots();
    let mut recovered = open(folder.path(), retention, stage);
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let mut id = 0;
    while engine.retention().unwrap().first_sequence() == 0 {
        publisher.publish(trade(id)).unwrap();
        id += 1;
    }
    engine.join().unwrap();
}

#[test]
fn snapshots_that_can_not_be_written_hold_history() {
    let folder = tempfile::tempdir().unwrap();
    let again = || {
        let stage = sum().snapshots(Snapshots::every(100).keep(1).at_shutdown(false));
        let mut recovered = open(folder.path(), Retention::new().keep_records(64), stage);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        recovered
    };
    let (engine, mut publisher) = again().go_live().unwrap();
    let in_the_way = folder.path().join("stages/sum");
    std::fs::remove_dir_all(&in_the_way).unwrap();
    std::fs::write(&in_the_way, "no folder").unwrap();
    (0..1_000).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
    engine.wait_durable(999).unwrap();
    while engine.keep_faults().is_empty() {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(engine.retention().unwrap().first_sequence(), 0);
    engine.join().unwrap();
    std::fs::remove_file(&in_the_way).unwrap();
    let (state, first) = go_to::<Sum>(again(), 100, 1_250);
    assert_eq!((state.total, state.seen), (total(1_250), 1_250));
    assert!(first > 0, "and once there is one, it goes");
}

/// Says that it has come to an event, and waits there until it is let go.
pub(crate) struct Waits {
    pub(crate) at: u64,
    pub(crate) is_there: Sender<()>,
    pub(crate) let_go: Receiver<()>,
}

impl Handler<Trade> for Waits {
    fn event(&mut self, _: &Trade, context: &Context) -> Result<(), HandlerError> {
        if context.sequence() == self.at {
            self.is_there.send(())?;
            self.let_go.recv()?;
        }
        Ok(())
    }
}

#[test]
fn effects_alone_hold_what_is_due_and_let_go_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let again = |at| {
        let (is_there, there) = channel();
        let (go, let_go) = channel();
        let stage = Stage::new("gateway", Waits { at, is_there, let_go }, Gate::DURABLE);
        let stage = stage.effects(Effects::new()).stateless();
        let mut recovered = open(folder.path(), Retention::new().keep_records(64), stage);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        (recovered, there, go)
    };
    let (recovered, there, go) = again(70);
    let (engine, mut publisher) = recovered.go_live().unwrap();
    (0..600).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
    engine.wait_durable(599).unwrap();
    there.recv().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let retention = engine.retention().unwrap();
    assert!(retention.first_sequence() <= 64, "{} is gone", retention.first_sequence());
    go.send(()).unwrap();
    let mut id = 600;
    while retention.first_sequence() < 512 {
        publisher.publish(trade(id)).unwrap();
        id += 1;
        std::thread::sleep(Duration::from_micros(100));
    }
    engine.join().unwrap();
    let (recovered, ..) = again(u64::MAX);
    assert_eq!(recovered.end_sequence(), id);
}

#[test]
fn digests_of_what_retention_took_are_removed_and_the_others_still_compared() {
    let folder = tempfile::tempdir().unwrap();
    let again = |noise: &[u64]| {
        let stage = Stage::new("sum", Sum { noise: noise.to_vec(), ..Sum::default() }, Gate::JOURNALLED);
        let snapshots = Snapshots::every(100).keep(2).at_shutdown(false);
        let behind = Retention::new().only_behind_snapshots();
        open(folder.path(), behind, stage.snapshots(snapshots).digests(Digests::every(1)))
    };
    let log = folder.path().join("stages/sum/digests");
    let entries = || log.metadata().unwrap().len() / 24 - 1;
    let first = || Journal::at(folder.path()).reader::<Trade>().unwrap().first_sequence();
    let mut recovered = again(&[]);
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    go_to::<Sum>(recovered, 100, 1_050);
    assert_eq!(entries(), 1_050);
    assert!(first() > 525, "most of it is gone: {}", first());

    let before = first();
    let mut recovered = again(&[]);
    assert_eq!(recovered.replay(ReplayFrom::Snapshot).unwrap().events(), 50);
    // Retention goes on meanwhile, if it had not come to its end.
    let kept = entries();
    assert!((1_050 - first()..=1_050 - before).contains(&kept), "{kept}");
    go_to::<Sum>(recovered, 100, 1_080);
    let kept = entries();
    assert!((1_080 - first()..=1_080 - 525).contains(&kept), "{kept}");

    let Err(ReplayError::Halted(halted)) = again(&[1_060]).replay(ReplayFrom::Snapshot) else { panic!() };
    let Cause::Diverged(found) = &halted.cause else { panic!("{halted}") };
    assert_eq!((found.after, found.end), (1_060, 1_061));
}
