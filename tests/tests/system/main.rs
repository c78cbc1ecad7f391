//! Faults of the system below: calls that fail, disks that are full, processes that are stopped or starved,
//! locks, threads that panic.

mod faults_calls;
mod faults_disk;
mod faults_process;
mod locks;
mod panicking;
mod room;
