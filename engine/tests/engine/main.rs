//! The engine as its user sees it, from opening to its end.

mod drained;
mod ending;
mod extremes;
mod living;
mod panicked;
mod replaying;
mod stress;
mod ticks;
mod times;
mod waiting;
mod whole;
