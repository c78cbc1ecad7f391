//! placeholder
extern crate self as slipring;
#[doc(hidden)]
pub use slipring_journal::__private;
pub use slipring_journal::Event;
