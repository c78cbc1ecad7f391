//! An engine whose process forks. The child ends what it has of the engine, in each way there is.

use std::time::Duration;

use slipring::{
    Context, Engine, Gate, Journal, Lane, LateConsumer, LateContext, OnError, Publishers, ShutdownError,
    Snapshots, Stage, Ticker,
};
use slipring_tests::journals::{Note, note};
use slipring_tests::keeps_all;

/// Says of each child how it left, and at the end what this process closed.
pub(super) fn fork(folder: &str) {
    let parent = std::process::id();
    for (at, (invoked, joins)) in
        [(false, false), (false, true), (true, false), (true, true)].into_iter().enumerate()
    {
        let lane = Lane::named("main").journal();
        let kept = keeps_all::stage(Snapshots::every(2));
        let lane = if invoked { lane.invoked() } else { lane }.with(kept);
        let journal = Journal::at(format!("{folder}/{at}"));
        let builder = Engine::builder().publishers(Publishers::Multi).journal(journal).lane(lane);
        let (engine, mut publisher) = builder.go_live().unwrap();
        publisher.publish(note(0)).unwrap();
        let ticker = Ticker::start(publisher.try_clone().unwrap(), Duration::from_millis(1), note).unwrap();
        let late = LateConsumer::named("late");
        let late = engine.follow(late, |_: &Note, _: &LateContext| ()).unwrap();
        // SAFETY: the child touches nothing that another thread may hold locked for good: it lets go of what
        // it has of the engine, which is what is tried here, and leaves.
        match unsafe { libc::fork() } {
            0 => {
                drop((ticker, late));
                engine.close();
                let forked = match joins.then(|| engine.join()) {
                    None => true,
                    Some(Err(ShutdownError::Forked { process })) => process == parent,
                    Some(_) => false,
                };
                // SAFETY: ends this process at once.
                unsafe { libc::_exit(if forked { 7 } else { 1 }) }
            }
            child => {
                let mut status = 0;
                // SAFETY: the status lives through the call.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                println!("left with {}", libc::WEXITSTATUS(status) + 256 * libc::WTERMSIG(status));
            }
        }
        drop((ticker, late));
        let last = publisher.publish(note(1)).unwrap();
        let report = engine.join().unwrap();
        println!("closed {}", report.end_sequence == last + 1 && report.durable_end == Some(last + 1));
    }
}

/// A stage that refuses every event, until the engine halts; why it did.
pub(super) fn refusals(folder: &str) {
    let refuse = |_: &Note, _: &Context| Err::<(), _>("a cause of a few words, which goes into the log");
    let stage = Stage::new("refuse", refuse, Gate::JOURNALLED).on_error(OnError::DeadLetter);
    let journal = Journal::at(folder).segment_records(512);
    let builder = Engine::builder().ring_capacity(64).counters_private().journal(journal);
    let (engine, mut publisher) = builder.lane(Lane::named("main").journal().with(stage)).go_live().unwrap();
    for id in 0..100_000 {
        if publisher.publish(note(id)).is_err() {
            break;
        }
    }
    match engine.halted() {
        Some(halted) => println!("halted: {halted}"),
        None => println!("it took them all"),
    }
}
