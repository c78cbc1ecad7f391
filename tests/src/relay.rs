//! Two engines, the first of which puts events out into the second; and what must be in the second, told from
//! what is in the first alone.

use std::path::Path;

use slipring::{
    Context, Digest, Digests, Effects, Engine, Gate, Handler, HandlerError, Journal, Lane, Output, Publisher,
    Publishers, ReplayError, ReplayFrom, RunningDigest, Snapshot, Snapshots, Stage, StageKey,
};

use crate::journals::{Note, note};

/// How the second engine is published into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the first engine alone; its stage takes snapshots.
    Only,
    /// By others too; its stage notes its effects.
    Shared,
}

/// An event that the second engine gets from somebody else.
pub const NOISE: u64 = 1 << 60;

/// What follows from one event, given the state.
fn follows(sum: &mut u64, event: &Note) -> impl Iterator<Item = Note> + use<> {
    *sum = sum.wrapping_mul(31).wrapping_add(event.id);
    let (sum, id) = (*sum, event.id);
    let count = [0, 1, 1, 2, 1][(id % 5) as usize];
    (0..count).map(move |index| Note { id, rest: [index, sum, 0, 0, 0] })
}

/// The stage of the first engine.
#[derive(Debug)]
pub struct Maker {
    /// Where it puts out what it makes.
    pub orders: Output<Note>,
    sum: u64,
}

impl Handler<Note> for Maker {
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        for order in follows(&mut self.sum, event) {
            self.orders.emit(context, order)?;
        }
        Ok(())
    }
}

impl Digest for Maker {
    fn digest(&self) -> u64 {
        self.orders.digest()
    }
}

impl Snapshot for Maker {
    fn save(&self, out: &mut Vec<u8>) {
        let [count, digest] = self.orders.state();
        [count, digest, self.sum].iter().for_each(|word| out.extend(word.to_le_bytes()));
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let [count, digest, sum] = words[..] else { return Err("three words".into()) };
        self.orders.restore([count, digest])?;
        self.sum = sum;
        Ok(())
    }
}

fn orders_at(folder: &Path) -> Journal {
    Journal::at(folder.join("orders")).segment_records(512)
}

fn notes_at(folder: &Path) -> Journal {
    Journal::at(folder.join("notes")).segment_records(512)
}

/// Both engines, live.
#[derive(Debug)]
pub struct Relay {
    /// The first.
    pub engine: Engine<Note>,
    /// Into the first.
    pub publisher: Publisher<Note>,
    /// The second.
    pub orders: Engine<Note>,
    /// Into the second, beside the first.
    pub noise: Option<Publisher<Note>>,
    /// The sequence behind the last note from before.
    pub live_from: u64,
}

impl Relay {
    /// Starts both, the second first.
    ///
    /// # Errors
    /// The replay's.
    ///
    /// # Panics
    /// If they can't be started.
    pub fn start(folder: &Path, mode: Mode) -> Result<Self, ReplayError> {
        let publishers = if mode == Mode::Only { Publishers::Single } else { Publishers::Multi };
        let lane = Lane::named("orders").journal();
        let orders = Engine::builder().publishers(publishers).ring_capacity(64).journal(orders_at(folder));
        let (orders, into) = orders.lane(lane).open().unwrap().go_live().unwrap();
        let noise = into.try_clone();
        let patience = std::time::Duration::from_secs(60);
        let output = match mode {
            Mode::Only => Output::only("orders", into).unwrap(),
            Mode::Shared => Output::shared("orders", &orders, into),
        };
        let maker = Maker { orders: output.patience(patience), sum: 0 };
        let stage = Stage::new("maker", maker, Gate::JOURNALLED).digests(Digests::every(64));
        let (stage, from) = match mode {
            Mode::Only => (stage.snapshots(Snapshots::every(500)), ReplayFrom::Snapshot),
            Mode::Shared => (stage.effects(Effects::new()), ReplayFrom::Start),
        };
        let lane = Lane::named("notes").journal().with(stage);
        let mut recovered = Engine::builder().journal(notes_at(folder)).lane(lane).open().unwrap();
        recovered.replay(from)?;
        let live_from = recovered.end_sequence();
        let (engine, publisher) = recovered.go_live().unwrap();
        Ok(Relay { engine, publisher, orders, noise, live_from })
    }

    /// Publishes notes, and noise into the second engine if it takes any.
    ///
    /// # Panics
    /// If that fails.
    pub fn publish(&mut self, count: u64) {
        for id in self.live_from..self.live_from + count {
            self.publisher.publish_at(id, note(id)).unwrap();
            if let (Some(noise), 0) = (&mut self.noise, id % 7) {
                noise.publish_at(id, note(NOISE)).unwrap();
            }
        }
        self.live_from += count;
    }

    /// Shuts both down, and gives the first one's stage back.
    ///
    /// # Panics
    /// If that fails.
    pub fn end(self) -> (u64, u64, u64) {
        let maker: Maker = self.engine.join().unwrap().take(&StageKey::named("maker")).unwrap();
        let told = (maker.orders.count(), maker.orders.digest(), maker.orders.published());
        drop(self.noise);
        self.orders.join().unwrap();
        told
    }
}

/// What must be in the second engine's journal, and its digest.
///
/// # Panics
/// If the first one's can't be read.
pub fn expected(folder: &Path) -> (Vec<Note>, u64) {
    let mut reader = notes_at(folder).reader::<Note>().unwrap();
    let (mut all, mut sum, mut digest) = (Vec::new(), 0, RunningDigest::new());
    for sequence in 0..reader.end_sequence() {
        for order in follows(&mut sum, reader.at(sequence).unwrap().event()) {
            digest.word(sequence);
            digest.bytes(slipring::bytemuck::bytes_of(&order));
            all.push(order);
        }
    }
    (all, digest.value())
}

/// What is in the second engine's journal, without the noise; nothing if there is none yet.
///
/// # Panics
/// If it can't be read.
pub fn found(folder: &Path) -> Vec<Note> {
    let Ok(mut reader) = orders_at(folder).reader::<Note>() else { return Vec::new() };
    let mut all = Vec::new();
    for sequence in 0..reader.end_sequence() {
        let event = *reader.at(sequence).unwrap().event();
        if event.id != NOISE {
            all.push(event);
        }
    }
    all
}
