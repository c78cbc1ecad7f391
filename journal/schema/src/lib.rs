//! What a journal's schema means.

pub mod codegen;
pub mod file;
pub mod infer;
mod tree;
