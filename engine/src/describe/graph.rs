//! The dependency graph of stages: names are known, nobody waits for himself. Refused here, before any thread
//! or file exists.

use std::collections::HashMap;

use super::gate::{Gate, Level};
use crate::error::BuildError;
use crate::kept::folders::is_file_name;
use crate::names::JOURNAL;

/// What the builder knows of a stage.
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    pub(crate) gate: &'a Gate,
}

/// Checks names, levels and cycles.
pub(crate) fn check(nodes: &[Node<'_>], has_journal: bool, journal_syncs: bool) -> Result<(), BuildError> {
    let mut places = HashMap::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        if node.name == JOURNAL || places.insert(node.name, index).is_some() {
            return Err(BuildError::DuplicateStage { name: node.name.to_owned() });
        }
    }
    for node in nodes {
        let stage = || node.name.to_owned();
        if let Some(unknown) = node.gate.after.iter().find(|name| !places.contains_key(&***name)) {
            let known = nodes.iter().map(|node| node.name.to_owned()).collect();
            return Err(BuildError::UnknownStage { stage: stage(), unknown: unknown.clone(), known });
        }
        if let Some(name) = node.gate.acknowledged.first() {
            check_acknowledged(node, name, has_journal)?;
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
    check_cycles(nodes, &places)
}

/// Checks a gate that waits for acknowledgements, under `first` among others.
fn check_acknowledged(node: &Node<'_>, first: &str, has_journal: bool) -> Result<(), BuildError> {
    let stage = || node.name.to_owned();
    if !has_journal {
        return Err(BuildError::NoJournal { stage: stage(), level: "acknowledged" });
    }
    if let Some(name) = node.gate.acknowledged.iter().find(|name| !is_file_name(name)) {
        return Err(BuildError::BadAcknowledgedName { stage: stage(), name: name.clone() });
    }
    if !node.gate.may_hold_the_ring {
        return Err(BuildError::HoldsTheRing { stage: stage(), name: first.to_owned() });
    }
    Ok(())
}

/// How far the walk is with a stage.
#[derive(Clone, Copy, PartialEq)]
enum WalkState {
    New,
    /// On the way down: met again, it closes a cycle.
    OnPath,
    Done,
}

/// Depth first, with a path of its own: the stack is not as deep as the graph.
fn check_cycles(nodes: &[Node<'_>], places: &HashMap<&str, usize>) -> Result<(), BuildError> {
    let mut walks = vec![WalkState::New; nodes.len()];
    // Each stage on the way down, and how many of those it waits for have been looked at.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..nodes.len() {
        if walks[start] == WalkState::New {
            walks[start] = WalkState::OnPath;
            path.push((start, 0));
        }
        while let Some((at, looked)) = path.last_mut() {
            let Some(name) = nodes[*at].gate.after.get(*looked) else {
                walks[*at] = WalkState::Done;
                path.pop();
                continue;
            };
            *looked += 1;
            let Some(&next) = places.get(&**name) else { continue };
            match walks[next] {
                WalkState::New => {
                    walks[next] = WalkState::OnPath;
                    path.push((next, 0));
                }
                WalkState::OnPath => {
                    let from = path.iter().position(|(at, _)| *at == next).unwrap_or(0);
                    let cycle = path[from..].iter().map(|(at, _)| *at).chain([next]);
                    return Err(BuildError::Cycle {
                        path: cycle.map(|at| nodes[at].name.to_owned()).collect(),
                    });
                }
                WalkState::Done => {}
            }
        }
    }
    Ok(())
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
        let gate = || Gate::acknowledged("standby");
        assert!(matches!(refuse(gate(), false, false), Err(BuildError::NoJournal { .. })));
        assert!(matches!(refuse(gate(), true, false), Err(BuildError::HoldsTheRing { .. })));
        let bad = Gate::acknowledged(["standby", "../x"]).may_hold_the_ring();
        assert!(matches!(refuse(bad, true, false), Err(BuildError::BadAcknowledgedName { .. })));
        refuse(gate().may_hold_the_ring(), true, false).unwrap();
    }
}
