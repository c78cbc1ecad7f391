//! Rows on their way into columns: one loop over all of them for each.

use slipring_schema::Row;

/// Rows whose events are of one table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'a>(&'a [Row<'a>]);

impl<'a> Records<'a> {
    /// # Panics
    /// If an event has not so many bytes.
    pub(crate) fn new(rows: &'a [Row<'a>], event_bytes: usize) -> Self {
        let is_whole = |row: &Row<'_>| row.event.len() == event_bytes;
        assert!(rows.iter().all(is_whole), "bytes of an event, by the table");
        Records(rows)
    }

    /// The rows, in order.
    pub(crate) fn rows(&self) -> &'a [Row<'a>] {
        self.0
    }

    /// Calls `take` with the bytes at `offset` in every event: `items` times `N` bytes that lie one behind
    /// the other. Where `present` says no, they are zeros.
    #[inline(always)]
    pub(crate) fn each<const N: usize>(
        &self,
        offset: usize,
        items: usize,
        present: Option<&[bool]>,
        mut take: impl FnMut([u8; N]),
    ) {
        for (index, row) in self.0.iter().enumerate() {
            let is_there = present.is_none_or(|present| present[index]);
            for item in 0..items {
                take(if is_there { fixed(&row.event[offset + item * N..]) } else { [0; N] });
            }
        }
    }

    /// As [`Records::each`], for items whose size is known only now; `None` where they are not there.
    pub(crate) fn each_slice(
        &self,
        offset: usize,
        items: usize,
        bytes: usize,
        present: Option<&[bool]>,
        mut take: impl FnMut(usize, Option<&'a [u8]>),
    ) {
        for (index, row) in self.0.iter().enumerate() {
            let is_there = present.is_none_or(|present| present[index]);
            for item in 0..items {
                take(index, is_there.then(|| &row.event[offset + item * bytes..][..bytes]));
            }
        }
    }
}

#[inline(always)]
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}
