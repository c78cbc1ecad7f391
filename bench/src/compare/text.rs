//! The comparison for people.

use crate::compare::{Comparison, Finding, Verdict};

/// The comparison for people: what is slower first, then what is faster, then how much was the same.
pub fn text(comparison: &Comparison, all: bool) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let mut shown: Vec<&Finding> = comparison.findings.iter().collect();
    shown.retain(|finding| all || matches!(finding.verdict, Verdict::Slower | Verdict::Faster));
    shown.sort_by(|x, y| (y.worse / y.machine).total_cmp(&(x.worse / x.machine)));
    for finding in shown {
        let verdict = match finding.verdict {
            Verdict::Slower => "SLOWER",
            Verdict::Faster => "faster",
            Verdict::Same => "same",
            Verdict::CantTell => "unclear",
            Verdict::NotJudged => "(shown)",
        };
        let _ = writeln!(
            text,
            "{verdict:<7} {:<34} {:<20} {:>10} -> {:>10} {:<4} {:>6.2}x as slow; machine {:.2}x, noise {:.2}x",
            finding.bench,
            finding.metric,
            finding.a,
            finding.b,
            finding.unit,
            finding.worse,
            finding.machine,
            finding.noise
        );
    }
    let only = [("A", &comparison.only_in_a), ("B", &comparison.only_in_b)];
    if all {
        for (run, figure) in
            only.iter().flat_map(|(run, figures)| figures.iter().map(move |name| (run, name)))
        {
            let _ = writeln!(text, "alone   {figure} (only in {run})");
        }
    }
    let count = |verdict| comparison.findings.iter().filter(|f| f.verdict == verdict).count();
    let _ = writeln!(
        text,
        "{} slower, {} faster, {} the same within the noise, {} can't be told, {} not judged, {} only in A, {} only in B \
         (--all names them)",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::Same),
        count(Verdict::CantTell),
        count(Verdict::NotJudged),
        comparison.only_in_a.len(),
        comparison.only_in_b.len()
    );
    text.push_str(
        "Slower: the median is worse by more than both runs' rounds stray and the tolerance, after what the others beside \
         it\nlost is taken off, and B's best round is worse than A's worst. Can't be told: no such change, but the rounds stray by \
         more\nthan threefold. Not judged: beyond p90, and p90 of durable (--tails), above 1 M/s,\ntwo \
         rounds, and from core to core where the machine beside it fell to less than two fifths.\n",
    );
    text
}
