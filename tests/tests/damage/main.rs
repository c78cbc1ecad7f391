//! Files that are damaged, missing, put back or mixed: refused, repaired with a warning or salvaged, never
//! taken as they are.

mod faults;
mod faults_bits;
mod golden_formats;
mod judged;
mod links;
mod lost_history;
mod replicas;
mod salvage;
