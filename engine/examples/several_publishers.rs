//! Several publishers: three sessions, each on its own thread, into one engine that puts their orders into
//! one sequence. Whoever was first is decided once, by the ring, journalled, and the same in every replay.
//!
//! ```text
//! session 0 --+
//! session 1 --+--> ring --> journal --> matching
//! session 2 --+
//! ```
//!
//! `cargo run --release -p slipring --example several_publishers`

use slipring::{
    Context, Engine, EngineBuilder, Event, Gate, Handler, HandlerError, Journal, Lane, Publishers,
    ReplayFrom, StageKey,
};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Message {
    pub session: u32,
    pub number: u32,
    pub quantity: u64,
}

const SESSIONS: u32 = 3;
const EACH: u32 = 20_000;

/// Counts each session's messages, how often another session came in between, and folds all into a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Matching {
    next: [u32; SESSIONS as usize],
    last_session: u32,
    switches: u64,
    digest: u64,
}

impl Handler<Message> for Matching {
    fn event(&mut self, message: &Message, context: &Context) -> Result<(), HandlerError> {
        let next = &mut self.next[message.session as usize];
        if message.number != *next {
            // Halts the engine and names the stage and the sequence.
            return Err(format!("session {} sent {} after {next}", message.session, message.number).into());
        }
        *next += 1;
        self.switches += u64::from(message.session != self.last_session);
        self.last_session = message.session;
        let mixed = self.digest ^ u64::from(message.session) << 32 ^ message.quantity ^ context.time_ns();
        self.digest = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7);
        Ok(())
    }
}

fn matching(journal: &Journal, key: &StageKey<Matching>) -> EngineBuilder<Message> {
    Engine::builder()
        .publishers(Publishers::Multi)
        .journal(journal.clone())
        .lane(Lane::named("main").journal().stage(key, Matching::default(), Gate::JOURNALLED))
}

fn main() -> Result<(), slipring::Error> {
    let folder = tempfile::tempdir()?;
    let journal = Journal::at(folder.path().join("orders"));
    let key = StageKey::named("matching");
    let (engine, publisher) = matching(&journal, &key).open()?.go_live()?;
    std::thread::scope(|scope| {
        for session in 0..SESSIONS {
            // A publisher is for one thread; each thread gets a clone of its own.
            let mut publisher = publisher.try_clone().expect("the engine takes several");
            scope.spawn(move || {
                for number in 0..EACH {
                    let message = Message { session, number, quantity: u64::from(number % 100) };
                    publisher.publish(message).expect("nothing fails here");
                }
                // Dropped here: shutdown waits until the last clone is gone.
            });
        }
    });
    let mut done = engine.join()?;
    let live = done.take(&key).expect("taken once");
    println!("{} messages, {} switches between sessions", done.end_sequence, live.switches);
    assert_eq!(live.next, [EACH; SESSIONS as usize]);

    // The same order, and the same times, come out of the journal.
    let mut recovered = matching(&journal, &key).open()?;
    println!("{}", recovered.replay(ReplayFrom::Start)?);
    let (engine, _) = recovered.go_live()?;
    let replayed = engine.join()?.take(&key).expect("taken once");
    println!("digest live {:016x}, replayed {:016x}", live.digest, replayed.digest);
    assert_eq!(live, replayed);
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
