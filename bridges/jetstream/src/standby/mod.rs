//! Standing by: a replica, or a warm engine behind one, follows a stream and can be made the primary.
//!
//! ```text
//!  stream ---> Incoming ---> Warm: a replica, or an engine's standby
//!    ^                          |
//!    |   all of it is here,     |
//!    |   and durable            v
//!    +--- epoch message <--- promote       published behind the last message, or not at all
//! ```
//!
//! Whoever is to be the primary publishes a message of a greater epoch behind the stream's last one. The
//! server takes it there or refuses it (expected last sequence). So it is agreed in one place, at once: what
//! the old primary sends behind that is refused, and it finds why.
//!
//! | module | idea |
//! |---|---|
//! | `warm` | what takes the records |
//! | `intent` | what is noted in the replica's folder before the message is published |
//! | `last` | the end of the stream |
//! | `promote` | the message, and what may come between |
//! | `follow` | following until somebody says something |
//! | `patience` | how long a stream that can't be read just now is asked again |
//! | `origin` | what a stream is of, for who makes a replica new |

mod error;
mod follow;
mod intent;
mod last;
mod origin;
mod patience;
mod promote;
mod warm;

pub use error::{IntentError, OpenFailure, PromoteError, StandbyFailure, WarmError};
pub use follow::{Ended, Order, StandbyOptions, Told, follow};
pub use intent::{Intent, forget, pending};
pub(crate) use last::LastMessage;
pub use origin::origin;
pub(crate) use patience::Patience;
pub use promote::{Agreed, PromoteOptions, become_primary, promote};
pub use warm::Warm;
