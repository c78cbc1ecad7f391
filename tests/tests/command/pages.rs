//! The pages for the shell: their commands do what the pages say.

use std::fs;
use std::path::{Path, PathBuf};

use slipring_tests::pages;

/// All pages of the docs, in order.
fn all_pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of pages").map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut pages: Vec<PathBuf> = files.into_iter().filter(is_page).collect();
    pages.extend(folders.iter().flat_map(|folder| all_pages(folder)));
    pages.sort();
    pages
}

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
    let (mut wrong, mut pages_of_the_shell) = (Vec::new(), 0);
    for file in all_pages(&root.join("docs")) {
        let text = fs::read_to_string(&file).expect("the page is there");
        let page = file.strip_prefix(root).expect("it is in the clone").display();
        match pages::run(&text, &commands) {
            Err(error) => wrong.push(format!("{page}: {error}")),
            Ok(ran) => {
                pages_of_the_shell += usize::from(ran.blocks + ran.left_out.len() > 0);
                if ran.blocks > 0 {
                    println!("{page}: {} blocks run, {} texts compared", ran.blocks, ran.compared);
                }
                for (line, needs) in ran.left_out {
                    println!("skipped: {page}:{line}: there is no {needs}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(pages_of_the_shell >= 14, "only {pages_of_the_shell} pages have a block of the shell");
}
