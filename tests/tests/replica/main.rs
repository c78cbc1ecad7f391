//! Replicas: records taken bit for bit, what is refused, promotion, and a journal that was overtaken and
//! rejoins.
#![forbid(unsafe_code)]

mod equality;
mod lives;
mod primary;
mod refused;
mod rejoining;
