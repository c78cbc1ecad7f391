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
    /// As the schema has it.
    pub a: u64,
    /// As the schema has it.
    pub b: u64,
}
