//! Named readers: a position that persists, held alone or shared by ranges, honoured by retention.

mod command;
mod fault;
mod killed;
mod model;
mod one;
mod power;
