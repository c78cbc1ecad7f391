//! Folders know only those below them: no import runs upwards.
//!
//! A path that begins at the crate's root, or climbs there by `super`, is looked at wherever it stands in
//! code, in a `use` or not. Comments, texts and what is compiled for tests alone are not.

use std::fs;
use std::path::{Path, PathBuf};

use source::{code_of, module_of, roots};

mod source;

/// Each crate by its folder, seen from this one, its name, and the folders and files in its `src`, the lowest
/// first.
const CRATES: &[(&str, &str, &str)] = &[
    (
        ".",
        "slipring",
        "names key panics own_thread grace clock column lines error ring cursors counters handler kept
         acknowledged work publish describe late life output timers any_error",
    ),
    (
        "../journal",
        "slipring_journal",
        "tools format event storage error judge positions acknowledge retention read named live companions
         append salvage open",
    ),
    (
        "../journal/derive",
        "slipring_derive",
        "names fields defaults versions options attrs variants companion plain one_of",
    ),
    (
        "../journal/schema",
        "slipring_schema",
        "number kind value fault time_text times print table row predicate parse quick tree file infer codegen",
    ),
    (
        "../cli",
        "slipring_cli",
        "exit fitted plain show gone signals whole error elsewhere
         flow book feed exchange rows formats args
         record export readers look replay follow kept dead_letters top salvage migrate schema manual demo",
    ),
    (
        "../bench",
        "slipring_bench",
        "clock stats random event host turns stalls kept syncing distance harness
         bounds neighbour queues ring append topologies peers replay opening sustained jitter latency machine
         compare report command",
    ),
];

#[test]
fn no_import_runs_upwards() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A published package lies alone.
    let in_workspace = super::documented::clone().is_some();
    for (folder, name, layers) in CRATES.iter().filter(|(folder, ..)| in_workspace || *folder == ".") {
        let layers: Vec<&str> = layers.split_whitespace().collect();
        let found = violations(&own.join(folder).join("src"), name, &layers);
        assert!(found.is_empty(), "\n{name}\n{}", found.join("\n"));
    }
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

/// The sources in a folder and below, but for unit tests with a file of their own.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
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
    write("low/part/tests.rs", "use crate::high::G;");
    let found = violations(folder.path(), "this", &["low", "high"]);
    let up = |line| format!("low/part.rs:{line}: low knows high, which lies above it");
    let no_folder = "low/part.rs:5: crate::High is no folder: import from where the name lives".to_owned();
    assert_eq!(found, [up(2), no_folder.clone(), no_folder, up(3), up(4)]);
    let found = violations(folder.path(), "this", &["low", "gone"]);
    assert!(found.contains(&"gone: there is no such folder".to_owned()));
    assert!(found.contains(&"high/mod.rs: high has no place among the layers".to_owned()));
}
