//! `slipring completions` and `slipring man`: written by the same definitions that read the command line.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::{CliError, Failure};

#[derive(Debug, thiserror::Error)]
#[error("there is no command {name}; there are: {known}")]
struct NoSuchCommand {
    name: String,
    /// The names that are.
    known: String,
}

impl Failure for NoSuchCommand {}

pub(crate) fn completions(shell: Shell, out: &mut dyn Write) -> Result<(), CliError> {
    // Made in memory: the generator panics when its output breaks off.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "slipring", &mut text);
    Ok(out.write_all(&text)?)
}

pub(crate) fn man(command: Option<&str>, out: &mut dyn Write) -> Result<(), CliError> {
    let mut cli = Cli::command();
    cli.build();
    let page = match command {
        None => cli,
        Some(name) => match cli.find_subcommand(name) {
            Some(found) => found.clone(),
            None => {
                let known = cli.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| c.get_name());
                let known = known.collect::<Vec<_>>().join(", ");
                return Err(NoSuchCommand { name: name.to_owned(), known }.into());
            }
        },
    };
    let title = page.get_display_name().unwrap_or("slipring").to_owned();
    Ok(clap_mangen::Man::new(page.display_name(title)).render(out)?)
}
