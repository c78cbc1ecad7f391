//! What most modules begin with: an event, an engine that is live, a handler that does nothing.

use slipring::{Context, Engine, EngineBuilder, Event, Publisher};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Tick {
    pub id: u64,
}

pub fn live<E: Event>(builder: EngineBuilder<E>) -> (Engine<E>, Publisher<E>) {
    builder.open().unwrap().go_live().unwrap()
}

pub fn pass(_: &Tick, _: &Context) {}
