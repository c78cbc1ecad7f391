//! Power loss, on a simulated machine and on real file systems.

mod acknowledged;
mod kept_power_loss;
mod loop_mount;
mod power_loss;
mod replicas;
mod sim;
