//! SQLite, bundled, set up for this work: one writer, a row of the time (its key) and the event's bytes, as
//! the other stores have; write-ahead log, `synchronous = OFF`, so that a commit is written but nothing is
//! synced until `sync` is called (it survives the death of the process, as journalled does); the database
//! mapped, the connection alone with it.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, params};

use crate::event::Order;
use crate::peers::{Peer, Take, time_of};

/// Mapped up to 2 GiB (SQLite's own limit), 64 MiB of pages cached. Exclusive before the log, so that its
/// index is in the process's own memory.
const SETTINGS: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; \
                        PRAGMA mmap_size = 2147418112; PRAGMA cache_size = -65536; \
                        CREATE TABLE events (time INTEGER PRIMARY KEY, event BLOB NOT NULL);";

pub struct Sqlite<const N: u64> {
    // First, so that it is closed first: closing the file gives up the process's locks on it.
    connection: Connection,
    file: File,
}

impl<const N: u64> Peer for Sqlite<N> {
    const BATCH: u64 = N;

    fn create(folder: &Path) -> Self {
        let path = folder.join("events.sqlite");
        let file = File::create_new(&path).expect("an empty folder");
        let connection = Connection::open(path).expect("a database");
        connection.execute_batch(SETTINGS).expect("a table");
        Sqlite { connection, file }
    }

    fn append(&mut self, first: u64, count: u64) {
        let run = |sql: &str| {
            self.connection.prepare_cached(sql).expect("a statement").execute([]).expect("room on the disk");
        };
        run("BEGIN");
        {
            let insert = "INSERT INTO events VALUES (?1, ?2)";
            let mut insert = self.connection.prepare_cached(insert).expect("a statement");
            for n in first..first + count {
                let event = Order::nth(n);
                let row = params![time_of(n) as i64, bytemuck::bytes_of(&event)];
                insert.execute(row).expect("room on the disk");
            }
        }
        run("COMMIT");
    }

    fn sync(&mut self) {
        // With `synchronous = OFF` a checkpoint moves the log into the database and syncs nothing.
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(checkpoint, [], |_| Ok(())).expect("room on the disk");
        self.file.sync_all().expect("a disk that syncs");
    }

    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        let select = "SELECT event FROM events WHERE time >= ?1 ORDER BY time";
        let mut select = self.connection.prepare_cached(select).expect("a statement");
        let mut rows = select.query(params![time_ns as i64]).expect("a query");
        while let Some(row) = rows.next().expect("what was written") {
            let event = row.get_ref(0).expect("a column").as_blob().expect("a blob");
            if take(&bytemuck::pod_read_unaligned(event)).is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is promised in `words.rs`: none of these settings falls back in silence.
    #[test]
    fn the_settings_are_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = Sqlite::<1>::create(folder.path());
        let text = |name| {
            sqlite.connection.pragma_query_value(None, name, |row| row.get::<_, String>(0)).expect("a pragma")
        };
        let number = |name| {
            sqlite.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a pragma")
        };
        assert_eq!((&text("journal_mode")[..], &text("locking_mode")[..]), ("wal", "exclusive"));
        assert_eq!((number("synchronous"), number("cache_size")), (0, -65_536));
        assert!(number("mmap_size") > 1 << 30);
    }
}
