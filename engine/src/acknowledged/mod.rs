//! Acknowledgements: somebody outside, a server that keeps a copy of the journal say, has told up to where he
//! has the events. A stage, or a late consumer, may wait for that.
//!
//! ```text
//!  a bridge in the program     --> Acknowledger --+
//!  a bridge in another process --> Unix socket ---+--> checked against the journal --> noted on disk
//!                                                                                           |
//!                    Gate::acknowledged, LateConsumer::acknowledged <-- cursor <------------+
//! ```
//!
//! The cursor lies in the engine's own memory. Only what the journal confirms moves it: a bridge may be
//! wrong, of another journal, or somebody else, and can at most hold a gate closed.
//!
//! The note on disk is written before the cursor moves: by whoever acknowledges, if he waits for that, else
//! by a thread. What it says is checked against the journal again at the next opening: power loss may take
//! the last of the note, or of the journal.
//!
//! The folder knows cursors, counters and files beside the journal; no stage, and no ring.
//!
//! | file | idea |
//! |---|---|
//! | `note` | what lies on disk |
//! | `by_hand` | the same, for tests that have a storage of their own |
//! | `name` | one name: what moves its cursor, and what does not |
//! | `names` | all names of an engine |
//! | `noter` | the thread that takes notes, so that nobody else waits for the disk |
//! | `acknowledger` | for whoever acknowledges, on any thread |
//! | `error` | why an acknowledgement is not taken, a socket not listened at |
//! | `socket` | where the socket lies, how it comes and goes |
//! | `listener` | the thread that takes acknowledgements of other processes |

pub(crate) mod acknowledger;
pub(crate) mod by_hand;
pub(crate) mod error;
pub(crate) mod listener;
pub(crate) mod name;
pub(crate) mod names;
mod note;
mod noter;
mod socket;
