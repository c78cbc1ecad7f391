//! Reading a journal, beside its writer or without one: seek, follow, late consumers over files, and
//! retention behind them.

mod faults_readers;
mod late_files;
mod retention;
mod seek;
mod seek_long;
