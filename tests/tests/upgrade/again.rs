//! A field that was dropped, and its name later in use again for another one: the older one is never shown as
//! the newer.

use slipring_journal::{Difference, Event, Journal, Mapping, OpenError, Upgrade, inspect, verify};

mod v1 {
    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[event(version = 1)]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        pub venue: u64,
    }
}

mod v2 {
    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[event(version = 2)]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
    }
}

/// Laid out as version 1.
mod v3 {
    #[derive(Clone, Copy, Debug, slipring_journal::Event)]
    #[event(version = 3)]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        #[event(since = 3, default = 9)]
        pub venue: u64,
    }
}

/// The author says how it comes from version 2, so version 1 comes by way of that.
mod told {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 3, upcasts(super::v2::Order))]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        #[event(since = 3)]
        pub venue: u64,
    }

    impl slipring_journal::Upcast<super::v2::Order> for Order {
        fn upcast(old: &super::v2::Order) -> Self {
            Order { id: old.id, venue: 100 + old.id }
        }
    }
}

/// Under a name of its own.
mod named {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 3)]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        #[event(since = 3, default = 9)]
        pub exchange: u64,
    }
}

const ADVICE: &str = "if it is the same field, say the version in which it came, or no `since`; if it is another one, \
    give it a name that older events lack";

fn write<E: Event>(journal: &Journal, event: &E) -> Result<(), OpenError> {
    let (mut writer, _) = journal.open::<E>()?;
    writer.append(1, event).unwrap();
    writer.close().unwrap();
    Ok(())
}

/// Else order 0 has its old venue and order 1 the default, though `since` says the same of both.
#[test]
fn a_name_that_is_in_use_again_is_refused_in_a_journal_and_another_name_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    write(&journal, &v1::Order { id: 0, venue: 5 }).unwrap();
    let before = |journal: &Journal| {
        let refused = write(journal, &v3::Order { id: 2, venue: 7 }).unwrap_err().to_string();
        assert!(refused.contains("u64 in version 1") && refused.contains(ADVICE), "{refused}");
        verify(folder.path(), |_, _| {}).unwrap().records
    };
    assert_eq!(before(&journal), 1);
    write(&journal, &v2::Order { id: 1 }).unwrap();
    assert_eq!(before(&journal), 2);
    let refused = journal.reader::<v3::Order>().map(drop).unwrap_err().to_string();
    assert!(refused.contains(ADVICE), "{refused}");
    write(&journal, &named::Order { id: 2, exchange: 7 }).unwrap();
    let mut reader = journal.reader::<named::Order>().unwrap();
    for (id, exchange) in [(0, 9), (1, 9), (2, 7)] {
        assert_eq!(*reader.at(id).unwrap().event(), named::Order { id, exchange });
    }
}

/// What a version 1 wrote is turned, and a version 3 writes no more into its segment.
#[test]
fn an_author_can_say_what_the_name_is_in_older_events() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    write(&journal, &v1::Order { id: 0, venue: 5 }).unwrap();
    for id in 1..3 {
        write(&journal, &told::Order { id, venue: 7 }).unwrap();
    }
    let mut reader = journal.reader::<told::Order>().unwrap();
    for (id, venue) in [(0, 100), (1, 7), (2, 7)] {
        assert_eq!(*reader.at(id).unwrap().event(), told::Order { id, venue });
    }
    let segments = inspect(folder.path()).unwrap().segments.into_iter();
    let versions = segments.filter(|one| one.records > 0).map(|one| one.event_version);
    assert_eq!(versions.collect::<Vec<_>>(), [1, 3]);
}

/// Both ways from one schema to another, which may lie alike.
fn between(found: &str, wanted: &str) -> [Vec<String>; 2] {
    let (found, wanted) = (crate::schema(found), crate::schema(wanted));
    let said = |differences: Vec<Difference>| differences.iter().map(Difference::to_string).collect();
    let mapped = Mapping::between(&found, &wanted).map(drop);
    let upgraded = Upgrade::between(&found, &wanted).map(drop);
    [mapped, upgraded].map(|result| result.map_or_else(said, |()| Vec::new()))
}

#[test]
fn only_what_says_that_it_came_later_is_another_field() {
    let venue = |version: &str, since: &str| format!("E 16\t{version}\nid u64 0 8\nvenue u64 8 8\t{since}\n");
    let refused = vec![format!("venue: is u64 in version 1, wanted u64 since version 3: {ADVICE}")];
    let older = |since| venue("version=1", since);
    // Laid out alike, and not.
    assert_eq!(between(&older(""), &venue("version=3", "since=3")), [&refused, &refused].map(Vec::clone));
    let newer = vec![format!("venue: is u64 since version 3, wanted u64 in version 1: {ADVICE}")];
    assert_eq!(between(&venue("version=3", "since=3"), &older(""))[1], newer);
    let wider = "E 24\tversion=3\nvenue u64 0 8\tsince=3\nid u128 8 16\n";
    assert_eq!(between(&older(""), wider), [&refused, &refused].map(Vec::clone));
    let fine: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    for (found, wanted) in [
        // It came in the version that the older events are of.
        (older(""), venue("version=3", "since=1")),
        (venue("version=3", ""), venue("version=4", "since=3")),
        // It is the version of another event that has this struct too.
        (older("since=3"), venue("version=4", "since=3")),
        (older(""), venue("version=2", "since=3")),
        (older("since=3"), venue("version=2", "")),
        // Nobody says which version it is.
        (venue("", ""), venue("version=3", "since=3")),
        // It came under another name.
        (older(""), "E 16\tversion=3\nid u64 0 8\nplace u64 8 8\tsince=3\twas=venue\n".to_owned()),
    ] {
        assert_eq!(between(&found, &wanted), fine, "{found}{wanted}");
    }
    // So it is with a one-of event, and within a variant.
    let one_of = |head: &str, since: &str| {
        format!("E 16\t{head}\ntag u32 0 4\t{since}\nA u32=1 0 4\nA/x u64 8 8\t{since}\nB u32=2 0 4\n")
    };
    let [mapped, upgraded] = between(&one_of("version=1", ""), &one_of("version=2", "since=2"));
    assert_eq!((mapped.len(), upgraded.len()), (1, 2), "{mapped:?} {upgraded:?}");
    assert!(mapped[0].starts_with("tag: is u32 in version 1") && upgraded[1].starts_with("A.x: is u64"));
}
