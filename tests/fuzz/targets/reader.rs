//! Fuzz target: a named reader's file. The body is in `tests/src/fuzzed_readers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| slipring_tests::fuzzed_readers::reader(bytes));
