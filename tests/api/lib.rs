//! Empty: the check is a test.
