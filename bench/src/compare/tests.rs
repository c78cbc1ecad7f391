//! The rule, case by case.

use super::*;
use crate::harness::Row;

const RULE: Rule = Rule { tolerance: 0.1, tails: false };

fn row(bench: &str, contender: &str, metric: &str, unit: &str, figures: (f64, f64, f64)) -> Row {
    let (median, min, max) = figures;
    Row {
        bench: bench.into(),
        contender: contender.into(),
        metric: metric.into(),
        unit: unit.into(),
        median,
        min,
        max,
        rounds: 5,
        ratio: BTreeMap::new(),
        ratio_spread: BTreeMap::new(),
        topology: String::new(),
    }
}

pub fn rate(contender: &str, figures: (f64, f64, f64)) -> Row {
    row("ring/b1", contender, "throughput", "M/s", figures)
}

fn verdict(a: &[Row], b: &[Row]) -> Verdict {
    compare(a, b, RULE).findings[0].verdict
}

#[test]
fn half_the_rate_is_slower_and_twice_the_rate_faster() {
    let fast = [rate("slipring", (100.0, 97.0, 103.0))];
    let slow = [rate("slipring", (50.0, 48.0, 52.0))];
    assert_eq!(verdict(&fast, &slow), Verdict::Slower);
    assert_eq!(verdict(&slow, &fast), Verdict::Faster);
}

#[test]
fn more_nanoseconds_are_slower() {
    let ns = |figures| row("latency/ring/1000000", "slipring", "p50", "ns", figures);
    assert_eq!(verdict(&[ns((100.0, 98.0, 102.0))], &[ns((200.0, 196.0, 204.0))]), Verdict::Slower);
    assert_eq!(verdict(&[ns((200.0, 196.0, 204.0))], &[ns((100.0, 98.0, 102.0))]), Verdict::Faster);
}

#[test]
fn what_lies_within_the_spread_is_noise() {
    let wide = [rate("slipring", (100.0, 75.0, 125.0))];
    assert_eq!(verdict(&wide, &[rate("slipring", (80.0, 70.0, 110.0))]), Verdict::Same);
    // Below the tolerance, however narrow.
    let narrow = rate("slipring", (100.0, 99.9, 100.1));
    assert_eq!(verdict(&[narrow], &[rate("slipring", (95.0, 94.9, 95.1))]), Verdict::Same);
}

#[test]
fn a_machine_that_slowed_everybody_accuses_nobody() {
    let a = [rate("slipring", (100.0, 98.0, 102.0)), rate("disruptor", (120.0, 118.0, 122.0))];
    let all = [rate("slipring", (50.0, 49.0, 51.0)), rate("disruptor", (60.0, 59.0, 61.0))];
    let ours = [rate("slipring", (50.0, 49.0, 51.0)), rate("disruptor", (120.0, 118.0, 122.0))];
    let faster = [rate("slipring", (95.0, 94.0, 96.0)), rate("disruptor", (240.0, 238.0, 242.0))];
    assert_eq!(verdict(&a, &all), Verdict::Same);
    assert_eq!(verdict(&a, &ours), Verdict::Slower);
    assert_eq!(verdict(&a, &faster), Verdict::Same);
}

#[test]
fn another_machine_accuses_nobody_from_core_to_core() {
    let a = [rate("slipring", (90.0, 88.0, 92.0)), rate("disruptor", (60.0, 59.0, 61.0))];
    let apart = [rate("slipring", (9.0, 8.9, 9.1)), rate("disruptor", (12.0, 11.9, 12.1))];
    assert_eq!(verdict(&a, &apart), Verdict::NotJudged);
    // Slipring alone can't make it so.
    let ours = [rate("slipring", (9.0, 8.9, 9.1)), rate("disruptor", (60.0, 59.0, 61.0))];
    assert_eq!(verdict(&a, &ours), Verdict::Slower);
}

#[test]
fn a_latency_column_is_measured_against_the_raw_ring_at_its_rate() {
    let ns = |bench: &str, contender: &str, ns: f64| row(bench, contender, "p50", "ns", (ns, ns, ns));
    let (ours, raw) = ("latency/journalled/1000000/event16", "latency/ring/1000000/event16");
    let a = [ns(ours, "slipring", 139.0), ns(raw, "disruptor", 95.0)];
    let slow_machine = [ns(ours, "slipring", 379.0), ns(raw, "disruptor", 245.0)];
    let slow_slipring = [ns(ours, "slipring", 379.0), ns(raw, "disruptor", 96.0)];
    assert_eq!(verdict(&a, &slow_machine), Verdict::Same);
    assert_eq!(verdict(&a, &slow_slipring), Verdict::Slower);
    // So is a preset of waiting, which has a bench of its own.
    let (preset, raw) = ("latency/ring/1000000/wait-spin", "latency/ring/1000000");
    let a = [ns(preset, "slipring", 100.0), ns(raw, "disruptor", 100.0)];
    assert_eq!(verdict(&a, &[ns(preset, "slipring", 250.0), ns(raw, "disruptor", 250.0)]), Verdict::Same);
    assert_eq!(verdict(&a, &[ns(preset, "slipring", 250.0), ns(raw, "disruptor", 100.0)]), Verdict::Slower);
    // Near the knee nothing is judged.
    let fast = "latency/journalled/5000000";
    assert_eq!(verdict(&[ns(fast, "slipring", 220.0)], &[ns(fast, "slipring", 2_643.0)]), Verdict::NotJudged);
}

#[test]
fn who_ran_alone_is_measured_against_all_the_others() {
    let seek = |ns: f64| row("seek", "slipring", "p50", "ns", (ns, ns, ns));
    let copy =
        |figure| row("append", "bound-copy", "throughput", "M/s", (figure, figure * 0.99, figure * 1.01));
    let a = [seek(1_000.0), copy(120.0), rate("disruptor", (120.0, 118.0, 122.0))];
    let slow_machine = [seek(2_000.0), copy(60.0), rate("disruptor", (60.0, 59.0, 61.0))];
    let slow_seek = [seek(2_000.0), copy(119.0), rate("disruptor", (119.0, 118.0, 121.0))];
    assert_eq!(verdict(&a, &slow_machine), Verdict::Same);
    assert_eq!(verdict(&a, &slow_seek), Verdict::Slower);
    // Cores that moved apart are no excuse for what one thread does.
    let cores_apart = [seek(2_000.0), copy(119.0), rate("disruptor", (60.0, 59.0, 61.0))];
    assert_eq!(verdict(&a, &cores_apart), Verdict::Slower);
    // Two rounds are one moment.
    let moment = Row { rounds: 2, ..seek(2_000.0) };
    assert_eq!(verdict(&a, &[moment, a[1].clone()]), Verdict::NotJudged);
}

#[test]
fn tails_and_shares_are_not_judged_unasked() {
    let p999 = |ns| row("latency/ring/1000000", "slipring", "p999-outside-stalls", "ns", (ns, ns, ns));
    assert_eq!(verdict(&[p999(1e3)], &[p999(1e6)]), Verdict::NotJudged);
    let strict = Rule { tails: true, ..RULE };
    assert_eq!(compare(&[p999(1e3)], &[p999(1e6)], strict).slower(), 1);
    let p90 = |bench: &str, ns| [row(bench, "slipring", "p90-outside-stalls", "ns", (ns, ns, ns))];
    let (ring, durable) = ("latency/ring/10000", "latency/durable/10000");
    assert_eq!(verdict(&p90(ring, 1e3), &p90(ring, 1e6)), Verdict::Slower);
    assert_eq!(verdict(&p90(durable, 2e6), &p90(durable, 2e7)), Verdict::NotJudged);
    let share = |part| row("latency/ring/1000000", "slipring", "left-out", "%", (part, part, part));
    assert!(compare(&[share(1.0)], &[share(50.0)], RULE).findings.is_empty());
}

#[test]
fn a_figure_that_vanished_is_named() {
    let a = [rate("slipring", (1.0, 1.0, 1.0))];
    let b = [row("append", "slipring", "throughput", "M/s", (1.0, 1.0, 1.0))];
    let comparison = compare(&a, &b, RULE);
    assert_eq!((comparison.only_in_a.len(), comparison.only_in_b.len()), (1, 1));
    assert!(text(&comparison, false).contains("1 only in A, 1 only in B"));
}

#[test]
fn a_latency_alone_is_excused_by_the_raw_ring_in_its_worst_minute() {
    let ns = |bench: &str, contender: &str, ns: f64| row(bench, contender, "p50", "ns", (ns, ns, ns));
    let (alone, raw) = ("latency/ring/1000000/chain3", "latency/ring/1000000/event16");
    let a = [ns(alone, "slipring", 180.0), ns(raw, "disruptor", 100.0)];
    let slow_minute = [ns(alone, "slipring", 410.0), ns(raw, "disruptor", 240.0)];
    let slow_chain = [ns(alone, "slipring", 410.0), ns(raw, "disruptor", 105.0)];
    assert_eq!(verdict(&a, &slow_minute), Verdict::Same);
    assert_eq!(verdict(&a, &slow_chain), Verdict::Slower);
}

#[test]
fn what_is_ours_too_excuses_nothing() {
    let a = [rate("slipring", (100.0, 98.0, 102.0)), rate("slipring-spin", (120.0, 118.0, 122.0))];
    let b = [rate("slipring", (50.0, 49.0, 51.0)), rate("slipring-spin", (60.0, 59.0, 61.0))];
    assert_eq!(verdict(&a, &b), Verdict::Slower);
}

#[test]
fn throughput_from_core_to_core_and_who_ran_alone_are_given_more_of_the_tolerance() {
    let row = |bench: &str, metric: &str, unit: &str, figure: f64| {
        row(bench, "slipring", metric, unit, (figure, figure * 0.999, figure * 1.001))
    };
    let slowed =
        |bench, metric, unit, a, b| verdict(&[row(bench, metric, unit, a)], &[row(bench, metric, unit, b)]);
    assert_eq!(slowed("topology/diamond/fused", "throughput", "M/s", 128.0, 100.0), Verdict::Same);
    assert_eq!(slowed("topology/diamond/fused", "throughput", "M/s", 134.0, 100.0), Verdict::Slower);
    assert_eq!(slowed("seek/uneven", "p50", "ns", 100.0, 115.0), Verdict::Same);
    assert_eq!(slowed("seek/uneven", "p50", "ns", 100.0, 125.0), Verdict::Slower);
}

#[test]
fn one_bad_contender_excuses_nothing() {
    let queue = |name, figure: f64| rate(name, (figure, figure * 0.99, figure * 1.01));
    // Beside the raw ring nobody else counts.
    let a = [queue("slipring", 100.0), queue("disruptor", 100.0), queue("kanal", 10.0)];
    let b = [queue("slipring", 50.0), queue("disruptor", 99.0), queue("kanal", 4.0)];
    assert_eq!(verdict(&a, &b), Verdict::Slower);
    // Without it the median of the others does.
    let of = |ours, figures: [f64; 3]| {
        let append = |name, figure: f64| {
            row("append", name, "throughput", "M/s", (figure, figure * 0.99, figure * 1.01))
        };
        let [x, y, z] = figures;
        [append("slipring", ours), append("x", x), append("y", y), append("z", z)]
    };
    let a = of(100.0, [100.0, 100.0, 100.0]);
    assert_eq!(verdict(&a, &of(50.0, [20.0, 100.0, 98.0])), Verdict::Slower);
    assert_eq!(verdict(&a, &of(50.0, [50.0, 52.0, 98.0])), Verdict::Same);
}

#[test]
fn what_strays_more_than_threefold_cannot_be_told_to_be_the_same() {
    let wild = rate("slipring", (100.0, 40.0, 180.0));
    assert_eq!(
        verdict(std::slice::from_ref(&wild), &[rate("slipring", (60.0, 25.0, 110.0))]),
        Verdict::CantTell
    );
    let comparison = compare(std::slice::from_ref(&wild), std::slice::from_ref(&wild), RULE);
    assert!(text(&comparison, false).contains("0 the same within the noise, 1 can't be told"));
    // A change that shows through all of that is told.
    assert_eq!(verdict(&[wild], &[rate("slipring", (2.0, 1.9, 2.1))]), Verdict::Slower);
}
