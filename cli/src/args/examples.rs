//! What stands behind each command's options in `--help` and in the manual: examples, and the table of exit
//! statuses.

use crate::exit::table;

/// Examples, then the table.
macro_rules! after {
    ($($line:literal),+) => {
        concat!("Examples:\n", $("  ", $line, "\n",)+ "\n", table!())
    };
}

pub(super) const SLIPRING: &str = concat!("Without a command it runs the demo.\n\n", table!());
pub(super) const DEMO: &str = after!(
    "slipring demo",
    "slipring demo --events 100000 --kills 3 --dir proof",
    "slipring demo --input messages.csv --json"
);
pub(super) const RECORD: &str = after!(
    "slipring record orders --input messages.csv --date 2012-06-21 --symbol AAPL",
    "zcat messages.csv.gz | slipring record orders --input -",
    "slipring record orders --input synthetic:1000000"
);
pub(super) const REPLAY: &str = after!(
    "slipring replay orders --from 09:30:00 --to 09:31:00 --format csv",
    "slipring replay orders --from 2012-06-21T14:00:00Z --speed 10x --format jsonl"
);
pub(super) const FOLLOW: &str =
    after!("slipring follow orders", "slipring follow orders --from-sequence 0 --json | head -1");
pub(super) const INSPECT: &str = after!("slipring inspect orders", "slipring inspect orders --json");
pub(super) const VERIFY: &str = after!("slipring verify orders", "slipring verify orders --json");
pub(super) const TOP: &str = after!(
    "slipring top orders",
    "slipring top orders --watch=0.5",
    "slipring top --counters /dev/shm/orders.counters --json"
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
pub(super) const COMPLETIONS: &str =
    after!("slipring completions bash > ~/.local/share/bash-completion/completions/slipring");
pub(super) const MAN: &str = after!("slipring man replay | man -l -", "slipring man > slipring.1");
