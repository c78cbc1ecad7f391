//! What the derive writes into schemas of older versions.

use slipring_journal::{Change, Event, Mapping};

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 3)]
#[repr(C)]
struct Leg {
    #[event(was = "price")]
    px: i64,
    #[event(since = 2, default = -5, unit = "lots")]
    qty: i64,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(transparent)]
struct Cents(#[event(decimal = 2)] i64);

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 4, was = "Trade, Deal", time = "ts")]
#[repr(C)]
struct Order {
    #[event(time)]
    ts: u64,
    #[event(was = "sides")]
    legs: [Leg; 2],
    #[event(since = 3)]
    last: Leg,
    #[event(was = "limit_price, limit_px", default = "12.5")]
    limit: Cents,
    #[event(names(buy = 1, sell = 2), default = "sell")]
    side: u8,
    #[event(bool, since = 4, default = true)]
    live: u8,
    #[event(text, default = "XNAS")]
    venue: [u8; 6],
}

#[derive(Clone, Copy, Debug, Event)]
#[event(version = 2, was = "Msg")]
#[repr(u32)]
enum Message {
    #[event(was = "New, Create")]
    Add(Leg) = 2,
    Price(#[event(default = 2.5)] f64) = 3,
}

#[test]
fn versions_and_former_names_are_attributes() {
    let expected = "\
        Order 72\ttime=ts\tversion=4\twas=Trade,Deal\n\
        ts u64 0 8\ttime=ns\n\
        legs[0].px i64 8 8\twas=price\twas.1=sides\n\
        legs[0].qty i64 16 8\tunit=lots\tdefault=-5\tsince=2\twas.1=sides\n\
        legs[1].px i64 24 8\twas=price\twas.1=sides\n\
        legs[1].qty i64 32 8\tunit=lots\tdefault=-5\tsince=2\twas.1=sides\n\
        last.px i64 40 8\tsince=3\twas=price\n\
        last.qty i64 48 8\tunit=lots\tdefault=-5\tsince=3\n\
        limit i64 56 8\tdecimal=2\tdefault=12.5\twas=limit_price,limit_px\n\
        side u8 64 1\tenum=buy:1,sell:2\tdefault=sell\n\
        live u8 65 1\tbool=\tdefault=true\tsince=4\n\
        venue [u8;6] 66 6\ttext=\tdefault=XNAS\n";
    assert_eq!(Order::schema().to_text(), expected);
    let expected = "\
        MessageEvent 24\tversion=2\twas=Msg,MsgEvent\n\
        tag u32 0 4\n\
        Add u32=2 0 4\twas=New,Create\n\
        Add/px i64 8 8\twas=price\n\
        Add/qty i64 16 8\tunit=lots\tdefault=-5\tsince=2\n\
        Price u32=3 0 4\n\
        Price/0 f64 8 8\tdefault=2.5\n";
    assert_eq!(MessageEvent::schema().to_text(), expected);
}

#[test]
fn names_of_structs_and_fields_are_looked_for_together() {
    let found = "\
        Deal 40\n\
        ts u64 0 8\ttime=us\n\
        sides[0].price i32 8 4\n\
        sides[1].price i32 12 4\n\
        limit_px i32 16 4\tdecimal=1\n\
        note [u8;20] 20 20\n";
    // Microseconds in a `u64` could be too many nanoseconds.
    let differences = Mapping::between(&crate::schema(found), &Order::schema()).unwrap_err();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(differences[0].field, "ts");
    let found = found.replace("ts u64 0 8\ttime=us", "ts u64 0 8\ttime=ns");
    let mapping = Mapping::between(&crate::schema(&found), &Order::schema()).unwrap();
    let changes: Vec<String> = mapping.changes().iter().map(Change::to_string).collect();
    let expected = [
        "legs[0].px: was called sides[0].price",
        "legs[0].px: i32 becomes i64",
        "legs[0].qty: added, \"-5\" in older events",
        "last.px: added, zero in older events",
        "last.qty: added, \"-5\" in older events",
        "limit: was called limit_px",
        "limit: i32 (decimal=1) becomes i64 (decimal=2)",
        "side: added, \"sell\" in older events",
        "live: added, \"true\" in older events",
        "venue: added, \"XNAS\" in older events",
        "note: left out ([u8;20])",
    ];
    assert_eq!(changes, expected);
    let mut older = vec![0; 40];
    older[8..16].copy_from_slice(bytemuck::bytes_of(&[-1i32, 2]));
    older[16..20].copy_from_slice(&(-15i32).to_le_bytes());
    let mut newer = vec![0xff; size_of::<Order>()];
    mapping.apply(&older, &mut newer);
    let order: Order = bytemuck::pod_read_unaligned(&newer);
    assert_eq!((order.legs[0].px, order.legs[1].px, order.legs[1].qty), (-1, 2, -5));
    assert_eq!((order.last.px, order.last.qty, order.limit.0), (0, -5, -150));
    assert_eq!((order.side, order.live, &order.venue), (2, 1, b"XNAS\0\0"));
}

#[test]
fn variants_change_names_and_numbers_and_events_of_none_stay_so() {
    let found = crate::schema(
        "MsgEvent 16\ntag u32 0 4\nCreate u32=3 0 4\nCreate/price i32 4 4\nPrice u32=9 0 4\nPrice/0 f32 4 4\n",
    );
    let mapping = Mapping::between(&found, &MessageEvent::schema()).unwrap();
    let upgraded = |tag: u32, value: [u8; 4]| {
        let mut older = [0xee; 16];
        older[..4].copy_from_slice(&tag.to_le_bytes());
        older[4..8].copy_from_slice(&value);
        let mut newer = [0xdd; 24];
        mapping.apply(&older, &mut newer);
        bytemuck::pod_read_unaligned::<MessageEvent>(&newer)
    };
    let Ok(Message::Add(leg)) = Message::try_from(upgraded(3, (-7i32).to_le_bytes())) else { panic!() };
    assert_eq!((leg.px, leg.qty), (-7, -5));
    let Ok(Message::Price(price)) = Message::try_from(upgraded(9, 1.5f32.to_le_bytes())) else { panic!() };
    assert_eq!(price.to_bits(), 1.5f64.to_bits());
    // 2 is `Add` by now; 77 is nothing in both.
    assert_eq!(
        (upgraded(2, [1; 4]).tag(), upgraded(77, [1; 4]).tag(), upgraded(0, [1; 4]).tag()),
        (0, 77, 0)
    );
    let rest = bytemuck::bytes_of(&upgraded(77, [1; 4]))[4..].to_vec();
    assert_eq!(rest, [0; 20]);
}
