//! Power loss, on a simulated machine.

mod acknowledged;
mod kept_power_loss;
mod power_loss;
mod replicas;
mod sim;
