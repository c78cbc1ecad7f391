//! What is told to `slipring schema`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `slipring schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// In whose words
    #[arg(value_enum)]
    pub language: Language,
    /// A journal's folder, or a schema file
    #[arg(value_name = "JOURNAL|SCHEMA.toml")]
    pub of: PathBuf,
}

/// In whose words a schema is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// A struct that derives Event.
    Rust,
    /// A header for C11 and C++11.
    C,
    /// A numpy dtype of a whole record.
    Numpy,
    /// A table for SQLite, PostgreSQL and DuckDB.
    Sql,
    /// A schema file.
    Toml,
}
