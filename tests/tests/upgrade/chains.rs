//! Types that upcast: chains of them, and mappings on the way.

use slipring_journal::{Event, Journal, Schema, Upcast};

mod v1 {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 1)]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        pub px: i64,
        pub qty: i64,
    }
}

mod v2 {
    use slipring_journal::Upcast;

    /// Prices are in hundredths.
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 2, upcasts(super::v1::Order))]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        pub cents: i64,
        pub qty: i64,
    }

    impl Upcast<super::v1::Order> for Order {
        fn upcast(old: &super::v1::Order) -> Self {
            Order { id: old.id, cents: old.px * 100, qty: old.qty }
        }
    }
}

/// Bought is above zero, sold below.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(version = 3, upcasts(v2::Order))]
#[repr(C)]
struct Order {
    id: u64,
    notional: i64,
    #[event(since = 3)]
    fee: i64,
}

impl Upcast<v2::Order> for Order {
    fn upcast(old: &v2::Order) -> Self {
        Order { id: old.id, notional: old.cents * old.qty, fee: 1 }
    }
}

/// What becomes of an event whose schema is `found`.
fn upgraded<Old: Event, New: Event>(found: &Schema, old: &Old) -> New {
    let upgrade = New::upgrade_from(found).unwrap_or_else(|differences| panic!("{differences:?}"));
    let mut new = New::zeroed();
    upgrade.apply(bytemuck::bytes_of(old), bytemuck::bytes_of_mut(&mut new)).unwrap();
    new
}

#[test]
fn two_upcasts_make_a_chain() {
    let old = v1::Order { id: 7, px: -3, qty: 5 };
    assert_eq!(upgraded::<_, Order>(&v1::Order::schema(), &old), Order { id: 7, notional: -1500, fee: 1 });
    let old = v2::Order { id: 7, cents: 250, qty: 2 };
    assert_eq!(upgraded::<_, Order>(&v2::Order::schema(), &old), Order { id: 7, notional: 500, fee: 1 });
    let new = Order { id: 1, notional: 2, fee: 3 };
    assert_eq!(upgraded::<_, Order>(&Order::schema(), &new), new);
}

mod mapped {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 1, name = "Order")]
    #[repr(C)]
    pub(super) struct First {
        pub id: u32,
        pub px: i32,
    }

    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 2, name = "Order")]
    #[repr(C)]
    pub(super) struct Second {
        pub id: u64,
        #[event(was = "px")]
        pub cents: i64,
        #[event(since = 2, default = 3)]
        pub qty: i64,
    }

    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 3, name = "Order", upcasts(Second))]
    #[repr(C)]
    pub(super) struct Third {
        pub id: u64,
        pub notional: i64,
    }

    impl slipring_journal::Upcast<Second> for Third {
        fn upcast(old: &Second) -> Self {
            Third { id: old.id, notional: old.cents * old.qty }
        }
    }
}

#[test]
fn a_mapping_leads_to_what_is_upcast() {
    let old = mapped::First { id: 7, px: -10 };
    let new: mapped::Third = upgraded(&mapped::First::schema(), &old);
    assert_eq!(new, mapped::Third { id: 7, notional: -30 });
}

mod richer {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(name = "Order")]
    #[repr(C)]
    pub(super) struct First {
        pub id: u64,
    }

    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(name = "Order")]
    #[repr(C)]
    pub(super) struct Second {
        pub id: u64,
        pub qty: u64,
    }

    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 3, name = "Order", upcasts(First))]
    #[repr(C)]
    pub(super) struct Third {
        pub id: u64,
        pub qty: u64,
        #[event(since = 3)]
        pub fee: u64,
    }

    impl slipring_journal::Upcast<First> for Third {
        fn upcast(old: &First) -> Self {
            Third { id: old.id, qty: 1, fee: 2 }
        }
    }
}

/// The second version could be had as the first, which is upcast; but its quantity would be made up.
#[test]
fn nothing_goes_by_an_older_type_that_lacks_what_the_event_has() {
    let first: richer::Third = upgraded(&richer::First::schema(), &richer::First { id: 7 });
    assert_eq!(first, richer::Third { id: 7, qty: 1, fee: 2 });
    let second: richer::Third = upgraded(&richer::Second::schema(), &richer::Second { id: 7, qty: 5 });
    assert_eq!(second, richer::Third { id: 7, qty: 5, fee: 0 });
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(version = 4, upcasts(v1::Order, v2::Order))]
#[repr(C)]
struct Listed {
    id: u64,
    from: u64,
}

impl Upcast<v1::Order> for Listed {
    fn upcast(old: &v1::Order) -> Self {
        Listed { id: old.id, from: 1 }
    }
}

impl Upcast<v2::Order> for Listed {
    fn upcast(old: &v2::Order) -> Self {
        Listed { id: old.id, from: 2 }
    }
}

#[test]
fn of_several_the_one_counts_whose_schema_it_is() {
    let old = v2::Order { id: 7, cents: 1, qty: 1 };
    assert_eq!(upgraded::<_, Listed>(&v2::Order::schema(), &old), Listed { id: 7, from: 2 });
    let old = v1::Order { id: 7, px: 1, qty: 1 };
    assert_eq!(upgraded::<_, Listed>(&v1::Order::schema(), &old), Listed { id: 7, from: 1 });
}

mod alike {
    use slipring_journal::Upcast;

    /// The price is in whole units.
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(name = "Order")]
    #[repr(C)]
    pub(super) struct First {
        pub price: i64,
    }

    /// The price is in hundredths, and lies as before.
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 2, name = "Order", upcasts(First))]
    #[repr(C)]
    pub(super) struct Second {
        pub price: i64,
    }

    impl Upcast<First> for Second {
        fn upcast(old: &First) -> Self {
            Second { price: old.price * 100 }
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 3, name = "Order", upcasts(Second))]
    #[repr(C)]
    pub(super) struct Third {
        pub price: i64,
        #[event(since = 3)]
        pub quantity: i64,
    }

    impl Upcast<Second> for Third {
        fn upcast(old: &Second) -> Self {
            Third { price: old.price, quantity: 1 }
        }
    }
}

/// A journal goes on with what lies as it does: an upcast that nobody would ask is refused, and not passed
/// over.
#[test]
fn an_upcast_from_what_lies_alike_is_refused() {
    fn refused<E: Event>(journal: &Journal) {
        let told = journal.open::<E>().map(drop).unwrap_err().to_string();
        assert!(told.contains("`upcasts` names a type with the same fields"), "{told}");
        let told = journal.reader::<E>().map(drop).unwrap_err().to_string();
        assert!(told.contains("`upcasts` names a type with the same fields"), "{told}");
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path());
    let (mut writer, _) = journal.open::<alike::First>().unwrap();
    writer.append(1, &alike::First { price: 3 }).unwrap();
    writer.close().unwrap();
    refused::<alike::Second>(&journal);
    refused::<alike::Third>(&journal);
    let (writer, report) = journal.open::<alike::First>().unwrap();
    assert_eq!((report.end_sequence, report.new_event_version), (1, None), "nothing was changed");
    writer.close().unwrap();
    // Where no older type lies there is nothing to be told apart.
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path());
    for _ in 0..2 {
        let (mut writer, _) = journal.open::<alike::Second>().unwrap();
        writer.append(1, &alike::Second { price: 250 }).unwrap();
        writer.close().unwrap();
    }
    let (writer, _) = journal.open::<alike::Third>().unwrap();
    writer.close().unwrap();
    let mut reader = journal.reader::<alike::Third>().unwrap();
    assert_eq!(*reader.at(1).unwrap().event(), alike::Third { price: 250, quantity: 1 });
}

/// A one-of event that was a struct.
#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(version = 2, upcasts(v1::Order))]
#[repr(u32)]
enum Message {
    Order(v2::Order) = 1,
    Halt = 2,
}

impl Upcast<v1::Order> for MessageEvent {
    fn upcast(old: &v1::Order) -> Self {
        Message::Order(v2::Order::upcast(old)).into()
    }
}

#[test]
fn a_struct_becomes_a_one_of_event() {
    let new: MessageEvent = upgraded(&v1::Order::schema(), &v1::Order { id: 7, px: 2, qty: 5 });
    assert_eq!(Message::try_from(new), Ok(Message::Order(v2::Order { id: 7, cents: 200, qty: 5 })));
    assert_eq!(MessageEvent::schema().version(), Some(2));
}

#[test]
fn what_nothing_leads_to_is_refused_with_its_fields() {
    let other = crate::schema("Order 16\nid u64 0 8\nname [u8;8] 8 8\n");
    let differences = Order::upgrade_from(&other).unwrap_err();
    assert_eq!(differences.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["notional"]);
    assert!(differences[0].advice.contains("since = N"), "{}", differences[0]);
}
