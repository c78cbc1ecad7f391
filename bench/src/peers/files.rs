//! Plain files behind a `BufWriter`: JSON lines, and postcard records one behind the other. Neither can be
//! searched, so a replay by time reads from the start.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::Order;
use crate::peers::{Peer, Take, time_of};

#[derive(Serialize, Deserialize)]
struct Entry {
    time_ns: u64,
    id: u64,
    price: i64,
    quantity: u32,
    side: u32,
    rest: [u64; 3],
}

impl Entry {
    fn nth(n: u64) -> Self {
        let Order { id, price, quantity, side, rest } = Order::nth(n);
        Entry { time_ns: time_of(n), id, price, quantity, side, rest }
    }

    fn order(&self) -> Order {
        let Entry { id, price, quantity, side, rest, .. } = *self;
        Order { id, price, quantity, side, rest }
    }
}

const BUFFER_BYTES: usize = 1 << 16;

fn writer(path: &Path) -> BufWriter<File> {
    BufWriter::with_capacity(BUFFER_BYTES, File::create(path).expect("a file"))
}

fn sync(writer: &mut BufWriter<File>) {
    writer.flush().expect("room on the disk");
    writer.get_ref().sync_all().expect("a disk that syncs");
}

pub struct JsonLines {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl Peer for JsonLines {
    fn create(folder: &Path) -> Self {
        let path = folder.join("events.jsonl");
        JsonLines { writer: writer(&path), path }
    }

    fn append(&mut self, first: u64, count: u64) {
        for n in first..first + count {
            serde_json::to_writer(&mut self.writer, &Entry::nth(n)).expect("room on the disk");
            self.writer.write_all(b"\n").expect("room on the disk");
        }
    }

    fn flush(&mut self) {
        self.writer.flush().expect("room on the disk");
    }

    fn sync(&mut self) {
        sync(&mut self.writer);
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let file = File::open(&self.path).expect("the file");
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).expect("a readable file") == 0 {
                return;
            }
            let entry: Entry = serde_json::from_slice(&line).expect("what was written");
            if entry.time_ns >= time_ns && take(&entry.order()).is_break() {
                return;
            }
        }
    }
}

pub struct Postcard {
    path: PathBuf,
    writer: BufWriter<File>,
}

/// More than the longest record: seven numbers of at most ten bytes.
const RECORD_BYTES: usize = 80;

impl Peer for Postcard {
    fn create(folder: &Path) -> Self {
        let path = folder.join("events.postcard");
        Postcard { writer: writer(&path), path }
    }

    fn append(&mut self, first: u64, count: u64) {
        let mut record = [0; RECORD_BYTES];
        for n in first..first + count {
            let bytes = postcard::to_slice(&Entry::nth(n), &mut record).expect("room for a record");
            self.writer.write_all(bytes).expect("room on the disk");
        }
    }

    fn flush(&mut self) {
        self.writer.flush().expect("room on the disk");
    }

    fn sync(&mut self) {
        sync(&mut self.writer);
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        // Whole blocks, decoded in place; a record cut by the end of a block is moved to the front of the
        // next.
        let mut file = File::open(&self.path).expect("the file");
        let mut block = vec![0; 1 << 20];
        let mut held = 0;
        loop {
            let read = file.read(&mut block[held..]).expect("a readable file");
            let filled = held + read;
            let mut at = 0;
            while filled - at >= RECORD_BYTES || (read == 0 && at < filled) {
                let (entry, rest) =
                    postcard::take_from_bytes::<Entry>(&block[at..filled]).expect("what was written");
                at = filled - rest.len();
                if entry.time_ns >= time_ns && take(&entry.order()).is_break() {
                    return;
                }
            }
            block.copy_within(at..filled, 0);
            held = filled - at;
            if read == 0 {
                return;
            }
        }
    }
}
