//! Folders know only those below them: no import runs upwards.
//!
//! A path that begins at the crate's root, or climbs there by `super`, is looked at wherever it stands in
//! code, in a `use` or not. Comments, texts and what is compiled for tests alone are not.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Folders and files in `src` of this crate, the lowest first.
const ENGINE: &[&str] = &[
    "names",
    "key",
    "panics",
    "own_thread",
    "grace",
    "clock",
    "column",
    "lines",
    "error",
    "ring",
    "cursors",
    "counters",
    "handler",
    "kept",
    "acknowledged",
    "work",
    "publish",
    "describe",
    "late",
    "life",
    "output",
    "timers",
    "any_error",
];

#[test]
fn no_import_of_the_engine_runs_upwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert_layers(&src, "slipring", ENGINE);
}

fn assert_layers(src: &Path, crate_name: &str, layers: &[&str]) {
    let found = violations(src, crate_name, layers);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// What breaks the order of `layers`, each with its file and line.
fn violations(src: &Path, crate_name: &str, layers: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    list(src, &mut files);
    files.sort();
    let mut found = Vec::new();
    let mut there = Vec::new();
    for file in files {
        let path = file.strip_prefix(src).expect("it was found there");
        let module = module_of(path);
        // The root knows all.
        let Some(own) = module.first() else { continue };
        there.push(own.clone());
        let Some(height) = layers.iter().position(|layer| layer == own) else {
            found.push(format!("{}: {own} has no place among the layers", path.display()));
            continue;
        };
        let code = code_of(&fs::read_to_string(&file).expect("a source can be read"));
        for (at, name) in roots(&code, crate_name, &module) {
            let what = match layers.iter().position(|layer| *layer == name) {
                Some(other) if other <= height => continue,
                Some(_) => format!("{own} knows {name}, which lies above it"),
                None => format!("crate::{name} is no folder: import from where the name lives"),
            };
            let line = 1 + code[..at].matches('\n').count();
            found.push(format!("{}:{line}: {what}", path.display()));
        }
    }
    let gone = layers.iter().filter(|layer| !there.iter().any(|own| own == *layer));
    found.extend(gone.map(|layer| format!("{layer}: there is no such folder")));
    found
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The module that a file is, from the root on; empty for the root itself.
fn module_of(path: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

/// A source without comments, texts and what is for tests alone: they become spaces, so that places stay.
fn code_of(source: &str) -> String {
    let mut code: Vec<u8> = source.bytes().collect();
    let mut blank = |range: Range<usize>| {
        code[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    };
    let mut at = 0;
    while at < source.len() {
        let end = at + no_code(&source.as_bytes()[at..]);
        blank(at..end);
        at = end.max(at + 1);
    }
    let mut code = String::from_utf8(code).expect("spaces for what is not ASCII");
    const TESTS: &str = "#[cfg(test)]";
    while let Some(start) = code.find(TESTS) {
        let end = item_end(&code, start + TESTS.len());
        let blanks: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        code.replace_range(start..end, &blanks);
    }
    code
}

/// How many bytes a comment, text or character takes that begins here; 0 if none does.
fn no_code(rest: &[u8]) -> usize {
    let to = |what: &[u8], from: usize| {
        let found = rest[from..].windows(what.len()).position(|window| window == what);
        found.map_or(rest.len(), |at| from + at + what.len())
    };
    let raw_hashes = rest.strip_prefix(b"r").map(|raw| raw.iter().take_while(|byte| **byte == b'#').count());
    match rest {
        [b'/', b'/', ..] => to(b"\n", 0),
        [b'/', b'*', ..] => to(b"*/", 2),
        [b'r', ..] if raw_hashes.is_some_and(|hashes| rest.get(1 + hashes) == Some(&b'"')) => {
            let hashes = raw_hashes.unwrap_or(0);
            to(format!("\"{}", "#".repeat(hashes)).as_bytes(), 2 + hashes)
        }
        [b'"', ..] => {
            let mut at = 1;
            while at < rest.len() && rest[at] != b'"' {
                at += if rest[at] == b'\\' { 2 } else { 1 };
            }
            (at + 1).min(rest.len())
        }
        // A character, not a lifetime.
        [b'\'', b'\\', _, ..] => to(b"'", 3),
        [b'\'', _, b'\'', ..] => 3,
        [byte, ..] if !byte.is_ascii() => 1,
        _ => 0,
    }
}

/// Where the item ends that begins at `from`: behind its braces, or its semicolon if it has none.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Each name that a path takes at the root, and where the path begins.
fn roots(code: &str, crate_name: &str, module: &[String]) -> Vec<(usize, String)> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut found = Vec::new();
    for (keyword, depth) in [("crate", 0), (crate_name, 0), ("super", module.len())] {
        let start = format!("{keyword}::");
        for (at, _) in code.match_indices(&start) {
            // The end of a longer path or name, or a macro's own crate.
            let before = code[..at].bytes().next_back().unwrap_or(b' ');
            if is_part(before) || before == b'$' || before == b':' && !code[..at].ends_with(" ::") {
                continue;
            }
            // An inline module that is not a test's would have `super` mean less: there is none, see `src`.
            let depth = if keyword == "super" { depth - 1 } else { depth };
            names(&code[at + start.len()..], depth, &mut |name| found.push((at, name.to_owned())));
        }
    }
    found
}

/// Calls `take` with the names at the root in the tree of paths that begins here, `depth` modules below the
/// root.
fn names(tree: &str, depth: usize, take: &mut dyn FnMut(&str)) {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        let (mut level, mut start) = (0, 0);
        for (at, byte) in group.bytes().enumerate() {
            match byte {
                b'{' => level += 1,
                b'}' if level > 0 => level -= 1,
                b',' | b'}' if level == 0 => {
                    names(&group[start..at], depth, take);
                    start = at + 1;
                    if byte == b'}' {
                        return;
                    }
                }
                _ => {}
            }
        }
    } else if let Some(rest) = tree.strip_prefix("super::") {
        names(rest, depth.saturating_sub(1), take);
    } else if depth == 0 {
        let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tree.len());
        if end > 0 {
            take(&tree[..end]);
        }
    }
}

#[test]
fn an_import_that_runs_upwards_is_found_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod low; mod high; pub use high::High;");
    write("high/mod.rs", "use crate::low::part::Low;\npub struct High(Low);");
    let low = [
        "//! Of crate::high, in words.",
        "use crate::{low::a, high::{b, c}};",
        "fn f<'a>(text: &'a str) { let _ = (\"crate::high\", '\"', r#\"crate::high\"#, super::super::high::D); }",
        "use super::other; use super::{super::high::E};",
        "fn g() -> ::this::High { crate::High /* crate::high */ }",
        "#[cfg(test)]\nmod tests { use super::*; use crate::high::{F}; }",
        "fn h() { $crate::high::g(); other::crate_::high() }",
    ];
    write("low/part.rs", &low.join("\n"));
    let found = violations(folder.path(), "this", &["low", "high"]);
    let up = |line| format!("low/part.rs:{line}: low knows high, which lies above it");
    let no_folder = "low/part.rs:5: crate::High is no folder: import from where the name lives".to_owned();
    assert_eq!(found, [up(2), no_folder.clone(), no_folder, up(3), up(4)]);
    let found = violations(folder.path(), "this", &["low", "gone"]);
    assert!(found.contains(&"gone: there is no such folder".to_owned()));
    assert!(found.contains(&"high/mod.rs: high has no place among the layers".to_owned()));
}
