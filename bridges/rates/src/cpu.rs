//! What processes have used of the processors.

use std::fs;

/// The kernel counts in ticks of a hundredth of a second, for every program.
const TICKS_A_SECOND: f64 = 100.0;

/// Seconds of a process, of all its threads; 0 where it is gone.
pub fn seconds(process: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: state is the first, user time the twelfth.
    let (_, fields) = text.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_A_SECOND
}

/// Of this process.
pub fn own() -> f64 {
    seconds("self")
}
