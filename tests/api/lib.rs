//! Empty: the check is in `tests/api.rs`.
