//! Where a value's text ends.

use super::word;

/// What a value's text ends before: two characters, and whatever lies below a space, line ends among them.
///
/// ```
/// use slipring_schema::quick::Stops;
///
/// let stops = Stops::new(b',', b'"');
/// assert_eq!(stops.text_of(b"7,ABC N,5\n", 2), Some("ABC N"));
/// assert_eq!(stops.text_of(b"7,ABC\n", 2), Some("ABC"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stops {
    one: u64,
    other: u64,
}

impl Stops {
    /// Stops at these two.
    pub const fn new(one: u8, other: u8) -> Self {
        Stops { one: word::all(one), other: word::all(other) }
    }

    /// The text from `at` to the first stop, or to its end if there is none; `None` if it is no UTF-8.
    #[inline]
    pub fn text_of<'a>(&self, text: &'a [u8], at: usize) -> Option<&'a str> {
        std::str::from_utf8(text.get(at..self.end(text, at))?).ok()
    }

    /// Where the first stop from `at` on is; the length of the text if there is none.
    #[inline]
    pub(super) fn end(&self, text: &[u8], at: usize) -> usize {
        let mut end = at;
        loop {
            // Behind the text are zeros, which are stops.
            let count = self.first(word::at(text, end));
            end += count;
            if count < 8 {
                return end;
            }
        }
    }

    /// How many bytes of a word lie before the first stop.
    #[inline(always)]
    pub(super) fn first(&self, word: u64) -> usize {
        let stops = word::zeros(word ^ self.one) | word::zeros(word ^ self.other) | word::controls(word);
        word::first(stops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_stop_or_none_wherever_it_lies() {
        let stops = Stops::new(b',', b'"');
        for byte in 0..=255_u8 {
            let is_stop = byte < b' ' || byte == b',' || byte == b'"';
            // What lies behind a stop, and before it, changes nothing.
            for (before, behind) in [(b'a', b','), (b' ', 0x80), (b'!', b'-'), (b'#', 0xff), (0x80, b'+')] {
                for at in 0..17 {
                    let mut text = [behind; 20];
                    text[..at].fill(before);
                    text[at] = byte;
                    let next = if behind == b',' { at + 1 } else { text.len() };
                    assert_eq!(stops.end(&text, 0), if is_stop { at } else { next }, "{byte} at {at}");
                }
            }
        }
        assert_eq!((stops.end(b"", 0), stops.end(b"12345678", 0), stops.end(b"123456789", 1)), (0, 8, 9));
    }
}
