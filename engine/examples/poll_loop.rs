//! One thread that does everything: it polls a socket, publishes what comes, and runs the engine's lane
//! itself. No other thread of the engine spins; the journal's helpers sleep.
//!
//! ```text
//! socket --> loop --publish--> ring --> journal --> book     (the lane is invoked by the same loop)
//! ```
//!
//! `cargo run --release -p slipring --example poll_loop`

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipring::{Context, Engine, Event, Gate, Journal, Lane};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Trade {
    id: u64,
    quantity: u64,
}

const TRADES: u64 = 10_000;

/// The other side: sends datagrams of an id and a quantity, and waits for an answer to each hundredth.
fn exchange(to: std::net::SocketAddr) -> std::io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(to)?;
    for id in 0..TRADES {
        let mut datagram = [0; 16];
        datagram[..8].copy_from_slice(&id.to_le_bytes());
        datagram[8..].copy_from_slice(&(id % 7 + 1).to_le_bytes());
        socket.send(&datagram)?;
        // Datagrams are lost where nobody waits.
        if id % 100 == 99 {
            socket.recv(&mut [0; 1])?;
        }
    }
    Ok(())
}

fn main() -> Result<(), slipring::Error> {
    let folder = tempfile::tempdir()?;
    let volume = Arc::new(AtomicU64::new(0));
    let sum = Arc::clone(&volume);
    let book = move |trade: &Trade, _: &Context| {
        sum.fetch_add(trade.quantity, Ordering::Relaxed);
    };
    let lane = Lane::named("loop").invoked().journal().stage("book", book, Gate::JOURNALLED);
    let (engine, mut publisher) =
        Engine::builder().journal(Journal::at(folder.path())).lane(lane).open()?.go_live()?;

    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    socket.set_nonblocking(true)?;
    let sender = std::thread::spawn(move || exchange(address));
    let (mut received, mut turns) = (0, 0u64);
    let mut datagram = [0; 16];
    while received < TRADES {
        match socket.recv_from(&mut datagram) {
            Ok((_, from)) => {
                let word = |at: usize| u64::from_le_bytes(datagram[at..at + 8].try_into().expect("8 bytes"));
                publisher.publish(Trade { id: word(0), quantity: word(8) })?;
                received += 1;
                if received % 100 == 0 {
                    socket.send_to(&[1], from)?;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
        turns += u64::from(engine.invoke() > 0);
    }
    sender.join().expect("the sender does not panic")?;
    // Runs the lane to its end, and makes all of it durable.
    let report = engine.join()?;
    let volume = volume.load(Ordering::Relaxed);
    println!("{received} trades from the socket, journalled and booked in {turns} turns, volume {volume}");
    assert_eq!(report.durable_end, Some(TRADES));
    assert_eq!(volume, (0..TRADES).map(|id| id % 7 + 1).sum::<u64>());
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
