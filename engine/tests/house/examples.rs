//! Whether every public type of both libraries has an example that a reader of its page finds.
//!
//! That is a block of Rust in the comment above the type; or the words "See the example of [`Other`]", where
//! the other type or method has such a block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::documented::{clone, files, read};

#[test]
fn every_public_type_has_an_example() {
    let Some(root) = clone() else { return };
    let found: Vec<_> = ["engine", "journal"].iter().flat_map(|name| without(&root.join(name))).collect();
    assert!(found.is_empty(), "no example, nor a sentence that leads to one: {found:?}");
}

/// The public types of a crate that have no example.
fn without(crate_folder: &Path) -> Vec<String> {
    let sources = files(&crate_folder.join("src"), ".rs");
    let comments = comments(&sources);
    let has_block = |name: &str| comments.get(name).is_some_and(|comment| has_rust_block(comment));
    let leads_to_one = |name: &str| {
        let Some(comment) = comments.get(name) else { return false };
        let other = comment.split("See the example of [`").nth(1).and_then(|rest| rest.split('`').next());
        other.is_some_and(has_block)
    };
    let names = exported(&read(&crate_folder.join("src/lib.rs")));
    assert!(names.len() > 30, "{names:?}");
    let names = names.into_iter().filter(|name| comments.contains_key(name));
    names.filter(|name| !has_block(name) && !leads_to_one(name)).collect()
}

/// The names of types that a crate's root exports from its own modules.
fn exported(root: &str) -> Vec<String> {
    let uses = root.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let own = uses.filter(|path| root.contains(&format!("\nmod {};", path.split("::").next().unwrap_or(""))));
    own.flat_map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|name| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase))
        .map(str::to_owned)
        .collect()
}

/// The comment above each public type, and above each public method under the name `Type::method`. What is
/// hidden has none.
fn comments(sources: &[PathBuf]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for text in sources.iter().map(|path| read(path)) {
        let (mut comment, mut owner) = (String::new(), String::new());
        let (mut hidden, mut in_attribute) = (false, false);
        for line in text.lines() {
            let code = line.trim_start();
            if let Some(said) = code.strip_prefix("///") {
                comment.push_str(said.strip_prefix(' ').unwrap_or(said));
                comment.push('\n');
            } else if in_attribute || code.starts_with("#[") {
                hidden |= code == "#[doc(hidden)]";
                in_attribute = !code.ends_with(']');
            } else {
                if line.starts_with("impl") {
                    owner = owner_of(line);
                }
                if let Some(name) = public_name(code).filter(|_| !hidden) {
                    let name = if code == line { name.to_owned() } else { format!("{owner}::{name}") };
                    all.insert(name, std::mem::take(&mut comment));
                }
                comment.clear();
                hidden = false;
            }
        }
    }
    all
}

/// The type that a block of methods is of: `Reader` for `impl<E: Event, S: Storage> Reader<E, S> {`.
fn owner_of(line: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '<') - i32::from(*c == '>');
        depth == 0 && *c != '>'
    };
    let plain: String = line.chars().filter(outside).collect();
    plain.split([' ', '{']).filter(|word| !word.is_empty()).nth(1).unwrap_or_default().to_owned()
}

/// The name of the public type or function that a line begins.
fn public_name(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
    let rest =
        ["struct ", "enum ", "trait ", "type ", "fn "].iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn has_rust_block(comment: &str) -> bool {
    let fences = comment.lines().filter_map(|line| line.strip_prefix("```"));
    fences.step_by(2).any(|kind| ["", "no_run"].contains(&kind))
}

#[test]
fn a_type_without_an_example_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("kinds.rs");
    let text = [
        "/// Has one.\n///\n/// ```\n/// let a = 1;\n/// ```\n#[derive(Debug)]\npub struct One;\n",
        "/// See the example of [`One`].\n#[error(\n    \"a text\"\n)]\npub enum Led {}\n",
        "/// See the example of [`One::first`](One::first).\npub trait Method {}\n",
        "/// See the example of [`Led`].\npub trait Astray {}\n",
        "/// ```text\n/// a picture\n/// ```\npub struct Picture;\n",
        "/// Nobody sees it.\n#[doc(hidden)]\npub struct Hidden;\n",
        "impl<T: Into<u64>> One<T> {\n    /// ```no_run\n    /// ```\n    #[must_use]\n    pub fn first() {}\n}\n",
    ];
    std::fs::write(&source, text.join("\n")).unwrap();
    let comments = comments(&[source]);
    let names: Vec<_> = comments.keys().map(String::as_str).collect();
    assert_eq!(names, ["Astray", "Led", "Method", "One", "One::first", "Picture"]);
    let with: Vec<_> =
        comments.iter().filter(|(_, text)| has_rust_block(text)).map(|(name, _)| name).collect();
    assert_eq!(with, ["One", "One::first"]);
    let root =
        "//! A root.\nmod kinds;\n\npub use kinds::{Led,\n    One, A_CONST, call};\npub use other::Far;\n";
    assert_eq!(exported(root), ["Led", "One"]);
}
