//! Standing by, promotion, fencing and rejoining, on real servers.

#[path = "../shared/caught_up.rs"]
mod caught_up;
mod cut_short;
mod program;
mod raced;
mod rejoined;
mod under_load;
