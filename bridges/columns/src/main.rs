//! The command `slipring` with more formats: Parquet, Arrow, Avro, SQLite and DBN. `slipring` runs it where
//! one of these is asked for.

mod command;

fn main() -> std::process::ExitCode {
    slipring_cli::run_with(std::env::args_os(), &command::formats())
}
