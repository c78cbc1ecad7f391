//! Commands that are files of their own, found as git finds its commands: `slipring x` is `slipring-x`,
//! beside this one or in the path.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::error::ErrorKind;

use crate::error::Failure;
use crate::exit::Exit;
use crate::plain;

/// The command to other machines.
const BRIDGE: &str = "slipring-bridge";

/// Why this did not become the other command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ElsewhereError {
    /// The command that has a format, or the one to other machines, is not there.
    #[error(
        "that takes {name}, which is neither beside slipring nor in the PATH: \
         install it with `cargo install --path {}` from slipring's sources",
        sources(name)
    )]
    NotInstalled { name: &'static str },
    /// It is there and does not start.
    #[error("run {}: {source}", path.display())]
    Exec { path: PathBuf, source: io::Error },
}

impl Failure for ElsewhereError {}

/// Where in slipring's sources a command is that is installed apart.
fn sources(name: &str) -> &'static str {
    if name == BRIDGE { "bridges/bridge-command" } else { "bridges/columns" }
}

/// Becomes the command, with the arguments that this one was given. It returns only to say why not.
pub(crate) fn run(name: &'static str) -> ElsewhereError {
    match find(name) {
        None => ElsewhereError::NotInstalled { name },
        Some(path) => start(path, std::env::args_os().skip(1)),
    }
}

/// If the command line names a command that is unknown here, and there is a file for it, becomes that.
pub(crate) fn other_command(error: &clap::Error, args: &[OsString]) -> Option<Exit> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let name = args.get(1)?.to_str()?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.starts_with('-') || !name.bytes().all(is_name) {
        return None;
    }
    let error = match find(&format!("slipring-{name}")) {
        Some(path) => start(path, args[2..].iter().cloned()),
        None if name == "bridge" => ElsewhereError::NotInstalled { name: BRIDGE },
        None => return None,
    };
    plain::complain(&format!("slipring: {error}"));
    Some(error.exit())
}

fn start(path: PathBuf, args: impl Iterator<Item = OsString>) -> ElsewhereError {
    let source = Command::new(&path).args(args).exec();
    ElsewhereError::Exec { path, source }
}

/// Beside this command, or in the path.
fn find(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    let folders = std::env::var_os("PATH").unwrap_or_default();
    own.into_iter().chain(folders_of(&folders)).map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// An empty name in the path is the current folder, whose files nobody has meant.
fn folders_of(folders: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(folders).filter(|folder| !folder.as_os_str().is_empty())
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
