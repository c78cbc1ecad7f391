//! What stands behind each command's options in `--help` and in the manual: examples, and the table of exit
//! statuses.

use crate::exit::table;

/// Examples, then the table.
macro_rules! after {
    ($($line:literal),+) => {
        concat!("Examples:\n", $("  ", $line, "\n",)+ "\n", table!())
    };
}

pub(super) const SLIPRING: &str = concat!(
    "Without a command it runs the demo. `slipring bridge` takes journals to other machines; it is installed\n\
     apart, and so is what reads and writes Parquet, Arrow, Avro, SQLite and DBN.\n\n",
    table!()
);
pub(super) const DEMO: &str = after!(
    "slipring demo",
    "slipring demo --events 100000 --kills 3 --dir proof",
    "slipring demo --input messages.csv --json"
);
pub(super) const RECORD: &str = after!(
    "slipring record orders --input orders.csv --schema order.toml",
    "slipring record orders --input orders.csv --infer --rejects bad.csv",
    "slipring record orders --input orders.csv --resume",
    "feed | slipring record orders --input - --as jsonl --schema order.toml",
    "slipring record book --input messages.csv --date 2012-06-21 --symbol AAPL"
);
pub(super) const SCHEMA: &str = after!(
    "slipring schema toml orders > order.toml",
    "slipring schema rust orders",
    "slipring schema c order.toml > order.h"
);
pub(super) const REPLAY: &str = after!(
    "slipring replay orders --from 09:30 --to 16:00 --where 'price >= 101.5 and side == buy'",
    "slipring replay orders --format jsonl --fields ts,price | jq .",
    "slipring replay orders --last 20",
    "slipring replay orders --format none --speed 10x"
);
pub(super) const FOLLOW: &str = after!(
    "slipring follow orders",
    "slipring follow orders --where 'qty > 1000' --format jsonl",
    "slipring follow orders --from 15:59 --limit 100",
    "slipring follow orders --reader billing --format jsonl"
);
pub(super) const EXPORT: &str = after!(
    "slipring export orders --output orders.csv",
    "slipring export orders --output orders.parquet --from 09:30 --to 16:00",
    "slipring export orders --format jsonl --output - --where 'qty > 1000' | jq .",
    "slipring export orders --format parquet --partition day --output orders/"
);
pub(super) const INSPECT: &str = after!("slipring inspect orders", "slipring inspect orders --json");
pub(super) const VERIFY: &str = after!("slipring verify orders", "slipring verify orders --json");
pub(super) const TOP: &str = after!(
    "slipring top orders",
    "slipring top orders --watch=0.5",
    "slipring top --counters /dev/shm/orders.counters --json"
);
pub(super) const READERS: &str = after!(
    "slipring readers orders",
    "slipring readers orders set billing --to 09:30",
    "slipring readers orders set billing --to-end",
    "slipring readers orders remove billing"
);
pub(super) const STAGES: &str = after!("slipring stages orders", "slipring stages orders --json");
pub(super) const DEAD_LETTERS: &str = after!(
    "slipring dead-letters orders",
    "slipring dead-letters orders --stage risk --into letters.jsonl --settle 'sent to the desk'",
    "slipring dead-letters orders --stage risk --sequence 4711 --settle 'booked by hand'"
);
pub(super) const SALVAGE: &str = after!(
    "slipring salvage orders orders-whole",
    "slipring salvage orders orders-whole --skip-damaged --json"
);
pub(super) const MIGRATE: &str = after!(
    "slipring migrate orders orders-2 --schema order-2.toml --dry-run",
    "slipring migrate orders orders-2 --schema order-2.toml"
);
pub(super) const COMPLETIONS: &str =
    after!("slipring completions bash > ~/.local/share/bash-completion/completions/slipring");
pub(super) const MAN: &str = after!("slipring man replay | man -l -", "slipring man > slipring.1");
