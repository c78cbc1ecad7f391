//! Fuzz target: a counters file. The body is in `tests/src/fuzzed_files.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| slipring_tests::fuzzed_files::counters(bytes));
