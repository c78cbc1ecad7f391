//! Which tries fail, for the child whose tries are cut short and the test that judges it.

/// Tries behind the first that the stage `take` may make of an event.
pub const INLINE_TIMES: u32 = 3;
/// Tries behind the first that the stage `send` may make, all of them as new events.
pub const SEND_TIMES: u32 = 3;

/// How many tries of an id fail in `take`: of even ones some, and some for ever.
pub fn take_fails(id: u64) -> u32 {
    if id % 2 == 1 { 0 } else { [0, 1, 0, 2, 3, 0, 9][(id / 2 % 7) as usize] }
}

/// Whether an id is sent at all: of odd ones some are not.
pub fn sends(id: u64) -> bool {
    id % 6 != 1
}
