//! Whether imports between the folders of `src` run downwards only: so no circle of folders can come to be.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders, the lowest first. Each may import from those before it.
const LAYERS: [&str; 16] = [
    "tools",
    "format",
    "event",
    "storage",
    "error",
    "judge",
    "positions",
    "acknowledge",
    "retention",
    "read",
    "named",
    "live",
    "companions",
    "append",
    "salvage",
    "open",
];

#[test]
fn imports_between_folders_run_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in rust_files(&src).iter().filter(|path| path.parent() != Some(&src)) {
        let inside = path.strip_prefix(&src).expect("it was found there");
        let own = inside.iter().next().and_then(|name| name.to_str()).expect("it lies in a folder");
        let layer = LAYERS.iter().position(|name| *name == own);
        let layer = layer.unwrap_or_else(|| panic!("put the folder {own} into LAYERS"));
        // So many `super` lead to the root: one less from the file that stands for its folder.
        let depth = inside.components().count() - usize::from(inside.ends_with("mod.rs"));
        let to_root = "super::".repeat(depth);
        for (number, line) in code_of(&fs::read_to_string(path).expect("it can be read")) {
            for root in ["crate::", "slipring_journal::", &to_root] {
                for (_, name) in line.match_indices(root).map(|(at, _)| line.split_at(at + root.len())) {
                    let name: String =
                        name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if !LAYERS[..=layer].contains(&name.as_str()) {
                        let place = inside.display();
                        wrong.push(format!(
                            "src/{place}:{number}: {own} imports {root}{name}: {}",
                            line.trim()
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "upwards, or not from the folder where it lives:\n{}", wrong.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("it is a folder").map(|entry| entry.expect("it can be listed").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    // Unit tests with a file of their own may import what those in a module's own file may.
    let is_code = |path: &PathBuf| path.extension() == Some("rs".as_ref()) && !path.ends_with("tests.rs");
    let files = files.into_iter().filter(is_code);
    folders.iter().flat_map(|folder| rust_files(folder)).chain(files).collect()
}

/// The lines of a file with their numbers, without comments, up to its unit tests.
fn code_of(text: &str) -> Vec<(usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = (1..).zip(text[..tests].lines());
    lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default())).collect()
}
