//! Commands that are files of their own, found as git finds its commands: `slipring x` is `slipring-x`, next to
//! this file or in the PATH.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::error::ErrorKind;

use crate::exit::Exit;
use crate::plain;

/// Why another command could not take over.
#[derive(Debug, thiserror::Error)]
pub enum ElsewhereError {
    /// There is none.
    #[error(
        "{what} needs the command {name}, which is neither next to this one nor in the PATH; install it from the \
         folder bridges of slipring's repository: cargo install --path bridges/columns"
    )]
    NotThere {
        /// What it is needed for.
        what: String,
        /// Its name.
        name: &'static str,
    },
    /// It can't be started.
    #[error("start {}: {source}", path.display())]
    Start {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// Has the command `name` take over with these arguments, the program's own name first. Comes back only if it
/// can't.
pub(crate) fn run(name: &'static str, what: &str, args: &[OsString]) -> ElsewhereError {
    match find(name) {
        None => ElsewhereError::NotThere { what: what.to_owned(), name },
        Some(path) => start(path, args.get(1..).unwrap_or_default()),
    }
}

/// If the command line names a command that is unknown here, and there is a file for it, that takes over.
pub(crate) fn other_command(error: &clap::Error, args: &[OsString]) -> Option<Exit> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let name = args.get(1)?.to_str()?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.starts_with('-') || !name.bytes().all(is_name) {
        return None;
    }
    let error = start(find(&format!("slipring-{name}"))?, &args[2..]);
    plain::complain(&format!("slipring: {error}"));
    Some(Exit::CouldNot)
}

fn start(path: PathBuf, args: &[OsString]) -> ElsewhereError {
    let source = Command::new(&path).args(args).exec();
    ElsewhereError::Start { path, source }
}

/// Next to this program's own file, then in the PATH.
fn find(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    let folders = std::env::var_os("PATH").unwrap_or_default();
    own.into_iter().chain(folders_of(&folders)).map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// An empty name in the PATH is the current folder, where nobody wants a command from that he did not name.
fn folders_of(folders: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(folders).filter(|folder| !folder.as_os_str().is_empty())
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
