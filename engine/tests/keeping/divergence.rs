//! Digests: the window in which replay went another way.

use super::*;

#[test]
fn replay_names_the_window_in_which_it_went_another_way() {
    for (every, window) in [(1, 77..78), (10, 70..80), (64, 64..128)] {
        let folder = tempfile::tempdir().unwrap();
        let stage = |noise: Vec<u64>| {
            let handler = Sum { noise, ..Sum::default() };
            Stage::new("sum", handler, Gate::JOURNALLED).digests(Digests::every(every))
        };
        live(folder.path(), stage(Vec::new()), ReplayFrom::Start, 200);
        let (_, replayed) = live(folder.path(), stage(Vec::new()), ReplayFrom::Start, 0);
        assert_eq!(replayed, 200, "the same code comes to the same digests");
        let error = with_stage(folder.path(), stage(vec![77])).replay(ReplayFrom::Start).unwrap_err();
        let ReplayError::Halted(halted) = error else { panic!("{error}") };
        let Cause::Diverged(divergence) = halted.cause else { panic!("{halted}") };
        assert_eq!(divergence.after..divergence.end, window, "every {every}");
        assert_ne!(divergence.logged, divergence.found);
    }
}

#[test]
fn a_divergence_can_be_reported_only() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |noise: Vec<u64>| {
        let handler = Sum { noise, ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).digests(Digests::every(10).report_only())
    };
    live(folder.path(), stage(Vec::new()), ReplayFrom::Start, 200);
    let mut recovered = with_stage(folder.path(), stage(vec![77, 150]));
    recovered.replay(ReplayFrom::Start).unwrap();
    let divergences = recovered.divergences();
    assert_eq!(divergences.len(), 1, "the first says it all");
    assert_eq!((divergences[0].after, divergences[0].end), (70, 80));
    assert!(divergences[0].to_string().contains("between sequences 70 and 80"), "{}", divergences[0]);
}

#[test]
fn a_state_that_a_later_digest_refuses_never_replaces_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |snapshots: Snapshots, noise: Vec<u64>| {
        let stage = Stage::new("sum", Sum { noise, ..Sum::default() }, Gate::JOURNALLED);
        stage.snapshots(snapshots.keep(1)).digests(Digests::every(60))
    };
    let seldom = Snapshots::every(1_000_000);
    live(folder.path(), stage(seldom, Vec::new()), ReplayFrom::Snapshot, 100);
    live(folder.path(), stage(seldom.at_shutdown(false), Vec::new()), ReplayFrom::Snapshot, 150);
    let often = Snapshots::every(100).at_shutdown(false);
    // It goes another way at 190, the last multiple is 200, and the digest at 240 finds out.
    let error = with_stage(folder.path(), stage(often, vec![190])).replay(ReplayFrom::Snapshot).unwrap_err();
    let ReplayError::Halted(halted) = error else { panic!("{error}") };
    assert!(matches!(halted.cause, Cause::Diverged(_)), "{halted}");
    // The right handler goes on from the snapshot of the state that was right.
    let (state, replayed) = live(folder.path(), stage(often, Vec::new()), ReplayFrom::Snapshot, 0);
    assert_eq!((state.total, state.seen, replayed), (total(250), 250, 150));
    // Its own replay has left the one that is due, behind the last digest.
    let (state, replayed) = live(folder.path(), stage(often, Vec::new()), ReplayFrom::Snapshot, 0);
    assert_eq!((state.total, state.seen, replayed), (total(250), 250, 10));
}
