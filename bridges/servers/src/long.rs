//! How often a test does what takes long: fewer times in the ordinary run.

/// The variable that asks for the long run, whatever it holds.
pub const LONG: &str = "SLIPRING_LONG";

/// `all` in the long run, and a fifth of it, once at least, in the ordinary one.
pub fn times(all: u64) -> u64 {
    one_in(5, all)
}

/// The same of what waits for an election of the servers each time: a tenth of it.
pub fn elections(all: u64) -> u64 {
    one_in(10, all)
}

fn one_in(part: u64, all: u64) -> u64 {
    if std::env::var_os(LONG).is_some() { all } else { (all / part).max(1) }
}
