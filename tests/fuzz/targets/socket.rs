//! Fuzz target: a message and a reply of an acknowledgement's socket. The body is in
//! `tests/src/fuzzed_acknowledged.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| slipring_tests::fuzzed_acknowledged::socket(bytes));
