//! Patterns as SQL has them: `%` is any text, `_` any character.

use super::syntax::Like;

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Byte(u8),
    AnyCharacter,
    AnyText,
}

/// A pattern's parts. A backslash takes `%`, `_` and itself as they are.
pub(super) fn pieces(text: &str, how: Like) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(text.len() + 2);
    if matches!(how, Like::EndsWith | Like::Contains) {
        pieces.push(Piece::AnyText);
    }
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        pieces.push(match byte {
            _ if how != Like::Pattern => Piece::Byte(byte),
            b'%' => Piece::AnyText,
            b'_' => Piece::AnyCharacter,
            b'\\' => Piece::Byte(bytes.next_if(|next| matches!(next, b'%' | b'_' | b'\\')).unwrap_or(byte)),
            byte => Piece::Byte(byte),
        });
    }
    if matches!(how, Like::StartsWith | Like::Contains) {
        pieces.push(Piece::AnyText);
    }
    // Two of them are as one.
    pieces.dedup_by(|a, b| *a == Piece::AnyText && *b == Piece::AnyText);
    pieces
}

/// The bytes of a pattern that has no place for others but, maybe, its end; and whether it has that.
pub(super) fn prefix(pieces: &[Piece]) -> Option<(Vec<u8>, bool)> {
    let (pieces, is_open) = match pieces {
        [before @ .., Piece::AnyText] => (before, true),
        all => (all, false),
    };
    let byte = |piece: &Piece| match piece {
        Piece::Byte(byte) => Some(*byte),
        _ => None,
    };
    Some((pieces.iter().map(byte).collect::<Option<_>>()?, is_open))
}

/// Whether the text is of the pattern. Bytes that are no UTF-8 count as a character each.
pub(super) fn matches(pieces: &[Piece], text: &[u8]) -> bool {
    let (mut piece, mut at) = (0, 0);
    // Where to go on if what follows the last `%` does not fit: that `%` takes a character more.
    let mut again = None;
    while at < text.len() || piece < pieces.len() {
        match pieces.get(piece) {
            Some(Piece::AnyText) => {
                again = Some((piece, at));
                piece += 1;
                continue;
            }
            Some(Piece::AnyCharacter) if at < text.len() => {
                at += character(&text[at..]);
                piece += 1;
                continue;
            }
            Some(Piece::Byte(byte)) if text.get(at) == Some(byte) => {
                at += 1;
                piece += 1;
                continue;
            }
            _ => {}
        }
        let Some((star, from)) = again.filter(|(_, from)| *from < text.len()) else { return false };
        let next = from + character(&text[from..]);
        again = Some((star, next));
        (piece, at) = (star + 1, next);
    }
    true
}

/// The bytes of the first character.
fn character(text: &[u8]) -> usize {
    let wanted = match text[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    match text.get(..wanted) {
        Some(bytes) if std::str::from_utf8(bytes).is_ok() => wanted,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (pattern, text, is_one) in [
            ("A%", "AAPL", true),
            ("A%", "A", true),
            ("A%", "BA", false),
            ("%A", "BA", true),
            ("%A", "AB", false),
            ("%AP%", "AAPL", true),
            ("A_P%", "AAPL", true),
            ("A_", "A", false),
            ("_", "\u{e9}", true),
            ("__", "\u{e9}", false),
            ("%", "", true),
            ("", "", true),
            ("", "A", false),
            ("%a%b%c", "xaybzc", true),
            ("%a%b%c", "xaybz", false),
            ("%ab", "aab", true),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
            ("a\\\\b", "a\\b", true),
            ("a\\b", "a\\b", true),
        ] {
            assert_eq!(matches(&pieces(pattern, Like::Pattern), text.as_bytes()), is_one, "{pattern} {text}");
        }
        assert!(matches(&pieces("%", Like::EndsWith), b"100%"));
        assert!(!matches(&pieces("%", Like::StartsWith), b"100%"));
        assert!(matches(&pieces("0%", Like::Contains), b"100% "));
        assert!(matches(&pieces("_", Like::Pattern), &[0xff]));
        assert_eq!(prefix(&pieces("ab%", Like::Pattern)), Some((b"ab".to_vec(), true)));
        assert_eq!(prefix(&pieces("ab", Like::Pattern)), Some((b"ab".to_vec(), false)));
        assert_eq!(prefix(&pieces("a%b", Like::Pattern)), None);
    }
}
