//! The dependency graph of stages: names are known, nobody waits for himself. Refused here, before any thread or
//! file exists.

use crate::error::BuildError;
use crate::gate::{Gate, Level};
use crate::journal_stage::JOURNAL;

/// What the builder knows of a stage.
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    pub(crate) gate: &'a Gate,
}

/// Checks names, levels and cycles.
pub(crate) fn check(nodes: &[Node<'_>], has_journal: bool, journal_syncs: bool) -> Result<(), BuildError> {
    let known = || nodes.iter().map(|node| node.name.to_owned()).collect::<Vec<_>>();
    for (index, node) in nodes.iter().enumerate() {
        let stage = || node.name.to_owned();
        if node.name == JOURNAL || nodes[..index].iter().any(|other| other.name == node.name) {
            return Err(BuildError::DuplicateStage { name: stage() });
        }
        if let Some(unknown) = node.gate.after.iter().find(|name| find(nodes, name).is_none()) {
            return Err(BuildError::UnknownStage {
                stage: stage(),
                unknown: unknown.clone(),
                known: known(),
            });
        }
        let level = match node.gate.level {
            Level::Published => continue,
            Level::Journalled => "journalled",
            Level::Durable => "durable",
        };
        if !has_journal {
            return Err(BuildError::NoJournal { stage: stage(), level });
        }
        if node.gate.level == Level::Durable && !journal_syncs {
            return Err(BuildError::DurableWithoutSync { stage: stage() });
        }
    }
    // Depth first; a stage met again on the way down closes a cycle.
    let mut finished = vec![false; nodes.len()];
    for start in 0..nodes.len() {
        descend(nodes, start, &mut Vec::new(), &mut finished)?;
    }
    Ok(())
}

fn descend(
    nodes: &[Node<'_>],
    at: usize,
    path: &mut Vec<usize>,
    finished: &mut [bool],
) -> Result<(), BuildError> {
    if finished[at] {
        return Ok(());
    }
    if let Some(first) = path.iter().position(|index| *index == at) {
        let cycle = path[first..].iter().chain([&at]);
        return Err(BuildError::Cycle { path: cycle.map(|index| nodes[*index].name.to_owned()).collect() });
    }
    path.push(at);
    for name in &nodes[at].gate.after {
        if let Some(next) = find(nodes, name) {
            descend(nodes, next, path, finished)?;
        }
    }
    path.pop();
    finished[at] = true;
    Ok(())
}

fn find(nodes: &[Node<'_>], name: &str) -> Option<usize> {
    nodes.iter().position(|node| node.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Result<(), BuildError> {
        let gates: Vec<Gate> = edges.iter().map(|(_, after)| Gate::PUBLISHED.after(*after)).collect();
        let nodes: Vec<Node<'_>> =
            edges.iter().zip(&gates).map(|((name, _), gate)| Node { name, gate }).collect();
        check(&nodes, false, false)
    }

    #[test]
    fn a_diamond_is_fine() {
        graph(&[("d", &["b", "c"]), ("b", &["a"]), ("c", &["a"]), ("a", &[])]).unwrap();
    }

    #[test]
    fn a_cycle_is_refused_with_its_path() {
        let error = graph(&[("x", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]).unwrap_err();
        assert!(error.to_string().contains("a after b after c after a"), "{error}");
        let error = graph(&[("a", &["a"])]).unwrap_err();
        assert!(error.to_string().contains("a after a"), "{error}");
    }

    #[test]
    fn unknown_and_doubled_names_are_refused() {
        let error = graph(&[("a", &["risk"]), ("b", &[])]).unwrap_err();
        assert!(error.to_string().contains("risk") && error.to_string().contains("a, b"), "{error}");
        assert!(matches!(graph(&[("a", &[]), ("a", &[])]), Err(BuildError::DuplicateStage { .. })));
        assert!(matches!(graph(&[("journal", &[])]), Err(BuildError::DuplicateStage { .. })));
    }

    #[test]
    fn levels_need_a_journal_that_syncs() {
        let refuse = |gate: Gate, journal, syncs| check(&[Node { name: "a", gate: &gate }], journal, syncs);
        assert!(matches!(refuse(Gate::JOURNALLED, false, false), Err(BuildError::NoJournal { .. })));
        assert!(matches!(refuse(Gate::DURABLE, true, false), Err(BuildError::DurableWithoutSync { .. })));
        refuse(Gate::DURABLE, true, true).unwrap();
    }
}
