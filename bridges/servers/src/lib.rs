//! Real servers for tests: started on 127.0.0.1, killed, started again on the same port and store.
//!
//! - [`nats`]: a nats-server with JetStream, alone or three in a cluster.
//! - [`access`]: who is let in, by token, password or credentials, and certificates for TLS.
//! - [`client`]: what speaks to a nats-server in its own lines.
//! - [`proxy`]: a line between a client and a server that can be cut, stalled, made to lose what comes back.
//! - [`skip`]: tests that can't run where a server is not to be had.
//! - [`long`]: how often a test does what takes long.
//!
//! ```no_run
//! use slipring_test_servers::nats::{Nats, Options};
//!
//! let Some(mut nats) = Nats::start(Options::three_nodes()) else { return };
//! println!("connect to {}", nats.url());
//! if let Some(leader) = nats.stream_leader("orders") {
//!     nats.kill(leader);
//!     nats.start_again(leader);
//! }
//! ```

#![deny(missing_docs)]

pub mod access;
pub mod client;
mod http;
pub mod long;
pub mod nats;
mod node;
mod ports;
pub mod proxy;
pub mod skip;
mod watchdog;
