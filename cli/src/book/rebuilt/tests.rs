use std::collections::BTreeMap;

use super::*;
use crate::book::Quote;
use crate::flow::random::Random;

fn message(kind: u8, order_id: i64, size: u32, price: i64, direction: i8) -> OrderMessage {
    OrderMessage { kind, order_id, size, price, direction, ..bytemuck::Zeroable::zeroed() }
}

fn book(messages: &[OrderMessage]) -> RebuiltBook {
    let mut book = RebuiltBook::new();
    messages.iter().for_each(|message| book.apply(message));
    book
}

fn quote(price: i64, size: u64, orders: u32) -> Option<Quote> {
    Some(Quote { price, size, orders })
}

#[test]
fn every_type_does_what_it_says() {
    let mut book = book(&[
        message(1, 1, 100, 5000, 1),
        message(1, 2, 50, 5000, 1),
        message(1, 3, 70, 4900, 1),
        message(1, 4, 10, 5100, -1),
        message(1, 5, 20, 5200, -1),
    ]);
    assert_eq!(book.book().best(Side::Buy), quote(5000, 150, 2));
    assert_eq!(book.book().best(Side::Sell), quote(5100, 10, 1));
    assert_eq!(book.book().first(Side::Buy).unwrap().id, 1);
    book.apply(&message(2, 1, 40, 5000, 1));
    assert_eq!(book.book().best(Side::Buy), quote(5000, 110, 2));
    book.apply(&message(4, 1, 60, 5000, 1));
    assert_eq!(book.book().best(Side::Buy), quote(5000, 50, 1));
    book.apply(&message(3, 2, 50, 5000, 1));
    assert_eq!(book.book().best(Side::Buy), quote(4900, 70, 1));
    book.apply(&message(4, 4, 10, 5100, -1));
    assert_eq!(book.book().best(Side::Sell), quote(5200, 20, 1));
    book.apply(&message(5, 0, 500, 5150, 1));
    book.apply(&message(6, -1, 1000, 5150, 1));
    book.apply(&message(7, 0, 0, -1, -1));
    assert!(book.is_halted());
    book.apply(&message(7, 0, 0, 1, -1));
    assert!(!book.is_halted());
    let counts = *book.counts();
    assert_eq!((counts.messages, counts.added, counts.cancelled, counts.executed), (13, 5, 2, 2));
    assert_eq!((counts.executed_hidden, counts.crosses, counts.halts), (1, 1, 2));
    assert_eq!(counts.volume, 60 + 10 + 500 + 1000);
    assert_eq!(book.book().count(), 2);
}

#[test]
fn what_makes_no_sense_is_counted_and_changes_nothing() {
    let mut book = book(&[message(1, 1, 100, 5000, 1)]);
    for odd in [
        message(1, 1, 5, 6000, -1),
        message(2, 9, 5, 5000, 1),
        message(3, 9, 5, 5000, 1),
        message(4, 9, 5, 5000, 1),
        message(0, 1, 5, 5000, 1),
        message(8, 1, 5, 5000, 1),
        message(1, 2, 5, 5000, 0),
        message(1, 2, 0, 5000, 1),
    ] {
        book.apply(&odd);
        assert_eq!((book.book().count(), book.book().best(Side::Buy)), (1, quote(5000, 100, 1)));
        assert_eq!(book.book().best(Side::Sell), None);
    }
    let counts = *book.counts();
    assert_eq!((counts.duplicate_orders, counts.unknown_orders, counts.senseless), (1, 3, 4));
    book.apply(&message(4, 1, 101, 5000, 1));
    assert_eq!((book.counts().oversized, book.book().count()), (1, 0));
}

#[test]
fn the_digest_sees_order_and_every_field() {
    let a = message(1, 1, 100, 5000, 1);
    let b = message(1, 2, 100, 5000, 1);
    let digest = |messages: &[OrderMessage]| book(messages).digest();
    assert_eq!(digest(&[a, b]), digest(&[a, b]));
    assert_ne!(digest(&[a, b]), digest(&[b, a]));
    assert_ne!(digest(&[a]), digest(&[a, b]));
    for other in [
        OrderMessage { size: 99, ..a },
        OrderMessage { price: 5001, ..a },
        OrderMessage { direction: -1, ..a },
        OrderMessage { time_ns: 1, ..a },
        OrderMessage { order_id: 3, ..a },
        OrderMessage { kind: 5, ..a },
    ] {
        assert_ne!(digest(&[a]), digest(&[other]), "{other:?}");
    }
}

/// The book against the plainest one possible.
#[test]
fn it_agrees_with_a_plain_model() {
    let mut random = Random::new(11);
    let mut book = RebuiltBook::new();
    // Side and price to the queue of (id, size).
    let mut model: BTreeMap<(i8, i64), Vec<(i64, u32)>> = BTreeMap::new();
    for step in 0..60_000_u64 {
        let (order_id, size) = (random.below(300) as i64, random.below(100) as u32 + 1);
        let direction = if random.below(2) == 0 { 1 } else { -1 };
        let kind = 1 + random.below(4) as u8;
        let extreme = [i64::MIN, i64::MAX, 0];
        let price = if random.below(50) == 0 {
            extreme[random.below(3) as usize]
        } else {
            5000 + random.below(60) as i64
        };
        book.apply(&message(kind, order_id, size, price, direction));
        let known = model.iter().find(|(_, queue)| queue.iter().any(|(id, _)| *id == order_id));
        let place = known.map(|(place, _)| *place);
        match (kind, place) {
            (1, None) => model.entry((direction, price)).or_default().push((order_id, size)),
            (1, Some(_)) | (_, None) => {}
            (_, Some(place)) => {
                let queue = model.get_mut(&place).unwrap();
                let at = queue.iter().position(|(id, _)| *id == order_id).unwrap();
                if kind == 3 || size >= queue[at].1 {
                    queue.remove(at);
                } else {
                    queue[at].1 -= size;
                }
                if queue.is_empty() {
                    model.remove(&place);
                }
            }
        }
        if step % 500 == 0 || step > 59_990 {
            for (side, direction) in [(Side::Buy, 1), (Side::Sell, -1)] {
                let mut levels: Vec<_> = model.iter().filter(|((d, _), _)| *d == direction).collect();
                if side == Side::Buy {
                    levels.reverse();
                }
                let found: Vec<_> = book
                    .book()
                    .depth(side)
                    .map(|(quote, orders)| {
                        let orders: Vec<_> = orders.map(|order| (order.id as i64, order.quantity)).collect();
                        assert_eq!(quote.size, orders.iter().map(|(_, size)| u64::from(*size)).sum::<u64>());
                        assert_eq!(quote.orders as usize, orders.len());
                        (quote.price, orders)
                    })
                    .collect();
                let wanted: Vec<_> = levels.into_iter().map(|((_, price), q)| (*price, q.clone())).collect();
                assert_eq!(found, wanted, "step {step}");
            }
        }
    }
}
