//! The process that `outputs.rs` kills: two engines, one publishing into the other.

use std::path::Path;

use slipring_tests::relay::{Mode, Relay};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = if arguments[1] == "only" { Mode::Only } else { Mode::Shared };
    match Relay::start(Path::new(&arguments[0]), mode) {
        Ok(mut relay) => {
            println!("live {}", relay.live_from);
            relay.publish(2_000);
            println!("published");
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        Err(error) => println!("replay: {error}"),
    }
}
