//! The generated Rust compiles, and its schema is the one from which it was generated, to the last attribute.
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, missing_debug_implementations)]

use slipring_journal::{Event, Schema};

// As text, so that nobody formats what is generated.
macro_rules! generated {
    ($($name:ident),*) => {$(
        mod $name {
            #![allow(dead_code, unreachable_pub)]
            include!(concat!("generated/", stringify!($name), ".rs"));
        }
    )*};
}

generated!(order, message, packed, aligned, tuple, changed);

fn of_file(text: &str) -> Schema {
    slipring_schema::file::from_toml(text).unwrap()
}

#[test]
fn what_is_generated_says_the_same_schema() {
    assert_eq!(order::Order::schema(), of_file(include_str!("generated/order.toml")));
    assert_eq!(message::MessageEvent::schema(), of_file(include_str!("generated/message.toml")));
    assert_eq!(packed::TickV2::schema(), of_file(include_str!("generated/packed.toml")));
    assert_eq!(aligned::FeedEvent::schema(), of_file(include_str!("generated/aligned.toml")));
    assert_eq!(changed::Fill::schema(), of_file(include_str!("generated/changed.toml")));
    assert_eq!(tuple::Pair::schema(), of_file(include_str!("generated/tuple.toml")));
}

#[test]
fn what_is_generated_is_written_to_a_file_and_read_back() {
    for schema in [order::Order::schema(), message::MessageEvent::schema(), aligned::FeedEvent::schema()] {
        assert_eq!(of_file(&slipring_schema::file::to_toml(&schema)), schema);
    }
}

#[test]
fn names_have_constants() {
    assert_eq!(order::Order::SIDE_SELL_SHORT, 2);
    assert_eq!(order::Order::STATE_LOW, i64::MIN);
    assert_eq!(message::Cancel::WHY_MARKET, 1);
}
