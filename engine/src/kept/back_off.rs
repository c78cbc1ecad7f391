//! How long a stage waits between two tries of an event, and how much of that its lane may wait itself.

use std::time::Duration;

/// The pauses between the tries of an event: for [`OnError::retry`](crate::OnError::retry).
///
/// A pause that fits into what the lane may wait inline is waited on the lane. The first that does not fit
/// has the event set aside as a dead letter that is due again when the pause is over.
///
/// ```
/// use slipring::BackOff;
/// use std::time::Duration;
///
/// let back_off = BackOff::doubling(Duration::from_millis(10), Duration::from_secs(60));
/// assert_eq!(back_off.pause(1), Duration::from_millis(10));
/// assert_eq!(back_off.pause(3), Duration::from_millis(40));
/// assert_eq!(back_off.pause(100), Duration::from_secs(60));
///
/// // A stage on a lane of its own may wait longer: the ring holds what is published meanwhile.
/// let patient = BackOff::fixed(Duration::from_millis(5)).inline_at_most(Duration::from_millis(50));
/// assert_eq!(patient.pause(7), Duration::from_millis(5));
/// ```
///
/// More: [tries](https://github.com/slipring/slipring/blob/main/docs/how-to/handle-errors.md#try-again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    first_ns: u64,
    most_ns: u64,
    inline_ns: u64,
}

impl BackOff {
    /// What a lane waits for one event at most, if nothing else is said.
    pub const INLINE: Duration = Duration::from_millis(1);

    /// No pauses: every try is inline.
    pub const fn none() -> Self {
        BackOff { first_ns: 0, most_ns: 0, inline_ns: nanoseconds(BackOff::INLINE) }
    }

    /// The same pause before every try. Longer ones than u64 nanoseconds hold, 584 years, are cut to that.
    #[must_use]
    pub const fn fixed(pause: Duration) -> Self {
        BackOff::doubling(pause, pause)
    }

    /// A first pause, then twice the one before, up to `most`.
    #[must_use]
    pub const fn doubling(first: Duration, most: Duration) -> Self {
        let (first_ns, most_ns) = (nanoseconds(first), nanoseconds(most));
        BackOff { first_ns, most_ns, inline_ns: nanoseconds(BackOff::INLINE) }
    }

    /// The total that the lane may wait for one event in a life; [`BackOff::INLINE`] if not set. While it
    /// waits, nothing else on the lane moves, nor what is gated on the stage. The time that the handler
    /// itself takes comes on top, and what the system oversleeps.
    #[must_use]
    pub const fn inline_at_most(mut self, total: Duration) -> Self {
        self.inline_ns = nanoseconds(total);
        self
    }

    /// The pause behind so many tries that failed.
    pub const fn pause(&self, failed: u32) -> Duration {
        Duration::from_nanos(self.pause_ns(failed))
    }

    /// As [`BackOff::pause`], nanoseconds.
    pub(super) const fn pause_ns(&self, failed: u32) -> u64 {
        let doublings = failed.saturating_sub(1);
        let pause_ns = match self.first_ns {
            0 => 0,
            // What would be shifted out is more than any `most`.
            first_ns if doublings > first_ns.leading_zeros() => u64::MAX,
            first_ns => first_ns << doublings,
        };
        if pause_ns < self.most_ns { pause_ns } else { self.most_ns }
    }

    /// The pause behind so many failed tries, if the lane may wait it after it has waited so long already.
    pub(crate) fn inline_ns(&self, failed: u32, waited_ns: u64) -> Option<u64> {
        let pause_ns = self.pause_ns(failed);
        waited_ns.checked_add(pause_ns).is_some_and(|all_ns| all_ns <= self.inline_ns).then_some(pause_ns)
    }
}

const fn nanoseconds(duration: Duration) -> u64 {
    let ns = duration.as_nanos();
    if ns > u64::MAX as u128 { u64::MAX } else { ns as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pauses_double_up_to_the_most(first in any::<u64>(), most in any::<u64>(), failed in 1u32..300) {
            let back_off = BackOff::doubling(Duration::from_nanos(first), Duration::from_nanos(most));
            // By additions, as it is said.
            let mut wanted = u128::from(first);
            for _ in 1..failed {
                wanted = (wanted + wanted).min(u128::from(u64::MAX));
            }
            let wanted = wanted.min(u128::from(most));
            prop_assert_eq!(back_off.pause(failed).as_nanos(), wanted);
        }

        #[test]
        fn what_is_waited_inline_never_exceeds_the_bound(
            first in 0u64..1_000, most in 0u64..5_000, bound in 0u64..10_000, times in 0u32..60,
        ) {
            let back_off = BackOff::doubling(Duration::from_nanos(first), Duration::from_nanos(most))
                .inline_at_most(Duration::from_nanos(bound));
            let mut waited = 0;
            for failed in 1..=times {
                match back_off.inline_ns(failed, waited) {
                    Some(pause_ns) => waited += pause_ns,
                    None => {
                        prop_assert!(waited + back_off.pause(failed).as_nanos() as u64 > bound);
                        break;
                    }
                }
            }
            prop_assert!(waited <= bound);
        }
    }
}
