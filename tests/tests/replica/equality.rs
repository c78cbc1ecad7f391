//! What a replica has is what its primary has, bit for bit, however it came.

use proptest::prelude::*;
use slipring_journal::{Journal, RawRecord, Replica, Status, inspect, verify};

use crate::primary::{self, Step, each, live, options, origin, stored};
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug)]
enum Between {
    Nothing,
    Close,
    Die,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..60_u64, 0..3_u64).prop_map(|(count, gap_ns)| Step::Append(count, gap_ns)),
        1 => Just(Step::Void),
        2 => any::<bool>().prop_map(|dies| Step::NextLife { dies }),
        1 => Just(Step::NextType),
    ];
    prop::collection::vec(step, 1..12)
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![3 => Just(Between::Nothing), 1 => Just(Between::Close), 1 => Just(Between::Die)]
}

/// Has a replica take all, in pieces of those sizes, with that between them.
fn take_all(
    journal: &Journal,
    origin: &slipring_journal::Origin,
    runs: &[primary::Run],
    pieces: &[(u64, Between)],
) {
    let mut pieces = pieces.iter().cycle();
    let mut replica: Option<Replica> = None;
    for run in runs {
        let mut at = origin.first.max(run.first);
        replica = replica.map(|replica| replica.next_type(&run.schema).unwrap());
        while at < run.end() {
            let mut open = match replica.take() {
                Some(open) => open,
                None => journal.replica(&run.schema, origin).unwrap().0,
            };
            assert_eq!((open.end_sequence(), open.schema()), (at, &run.schema));
            let (count, between) = pieces.next().unwrap();
            let end = (at + count).min(run.end());
            assert_eq!(open.take(at, run.before(at), run.part(at..end)).unwrap(), end);
            at = end;
            match between {
                Between::Nothing => replica = Some(open),
                Between::Close => assert_eq!(open.close().unwrap(), end),
                Between::Die => open.abandon(),
            }
        }
    }
    if let Some(open) = replica {
        open.close().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_replica_has_what_its_primary_has(
        steps in steps(),
        (own_segments, its_segments) in (2..40_u64, 2..40_u64),
        pieces in prop::collection::vec((1..50_u64, between()), 1..8),
        from in 0..50_u64,
    ) {
        let (one, other) = (in_memory(), in_memory());
        let end = live(&options(one.path(), own_segments), &steps);
        let runs = stored(one.path());
        let all = each(&runs, 0);
        prop_assert_eq!(all.len() as u64, end);
        let mut origin = origin(one.path());
        if from > 0 && from < end {
            (origin.first, origin.before) = (from, Some(primary::bond(all[from as usize - 1].2)));
        }
        take_all(&options(other.path(), its_segments), &origin, &runs, &pieces);
        if end == 0 {
            return Ok(());
        }
        let copies = stored(other.path());
        prop_assert_eq!(each(&copies, 0), each(&runs, origin.first));
        let (info, report) = (inspect(other.path()).unwrap(), verify(other.path(), |_, _| {}).unwrap());
        prop_assert!(info.replica && report.replica);
        prop_assert_eq!((info.first_sequence, info.end_sequence), (origin.first, end));
        prop_assert_eq!(report.status, Status::Fine, "{:?}", report);
        // And as a reader shows it: times, epochs, kinds, checksums.
        let (mut one, mut other) = (
            Journal::at(one.path()).raw_reader().unwrap(),
            Journal::at(other.path()).raw_reader().unwrap(),
        );
        for sequence in origin.first..end {
            let (wanted, found) = (one.at(sequence).unwrap(), other.at(sequence).unwrap());
            let seen = |of: &RawRecord<'_>| (of.sequence, of.time_ns, of.epoch, of.kind, of.crc);
            prop_assert_eq!(seen(&wanted), seen(&found));
        }
    }
}
