//! A journal of order messages in several segments, with a stage that keeps everything beside it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use slipring::{Engine, Journal, Lane, Recovered, ReplayFrom, Snapshots, SyncMode};
use slipring_cli::feed::synthetic::Synthetic;
use slipring_cli::flow::message::OrderMessage;
use slipring_tests::keeps_all;

pub const SEGMENT_RECORDS: u64 = 64;
pub const STAGE: &str = "stages/sum";

/// Opens the engine and replays.
pub fn try_reopen(folder: &Path) -> Result<Recovered<OrderMessage>, Box<dyn std::error::Error>> {
    let counters = folder.with_file_name("counters");
    let stage = keeps_all::stage(Snapshots::every(1 << 40));
    let journal = Journal::at(folder)
        .segment_records(SEGMENT_RECORDS)
        .sync(SyncMode::every(std::time::Duration::from_millis(1)))
        .max_time_step(std::time::Duration::MAX);
    let lane = Lane::named("main").journal().with(stage);
    let builder = Engine::builder().ring_capacity(64).journal(journal).lane(lane).counters_at(&counters);
    let mut recovered = builder.open()?;
    recovered.replay(ReplayFrom::Snapshot)?;
    Ok(recovered)
}

pub fn reopen(folder: &Path) -> Recovered<OrderMessage> {
    try_reopen(folder).unwrap()
}

/// Two hundred messages in four segments.
pub fn make(folder: &Path) {
    let (engine, mut publisher) = reopen(folder).go_live().unwrap();
    for message in Synthetic::new(1, 0, *b"ABC\0\0\0\0\0").take(200) {
        publisher.publish(message).unwrap();
    }
    engine.join().unwrap();
}

/// The files of such a journal, by what they are.
pub fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (place, prefix) in [(folder.to_owned(), ""), (folder.join(STAGE), "stages/sum/")] {
        for entry in std::fs::read_dir(place).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                names.push(format!("{prefix}{}", entry.file_name().to_str().unwrap()));
            }
        }
    }
    names.sort();
    names
}

/// What a folder takes on disk.
pub fn allocated(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let bytes = |path: PathBuf| match std::fs::symlink_metadata(&path) {
        Ok(about) if about.is_dir() => allocated(&path),
        Ok(about) => about.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(|entry| bytes(entry.unwrap().path())).sum()
}

/// What a command may take in memory or on disk.
pub fn most(folder: &Path) -> u64 {
    2 * allocated(folder) + (64 << 20)
}
