//! What stages keep, beside a log that lost its end and went on with other events: nothing of the lost
//! history may count for what lies there now.
//!
//! Power loss is made by files: those of the journal as they were when the life began (its epoch is synced,
//! its events are not), or with every record above the durable watermark zeroed; what the stages wrote stays.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    Context, DeadLetters, Effects, Engine, Gate, Handler, HandlerError, Journal, Lane, OnError, Publisher,
    Recovered, ReplayFrom, Retention, Snapshot, Snapshots, Stage, StageKey, SyncMode,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{HEADER_BYTES, Note, RECORD_BYTES, note, segment};

/// Keeps the numbers that it saw; refuses some.
#[derive(Default)]
struct Ids {
    ids: Vec<u64>,
    refuses: Option<u64>,
}

impl Handler<Note> for Ids {
    fn event(&mut self, event: &Note, _: &Context) -> Result<(), HandlerError> {
        if self.refuses == Some(event.id) {
            return Err("not this one".into());
        }
        self.ids.push(event.id);
        Ok(())
    }
}

impl Snapshot for Ids {
    fn save(&self, out: &mut Vec<u8>) {
        self.ids.iter().for_each(|id| out.extend_from_slice(&id.to_le_bytes()));
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        let (words, rest) = bytes.as_chunks();
        assert!(rest.is_empty());
        self.ids = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        Ok(())
    }
}

fn ids() -> Stage<Ids> {
    Stage::new("ids", Ids::default(), Gate::JOURNALLED)
}

fn only_at_shutdown() -> Stage<Ids> {
    ids().snapshots(Snapshots::every(1 << 40))
}

fn none_now() -> Stage<Ids> {
    ids().snapshots(Snapshots::every(1 << 40).at_shutdown(false))
}

fn open<H: Handler<Note>>(journal: &Path, stage: Stage<H>) -> Recovered<Note> {
    let lane = Lane::named("main").journal().with(stage);
    let journal = Journal::at(journal).segment_records(1_000).sync(SyncMode::every(Duration::from_millis(1)));
    let mut recovered = Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    recovered
}

fn publish(publisher: &mut Publisher<Note>, ids: std::ops::Range<u64>) {
    ids.for_each(|id| assert!(publisher.publish(note(id)).is_ok()));
}

/// Goes live, publishes, shuts down; the handler.
fn go_on<H: Handler<Note>>(recovered: Recovered<Note>, stage: &str, ids: std::ops::Range<u64>) -> H {
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publish(&mut publisher, ids);
    let mut report = engine.join().unwrap();
    assert_eq!(report.keep_faults, Vec::<String>::new());
    report.take(&StageKey::named(stage)).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

/// A life whose events are all lost with the power; what its stage kept is not.
fn life_that_is_lost<H: Handler<Note>>(
    journal: &Path,
    stage: Stage<H>,
    name: &str,
    lost: std::ops::Range<u64>,
) {
    let recovered = open(journal, stage);
    let durable: Vec<_> = ["control".to_owned(), segment(0)]
        .map(|file| (journal.join(&file), std::fs::read(journal.join(file)).unwrap()))
        .into();
    go_on::<H>(recovered, name, lost);
    files(journal).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    durable.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
}

#[test]
fn a_snapshot_beyond_the_log_or_of_other_events_is_refused() {
    let folder = in_memory();
    let journal = folder.path();
    go_on::<Ids>(open(journal, only_at_shutdown()), "ids", 0..100);
    life_that_is_lost(journal, only_at_shutdown(), "ids", 900..950);
    // The log ends before the snapshot, then holds other events there.
    for (held, more) in [(100, 100..180), (180, 180..200)] {
        let recovered = open(journal, none_now());
        assert_eq!(recovered.end_sequence(), held);
        let restored = &recovered.restored()[0];
        assert_eq!((restored.end, restored.refused.len()), (Some(100), 1), "{restored}");
        let state: Ids = go_on(recovered, "ids", more.clone());
        assert_eq!(state.ids, (0..more.end).collect::<Vec<_>>());
    }
}

#[test]
fn snapshots_of_lost_history_do_not_displace_those_that_count() {
    let folder = in_memory();
    let journal = folder.path();
    let keeps_one = || ids().snapshots(Snapshots::every(1 << 40).keep(1));
    go_on::<Ids>(open(journal, none_now()), "ids", 0..100);
    life_that_is_lost(journal, keeps_one(), "ids", 900..950);
    let recovered = open(journal, keeps_one());
    assert_eq!(recovered.restored()[0].end, None);
    go_on::<Ids>(recovered, "ids", 100..110);
    let recovered = open(journal, keeps_one());
    assert_eq!(recovered.restored()[0].end, Some(110), "{}", recovered.restored()[0]);
    let state: Ids = go_on(recovered, "ids", 110..111);
    assert_eq!(state.ids, (0..111).collect::<Vec<_>>());
}

/// Emits what is not done yet.
#[derive(Clone, Default)]
struct Gateway(Arc<Mutex<Vec<u64>>>);

impl Handler<Note> for Gateway {
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        if !context.already_done() {
            self.0.lock().unwrap().push(event.id);
        }
        Ok(())
    }
}

#[test]
fn effects_of_lost_events_are_told_and_those_of_the_events_there_now_come_once() {
    let folder = in_memory();
    let journal = folder.path();
    let gateway = Gateway::default();
    let stage =
        || Stage::new("gateway", gateway.clone(), Gate::JOURNALLED).effects(Effects::new()).stateless();
    let emitted = || std::mem::take(&mut *gateway.0.lock().unwrap());
    go_on::<Gateway>(open(journal, stage()), "gateway", 0..20);
    life_that_is_lost(journal, stage(), "gateway", 900..930);
    assert_eq!(emitted(), (0..20).chain(900..930).collect::<Vec<_>>());
    let recovered = open(journal, stage());
    assert_eq!(recovered.lost_effects(), [("gateway".to_owned(), 20..50)]);
    // One event: the note of it is one of two slots, and in the other one's life there were more.
    go_on::<Gateway>(recovered, "gateway", 20..21);
    assert_eq!(emitted(), [20]);
    let recovered = open(journal, stage());
    assert_eq!(recovered.lost_effects(), []);
    go_on::<Gateway>(recovered, "gateway", 21..22);
    assert_eq!(emitted(), [21]);
}

/// The stage was away when the log went on, past where its effects were: the note's epoch tells.
#[test]
fn events_that_came_in_the_place_of_lost_ones_while_the_stage_was_away_have_their_effects() {
    let folder = in_memory();
    let journal = folder.path();
    let gateway = Gateway::default();
    let stage =
        || Stage::new("gateway", gateway.clone(), Gate::JOURNALLED).effects(Effects::new()).stateless();
    go_on::<Gateway>(open(journal, stage()), "gateway", 0..20);
    life_that_is_lost(journal, stage(), "gateway", 900..930);
    go_on::<Ids>(open(journal, ids()), "ids", 20..60);
    gateway.0.lock().unwrap().clear();
    let recovered = open(journal, stage());
    assert_eq!(recovered.lost_effects(), [("gateway".to_owned(), 20..50)]);
    go_on::<Gateway>(recovered, "gateway", 60..61);
    assert_eq!(*gateway.0.lock().unwrap(), (20..61).collect::<Vec<_>>());
}

#[test]
fn a_dead_letter_of_a_lost_event_does_not_skip_the_one_there_now() {
    let folder = in_memory();
    let journal = folder.path();
    let stage = |refuses| {
        Stage::new("ids", Ids { refuses, ..Ids::default() }, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    go_on::<Ids>(open(journal, stage(None)), "ids", 0..20);
    life_that_is_lost(journal, stage(Some(905)), "ids", 900..910);
    assert_eq!(DeadLetters::of(journal).unwrap().all()[0].sequence, 25);
    for more in [20..30, 30..31] {
        let state: Ids = go_on(open(journal, stage(None)), "ids", more.clone());
        assert_eq!(state.ids, (0..more.end).collect::<Vec<_>>());
    }
}

/// The keeper writes a snapshot only behind what is durable, and asks for it: this journal syncs nothing by
/// itself.
#[test]
fn power_loss_leaves_no_snapshot_beyond_the_log() {
    let folder = in_memory();
    let stage = ids().snapshots(Snapshots::every(50));
    let lane = Lane::named("main").journal().with(stage);
    let journal = Journal::at(folder.path().join("live")).segment_records(1_000).sync(SyncMode::None);
    let builder = Engine::builder().ring_capacity(64).journal(journal).lane(lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let (live, after) = (folder.path().join("live"), folder.path().join("after"));
    for round in 1..=8 {
        // One is left out while another is on its way, but one more there will be.
        let before = engine.kept()[0].snapshots;
        publish(&mut publisher, (round - 1) * 100..round * 100);
        while engine.kept()[0].snapshots == before {
            std::thread::sleep(Duration::from_micros(200));
        }
        // The power goes: the stages' files first, so that none is newer than what is durable.
        let _ = std::fs::remove_dir_all(&after);
        let (from, to) = (live.join("stages/ids"), after.join("stages/ids"));
        std::fs::create_dir_all(&to).unwrap();
        let mut newest = 0;
        for path in files(&from).iter().filter(|path| path.extension().is_some_and(|end| end == "snapshot")) {
            let end: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            newest = newest.max(end);
            std::fs::copy(path, to.join(path.file_name().unwrap())).unwrap();
        }
        assert!(newest > 0);
        let durable = engine.counters().durable_end.unwrap();
        std::fs::copy(live.join("control"), after.join("control")).unwrap();
        let mut bytes = std::fs::read(live.join(segment(0))).unwrap();
        bytes[HEADER_BYTES + durable as usize * RECORD_BYTES..].fill(0);
        std::fs::write(after.join(segment(0)), bytes).unwrap();

        let recovered = open(&after, none_now());
        let restored = &recovered.restored()[0];
        assert_eq!(
            (restored.end, restored.refused.len()),
            (Some(newest), 0),
            "durable {durable}: {restored}"
        );
        let end = recovered.end_sequence();
        assert!(end >= newest);
        let state: Ids = go_on(recovered, "ids", end..end + 10);
        assert_eq!(state.ids, (0..end + 10).collect::<Vec<_>>());
    }
    engine.join().unwrap();
}

#[test]
fn a_snapshot_that_was_refused_lets_retention_remove_nothing() {
    let folder = in_memory();
    let open = |retention| {
        let stage = |name| Stage::new(name, Ids::default(), Gate::JOURNALLED);
        let lane = Lane::named("main")
            .journal()
            .with(stage("seldom").snapshots(Snapshots::every(1 << 40)))
            .with(stage("often").snapshots(Snapshots::every(100).keep(1)));
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(SyncMode::every(Duration::from_millis(1)))
            .retention(retention);
        let mut recovered = Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap();
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        recovered.go_live().unwrap()
    };
    let (engine, mut publisher) = open(Retention::new().keep_records(1 << 40));
    publish(&mut publisher, 0..1_000);
    engine.join().unwrap();
    let path = folder.path().join("stages/seldom/00000000000000001000.snapshot");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let (engine, mut publisher) = open(Retention::new().only_behind_snapshots());
    let mut end = 1_000;
    let often = || engine.kept().into_iter().find(|kept| kept.stage == "often").unwrap().snapshots;
    while often() < 5 {
        publish(&mut publisher, end..end + 100);
        end += 100;
        std::thread::sleep(Duration::from_millis(1));
    }
    engine.wait_durable(end - 1).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(engine.retention().unwrap().first_sequence(), 0, "what no snapshot covers is gone");
    let mut report = engine.join().unwrap();
    let state: Ids = report.take(&StageKey::named("seldom")).unwrap();
    assert_eq!(state.ids, (0..end).collect::<Vec<_>>());
}
