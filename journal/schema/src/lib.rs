//! What a journal's schema means.

pub mod file;
mod tree;
