//! Fuzz target: open for writing, append, close, read back. The body is in `tests/src/fuzzed.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| slipring_tests::fuzzed::open_folder(bytes));
