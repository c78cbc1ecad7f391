//! What a journal's child process tells the test that kills it, the records that it writes, and what must be
//! there afterwards.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use slipring_journal::__private::storage::Storage;
use slipring_journal::Reader;

use crate::journals::{Note, note, time};

/// A note that says in which life it was written, so that one of an earlier life can't pass for it.
pub fn note_of_round(id: u64, round: u64) -> Note {
    let mut note = note(id);
    note.rest[0] = round;
    note
}

/// What the child says in the pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The journal is open, and ends here.
    Opened(u64),
    /// Every record below is appended.
    Journalled(u64),
    /// Every record below is durable.
    Durable(u64),
}

impl Message {
    /// Bytes of a message: less than a pipe writes at once.
    pub const BYTES: usize = 9;

    /// As it goes into the pipe.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (tag, end) = match self {
            Message::Opened(end) => (0, end),
            Message::Journalled(end) => (1, end),
            Message::Durable(end) => (2, end),
        };
        let mut bytes = [tag; Self::BYTES];
        bytes[1..].copy_from_slice(&end.to_le_bytes());
        bytes
    }

    /// As it comes out of the pipe.
    ///
    /// # Panics
    /// If no child wrote it.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let end = u64::from_le_bytes(bytes[1..].try_into().expect("eight bytes"));
        match bytes[0] {
            0 => Message::Opened(end),
            1 => Message::Journalled(end),
            2 => Message::Durable(end),
            tag => panic!("no message has tag {tag}"),
        }
    }
}

/// A child's life and end.
#[derive(Debug)]
pub struct Life {
    /// Everything that it said.
    pub said: Vec<Message>,
    /// How much of it before its death began.
    pub said_before: usize,
    /// How it ended.
    pub status: ExitStatus,
}

/// Lets a child live for a while, `longest_us` at most once it is open, and after a last act ends it by
/// `die`.
///
/// # Panics
/// If the child, left alone, does not open its journal.
pub fn live_and_die(
    random: &mut fastrand::Rng,
    mut child: Child,
    longest_us: u64,
    last_act: impl FnOnce(),
    die: impl FnOnce(&mut Child),
) -> Life {
    let mut pipe = child.stdout.take().expect("the child's output is piped");
    let mut said = Vec::new();
    let mut message = [0; Message::BYTES];
    // Some die while they start and recover, some as soon as they are open, some later.
    let longest_us = match random.u8(0..4) {
        0 => 4_000,
        kind => {
            pipe.read_exact(&mut message).expect("the child opens the journal");
            said.push(Message::from_bytes(message));
            if kind == 1 { 200 } else { longest_us }
        }
    };
    std::thread::sleep(Duration::from_micros(random.u64(0..longest_us)));
    last_act();
    let waiting = rustix::io::ioctl_fionread(&pipe).expect("a pipe") as usize / Message::BYTES;
    for _ in 0..waiting {
        pipe.read_exact(&mut message).expect("it is there");
        said.push(Message::from_bytes(message));
    }
    let said_before = said.len();
    die(&mut child);
    // A message is written at once or not at all, and stays in the pipe.
    while pipe.read_exact(&mut message).is_ok() {
        said.push(Message::from_bytes(message));
    }
    Life { said, said_before, status: child.wait().expect("the child is ours") }
}

/// What the lives so far say of one journal.
#[derive(Debug, Default)]
pub struct Journalled {
    /// The round in which each record was written.
    pub rounds: Vec<u64>,
}

impl Journalled {
    /// Checks the journal against what was acknowledged in `round`, and takes it as the truth. After power
    /// loss only what was said to be durable must be there.
    ///
    /// # Panics
    /// If one of I1 to I3 does not hold.
    pub fn check<S: Storage>(
        &mut self,
        reader: &mut Reader<Note, S>,
        said: &[Message],
        round: u64,
        power_lost: bool,
    ) {
        let end = reader.end_sequence();
        let before = self.rounds.len() as u64;
        for message in said {
            match *message {
                Message::Journalled(_) if power_lost => {}
                Message::Opened(seen) | Message::Journalled(seen) | Message::Durable(seen) => {
                    assert!(seen <= end, "I2, round {round}: {message:?}, and the journal ends at {end}");
                }
            }
        }
        assert!(end >= before, "I2, round {round}: {before} records were there, now {end}");
        if let Some(Message::Opened(opened)) = said.first() {
            assert_eq!(*opened, before, "I1, round {round}");
        }
        self.rounds.resize(end as usize, round);
        let mut next = 0;
        let mut chunks = reader.chunks(0).expect("from the first");
        while let Some(chunk) = chunks.next_chunk().expect("I1: every record is whole") {
            for record in chunk.records {
                let wanted = note_of_round(next, self.rounds[next as usize]);
                assert_eq!((*record.event(), record.time_ns()), (wanted, time(next)), "I3, round {round}");
                next += 1;
            }
        }
        assert_eq!(next, end);
    }
}
