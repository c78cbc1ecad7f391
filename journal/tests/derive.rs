//! `#[derive(Event)]`: what the schema says of structs, arrays, nested and one-of events, and that it says it
//! of every byte once; then what the derive must refuse, each refusal with the text that the user sees.
//! The derive may write `unsafe`, its user needn't: hence `forbid`.
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, missing_debug_implementations)]

mod compile_fail;

use bytemuck::{Pod, Zeroable};
use proptest::prelude::*;
use slipring_journal::{Event, Field, Schema};

/// Numbers of every width.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
pub struct Numbers {
    a: u128,
    b: i128,
    c: u64,
    d: i64,
    e: f64,
    f: u32,
    g: i32,
    h: f32,
    i: u16,
    j: i16,
    k: u8,
    l: i8,
    r#type: [u8; 2],
    _pad: [u32; 5],
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
struct Leg {
    px: i64,
    qty: u32,
    venue: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(transparent)]
struct Price(i64);

type Quantity = u32;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
struct Spread {
    id: u64,
    legs: [Leg; 2],
    last: Leg,
    limit: Price,
    band: [Price; 2],
    grid: [[u16; 2]; 3],
    sizes: [Quantity; 3],
}

/// Without `bytemuck`'s derives.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(C, align(16))]
struct Aligned {
    deep: [[Leg; 1]; 2],
}

#[derive(Clone, Copy, Debug, Event)]
#[event(crate = "slipring_journal")]
#[repr(C, packed)]
struct Packed {
    kind: u8,
    price: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
struct Cancel {
    id: u32,
}

const LAST: u32 = 70_000;

/// What a ring carries.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(u32)]
enum Message {
    Spread(Spread) = 1,
    Cancel(Cancel) = 2,
    Heartbeat = 7,
    Tick(f64) = LAST,
    Quotes([i32; 3]) = LAST + 1,
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(u32)]
enum Small {
    Cancel(Cancel) = 1,
    Byte(u8) = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(u32)]
enum Wide {
    Small(SmallEvent) = 1,
    Numbers(Numbers) = 2,
}

/// The one-of event itself as a field.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable, Event)]
#[event(bytemuck)]
#[repr(C)]
struct Routed {
    from: u64,
    message: SmallEvent,
}

macro_rules! events {
    ($($name:ident { $($field:ident: $ty:ty),* })*) => {$(
        #[derive(Clone, Copy, Debug, Event)]
        #[repr(C)]
        struct $name { $($field: $ty),* }
    )*};
}

// Types that pass through a macro arrive at the derive in invisible brackets.
events!(FromMacro { legs: [Leg; 1], sizes: [u32; 2] });

/// Public, so that what the derive writes beside it is public and needs documentation.
#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
pub enum Open {
    /// Some numbers.
    Numbers(Numbers) = 1,
}

fn lines(schema: &Schema) -> Vec<String> {
    schema.to_text().lines().map(str::to_owned).collect()
}

/// Panics unless each byte below the schema's size belongs to exactly one field.
fn assert_covers_once(schema: &Schema) {
    let mut owners = vec![Vec::new(); schema.size];
    for Field { name, offset, size, .. } in &schema.fields {
        for owner in &mut owners[*offset..offset + size] {
            owner.push(name);
        }
    }
    for (byte, owners) in owners.iter().enumerate() {
        assert_eq!(owners.len(), 1, "{}: byte {byte} belongs to {owners:?}", schema.name);
    }
    assert!(schema.fields.is_sorted_by_key(|field| field.offset), "{schema}");
    assert_eq!(Schema::from_text(&schema.to_text()).as_ref(), Some(schema));
}

#[test]
fn each_byte_of_a_struct_belongs_to_one_field() {
    fn check<E: Event>() {
        let schema = E::schema();
        assert_eq!(schema.size, size_of::<E>());
        assert_covers_once(&schema);
    }
    check::<Numbers>();
    check::<Leg>();
    check::<Price>();
    check::<Spread>();
    check::<Aligned>();
    check::<Packed>();
    check::<Cancel>();
    check::<FromMacro>();
}

#[test]
fn schema_of_numbers() {
    let expected = [
        "Numbers 96",
        "a u128 0 16",
        "b i128 16 16",
        "c u64 32 8",
        "d i64 40 8",
        "e f64 48 8",
        "f u32 56 4",
        "g i32 60 4",
        "h f32 64 4",
        "i u16 68 2",
        "j i16 70 2",
        "k u8 72 1",
        "l i8 73 1",
        "type [u8;2] 74 2",
        "_pad [u32;5] 76 20",
    ];
    assert_eq!(lines(&Numbers::schema()), expected);
}

#[test]
fn nested_events_are_flattened_and_arrays_of_numbers_are_not() {
    let expected = [
        "Spread 104",
        "id u64 0 8",
        "legs[0].px i64 8 8",
        "legs[0].qty u32 16 4",
        "legs[0].venue [u8;4] 20 4",
        "legs[1].px i64 24 8",
        "legs[1].qty u32 32 4",
        "legs[1].venue [u8;4] 36 4",
        "last.px i64 40 8",
        "last.qty u32 48 4",
        "last.venue [u8;4] 52 4",
        "limit i64 56 8",
        "band [i64;2] 64 16",
        "grid [[u16;2];3] 80 12",
        "sizes [u32;3] 92 12",
    ];
    assert_eq!(lines(&Spread::schema()), expected);
    assert_eq!(lines(&Price::schema()), ["Price 8", "0 i64 0 8"]);
    assert_eq!(Aligned::schema().fields[3].name, "deep[1][0].px");
    assert_eq!(lines(&Packed::schema()), ["Packed 9", "kind u8 0 1", "price i64 1 8"]);
}

#[test]
fn schema_of_a_one_of_event_gives_the_tags_and_overlapping_fields() {
    let schema = MessageEvent::schema();
    let lines = lines(&schema);
    assert_eq!(lines[..4], ["MessageEvent 112", "tag u32 0 4", "Spread u32=1 0 4", "Spread/id u64 8 8"]);
    for line in [
        "Spread/legs[1].qty u32 40 4",
        "Spread/limit i64 64 8",
        "Cancel u32=2 0 4",
        "Cancel/id u32 8 4",
        "Heartbeat u32=7 0 4",
        "Tick u32=70000 0 4",
        "Tick/0 f64 8 8",
        "Quotes/0 [i32;3] 8 12",
    ] {
        assert!(lines.iter().any(|has| has == line), "no `{line}` in\n{schema}");
    }
    assert_eq!(schema.size, size_of::<MessageEvent>());
    assert_eq!(Schema::from_text(&schema.to_text()), Some(schema));
}

/// The fields of one variant, taken by themselves, overlap neither each other nor the tag.
#[test]
fn each_variant_covers_a_byte_at_most_once() {
    fn check<E: Event>(variants: &[&str]) {
        let schema = E::schema();
        for variant in variants {
            let prefix = format!("{variant}/");
            let mut end = size_of::<u32>();
            for field in schema.fields.iter().filter(|field| field.name.starts_with(&prefix)) {
                assert!(field.offset >= end, "{field:?} overlaps what ends at {end}");
                end = field.offset + field.size;
            }
            assert!(end <= schema.size);
        }
    }
    check::<MessageEvent>(&["Spread", "Cancel", "Heartbeat", "Tick", "Quotes"]);
    check::<SmallEvent>(&["Cancel", "Byte"]);
    check::<WideEvent>(&["Numbers"]);
}

#[test]
fn a_one_of_event_is_as_small_as_its_alignment_allows() {
    // The value follows the tag at once where it may.
    assert_eq!(lines(&SmallEvent::schema())[3], "Cancel/id u32 4 4");
    assert_eq!((size_of::<SmallEvent>(), align_of::<SmallEvent>()), (8, 8));
    assert_eq!(WideEvent::schema().fields.iter().find(|field| field.name == "Numbers/a").unwrap().offset, 16);
    assert_eq!((size_of::<WideEvent>(), align_of::<WideEvent>()), (112, 16));
    assert_eq!(
        lines(&Routed::schema())[1..4],
        ["from u64 0 8", "message.tag u32 8 4", "message.Cancel u32=1 8 4"]
    );
}

#[test]
fn an_unknown_tag_is_a_typed_error() {
    let mut bytes = [0u8; size_of::<SmallEvent>()];
    bytes[..4].copy_from_slice(&99u32.to_ne_bytes());
    let event: SmallEvent = bytemuck::cast(bytes);
    let error = Small::try_from(event).unwrap_err();
    assert_eq!((error.type_name, error.tag), ("Small", 99));
    assert!(error.to_string().contains("`Small` has no variant with tag 99"), "{error}");
    assert_eq!(event.view().unwrap_err(), error);
    assert_eq!(format!("{event:?}"), "SmallEvent { tag: 99, .. }");
    // An empty slot is none of the variants.
    assert_eq!(SmallEvent::zeroed().view().unwrap_err().tag, 0);
}

#[test]
fn a_view_borrows_the_value_in_place() {
    let event = MessageEvent::from(Message::Cancel(Cancel { id: 5 }));
    let MessageRef::Cancel(cancel) = event.view().unwrap() else { panic!("{event:?}") };
    assert_eq!(cancel.id, 5);
    assert!(bytemuck::bytes_of(&event).as_ptr_range().contains(&std::ptr::from_ref(cancel).cast()));
    assert_eq!(event.tag(), 2);
    assert_eq!(format!("{event:?}"), "MessageEvent(Cancel(Cancel { id: 5 }))");
}

fn any_message() -> impl Strategy<Value = Message> {
    let leg =
        || (any::<i64>(), any::<u32>(), any::<[u8; 4]>()).prop_map(|(px, qty, venue)| Leg { px, qty, venue });
    let spread =
        (any::<u64>(), [leg(), leg()], leg(), any::<[i64; 3]>(), any::<[u16; 6]>(), any::<[u32; 3]>())
            .prop_map(|(id, legs, last, [limit, low, high], grid, sizes)| Spread {
                id,
                legs,
                last,
                limit: Price(limit),
                band: [Price(low), Price(high)],
                grid: bytemuck::cast(grid),
                sizes,
            });
    prop_oneof![
        spread.prop_map(Message::Spread),
        any::<u32>().prop_map(|id| Message::Cancel(Cancel { id })),
        Just(Message::Heartbeat),
        any::<f64>().prop_map(Message::Tick),
        any::<[i32; 3]>().prop_map(Message::Quotes),
    ]
}

proptest! {
    #[test]
    fn a_message_survives_its_event(message in any_message()) {
        let event = MessageEvent::from(message);
        prop_assert_eq!(Message::try_from(event), Ok(message));
        prop_assert_eq!(Message::try_from(&event), Ok(message));
        prop_assert_eq!(MessageEvent::from(Message::try_from(event).unwrap()), event);

        // Through bytes, as from a journal.
        let bytes = bytemuck::bytes_of(&event).to_vec();
        let read: MessageEvent = bytemuck::pod_read_unaligned(&bytes);
        prop_assert_eq!(read, event);

        // What the variant's fields and the tag don't cover is zero.
        let text = format!("{message:?}");
        let variant = text.split('(').next().unwrap();
        let prefix = format!("{variant}/");
        let mut rest = bytes;
        for field in MessageEvent::schema().fields {
            if field.name == "tag" || field.name.starts_with(&prefix) {
                rest[field.offset..field.offset + field.size].fill(0);
            }
        }
        prop_assert!(rest.iter().all(|byte| *byte == 0), "{:?} left {:?}", message, rest);
    }
}

#[test]
fn a_public_enum_has_a_public_companion() {
    let event: OpenEvent = Open::Numbers(Numbers::zeroed()).into();
    let Ok(OpenRef::Numbers(numbers)) = event.view() else { panic!("{event:?}") };
    assert_eq!(*numbers, Numbers::zeroed());
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(transparent)]
struct Cents(#[event(decimal = 2, unit = "USD")] i64);

/// What fields mean.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(time = "ts", name = "order-2")]
#[repr(C)]
struct Meant {
    #[event(time)]
    ts: u64,
    #[event(input = "s", time = "ms")]
    sent: i64,
    #[event(default = "0", unit = "lots", decimal = 38)]
    size: i128,
    #[event(text, source = "Ticker symbol")]
    symbol: [u8; 8],
    #[event(text)]
    venues: [[u8; 4]; 2],
    price: Cents,
    #[event(unit = "EUR", attributes(owner = "desk=3", "a b" = ""))]
    prices: [Cents; 2],
    #[event(decimal = 4)]
    exact: Cents,
    #[event(names(buy = 1, r#type = -0x80, "fill or kill" = 0))]
    side: i8,
    #[event(bool)]
    live: [u8; 2],
    #[event(name = "bid-px")]
    bid_px: u8,
    quantity: Quantity,
    #[event(decimal = 1)]
    alias: Quantity,
    #[event(unit = "m")]
    length: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(time = "Tick.0", name = "Feed")]
#[repr(u32)]
enum Named {
    Tick(#[event(time = "us")] u64) = 1,
    #[event(name = "Stop-all")]
    Stop = 2,
    Meant(Meant) = 3,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Signed {
    #[event(id, unit = "number")]
    id: i32,
    rest: u32,
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Lettered {
    #[event(id, text)]
    id: [u8; 3],
}

#[test]
fn an_id_is_a_number_of_its_own_for_each_value_and_is_in_the_schema() {
    use slipring_journal::Identified;
    let ids = [0, 1, -1, i32::MIN, i32::MAX].map(|id| Signed { id, rest: 7 }.id());
    assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)), "{ids:?}");
    assert_eq!(ids[1], 1);
    assert_eq!(Lettered { id: *b"ab\0" }.id(), 0x6261);
    let field = &Signed::schema().fields[0];
    assert_eq!((field.attribute("id"), field.attribute("unit")), (Some(""), Some("number")));
    assert!(Signed::schema().fields[1].attribute("id").is_none());
}

#[test]
fn what_fields_mean_is_in_the_schema_and_changes_no_layout() {
    let expected = [
        "order-2 96\ttime=ts",
        "ts u64 0 8\ttime=ns",
        "sent i64 8 8\ttime=ms\tinput=s",
        "size i128 16 16\tdecimal=38\tunit=lots\tdefault=0",
        "symbol [u8;8] 32 8\ttext=\tsource=Ticker symbol",
        "venues [[u8;4];2] 40 8\ttext=",
        "price i64 48 8\tdecimal=2\tunit=USD",
        "prices [i64;2] 56 16\tdecimal=2\tunit=EUR\towner=desk=3\ta b=",
        "exact i64 72 8\tdecimal=4\tunit=USD",
        "side i8 80 1\tenum=buy:1,type:-128,fill or kill:0",
        "live [u8;2] 81 2\tbool=",
        "bid-px u8 83 1",
        "quantity u32 84 4",
        "alias u32 88 4\tdecimal=1",
        "length f32 92 4\tunit=m",
    ];
    assert_eq!(lines(&Meant::schema()), expected);
    assert_covers_once(&Meant::schema());

    let schema = NamedEvent::schema();
    assert_eq!((schema.name.as_str(), schema.attribute("time")), ("Feed", Some("Tick/0")));
    let lines = lines(&schema);
    for line in ["Tick/0 u64 16 8\ttime=us", "Stop-all u32=2 0 4", "Meant/ts u64 16 8\ttime=ns"] {
        assert!(lines.iter().any(|has| has == line), "no `{line}` in\n{schema}");
    }
}
