//! In from a stream of a real server: into a replica, from any place, over all that can go wrong on the way.

mod by_bridge;
mod cut;
mod equal;
mod into_engine;
mod journals;
mod publisher;
mod refused;
mod starts;
