//! The stage: its state has versions too, and goes over from each to the next. It says so in a line of the
//! child's.

use std::io::Write;
use std::marker::PhantomData;

use slipring::{Context, Digest, Handler, HandlerError, Snapshot};

use slipring_tests::deaths::{Death, Point};

use crate::{Aged, time};

/// A total that tells orders of events apart, in units of the version.
fn next(total: i64, weight: i64) -> i64 {
    total.wrapping_mul(31).wrapping_add(weight)
}

/// The state behind events of these numbers and writers, in units of the newest version: the plain model.
pub fn model<Newest: Aged>(events: impl Iterator<Item = (u64, u32)>) -> u64 {
    events.fold(0, |total, (id, by)| next(total, Newest::seen(id, by).weight())) as u64
}

/// Sees events of one version, checks each, and dies where it is told to.
#[derive(Debug)]
pub struct Fold<E> {
    total: i64,
    count: u64,
    death: Death,
    /// Seen last, for a death in a snapshot.
    sequence: u64,
    events: PhantomData<fn(E)>,
}

impl<E: Aged> Fold<E> {
    /// Of no event yet.
    pub fn new(death: Death) -> Self {
        Fold { total: 0, count: 0, death, sequence: 0, events: PhantomData }
    }

    /// Events in the state.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl<E: Aged> Handler<E> for Fold<E> {
    fn event(&mut self, event: &E, context: &Context) -> Result<(), HandlerError> {
        self.sequence = context.sequence();
        self.death.reach(Point::BeforeEvent, self.sequence);
        let (id, by) = event.id_and_by();
        assert_eq!((id, time(id)), (self.sequence, context.time_ns()), "{event:?}");
        assert_eq!(id, self.count, "{event:?}: each once");
        assert!((1..=E::VERSION).contains(&by), "{event:?}");
        assert_eq!(*event, E::seen(id, by));
        (self.total, self.count) = (next(self.total, event.weight()), self.count + 1);
        self.death.reach(Point::AfterEvent, self.sequence);
        Ok(())
    }
}

impl<E: Aged> Snapshot for Fold<E> {
    const VERSION: u32 = E::VERSION;

    /// In version 1 it does not say its unit.
    fn save(&self, out: &mut Vec<u8>) {
        self.death.reach(Point::InSnapshot, self.sequence);
        out.extend(self.total.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        if E::VERSION > 1 {
            out.extend(E::SCALE.to_le_bytes());
        }
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        let words =
            bytes.chunks_exact(8).map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes")));
        let (total, count, scale) = match words.collect::<Vec<_>>()[..] {
            [total, count] if version == 1 => (total, count, E::FIRST_SCALE),
            [total, count, scale] if version > 1 => (total, count, scale),
            _ => return Err(format!("{} bytes of version {version}", bytes.len()).into()),
        };
        self.total = total.wrapping_mul(scale / E::SCALE);
        self.count = count as u64;
        Ok(writeln!(std::io::stdout(), "restored {version} {count}")?)
    }
}

impl<E: Aged> Digest for Fold<E> {
    /// The same in each version.
    fn digest(&self) -> u64 {
        self.total.wrapping_mul(E::SCALE) as u64
    }
}
