//! What an engine shows of itself, in its counters file and by `top`, and that nobody can reach in that way.

mod counters;
mod gates_are_private;
mod journal_time;
mod late_counters;
