//! Text that comes from files and arguments, made fit to be shown. A name may hold what moves a terminal's
//! cursor, renames its window, or turns the order of what is read round; here it becomes what it is written
//! as in Rust: `\u{1b}`. In JSON it becomes an escape of JSON, so that nothing is lost.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use crate::fitted;

/// Whether a character is an order to whatever shows it: controls, marks of direction, what has no width.
fn is_order(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if is_order(character) && !keep(character) {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// A name, a cause: what belongs into one line.
pub fn line(text: &str) -> String {
    escaped(text, |_| false)
}

/// A message of several lines.
pub fn lines(text: &str) -> String {
    escaped(text, |character| character == '\n')
}

/// A path; bytes that are no UTF-8 become U+FFFD.
pub fn path(path: &Path) -> String {
    line(&path.to_string_lossy())
}

/// A path in JSON, where [`json`] escapes it.
pub(crate) fn path_value(path: &Path) -> serde_json::Value {
    path.to_string_lossy().into()
}

/// A value as JSON, in one line of which a terminal shows every character.
///
/// # Errors
/// If it can't be said in JSON.
pub fn json(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(escaped_json(&serde_json::to_string(value)?))
}

/// JSON in which a terminal shows every character.
pub(crate) fn escaped_json(text: &str) -> String {
    if !text.chars().any(is_order) {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if is_order(character) {
            // Such a character can only lie in a string: all others of JSON are printable.
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Says something on the standard error. Where nobody listens there is nobody to tell that.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", lines(text));
}

/// Says on the standard error how far something is, over what was said before, as much as a line has room
/// for: what is written over must not be two lines.
pub fn progress(text: &str) {
    let text = line(text);
    let _ = write!(io::stderr(), "\r\x1b[K{}", fitted::cut(&text, fitted::progress_columns()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\r\n\u{7f}\u{9b}31m\u{202e}txt\u{e0041}é";

    #[test]
    fn orders_to_a_terminal_are_written_out() {
        assert_eq!(line(HOSTILE), "a\\u{1b}[2J\\r\\n\\u{7f}\\u{9b}31m\\u{202e}txt\\u{e0041}é");
        assert_eq!(lines("a\nb\tc"), "a\nb\\tc");
        assert_eq!(line("plain: ünïcode 日本"), "plain: ünïcode 日本");
    }

    #[test]
    fn json_says_the_same_in_characters_that_show() {
        let text = json(&serde_json::json!({ HOSTILE: [HOSTILE, 1] })).unwrap();
        assert!(!text.chars().any(is_order), "{text}");
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back[HOSTILE][0], HOSTILE);
    }

    #[test]
    fn a_path_that_is_no_utf_8_is_text() {
        use std::os::unix::ffi::OsStrExt;
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"a\xff\x1bb"));
        assert_eq!(path(odd), "a\u{fffd}\\u{1b}b");
        assert_eq!(path_value(odd), "a\u{fffd}\u{1b}b");
    }
}
