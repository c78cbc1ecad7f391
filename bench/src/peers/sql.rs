//! SQLite, bundled: write-ahead log, `synchronous = NORMAL` (a commit is written but not synced, as journalled is),
//! transactions of `N` events. The time is the primary key.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::event::Order;
use crate::peers::{Peer, Take, time_of};

pub struct Sqlite<const N: u64>(Connection);

impl<const N: u64> Peer for Sqlite<N> {
    const BATCH: u64 = N;

    fn create(folder: &Path) -> Self {
        let connection = Connection::open(folder.join("events.sqlite")).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 CREATE TABLE events (time INTEGER PRIMARY KEY, id INTEGER, price INTEGER, quantity INTEGER,
                                      side INTEGER, rest BLOB);",
            )
            .expect("a table");
        Sqlite(connection)
    }

    fn append(&mut self, first: u64, count: u64) {
        self.0.execute_batch("BEGIN").expect("a transaction");
        {
            let mut insert = self
                .0
                .prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
                .expect("a statement");
            for n in first..first + count {
                let event = Order::nth(n);
                let rest: &[u8] = bytemuck::bytes_of(&event.rest);
                insert
                    .execute(params![
                        time_of(n) as i64,
                        event.id as i64,
                        event.price,
                        event.quantity,
                        event.side,
                        rest
                    ])
                    .expect("room on the disk");
            }
        }
        self.0.execute_batch("COMMIT").expect("room on the disk");
    }

    fn sync(&mut self) {
        // A checkpoint syncs the log and then the database.
        self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a disk that syncs");
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let mut select = self
            .0
            .prepare_cached(
                "SELECT id, price, quantity, side, rest FROM events WHERE time >= ?1 ORDER BY time",
            )
            .expect("a statement");
        let mut rows = select.query(params![time_ns as i64]).expect("a query");
        while let Some(row) = rows.next().expect("what was written") {
            let rest = row.get_ref(4).expect("a column").as_blob().expect("a blob");
            let event = Order {
                id: row.get::<_, i64>(0).expect("a column") as u64,
                price: row.get(1).expect("a column"),
                quantity: row.get(2).expect("a column"),
                side: row.get(3).expect("a column"),
                rest: bytemuck::pod_read_unaligned(rest),
            };
            if take(&event).is_break() {
                return;
            }
        }
    }
}
