//! Standing by, promotion, fencing and rejoining, on real servers.

mod cut_short;
mod program;
mod raced;
mod rejoined;
mod under_load;
