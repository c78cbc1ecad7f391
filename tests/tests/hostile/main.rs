//! A hostile or odd folder: whatever lies in place of a journal's files, and whatever they claim, no command
//! panics, waits for ever, or takes more than the folder's size allows; it says what is wrong, in text that a
//! terminal can show.
//!
//! | module | idea |
//! |---|---|
//! | `ran` | a command with bounds, and what came of it |
//! | `sample` | a journal with everything beside it |
//! | `kinds` | no regular file in place of each |
//! | `claims` | files that say more than there is |
//! | `shown` | names, paths and outputs that do not behave |
//! | `mutated` | folders changed at random |
//! | `odd_files` | what is no regular file, met by an engine |
//! | `arbitrary_bytes` | the bodies of the fuzz targets, over seeded bytes |

mod arbitrary_bytes;
mod claims;
mod kinds;
mod mutated;
mod odd_files;
mod ran;
mod sample;
mod shown;
