//! How often a test does what takes long: as often as somebody wants, or fewer times in the ordinary run.

/// What the variable says, or the ordinary number.
///
/// # Panics
/// If it is no number.
pub fn times(variable: &str, ordinary: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return ordinary };
    text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, which is no number"))
}

/// Random cases: as many as `PROPTEST_CASES` says, or the ordinary number.
///
/// # Panics
/// If it is no number.
pub fn cases(ordinary: u32) -> u32 {
    u32::try_from(times("PROPTEST_CASES", ordinary.into())).unwrap_or(u32::MAX)
}
