//! Whether two runs can be compared at all: the same processor, as many cores, as many rounds.

use std::collections::BTreeMap;

use crate::compare::read::Run;

/// Why they can't; nothing if they can. Lines of `--json` say nothing of their machine: then only the rounds
/// are looked at.
pub fn unlike(a: &Run, b: &Run) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut differ = |what: &str, a: Option<String>, b: Option<String>| {
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            reasons.push(format!("{what}: {a} in A, {b} in B"));
        }
    };
    differ("processor", a.cpu.clone(), b.cpu.clone());
    let cores = |run: &Run| run.cores.map(|cores| cores.to_string());
    differ("cores", cores(a), cores(b));
    let length = |run: &Run| run.quick.map(|quick| if quick { "--quick" } else { "full" }.to_owned());
    differ("length", length(a), length(b));
    if (a.quick.is_none() || b.quick.is_none()) && other_rounds(a, b) {
        reasons
            .push("rounds: most figures have at least twice as many in one run (is one --quick?)".to_owned());
    }
    reasons
}

/// Whether most of the figures that both have were taken in so different numbers of rounds.
fn other_rounds(a: &Run, b: &Run) -> bool {
    let rounds: BTreeMap<_, _> =
        a.rows.iter().map(|row| ((&row.bench, &row.contender, &row.metric), row.rounds)).collect();
    let both = b.rows.iter().filter_map(|row| {
        let was = *rounds.get(&(&row.bench, &row.contender, &row.metric))?;
        Some(was.max(row.rounds) >= 2 * was.min(row.rounds))
    });
    let (differ, all) = both.fold((0, 0), |(differ, all), other| (differ + usize::from(other), all + 1));
    2 * differ > all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::rate;
    use crate::harness::Row;

    fn run(cpu: &str, cores: usize, quick: bool) -> Run {
        let rows = vec![rate("slipring", (1.0, 1.0, 1.0))];
        Run { rows, cpu: Some(cpu.to_owned()), cores: Some(cores), quick: Some(quick) }
    }

    #[test]
    fn another_machine_or_length_is_named() {
        let full = run("one", 2, false);
        assert!(unlike(&full, &full).is_empty());
        assert_eq!(unlike(&full, &run("other", 2, false)), ["processor: one in A, other in B"]);
        assert_eq!(unlike(&full, &run("one", 8, false)), ["cores: 2 in A, 8 in B"]);
        assert_eq!(unlike(&full, &run("one", 2, true)), ["length: full in A, --quick in B"]);
    }

    #[test]
    fn lines_without_a_machine_are_known_by_their_rounds() {
        let lines = |rounds| {
            let rows = vec![Row { rounds, ..rate("slipring", (1.0, 1.0, 1.0)) }];
            Run { rows, cpu: None, cores: None, quick: None }
        };
        assert!(unlike(&lines(5), &lines(5)).is_empty());
        assert!(unlike(&lines(5), &lines(7)).is_empty());
        assert_eq!(unlike(&lines(5), &lines(15)).len(), 1);
        assert_eq!(unlike(&run("one", 2, false), &lines(15)).len(), 1);
    }
}
