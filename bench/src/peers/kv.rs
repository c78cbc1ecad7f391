//! Embedded stores of keys and values: `redb` (a B-tree) and `fjall` (a log-structured merge tree). The key
//! is the time.

use std::path::Path;

use redb::{Database, Durability, TableDefinition};

use crate::event::Order;
use crate::peers::{Peer, Take, time_of};

const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");

fn order(bytes: &[u8]) -> Order {
    bytemuck::pod_read_unaligned(bytes)
}

pub struct Redb(Database);

impl Redb {
    fn write(&mut self, durability: Durability, first: u64, count: u64) {
        let mut transaction = self.0.begin_write().expect("a transaction");
        transaction.set_durability(durability);
        {
            let mut table = transaction.open_table(EVENTS).expect("the table");
            for n in first..first + count {
                let event = Order::nth(n);
                table.insert(time_of(n), bytemuck::bytes_of(&event)).expect("room on the disk");
            }
        }
        transaction.commit().expect("room on the disk");
    }
}

impl Peer for Redb {
    fn create(folder: &Path) -> Self {
        Redb(Database::create(folder.join("events.redb")).expect("a database"))
    }

    fn append(&mut self, first: u64, count: u64) {
        // The weakest that it has: kept in memory until the next durable commit, so weaker than journalled.
        self.write(Durability::None, first, count);
    }

    fn sync(&mut self) {
        self.write(Durability::Immediate, 0, 0);
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let transaction = self.0.begin_read().expect("a transaction");
        let table = transaction.open_table(EVENTS).expect("the table");
        for entry in table.range(time_ns..).expect("a range") {
            let (_, value) = entry.expect("what was written");
            if take(&order(value.value())).is_break() {
                return;
            }
        }
    }
}

pub struct Fjall {
    keyspace: fjall::Keyspace,
    events: fjall::PartitionHandle,
}

impl Peer for Fjall {
    fn create(folder: &Path) -> Self {
        let keyspace = fjall::Config::new(folder.join("fjall")).open().expect("a keyspace");
        let events =
            keyspace.open_partition("events", fjall::PartitionCreateOptions::default()).expect("a partition");
        Fjall { keyspace, events }
    }

    fn append(&mut self, first: u64, count: u64) {
        let mut batch = self.keyspace.batch();
        for n in first..first + count {
            let event = Order::nth(n);
            batch.insert(&self.events, time_of(n).to_be_bytes(), bytemuck::bytes_of(&event));
        }
        batch.commit().expect("room on the disk");
    }

    fn flush(&mut self) {
        self.keyspace.persist(fjall::PersistMode::Buffer).expect("room on the disk");
    }

    fn sync(&mut self) {
        self.keyspace.persist(fjall::PersistMode::SyncAll).expect("a disk that syncs");
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        for entry in self.events.range(time_ns.to_be_bytes()..) {
            let (_, value) = entry.expect("what was written");
            if take(&order(&value)).is_break() {
                return;
            }
        }
    }
}
