//! What tests put into stages: a handler that keeps what it sees, and one that stands still until it is let
//! on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use slipring::{Context, Engine, EngineBuilder, Publisher};

use crate::journals::{Note, note};

/// Opens it and goes live.
///
/// # Panics
/// If that fails.
pub fn live(builder: EngineBuilder<Note>) -> (Engine<Note>, Publisher<Note>) {
    builder.open().unwrap().without_history().go_live().unwrap()
}

/// What [`keep`] has seen.
pub type Ids = Arc<std::sync::Mutex<Vec<u64>>>;

/// A handler that keeps the ids that it sees, in order.
///
/// # Panics
/// If another that shares `ids` panicked.
pub fn keep(ids: &Ids) -> impl FnMut(&Note, &Context) + Send + use<> {
    let ids = Arc::clone(ids);
    move |event, _| ids.lock().unwrap().push(event.id)
}

/// A handler that stops at the sequences given, says so, and waits to be let on.
///
/// # Panics
/// If nobody listens any more.
pub fn stopping(at: Vec<u64>) -> (impl FnMut(&Note, &Context) + Send, Receiver<u64>, Sender<()>) {
    let (reached, is_reached) = channel();
    let (go, may_go) = channel();
    let handler = move |_: &Note, context: &Context| {
        if at.contains(&context.sequence()) {
            reached.send(context.sequence()).unwrap();
            // An end of the test that was not in good order lets it on too.
            let _ = may_go.recv();
        }
    };
    (handler, is_reached, go)
}

/// The notes of these ids.
pub fn notes(ids: std::ops::Range<u64>) -> Vec<Note> {
    ids.map(note).collect()
}
