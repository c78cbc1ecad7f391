//! Commands of other packages, found as git finds its own: `slipring-NAME`, beside this one or in the path.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::error::CliError;

/// Becomes the command, with the arguments that this one was given. It returns only to say why not.
pub(crate) fn run(name: &'static str) -> CliError {
    let Some(path) = find(name) else { return CliError::NotInstalled { name } };
    let source = Command::new(&path).args(std::env::args_os().skip(1)).exec();
    CliError::Exec { path, source }
}

/// Beside this command, or in the path.
fn find(name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(OsStr::new(&path)).map(|folder| folder.join(name));
    beside.into_iter().chain(in_path).find(|path| path.is_file())
}
