//! The how-to pages for the shell: their commands do what the pages say.

use std::fs;
use std::path::{Path, PathBuf};

use slipring_tests::pages::{self, Ran};

/// The pages, below `docs`.
const PAGES: &[&str] = &[
    "how-to/change-an-event.md",
    "how-to/come-from-a-script.md",
    "how-to/come-from-eventstoredb.md",
    "how-to/come-from-kafka-consumers.md",
    "how-to/come-from-pandas.md",
    "how-to/come-from-sqlite.md",
    "how-to/export-files.md",
    "how-to/follow-from-another-machine.md",
    "how-to/read-with-a-name.md",
    "how-to/record-files.md",
    "how-to/stream-to-jetstream.md",
];

/// Where a command of the bridges is, if it was built: what the variable says, the path, the bridges' target.
fn of_bridges(name: &str, variable: &str, root: &Path) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let built = ["debug", "release"].map(|profile| root.join("bridges/target").join(profile));
    let found = folders.chain(built).map(|folder| folder.join(name));
    named.into_iter().chain(found).find(|file| file.is_file())
}

#[test]
fn the_commands_of_the_pages_do_what_the_pages_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the clone");
    let mut commands = vec![("slipring", PathBuf::from(env!("CARGO_BIN_EXE_slipring-under-test")))];
    for (name, variable) in [
        ("slipring-columns", "SLIPRING_COLUMNS"),
        ("slipring-bridge", "SLIPRING_BRIDGE"),
        ("nats-server", "SLIPRING_NATS_SERVER"),
    ] {
        commands.extend(of_bridges(name, variable, root).map(|file| (name, file)));
    }
    let mut wrong = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root.join("docs").join(page)).expect("the page is there");
        match pages::run(&text, &commands) {
            Err(error) => wrong.push(format!("docs/{page}: {error}")),
            Ok(Ran { blocks: 0, left_out, .. }) if left_out.is_empty() => {
                wrong.push(format!("docs/{page} has no block of the shell"));
            }
            Ok(ran) => {
                println!("docs/{page}: {} blocks run, {} texts compared", ran.blocks, ran.compared);
                for (line, needs) in ran.left_out {
                    println!("skipped: docs/{page}:{line}: there is no {needs}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
