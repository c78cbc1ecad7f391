//! The command `slipring`, as a user runs it.

mod cli;
mod cli_follow;
mod ended;
mod exits;
mod kept;
mod limits;
mod live;
mod lobster;
mod migrate;
mod pages;
mod place;
mod record_csv;
mod record_ends;
mod record_full;
mod record_infer;
mod record_journal;
mod record_jsonl;
mod record_lobster;
mod record_resume;
mod record_words;
mod round_trips;
mod rows;
mod tutorial;
mod types;
mod voids;
