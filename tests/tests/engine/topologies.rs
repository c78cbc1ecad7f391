//! The topologies that LMAX's own tests have, on dedicated and on fused lanes, and random graphs against a
//! plain model. Order is checked by what the stages share, never by time.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use proptest::prelude::*;
use slipring::{Context, Engine, Gate, Journal, Lane, Publisher, Publishers, ReplayFrom, SyncMode, Wait};
use slipring_tests::folders::in_memory;
use slipring_tests::graphs::{CLOCK_NS, Graph, Level, Node, Seen};
use slipring_tests::journals::{Note, note};

/// Publishes `count` events one by one and in batches, and checks what comes out of `graph`.
fn run(graph: &Graph, count: u64) {
    let (trace, mut publisher) = graph.live();
    let mut id = 0;
    while id < count / 2 {
        assert_eq!(publisher.publish_at(id, note(id)).unwrap(), id);
        id += 1;
    }
    while id < count {
        let batch: Vec<(u64, Note)> = (id..count.min(id + 100)).map(|id| (id, note(id))).collect();
        id += batch.len() as u64;
        assert_eq!(publisher.publish_all_at(&batch).unwrap(), Some(id - 1));
    }
    let report = trace.join();
    assert_eq!(report.end_sequence, count);
    assert_eq!(trace.agreed(), (0..count).map(|id| (id, id, id)).collect::<Vec<Seen>>());
}

/// Runs a graph given as what each stage is after: every stage on its own lane, all on one, and all on one in
/// the opposite order.
fn run_all_ways(graph: &[&[usize]]) {
    let dedicated = graph.iter().enumerate().map(|(at, after)| Node::after(at, after)).collect();
    run(&Graph::of(dedicated), 20_000);
    let fused: Vec<Node> = graph.iter().map(|after| Node::after(0, after)).collect();
    run(&Graph::of(fused), 20_000);
    let last = graph.len() - 1;
    let backwards = graph.iter().rev().map(|after| {
        let after: Vec<usize> = after.iter().map(|at| last - at).collect();
        Node::after(0, &after)
    });
    run(&Graph::of(backwards.collect()), 20_000);
}

/// ```text
/// publisher --> 0
/// ```
#[test]
fn unicast() {
    run_all_ways(&[&[]]);
}

/// ```text
/// publisher --> 0 --> 1 --> 2
/// ```
#[test]
fn pipeline_of_three() {
    run_all_ways(&[&[], &[0], &[1]]);
}

/// ```text
///           +-> 0
/// publisher +-> 1
///           +-> 2
/// ```
#[test]
fn multicast_to_three() {
    run_all_ways(&[&[], &[], &[]]);
}

/// ```text
///           +-> 0 -+
/// publisher +      +-> 2
///           +-> 1 -+
/// ```
#[test]
fn diamond() {
    run_all_ways(&[&[], &[], &[0, 1]]);
}

/// ```text
/// publisher 0 -+
/// publisher 1 -+-> 0
/// publisher 2 -+
/// ```
#[test]
fn three_publishers_to_one() {
    const EACH: u64 = 10_000;
    let graph = Graph { publishers: Publishers::Multi, ..Graph::of(vec![Node::after(0, &[])]) };
    let (trace, publisher) = graph.live();
    std::thread::scope(|scope| {
        for own in 0..3 {
            let mut publisher = publisher.try_clone().unwrap();
            scope.spawn(move || {
                let mut last = None;
                for id in own * EACH..(own + 1) * EACH {
                    let sequence = publisher.publish_at(0, note(id)).unwrap();
                    assert!(last < Some(sequence), "sequences rise");
                    last = Some(sequence);
                }
            });
        }
    });
    assert_eq!(trace.join().end_sequence, 3 * EACH);
    let mut ids: Vec<u64> = trace.agreed().iter().map(|(_, id, _)| *id).collect();
    for own in 0..3 {
        let published = own * EACH..(own + 1) * EACH;
        let of_one = ids.iter().copied().filter(|id| published.contains(id));
        assert!(of_one.eq(published.clone()), "each publisher's events in its order");
    }
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..3 * EACH));
}

type Stage = Box<dyn FnMut(&Note, &Context) + Send>;

/// ```text
/// publisher --> journal --> 0 --> 1 --> .. --> 14, a lane each
/// ```
#[test]
fn sixteen_lanes_on_two_cores_make_progress_and_lose_nothing() {
    let chain = |level| {
        let nodes = (0..15usize).map(|at| Node {
            after: at.checked_sub(1).into_iter().collect(),
            level: if at == 0 { level } else { Level::Published },
            lane: at,
        });
        nodes.collect::<Vec<_>>()
    };
    // Pinned, so that it is two cores on any machine; the lanes inherit it.
    let mut cores = rustix::thread::sched_getaffinity(None).unwrap();
    let allowed: Vec<usize> =
        (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| cores.is_set(*core)).collect();
    allowed.iter().skip(2).for_each(|core| cores.unset(*core));
    rustix::thread::sched_setaffinity(None, &cores).unwrap();
    for level in [Level::Journalled, Level::Durable] {
        let folder = in_memory();
        let journal = Some((Journal::at(folder.path()).segment_records(1000), 15));
        run(&Graph { journal, ..Graph::of(chain(level)) }, 10_000);
    }
}

/// One side of ping-pong: answers each event with what `answer` says into the other engine, and gives the
/// other engine's publisher back after the last.
fn player(
    publisher: Receiver<Publisher<Note>>,
    back: Sender<Publisher<Note>>,
    answer: impl Fn(u64) -> Option<u64> + Send + 'static,
    last: u64,
) -> Stage {
    let (mut other, mut expected) = (None, 0);
    Box::new(move |event, context| {
        assert_eq!((*event, context.sequence()), (note(expected), expected));
        // The other engine's publisher comes after both are built.
        let mut into: Publisher<Note> = other.take().unwrap_or_else(|| publisher.recv().unwrap());
        if let Some(id) = answer(expected) {
            // From inside a handler only `try_publish`: to wait there for oneself would never end.
            into.try_publish_at(0, note(id)).unwrap();
        }
        if expected == last {
            back.send(into).unwrap();
        } else {
            other = Some(into);
        }
        expected += 1;
    })
}

/// ```text
/// ping engine --> ping stage --> pong engine --> pong stage --> ping engine --> ..
/// ```
#[test]
fn ping_pong_of_two_engines() {
    const ROUNDS: u64 = 5_000;
    let (ping_in, to_ping) = channel();
    let (pong_in, to_pong) = channel();
    let (ping_back, from_ping) = channel();
    let (pong_back, from_pong) = channel();
    let engine = |name: &str, stage| {
        let lane = Lane::named(name).stage(name, stage, Gate::PUBLISHED);
        Engine::builder().ring_capacity(64).lane(lane).open().unwrap().go_live().unwrap()
    };
    // Ping answers with the same number, pong with the next.
    let last = ROUNDS - 1;
    let (ping, mut into_ping) = engine("ping", player(to_ping, ping_back, Some, last));
    let next = move |id| (id < last).then_some(id + 1);
    let (pong, into_pong) = engine("pong", player(to_pong, pong_back, next, last));
    into_ping.publish_at(0, note(0)).unwrap();
    ping_in.send(into_pong).unwrap();
    pong_in.send(into_ping).unwrap();
    let (_, _) = (from_ping.recv().unwrap(), from_pong.recv().unwrap());
    assert_eq!(ping.join().unwrap().end_sequence, ROUNDS);
    assert_eq!(pong.join().unwrap().end_sequence, ROUNDS);
}

/// How a publisher publishes its next events.
#[derive(Clone, Debug)]
enum Step {
    One,
    With,
    Try,
    All(usize),
    AllAt(usize),
}

#[derive(Clone, Debug)]
struct Plan {
    graph: Graph,
    journalled: Option<(u64, SyncMode)>,
    /// The steps of each publisher.
    publishers: Vec<Vec<Step>>,
}

/// The time that an event is published with when it is the publisher's to say; goes back now and then.
fn time_of(id: u64) -> u64 {
    let n = id & 0xffff;
    4_900 + n - if n % 7 == 0 { 60 } else { 0 }
}

fn plans() -> impl Strategy<Value = Plan> {
    let step = prop_oneof![
        Just(Step::One),
        Just(Step::With),
        Just(Step::Try),
        (0usize..300).prop_map(Step::All),
        (0usize..300).prop_map(Step::AllAt),
    ];
    let wait = prop_oneof![Just(Wait::Auto), Just(Wait::Backoff), Just(Wait::Park), Just(Wait::Sleep(50)),];
    let sync =
        prop_oneof![Just(SyncMode::EveryBatch), Just(SyncMode::every(std::time::Duration::from_millis(1))),];
    let level = prop_oneof![Just(Level::Published), Just(Level::Journalled), Just(Level::Durable)];
    // A node is after some of the nodes before it in a shuffled order, so that no order of lanes or names
    // helps.
    let node = (0usize..4, level, any::<u16>());
    let nodes = (1usize..7).prop_flat_map(move |count| {
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (proptest::collection::vec(node.clone(), count), order)
    });
    let publishers = proptest::collection::vec(proptest::collection::vec(step, 1..12), 1..4);
    (
        nodes,
        1u32..9,
        proptest::option::of(1u64..100),
        proptest::collection::vec(wait, 1..4),
        proptest::option::of((1u64..200, sync, 0usize..4)),
        publishers,
        any::<bool>(),
    )
        .prop_map(|((nodes, order), bits, batch, waits, journal, publishers, multi)| {
            let multi = multi || publishers.len() > 1;
            let place = |node: usize| order.iter().position(|at| *at == node).unwrap();
            let graph_nodes = nodes.iter().enumerate().map(|(at, (lane, level, mask))| {
                let after = (0..nodes.len()).filter(|n| place(*n) < place(at) && mask >> n & 1 == 1);
                let level = if journal.is_some() { *level } else { Level::Published };
                Node { after: after.collect(), level, lane: *lane }
            });
            let graph = Graph {
                nodes: graph_nodes.collect(),
                capacity: 1 << if multi { bits.max(6) } else { bits },
                batch,
                publishers: if multi { Publishers::Multi } else { Publishers::Single },
                waits,
                // The folder is put in when the test runs; the lane is told here.
                journal: journal.map(|(_, _, lane)| (Journal::at("nowhere"), lane)),
            };
            Plan { graph, journalled: journal.map(|(records, sync, _)| (records, sync)), publishers }
        })
}

/// Publishes as planned; id and time of each event, and the sequence where a call told it.
fn publish(own: u64, steps: &[Step], publisher: &mut Publisher<Note>) -> Vec<(u64, u64, Option<u64>)> {
    let mut done = Vec::new();
    let mut n = 0;
    let mut ids = move |count: usize| -> Vec<u64> {
        let from = n;
        n += count as u64;
        (from..n).map(|n| own << 32 | n).collect()
    };
    for step in steps {
        match step {
            Step::One => {
                let id = ids(1)[0];
                let sequence = publisher.publish_at(time_of(id), note(id)).unwrap();
                done.push((id, time_of(id), Some(sequence)));
            }
            Step::With => {
                let id = ids(1)[0];
                let sequence = publisher.publish_with(|event| *event = note(id)).unwrap();
                done.push((id, CLOCK_NS, Some(sequence)));
            }
            Step::Try => {
                let id = ids(1)[0];
                let sequence = loop {
                    match publisher.try_publish_at(time_of(id), note(id)) {
                        Ok(sequence) => break sequence,
                        Err(slipring::PublishError::Full(event)) => assert_eq!(event, note(id)),
                        Err(other) => panic!("{other}"),
                    }
                    std::thread::yield_now();
                };
                done.push((id, time_of(id), Some(sequence)));
            }
            Step::All(count) | Step::AllAt(count) => {
                let ids = ids(*count);
                let (last, clock) = if matches!(step, Step::All(_)) {
                    let events: Vec<Note> = ids.iter().map(|id| note(*id)).collect();
                    (publisher.publish_all(&events).unwrap(), true)
                } else {
                    let events: Vec<(u64, Note)> = ids.iter().map(|id| (time_of(*id), note(*id))).collect();
                    (publisher.publish_all_at(&events).unwrap(), false)
                };
                assert_eq!(last.is_some(), *count > 0);
                for (at, id) in ids.iter().enumerate() {
                    let sequence = if at + 1 == *count { last } else { None };
                    done.push((*id, if clock { CLOCK_NS } else { time_of(*id) }, sequence));
                }
            }
        }
    }
    done
}

/// The model: what is published is what every stage sees, each publisher's events in its order, at the
/// sequences that the calls told, with the greatest time so far.
fn check(seen: &[Seen], published: &[Vec<(u64, u64, Option<u64>)>]) {
    let mut times = HashMap::new();
    for (own, events) in published.iter().enumerate() {
        let ids = seen.iter().map(|(_, id, _)| *id).filter(|id| id >> 32 == own as u64);
        assert!(ids.eq(events.iter().map(|(id, ..)| *id)), "publisher {own}: each once, in order");
        for (id, time_ns, sequence) in events {
            times.insert(*id, *time_ns);
            if let Some(sequence) = sequence {
                assert_eq!(seen[*sequence as usize].1, *id, "at the sequence that was told");
            }
        }
    }
    assert_eq!(seen.len(), times.len(), "nothing else");
    let mut greatest = 0;
    for (_, id, time_ns) in seen {
        greatest = greatest.max(times[id]);
        assert_eq!(*time_ns, greatest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_graphs_do_what_the_model_does(plan in plans()) {
        let folder = in_memory();
        let mut graph = plan.graph.clone();
        if let (Some((journal, _)), Some((records, sync))) = (&mut graph.journal, &plan.journalled) {
            *journal = Journal::at(folder.path()).segment_records(*records).sync(*sync);
        }
        let (trace, publisher) = graph.live();
        let mut publishers = vec![publisher];
        while publishers.len() < plan.publishers.len() {
            publishers.push(publishers[0].try_clone().unwrap());
        }
        let published: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = plan.publishers.iter().zip(&mut publishers).enumerate()
                .map(|(own, (steps, publisher))| scope.spawn(move || publish(own as u64, steps, publisher)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let _ = publishers.swap_remove(0);
        drop(publishers);
        let report = trace.join();
        let seen = trace.agreed();
        check(&seen, &published);
        prop_assert_eq!(report.end_sequence, seen.len() as u64);
        if graph.journal.is_some() {
            prop_assert_eq!(report.durable_end, Some(seen.len() as u64));
            // Replay into the same graph shows every stage the same again.
            let (builder, again) = graph.build();
            let mut recovered = builder.open().unwrap();
            recovered.replay(ReplayFrom::Start).unwrap();
            let (engine, _) = recovered.go_live().unwrap();
            again.watch(engine);
            prop_assert_eq!(again.join().end_sequence, seen.len() as u64);
            prop_assert_eq!(again.agreed(), seen);
        }
    }
}
