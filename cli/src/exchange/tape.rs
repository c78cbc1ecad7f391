//! The other side: a file of trades that outlives the process and takes each trade once, however often it is
//! sent.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use slipring::bytemuck::{self, Zeroable};
use slipring::{Event, HandlerError, JournalId};

use super::command::Trade;
use super::stage::{Out, TradeKey};

/// A trade with its key, as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Printed {
    pub journal_id: [u8; 16],
    pub sequence: u64,
    pub epoch: u32,
    pub index: u32,
    pub trade: Trade,
}

const BYTES: usize = size_of::<Printed>();

/// A file of trades.
#[derive(Debug)]
pub struct Tape {
    file: File,
    /// The last trade in it.
    last: Option<Printed>,
    doubles: u64,
}

impl Tape {
    /// Opens or makes it, and looks what it has.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.len() / BYTES * BYTES;
        // Power loss may leave part of a trade; it is sent again.
        file.set_len(whole as u64)?;
        let last = bytes[..whole].chunks_exact(BYTES).next_back().map(bytemuck::pod_read_unaligned);
        Ok(Tape { file, last, doubles: 0 })
    }

    /// How many trades came again and were dropped.
    pub fn doubles(&self) -> u64 {
        self.doubles
    }

    /// Every trade of a file.
    pub fn read(path: &Path) -> std::io::Result<Vec<Printed>> {
        let bytes = std::fs::read(path)?;
        let mut trades = vec![Printed::zeroed(); bytes.len() / BYTES];
        let whole = trades.len() * BYTES;
        bytemuck::cast_slice_mut(&mut trades).copy_from_slice(&bytes[..whole]);
        Ok(trades)
    }
}

impl Out for Tape {
    fn trade(&mut self, key: TradeKey, trade: &Trade) -> Result<(), HandlerError> {
        let TradeKey { event, index } = key;
        let JournalId(journal_id) = event.journal_id;
        let printed =
            Printed { journal_id, sequence: event.sequence, epoch: event.epoch, index, trade: *trade };
        if let Some(last) = &self.last {
            if last.journal_id != journal_id {
                return Err("the tape is of another journal".into());
            }
            // Trades come in their order, so what is not behind the last has come before.
            if (printed.sequence, index) <= (last.sequence, last.index) {
                self.doubles += 1;
                return Ok(());
            }
        }
        self.file.write_all(bytemuck::bytes_of(&printed))?;
        self.last = Some(printed);
        Ok(())
    }
}
