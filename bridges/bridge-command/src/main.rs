//! The command `slipring-bridge`, which `slipring` runs as `slipring bridge`.

fn main() {}
