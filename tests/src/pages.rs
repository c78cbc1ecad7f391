//! Pages whose code is run. A page is done in a folder of its own, block after block:
//!
//! ```text
//! sh                          is run by `sh -eu`; what it prints is kept
//! text, right behind a sh     is what that must print; `..` stands for what differs from run to run
//! csv title:events.csv        is written to that file, whatever the language
//! sh needs:slipring-columns   is left out where there is no such command, with what it prints; `a,b` for two
//! sh by-hand                  is never run: it builds for minutes, or measures
//! ```
//! All other blocks are passed over; the tutorial's `console` is for `tests/tests/command/tutorial.rs`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A block hangs if it takes longer.
const PATIENCE_SECONDS: &str = "300";

/// A fenced block of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The line of its fence, from 1.
    pub line: usize,
    /// The first word behind the fence.
    pub language: &'a str,
    /// `title:`: the file that it is.
    pub title: Option<&'a str>,
    /// `needs:`: commands without which it can't run.
    pub needs: Vec<&'a str>,
    /// `by-hand`: for people alone.
    pub is_by_hand: bool,
    /// What stands in it.
    pub text: String,
    /// Nothing but empty lines is between it and the block before.
    pub is_right_behind: bool,
}

/// All blocks of a page.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    let mut is_right_behind = false;
    for (n, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), is_open) {
            (Some(info), false) => {
                let mut words = info.split_whitespace();
                let language = words.next().unwrap_or_default();
                let said = |name: &str| words.clone().find_map(|word| word.strip_prefix(name));
                let title = said("title:");
                let needs = said("needs:").map_or(Vec::new(), |names| names.split(',').collect());
                blocks.push(Block {
                    line: n + 1,
                    language,
                    title,
                    needs,
                    is_by_hand: words.clone().any(|word| word == "by-hand"),
                    text: String::new(),
                    is_right_behind,
                });
                is_open = true;
            }
            (Some(_), true) => (is_open, is_right_behind) = (false, true),
            (None, true) => {
                let text = &mut blocks.last_mut().expect("one is open").text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) => is_right_behind &= line.trim().is_empty(),
        }
    }
    blocks
}

/// Whether a text is as a page says. In a line `..` stands for any characters, a line of it alone for any
/// lines.
pub fn is_as_said(said: &str, printed: &str) -> bool {
    let said: Vec<&str> = said.trim_end().lines().collect();
    let printed: Vec<&str> = printed.trim_end().lines().collect();
    are_lines_as_said(&said, &printed)
}

fn are_lines_as_said(said: &[&str], printed: &[&str]) -> bool {
    match (said, printed) {
        ([], _) => printed.is_empty(),
        (["..", rest @ ..], _) => (0..=printed.len()).any(|n| are_lines_as_said(rest, &printed[n..])),
        ([line, rest @ ..], [first, behind @ ..]) => {
            is_line_as_said(line, first) && are_lines_as_said(rest, behind)
        }
        (_, []) => false,
    }
}

fn is_line_as_said(said: &str, printed: &str) -> bool {
    let parts: Vec<&str> = said.split("..").collect();
    let [first, middle @ .., last] = parts.as_slice() else { return said == printed };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What was done of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Blocks that were run.
    pub blocks: usize,
    /// Texts that were compared.
    pub compared: usize,
    /// Blocks that were left out, by line, and what they need.
    pub left_out: Vec<(usize, String)>,
}

/// Commands by name, and the files that they are.
pub type Commands = [(&'static str, PathBuf)];

/// Does what a page says, with these commands in front of all others.
///
/// # Errors
/// At the first block that fails, or prints something else; with its line.
pub fn run(page: &str, commands: &Commands) -> Result<Ran, String> {
    let (folder, bin) = (tempfile::tempdir().unwrap(), bin(commands)?);
    let mut ran = Ran::default();
    let mut printed = None;
    for block in blocks(page) {
        let at = |what: String| format!("line {}: {what}", block.line);
        if let Some(title) = block.title {
            if title.contains('/') {
                return Err(at(format!("{title} is not in the page's folder")));
            }
            fs::write(folder.path().join(title), &block.text).map_err(|error| at(error.to_string()))?;
        } else if block.language == "sh" && !block.is_by_hand {
            printed = match block.needs.iter().find(|name| !is_there(name, commands)) {
                Some(needs) => {
                    ran.left_out.push((block.line, (*needs).to_owned()));
                    None
                }
                None => {
                    ran.blocks += 1;
                    Some(shell(&block.text, folder.path(), bin.path()).map_err(at)?)
                }
            };
            continue;
        } else if let ("text", true, Some(printed)) = (block.language, block.is_right_behind, &printed) {
            ran.compared += 1;
            if !is_as_said(&block.text, printed) {
                return Err(at(format!("the page says\n{}\nand it printed\n{printed}", block.text)));
            }
        }
        printed = None;
    }
    Ok(ran)
}

/// A folder in which these commands are found.
///
/// # Errors
/// There can be none.
pub fn bin(commands: &Commands) -> Result<TempDir, String> {
    let bin = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (name, file) in commands {
        symlink(file, bin.path().join(name)).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(bin)
}

/// Whether a command is one of these, or in the path.
fn is_there(name: &str, commands: &Commands) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    commands.iter().any(|(known, _)| *known == name)
        || std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs a script, the commands of a folder in front of all others, and gives what it printed, errors too, as
/// a terminal would show it.
///
/// # Errors
/// A command of it that fails, with what was printed.
pub fn shell(script: &str, folder: &Path, bin: &Path) -> Result<String, String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("timeout")
        .args([PATIENCE_SECONDS, "sh", "-euc", &format!("exec 2>&1\n{script}")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", bin.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("sh: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(printed) } else { Err(format!("{}\n{script}\n{printed}", output.status)) }
}

#[cfg(test)]
mod tests {
    use super::{Commands, Ran, blocks, is_as_said, run};

    const NONE: &Commands = &[];

    #[test]
    fn blocks_are_found_with_what_is_said_of_them() {
        let page = "a\n```toml title:a.toml\nx = 1\n```\n\n```text\ny\n```\nwords\n```text\n```\n";
        let found = blocks(page);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].line, found[0].title, found[0].text.as_str()), (2, Some("a.toml"), "x = 1\n"));
        assert_eq!(found.iter().map(|block| block.is_right_behind).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn dots_stand_for_what_differs() {
        for (said, printed) in
            [("a in .. ms", "a in 12 ms\n"), ("a\n..\nz", "a\nb\nc\nz"), ("a\n..", "a"), ("x", "x\n")]
        {
            assert!(is_as_said(said, printed), "{said:?} {printed:?}");
        }
        for (said, printed) in
            [("a in .. ms", "a in 12 s"), ("a\n..\nz", "a\nb"), ("a", "a\nb"), ("a\nb", "a"), ("a..a", "a")]
        {
            assert!(!is_as_said(said, printed), "{said:?} {printed:?}");
        }
    }

    #[test]
    fn a_page_that_says_what_happens_is_fine() {
        let page = "```csv title:a.csv\n1,2\n```\n\n```sh\nn=3\ncat a.csv; echo $n >&2\n```\n\n```text\n1,2\n3\n```\n\
                    ```sh needs:nothing-like-this\nnothing-like-this\n```\n```text\nx\n```\n\
                    ```sh by-hand\nfalse\n```\n```text\nx\n```\n";
        let left_out = vec![(14, "nothing-like-this".to_owned())];
        assert_eq!(run(page, NONE), Ok(Ran { blocks: 1, compared: 1, left_out }));
    }

    #[test]
    fn a_page_that_is_wrong_is_refused_with_the_line() {
        for (page, line) in [
            ("```sh\necho 1\n```\n```text\n2\n```\n", "line 4"),
            ("\n```sh\nfalse\necho 1\n```\n", "line 2"),
            ("```sh\necho $nobody_has_set_this\n```\n", "line 1"),
            ("```csv title:../a.csv\n1\n```\n", "line 1"),
        ] {
            let error = run(page, NONE).unwrap_err();
            assert!(error.starts_with(line), "{error}");
        }
    }
}
