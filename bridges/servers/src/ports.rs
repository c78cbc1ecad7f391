//! Ports for servers that must know each other's before they start, and keep them over a restart.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Below those that the system gives to outgoing connections: one of these may be gone when a server that was
/// killed wants its own back.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// What this process has given out. Other processes are told apart by chance, and by trying again.
static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port of 127.0.0.1 on which nobody listens.
pub(crate) fn free_port() -> u16 {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    for attempt in 0..10_000_u32 {
        let random = RandomState::new().hash_one((attempt, std::process::id()));
        let port = PORTS.start + (random % u64::from(PORTS.end - PORTS.start)) as u16;
        if !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            given.insert(port);
            return port;
        }
    }
    panic!("no port of 127.0.0.1 in {PORTS:?} is free");
}
