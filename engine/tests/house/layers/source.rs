//! What a source file imports: the names that its paths take at the crate's root.

use std::ops::Range;
use std::path::Path;

/// The module that a file is, from the root on; empty for the root itself.
pub(super) fn module_of(path: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

/// A source without comments, texts and what is for tests alone: they become spaces, so that places stay.
pub(super) fn code_of(source: &str) -> String {
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
pub(super) fn roots(code: &str, crate_name: &str, module: &[String]) -> Vec<(usize, String)> {
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
