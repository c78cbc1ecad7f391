//! Faults of the system below: calls that fail, disks that are full, clocks that step back, processes that
//! are stopped or starved, locks, threads that panic, and file systems that are shut down.

mod faults_calls;
mod faults_clock;
mod faults_disk;
mod faults_full;
mod faults_process;
mod faults_replicas;
mod kept_power_loss;
mod locks;
mod loop_mount;
mod panicking;
mod room;
