//! The engine as its user sees it, from opening to its end.

mod columns;
mod columns_model;
mod doubles;
mod drained;
mod ending;
mod extremes;
mod living;
mod measured;
mod panicked;
mod replaying;
mod slow_sync;
mod stress;
mod ticks;
mod times;
mod waiting;
mod whole;
