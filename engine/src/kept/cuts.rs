//! Cuts: where each stage starts, so that what one stage reads of another is made again before it is read.
//!
//! A stage that reads another stage ([`Gate::after`]) reads what that stage made of the event in this life.
//! So a stage starts no later than any stage that reads it. Readers are asked first, each for the latest
//! start that its own readers allow; then the stages that they read. No other answer has any stage start
//! later, for a reader never has to start earlier for the sake of a stage that it reads.
//!
//! [`Gate::after`]: crate::Gate::after

use std::collections::HashMap;

/// Which stage reads which, by number.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    /// Of each stage those that read it.
    readers: Vec<Vec<usize>>,
    /// Each stage behind all that read it.
    order: Vec<usize>,
}

/// How late a stage may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) from: u64,
    /// The reader that starts there.
    pub(crate) reader: usize,
}

impl Reads {
    /// By the stages' names and what each reads, which is checked: nobody waits for himself.
    pub(crate) fn of(stages: &[(&str, &[String])]) -> Self {
        let numbers: HashMap<&str, usize> =
            stages.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
        let read = |(_, reads): &(&str, &[String])| -> Vec<usize> {
            reads.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect()
        };
        Self::new(stages.iter().map(read).collect())
    }

    /// By the stages that each stage reads.
    fn new(reads: Vec<Vec<usize>>) -> Self {
        let mut readers = vec![Vec::new(); reads.len()];
        for (reader, reads) in reads.iter().enumerate() {
            reads.iter().for_each(|read| readers[*read].push(reader));
        }
        let mut unasked: Vec<usize> = readers.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..reads.len()).filter(|stage| unasked[*stage] == 0).collect();
        let mut asked = 0;
        while let Some(reader) = order.get(asked).copied() {
            asked += 1;
            for read in &reads[reader] {
                unasked[*read] -= 1;
                if unasked[*read] == 0 {
                    order.push(*read);
                }
            }
        }
        Reads { readers, order }
    }

    /// The stages, each behind all that read it.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Those that read a stage.
    pub(crate) fn readers(&self, stage: usize) -> &[usize] {
        &self.readers[stage]
    }

    /// A stage and all that read it, over any number of stages.
    pub(crate) fn with_readers(&self, stage: usize) -> Vec<usize> {
        let mut is_among = vec![false; self.readers.len()];
        let mut among = vec![stage];
        is_among[stage] = true;
        let mut seen = 0;
        while let Some(stage) = among.get(seen).copied() {
            seen += 1;
            for reader in &self.readers[stage] {
                if !std::mem::replace(&mut is_among[*reader], true) {
                    among.push(*reader);
                }
            }
        }
        among
    }

    /// Where each stage starts, if `choose` says it for one: no later than the limit, if any stage reads it.
    pub(crate) fn starts<E>(
        &self,
        mut choose: impl FnMut(usize, Option<Limit>) -> Result<u64, E>,
    ) -> Result<Vec<u64>, E> {
        let mut starts = vec![u64::MAX; self.order.len()];
        for stage in &self.order {
            let limits =
                self.readers[*stage].iter().map(|reader| Limit { from: starts[*reader], reader: *reader });
            starts[*stage] = choose(*stage, limits.min_by_key(|limit| limit.from))?;
        }
        Ok(starts)
    }
}

/// The greatest of rising numbers that is not above `most`.
pub(crate) fn newest(ends: &[u64], most: u64) -> Option<u64> {
    ends.partition_point(|end| *end <= most).checked_sub(1).map(|at| ends[at])
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn numbered(reads: Vec<Vec<usize>>) -> Reads {
        Reads::new(reads)
    }

    /// Up to `most` stages, of which each reads some of those before it.
    pub(crate) fn graphs(most: usize) -> impl Strategy<Value = Vec<Vec<usize>>> {
        let rows = prop::collection::vec(prop::collection::vec(any::<bool>(), most), 1..=most);
        rows.prop_map(|rows| {
            let reads = |(stage, row): (usize, &Vec<bool>)| (0..stage).filter(|read| row[*read]).collect();
            rows.iter().enumerate().map(reads).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Every way to start, of which each stage has a few: those are right in which nobody starts before a
        /// stage that it reads. Ours is right, and in no right one does any stage start later.
        #[test]
        fn no_stage_could_start_later(
            reads in graphs(5),
            places in prop::collection::vec(prop::collection::btree_set(1u64..9, 0..4), 5),
        ) {
            // The journal's beginning, and behind each snapshot.
            let places: Vec<Vec<u64>> = places.iter().map(|ends| [0].iter().chain(ends).copied().collect()).collect();
            let places = &places[..reads.len()];
            let starts = numbered(reads.clone()).starts(|stage, limit| {
                let limit = limit.map_or(u64::MAX, |limit| limit.from);
                newest(&places[stage], limit).ok_or("the journal's beginning is always there")
            }).unwrap();
            let is_right = |starts: &[u64]| {
                let ordered = |reader: usize| reads[reader].iter().all(|read| starts[*read] <= starts[reader]);
                (0..reads.len()).all(ordered)
            };
            prop_assert!(is_right(&starts), "{starts:?}");
            let count: usize = places.iter().map(Vec::len).product();
            for mut number in 0..count {
                let of_stage = |ends: &Vec<u64>| {
                    let end = ends[number % ends.len()];
                    number /= ends.len();
                    end
                };
                let other: Vec<u64> = places.iter().map(of_stage).collect();
                if is_right(&other) {
                    prop_assert!(other.iter().zip(&starts).all(|(other, ours)| other <= ours), "{other:?}, {starts:?}");
                }
            }
        }
    }

    #[test]
    fn as_many_stages_as_there_may_be() {
        let count = 100_000;
        let reads =
            numbered((0..count).map(|stage: usize| stage.checked_sub(1).into_iter().collect()).collect());
        let starts = reads.starts(|stage, limit| {
            Ok::<_, ()>(if stage == count - 1 { 7 } else { limit.map_or(u64::MAX, |limit| limit.from) })
        });
        assert!(starts.unwrap().iter().all(|start| *start == 7));
    }
}
