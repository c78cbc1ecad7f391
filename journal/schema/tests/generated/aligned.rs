// Written by slipring from the schema `Feed`.
// With the crate `slipring` alone, write `slipring::Event` for `slipring_journal::Event`.

/// The event `Feed`. By tag: 1 Word, 2 Words.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[event(name = "Feed")]
#[repr(u32)]
pub enum Feed {
    /// Tag 1.
    Word(u64) = 1,
    /// Tag 2.
    Words(Words) = 2,
}

/// The value of `Words`.
#[derive(Clone, Copy, Debug, slipring_journal::Event)]
#[repr(C, align(16))]
pub struct Words {
    /// The field `a`.
    pub a: u64,
    /// The field `b`.
    pub b: u64,
}
