//! Stages that read each other, killed at any moment, with snapshots damaged now and then: what goes out is
//! what a run that never stopped would have sent, whichever snapshots each stage comes back from.
//!
//! As many kills as wanted by `SLIPRING_STAGE_KILLS=5000 cargo test --release -p slipring-tests --test killed
//! cuts_killed`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use slipring_tests::deaths::{End, Life, Said, kills, live};
use slipring_tests::folders::in_memory;
use slipring_tests::verdicts::results;

/// Events that a life publishes at most.
const MOST: u64 = 800;

fn life(journal: &Path, budget: u64, how: &str, end: End) -> Life {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cut_child"));
    child.arg(journal).args([&budget.to_string(), how]);
    live(&mut child, end)
}

fn snapshots(journal: &Path) -> Vec<PathBuf> {
    let files = |stage| std::fs::read_dir(journal.join("stages").join(stage)).into_iter().flatten();
    let paths = ["risk", "book"].into_iter().flat_map(files).map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "snapshot")).collect()
}

#[test]
fn whatever_is_sent_is_what_a_run_that_never_stopped_sends() {
    let place = in_memory();
    let journal = place.path().join("journal");
    let mut random = Rng::with_seed(20);
    let mut sent: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut end, mut from_snapshots, mut retired, mut doubles) = (0, 0, 0, 0);
    let mut hear = |life: &Life| {
        let mut opened = 0;
        for said in &life.said {
            match said {
                Said::Opened { end, restored, replayed_from, .. } => {
                    opened = *end;
                    from_snapshots += u64::from(restored.is_some());
                    retired = retired.max(*replayed_from);
                }
                Said::Effect(printed) => {
                    let before = sent.insert(printed.sequence, printed.trade.maker);
                    assert!(before.is_none_or(|before| before == printed.trade.maker), "{printed:?}");
                    doubles += u64::from(before.is_some());
                }
                other => assert!(matches!(other, Said::Finished { .. }), "{other:?}"),
            }
        }
        opened
    };
    for _ in 0..kills() / 2 {
        let budget = random.u64(1..MOST);
        let some_ms = Duration::from_micros(random.u64(0..20_000));
        let life = life(&journal, budget, "", End::AfterOpening(some_ms));
        assert!(life.was_killed(), "the child ended by itself: {}", life.status);
        end = hear(&life).max(end);
        // The book keeps two cuts, so any one of its snapshots may go.
        let found = snapshots(&journal);
        if random.u8(0..4) == 0
            && let Some(path) = found.iter().filter(|path| path.to_str().unwrap().contains("book")).max()
        {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[64] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
    }
    let last = life(&journal, 0, "last", End::ByItself);
    assert!(last.status.success(), "{}", last.status);
    end = hear(&last).max(end);
    let wanted: BTreeMap<u64, u64> = (0..).zip(results(end)).collect();
    println!(
        "{end} events, {from_snapshots} starts from snapshots, replayed from {retired}, {doubles} doubles"
    );
    assert!(sent == wanted, "what was sent is not what should be");
    assert!(from_snapshots > kills() / 4 && retired > 0, "the lives were too short");
}
