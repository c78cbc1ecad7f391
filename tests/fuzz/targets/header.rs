//! Fuzz target: header parsing. The body is in `tests/src/fuzzed.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| slipring_tests::fuzzed::header(bytes));
