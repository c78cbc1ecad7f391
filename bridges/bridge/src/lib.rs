//! Common ground of slipring's bridges: what the ways out of one machine share, whatever lies at the other
//! end. It knows no server and no runtime.
//!
//! | module | idea |
//! |---|---|
//! | [`wire`] | what a message says, and how its payload is checked |

#![deny(missing_docs)]

pub mod wire;
