//! Values of JSON that stand without quotes.

/// The bytes of the number that `text` begins with, as JSON writes it: no zero before other digits, digits on
/// both sides of a point. `None` if it begins with none.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let count = text.get(from..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let start = usize::from(text.first() == Some(&b'-'));
    if has_zero_before(text, start) {
        return None;
    }
    let mut end = digits(start)?;
    if text.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let has_sign = matches!(text.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(has_sign))?;
    }
    Some(end)
}

/// Whether the digits that begin at `at` begin with a zero that says nothing.
#[inline(always)]
pub(super) fn has_zero_before(text: &[u8], at: usize) -> bool {
    text.get(at) == Some(&b'0') && text.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// As [`number`], or `true`, `false` or `null`.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<usize> {
    let words = [&b"true"[..], b"false", b"null"];
    number(text).or_else(|| words.iter().find(|word| text.starts_with(word)).map(|word| word.len()))
}
