//! Whether what the program says has no holes: a message that is broken over lines must not keep their
//! indentation. And whether comments are as narrow as code, which a formatter sees to.

use crate::documented::{clone, files, read};

const FOLDERS: [&str; 6] = ["engine", "journal", "cli", "bridges", "bench", "tests"];

#[test]
fn no_message_keeps_the_indentation_of_its_lines() {
    let Some(root) = clone() else { return };
    let sources = FOLDERS.iter().flat_map(|folder| files(&root.join(folder), ".rs"));
    let (mut wrong, mut strings) = (Vec::new(), 0);
    // What tests expect to be shown are tables.
    for source in sources.filter(|source| source.components().any(|part| part.as_os_str() == "src")) {
        for (line, value) in self::strings(&read(&source)) {
            strings += 1;
            if let Some(hole) = hole(&value) {
                wrong.push(format!("{}:{line}: {hole:?}", source.display()));
            }
        }
    }
    assert!(strings > 3_000, "{strings} strings");
    assert!(wrong.is_empty(), "end a line with `\\`, which takes what follows away:\n{}", wrong.join("\n"));
}

/// A place where spaces follow each other in a sentence, or a line that is indented like code. Spaces behind
/// the first word of a line or beside what is filled in are the columns of a table.
fn hole(value: &str) -> Option<&str> {
    for (index, line) in value.split('\n').enumerate() {
        let words = line.trim_start_matches(' ');
        if index > 0 && line.len() - words.len() >= 12 && !words.is_empty() {
            return Some(line);
        }
        let mut at = 0;
        while let Some(found) = words[at..].find("  ") {
            let (before, behind) = words.split_at(at + found);
            let behind = behind.trim_start_matches(' ');
            let goes_on = behind.starts_with(|c: char| c.is_alphanumeric() || "'`\"(".contains(c));
            if goes_on && before.contains(' ') && !before.ends_with(['}', ']']) {
                return Some(line);
            }
            at = words.len() - behind.len();
        }
    }
    None
}

/// The strings of a source, each with the line that it begins on. Raw ones are left out: they are laid out as
/// they are meant.
fn strings(source: &str) -> Vec<(usize, String)> {
    let mut strings = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['/', '\'', 'r', '"']) {
        rest = &rest[at..];
        let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with('r') && rest[1 + hashes..].starts_with('"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            rest[body..].find(&closing).map_or(rest.len(), |end| body + end + closing.len())
        } else if rest.starts_with("'\\") {
            rest[3..].find('\'').map_or(rest.len(), |end| 3 + end + 1)
        } else if rest.starts_with('\'') {
            // A lifetime has no second quotation mark.
            let mut characters = rest.char_indices().skip(2);
            characters.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
        } else if let Some(behind) = rest.strip_prefix('"') {
            let (value, end) = string(behind);
            let line = source[..source.len() - rest.len()].matches('\n').count() + 1;
            strings.push((line, value));
            1 + end
        } else {
            1
        };
        rest = &rest[end..];
    }
    strings
}

/// The value of the string whose first character this is, and where what is behind it begins.
fn string(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, at + 1),
            '\\' => match characters.next() {
                Some((_, '\n')) => while characters.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => value.push('\n'),
                Some((_, other)) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (value, text.len())
}

#[test]
fn no_comment_is_wider_than_110_columns() {
    let Some(root) = clone() else { return };
    let mut wrong = Vec::new();
    for source in FOLDERS.iter().flat_map(|folder| files(&root.join(folder), ".rs")) {
        for (index, line) in read(&source).lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            // An address can't be broken.
            if is_comment && line.chars().count() > 110 && !line.contains("https://") {
                wrong.push(format!("{}:{}", source.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_message_with_a_hole_is_found() {
    let source = r####"
        // A comment with "a  string   in it", and a lifetime: 'a "
        let (quote, escape, wide) = ('"', '\'', '→');
        let raw = r#"laid "out":    as   meant"#;
        let fine = "one thought, \
                    no hole";
        let table = "journal     {}\n  {name}  {fill:>21}  epoch {epoch}\n  0  fine";
        let kept = "use letters, digits,
                    or a dash";
        let joined = "use letters, digits,          or a dash";
        let typed = "two words  and more";
    "####;
    let found = strings(source);
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5, 7, 8, 10, 11]);
    assert_eq!(found[0].1, "one thought, no hole");
    let holes: Vec<_> =
        found.iter().filter(|(_, value)| hole(value).is_some()).map(|(line, _)| *line).collect();
    assert_eq!(holes, [8, 10, 11]);
}
