//! Events out of a journal, into files of the field.
//!
//! | module | idea |
//! |---|---|
//! | `run` | the command: what is chosen goes into one file, or one a partition |
//! | `partition` | which part a row belongs to, and the files of the parts |
//! | `text` | CSV and JSON lines |

mod partition;
mod run;
mod text;

use crate::formats::sink::SinkFormat;

pub(crate) use run::run;

/// The formats of files that are written.
pub(crate) const SINKS: [SinkFormat; 2] = [text::CSV, text::JSONL];
