//! Text that fits the terminal it is shown on. A file or a pipe has no width, and gets lines as they are.

use std::io::IsTerminal;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns are two blanks apart.
const GAP: usize = 2;
/// Words that stand in front of a line's text take so many columns at most.
const MOST_INDENT: usize = 12;

/// How many characters fit in a line of the standard output; `None` where it is no terminal.
pub(crate) fn width() -> Option<usize> {
    let out = std::io::stdout();
    let size = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    out.is_terminal().then(size).flatten().filter(|width| *width > 0)
}

/// Columns of the terminal that progress is shown on, the standard error; it may get others at any moment.
pub(crate) fn progress_columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok().filter(|size| size.ws_col > 0).map_or(80, |size| size.ws_col.into())
}

/// What of a text fits into one line. One column stays free: some terminals begin another line when the last
/// one is taken.
pub(crate) fn cut(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let is_beyond = |character: char| {
        used += character.width().unwrap_or(0);
        used >= columns
    };
    text.find(is_beyond).map_or(text, |end| &text[..end])
}

/// A line broken at blanks: what did not fit comes below the text that it belongs to. A word that is wider
/// than a line is broken where the line ends.
pub(crate) fn wrapped(line: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| line.width() > *width) else { return line.to_owned() };
    let text_at = line.find("  ").map_or(0, |at| at + line[at..].len() - line[at..].trim_start().len());
    let indent = Some(text_at).filter(|at| *at <= MOST_INDENT && 2 * at <= width).unwrap_or(0);
    let (mut text, mut used) = (line[..indent].to_owned(), indent);
    for word in line[indent..].split_inclusive(' ') {
        let needed = word.trim_end().width();
        if used > indent && used + needed > width {
            text.truncate(text.trim_end().len());
            text.push_str(&format!("\n{:indent$}", ""));
            used = indent;
        }
        for character in word.chars() {
            let wide = character.width().unwrap_or(0);
            if character == ' ' && used + wide > width {
                continue;
            }
            if used + wide > width {
                text.push_str(&format!("\n{:indent$}", ""));
                used = indent;
            }
            text.push(character);
            used += wide;
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// How many of these columns fit, from the left; two at least.
pub(crate) fn fitting(widths: &[usize], width: Option<usize>) -> usize {
    let Some(width) = width else { return widths.len() };
    let mut end = 0;
    let ends = widths.iter().map(|column| {
        // One that is empty is not shown.
        end += if *column > 0 { column + GAP } else { 0 };
        end.saturating_sub(GAP)
    });
    ends.take_while(|end| *end <= width).count().max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_comes_below_its_text() {
        let line = "times       journal at 2026-11-28T21:32:00.548Z; 0 events came";
        assert_eq!(wrapped(line, None), line);
        assert_eq!(wrapped(line, Some(62)), line);
        let below = " ".repeat(12);
        let narrow =
            format!("times       journal at\n{below}2026-11-28T21:32:00.548Z; 0\n{below}events came");
        assert_eq!(wrapped(line, Some(40)), narrow);
        assert_eq!(wrapped("engine      journal", Some(14)), "engine\njournal");
        assert_eq!(wrapped("abcdefgh", Some(3)), "abc\ndef\ngh");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let line = "stalls      ring full: 0 waits, \u{4e2d}\u{6587}; journal: 0 for a segment, a-word-that-is-very-long";
        for width in 2..120 {
            let text = wrapped(line, Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}\n{text}");
            let blanks = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(blanks(&text), blanks(line), "{width}\n{text}");
        }
    }

    #[test]
    fn progress_is_cut_before_the_last_column() {
        assert_eq!((cut("abcdef", 7), cut("abcdef", 6), cut("abcdef", 0)), ("abcdef", "abcde", ""));
        assert_eq!(cut("\u{4e2d}\u{6587}", 4), "\u{4e2d}");
    }

    #[test]
    fn columns_are_left_out_from_the_right() {
        let widths = [9, 4, 6, 3, 0, 5];
        assert_eq!(fitting(&widths, None), 6);
        assert_eq!(fitting(&widths, Some(35)), 6);
        assert_eq!(fitting(&widths, Some(34)), 5);
        assert_eq!(fitting(&widths, Some(20)), 2);
        assert_eq!(fitting(&widths, Some(1)), 2);
    }
}
