//! Fuzz target: a note of what is acknowledged. The body is in `tests/src/fuzzed_acknowledged.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| slipring_tests::fuzzed_acknowledged::acknowledged(bytes));
