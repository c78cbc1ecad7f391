//! Joined tests as steps: each says which is next if it holds, and which if not.

use super::lower::{Joined, Known};
use super::run::{FAIL, Load, PASS, Step, Test};

/// The steps, and the first.
pub(super) fn of(joined: &Joined) -> (Box<[Step]>, u32) {
    // From the last to the first: where a step leads to is known before it is made.
    let mut reversed = Vec::new();
    let start = before(joined, PASS, FAIL, &mut reversed);
    let count = reversed.len() as u32;
    let forwards = |step: u32| if step < count { count - 1 - step } else { step };
    let turned = |step: Step| Step { yes: forwards(step.yes), no: forwards(step.no), ..step };
    (reversed.into_iter().rev().map(turned).collect(), forwards(start))
}

/// Adds the steps of some tests, which lead to `yes` or to `no`; returns the first of them.
fn before(joined: &Joined, yes: u32, no: u32, steps: &mut Vec<Step>) -> u32 {
    match joined {
        Joined::All(all) => all.iter().rev().fold(yes, |next, one| before(one, next, no, steps)),
        Joined::Any(any) => any.iter().rev().fold(no, |next, one| before(one, yes, next, steps)),
        Joined::Unknown => no,
        Joined::One { when, test, negated } => {
            let (holds, holds_not) = if *negated { (no, yes) } else { (yes, no) };
            let mut next = match test {
                Known::Always => holds,
                Known::Never => holds_not,
                Known::Test(test) => push(Step { test: test.clone(), yes: holds, no: holds_not }, steps),
            };
            if next == no {
                return no;
            }
            for (offset, tag) in when.iter().rev() {
                let test = Test::Word { load: Load::U32(*offset), low: u64::from(*tag), span: 0 };
                next = push(Step { test, yes: next, no }, steps);
            }
            next
        }
    }
}

fn push(step: Step, steps: &mut Vec<Step>) -> u32 {
    steps.push(step);
    steps.len() as u32 - 1
}
