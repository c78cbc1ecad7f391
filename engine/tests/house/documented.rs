//! What the docs say that a machine can check: links, names of tests and folders, sizes, the numpy lines.
//! (Examples in Rust are doctests of `slipring-tests`.)

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use slipring::{Engine, Event, Journal, Lane};

/// The clone; `None` in a package of this crate alone, which has no docs beside it.
pub fn clone() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    root.join("docs/README.md").exists().then(|| root.to_owned())
}

/// All files below `folder` whose name ends so.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths =
        entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| !path.ends_with("target"));
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| self::files(folder, ending));
    files.into_iter().filter(|path| path.to_string_lossy().ends_with(ending)).chain(below).collect()
}

fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = files(&root.join("docs"), ".md");
    pages.push(root.join("README.md"));
    pages
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text without its code blocks.
fn prose(text: &str) -> String {
    let mut code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a heading is called in a link.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#').trim()));
    let ids = text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    headings.chain(ids).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let Some(root) = clone() else { return };
    let mut wrong = Vec::new();
    for page in pages(&root) {
        let text = prose(&read(&page));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name("").join(path) };
            let found = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !found {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_link_from_the_code_leads_to_a_page() {
    const PAGES: &str = "https://github.com/slipring/slipring/blob/main/";
    let Some(root) = clone() else { return };
    let mut wrong = Vec::new();
    for source in ["engine/src", "journal/src"].iter().flat_map(|src| files(&root.join(src), ".rs")) {
        let text = read(&source);
        for link in text.split(PAGES).skip(1).filter_map(|rest| rest.split([')', '\n']).next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let page = root.join(path);
            if !page.exists() || !(anchor.is_empty() || anchors(&read(&page)).contains(anchor)) {
                wrong.push(format!("{}: {link}", source.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_member_that_a_page_names_is_public() {
    let Some(root) = clone() else { return };
    let api = read(&root.join("docs/reference/api.txt")).replace("->", "");
    // `Engine<E>::join` and `Batch<'_>::size` without what stands in angle brackets.
    let mut depth = 0;
    let plain = api.chars().filter(|c| {
        depth += i32::from(*c == '<') - i32::from(*c == '>');
        depth == 0 && *c != '>'
    });
    let plain: String = plain.collect();
    let mut wrong = Vec::new();
    for page in pages(&root) {
        let text = prose(&read(&page));
        for code in text.split('`').skip(1).step_by(2) {
            let Some((of, rest)) = code.split_once("::") else { continue };
            let member = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            let is_type = plain.contains(&format!("::{of}::"));
            if is_type && !plain.contains(&format!("::{of}::{member}")) {
                wrong.push(format!("{}: {code}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "they are not in api.txt:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_that_a_comment_names_is_there() {
    let Some(root) = clone() else { return };
    let folders = ["docs", "engine", "journal", "tests", "cli", "bench"];
    let sources = folders.iter().flat_map(|folder| files(&root.join(folder), ".rs"));
    let mut wrong = Vec::new();
    for source in sources {
        let text = read(&source);
        let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
        for word in comments.flat_map(|comment| comment.split([' ', '`', '(', ')', ',', ':', ';', '#'])) {
            let path = word.trim_end_matches('.');
            let is_ours = path.split_once('/').is_some_and(|(folder, _)| folders.contains(&folder));
            let is_file = [".rs", ".md", ".txt"].iter().any(|ending| path.ends_with(ending));
            if is_ours && is_file && !path.contains('*') && !root.join(path).exists() {
                wrong.push(format!("{}: {path}", source.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_page_is_linked_and_no_file_is_large() {
    let Some(root) = clone() else { return };
    let all: String = pages(&root).iter().map(|page| read(page)).collect();
    let mut wrong = Vec::new();
    for file in files(&root.join("docs"), "") {
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let bytes = fs::metadata(&file).expect("it is there").len();
        if bytes > 500_000 || !all.contains(&name) {
            wrong.push(format!("{}: {bytes} bytes", file.display()));
        }
    }
    assert!(wrong.is_empty(), "too large, or linked from nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_test_that_the_fault_matrix_names_is_there() {
    let Some(root) = clone() else { return };
    let sources: String = ["tests", "engine", "journal"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), ".rs"))
        .map(|path| read(&path))
        .collect();
    let page = read(&root.join("docs/reference/fault-tests.md"));
    let names = page.split('`').skip(1).step_by(2).filter(|name| name.len() > 24 && name.contains('_'));
    let missing: Vec<_> = names
        .filter(|name| !name.contains(['/', '.']))
        .filter(|name| match name.strip_suffix('*') {
            Some(start) => !sources.contains(&format!("fn {start}")),
            None => !sources.contains(&format!("fn {name}(")),
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_architecture_names_every_folder_of_the_code() {
    let Some(root) = clone() else { return };
    let page = read(&root.join("docs/architecture.md"));
    assert!(page.lines().count() <= 150);
    let folders =
        ["engine/src", "journal/src"].iter().flat_map(|src| fs::read_dir(root.join(src)).expect("sources"));
    for folder in folders.map(|entry| entry.expect("it can be listed").path()) {
        if folder.join("mod.rs").exists() {
            let name = folder.file_name().expect("a folder").to_string_lossy().into_owned();
            assert!(page.contains(&format!("`{name}`")), "{} is not in the architecture", folder.display());
        }
    }
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Quote {
    price: f64,
    size: u32,
    side: i8,
    flags: [u8; 3],
}

#[test]
fn the_numpy_lines_of_the_format_page_read_a_segment() {
    let Some(root) = clone() else { return };
    let numpy = Command::new("python3").args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "skipped: the_numpy_lines_of_the_format_page_read_a_segment: there is no python3 with numpy"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    let lane = Lane::named("journal").journal();
    let (engine, mut publisher) =
        Engine::builder().journal(journal).lane(lane).open().unwrap().go_live().unwrap();
    for n in 0..5_u8 {
        let quote = Quote { price: 100.5 + f64::from(n), size: 7, side: -1, flags: [n; 3] };
        publisher.publish_at(1_000 + u64::from(n), quote).unwrap();
    }
    engine.join().unwrap();

    let page = read(&root.join("docs/reference/format.md"));
    let lines =
        page.split("## Reading it with numpy").nth(1).and_then(|rest| rest.split("```python\n").nth(1));
    let lines = lines.and_then(|rest| rest.split("```").next()).expect("the page has the lines");
    let asks = "\nr = records[records['_time'] > 0]\n\
        print(len(records), r['_time'].tolist(), r['price'].tolist(), r['size'].sum(), r['side'].tolist(), r['flags'].tolist())";
    let output = Command::new("python3")
        .arg("-c")
        .arg(format!("{lines}{asks}"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let wanted = "64 [1000, 1001, 1002, 1003, 1004] [100.5, 101.5, 102.5, 103.5, 104.5] 35 [-1, -1, -1, -1, -1] \
        [[0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]]";
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), wanted);
}
