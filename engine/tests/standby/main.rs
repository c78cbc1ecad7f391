//! Warm standbys: they see what the primary saw, take over where they stand, and open again as standbys.

mod equal;
mod opened_again;
mod program;
mod promoted;
mod refused;
mod types;
