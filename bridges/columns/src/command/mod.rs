//! The formats of this crate as the command has them.

mod sinks;
mod sources;

use slipring_cli::formats::Formats;

/// Those of `slipring`, and those of this crate.
pub(crate) fn formats() -> Formats {
    let mut formats = Formats::built_in();
    formats.sources.extend(sources::ALL);
    formats.sinks.extend(sinks::ALL);
    formats.more = None;
    formats
}
