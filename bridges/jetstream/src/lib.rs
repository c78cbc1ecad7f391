//! Journals of slipring out to NATS JetStream, and in from it.
//!
//! | module | idea |
//! |---|---|
//! | [`connect`] | to whom, with what credentials; a connection that says when it was lost |
//! | [`stream`] | the stream: made, or looked at |
//! | [`message`] | what the wire says, as JetStream has it |
//! | [`out`] | a journal's records into the stream, each once |
//! | [`incoming`] | in from a stream: where to begin, what must follow, into a replica |
//! | [`standby`] | a replica, or a warm engine behind one, follows a stream and is made the primary |
//! | [`rejoin`] | a primary that another was promoted over becomes a replica |
//! | [`recover`] | a journal takes its own records back |
//! | [`error`] | why not |

#![deny(missing_docs)]

pub mod connect;
pub mod error;
pub mod incoming;
pub mod message;
pub mod out;
pub mod recover;
pub mod rejoin;
pub mod standby;
pub mod stream;

/// The examples of the pages.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../docs/how-to/fail-over.md")]
    struct FailOver;
    #[doc = include_str!("../../../docs/how-to/follow-from-another-machine.md")]
    struct FollowFromAnotherMachine;
    #[doc = include_str!("../../../docs/how-to/scale-out.md")]
    struct ScaleOut;
}
