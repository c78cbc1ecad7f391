//! How somebody in another process tells a program up to where events are acknowledged elsewhere: the bytes
//! of a message and of its reply, and the end that sends. The end that listens is the engine's.
//!
//! The folder knows anchors and which names may be a file's; nothing of how a journal is read or written.
//!
//! | file | idea |
//! |---|---|
//! | `wire` | the bytes |
//! | `refusal` | why an acknowledgement is not taken |
//! | `sender` | the end that sends |

pub(crate) mod refusal;
pub(crate) mod sender;
pub mod wire;
