//! Power loss, on a simulated machine.

mod acknowledged;
mod power_loss;
mod replicas;
mod sim;
