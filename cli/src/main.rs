//! The binary `slipring`; everything is in the library, so that the tests can run it too.

fn main() -> std::process::ExitCode {
    slipring_cli::run(std::env::args_os())
}
