//! The command `slipring`, built here so that the tests find it.

fn main() -> std::process::ExitCode {
    slipring_cli::run(std::env::args_os())
}
