//! Records of any schema on their way out of a journal: which are chosen, which of their columns, and in what
//! form.
//!
//! | module | idea |
//! |---|---|
//! | [`choice`] | which records: a range, a filter, the last or the first so many |
//! | [`reading`] | a journal's chosen records, in pieces |
//! | [`columns`] | which columns: the journal's own, the event's |
//! | [`printer`] | one trait, and the form by its name |
//! | `newest` | the newest event |
//! | `csv`, `jsonl`, `table`, `lobster` | the forms |

pub mod choice;
pub mod columns;
mod csv;
mod jsonl;
mod lobster;
pub(crate) mod newest;
pub mod printer;
pub mod reading;
mod table;
