//! The other side of a notebook: an engine replays what Python wrote, and Rust writes what Python reads.
//!
//! `cargo run -p slipring-python --example engine -- replay JOURNAL [FROM_NS]`, or `messages JOURNAL COUNT`.

use std::error::Error;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use slipring::{Context, Engine, Event, Gate, Journal, Lane, Replay, ReplayFrom};

/// In Python: `[("ts", "M8[ns]"), ("symbol", "S8"), ("price", "i8"), ("qty", "u4"), ("side", "u1")]`, named
/// `Trade`.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Trade {
    ts: u64,
    symbol: [u8; 8],
    price: i64,
    qty: u32,
    side: u8,
    _pad: [u8; 3],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    price: i64,
    qty: u32,
    _pad: [u8; 4],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Add {
    order: u64,
    leg: Leg,
    ids: [u16; 4],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Cancel {
    order: u32,
    reason: u32,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Add(Add) = 1,
    Cancel(Cancel) = 2,
    Heartbeat = 7,
}

/// Runs the trades from a time on through a stage, as a strategy would.
fn replay(path: &str, from: Option<u64>) -> Result<(), Box<dyn Error>> {
    let (count, value) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicI64::new(0)));
    let last = Arc::new(Mutex::new(String::new()));
    let stage = {
        let (count, value, last) = (Arc::clone(&count), Arc::clone(&value), Arc::clone(&last));
        move |trade: &Trade, context: &Context| {
            count.fetch_add(1, Ordering::Relaxed);
            value.fetch_add(trade.price * i64::from(trade.qty), Ordering::Relaxed);
            assert_eq!(trade.ts, context.time_ns());
            if let Ok(mut last) = last.lock() {
                *last = String::from_utf8_lossy(&trade.symbol).trim_end_matches('\0').to_owned();
            }
        }
    };
    let lane = Lane::named("replay").stage("sum", stage, Gate::PUBLISHED);
    let range = from.map_or(ReplayFrom::Start, ReplayFrom::Time);
    Engine::builder().lane(lane).backtest(&Journal::at(path))?.run(Replay::new(range))?;
    let last = last.lock().map(|last| last.clone()).unwrap_or_default();
    println!("{} {} {last}", count.load(Ordering::Relaxed), value.load(Ordering::Relaxed));
    Ok(())
}

/// Writes messages of all variants, one a nanosecond.
fn messages(path: &str, count: u32) -> Result<(), Box<dyn Error>> {
    let (mut writer, _) = Journal::at(path).segment_records(100).open::<MessageEvent>()?;
    for n in 0..count {
        let leg = Leg { price: -i64::from(n), qty: n, _pad: [0; 4] };
        let message = match n % 3 {
            0 => Message::Add(Add { order: u64::from(n), leg, ids: [n as u16; 4] }),
            1 => Message::Cancel(Cancel { order: n, reason: 5 }),
            _ => Message::Heartbeat,
        };
        writer.append(u64::from(n) + 1, &MessageEvent::from(message))?;
    }
    writer.close()?;
    Ok(())
}

/// Writes trades, every third of which is lost: a void record stands in its place, as salvage leaves it.
fn voids(path: &str, count: u32) -> Result<(), Box<dyn Error>> {
    let (mut writer, _) = Journal::at(path).segment_records(100).open::<Trade>()?;
    for n in 0..count {
        let time_ns = u64::from(n) + 1;
        if n % 3 == 1 {
            writer.append_void(time_ns)?;
            continue;
        }
        let (price, side) = (i64::from(n), 1);
        let trade = Trade { ts: time_ns, symbol: *b"ABC\0\0\0\0\0", price, qty: n, side, _pad: [0; 3] };
        writer.append(time_ns, &trade)?;
    }
    writer.close()?;
    Ok(())
}

/// How many of each message there are, and the sum of the prices of those that have one.
fn count_messages(path: &str) -> Result<(), Box<dyn Error>> {
    let mut reader = Journal::at(path).reader::<MessageEvent>()?;
    let (mut adds, mut cancels, mut others, mut price) = (0, 0, 0, 0);
    for sequence in reader.first_sequence()..reader.end_sequence() {
        match Message::try_from(*reader.at(sequence)?.event())? {
            Message::Add(add) => (adds, price) = (adds + 1, price + add.leg.price),
            Message::Cancel(_) => cancels += 1,
            Message::Heartbeat => others += 1,
        }
    }
    println!("{adds} {cancels} {others} {price}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["replay", path] => replay(path, None),
        ["replay", path, from] => replay(path, Some(from.parse()?)),
        ["messages", path, count] => messages(path, count.parse()?),
        ["voids", path, count] => voids(path, count.parse()?),
        ["count", path] => count_messages(path),
        _ => Err(
            "engine replay JOURNAL [FROM_NS] | messages JOURNAL COUNT | voids JOURNAL COUNT | count JOURNAL"
                .into(),
        ),
    }
}
