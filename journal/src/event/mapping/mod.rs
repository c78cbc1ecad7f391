//! From the bytes of an older event to those of a newer one, derived from both schemas.
//!
//! ```text
//! outline.rs   a schema by scopes: the event itself, and each variant
//! paths.rs     where a field lies in the older schema, by its names
//! leaf.rs      what lies in a field
//! convert.rs   from one field to another, or why not
//! default.rs   the text of a default as bytes
//! plan.rs      the whole: steps, or all that differs
//! steps.rs     what is done for each event
//! change.rs    what it comes to, for people
//! recount.rs   of one layout: numbers that count otherwise
//! since.rs     names that are in use again
//! ```

mod change;
mod convert;
mod default;
mod leaf;
mod outline;
mod paths;
mod plan;
mod recount;
pub(super) mod since;
mod steps;

pub use change::Change;

use super::{Difference, Schema};
use outline::Outline;
use plan::MappingPlan;
pub(crate) use recount::Recount;
use steps::Steps;

/// How the bytes of one event of an older type become those of a newer one, derived from both schemas.
///
/// - A field that both have is copied, under its own name or one that its `was` says. Integers may be wider
///   (`u8` to `u32` or `i16`), so may floats and strings of bytes (`[u8;8]` to `[u8;16]`, zeros behind). A
///   decimal may have more digits and a time may count something finer, if no number can become too great for
///   its field.
/// - An added field has its `default`; without one it is zero if it says since which version it is there.
/// - A field that is gone is left out. It stays in the older segments.
/// - The variants of a one-of event may have other numbers and other names. An event of no variant stays one.
///
/// Whatever else differs is a [`Difference`]. What fields mean is compared even where both have one layout.
///
/// ```
/// use slipring_journal::{Mapping, Schema};
///
/// let older = Schema::from_text("Order 12\nid u64 0 8\npx i32 8 4\n").unwrap();
/// let newer =
///     Schema::from_text("Order 24\nid u64 0 8\nprice i64 8 8\twas=px\nqty u64 16 8\tdefault=1\n").unwrap();
/// let mapping = Mapping::between(&older, &newer).unwrap();
///
/// let mut event = [0; 24];
/// mapping.apply(&[7, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255], &mut event);
/// assert_eq!(event[..8], 7_u64.to_le_bytes());
/// assert_eq!(event[8..16], (-1_i64).to_le_bytes());
/// assert_eq!(event[16..], 1_u64.to_le_bytes());
/// assert_eq!(mapping.changes()[0].to_string(), "price: was called px");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    steps: Steps,
    changes: Vec<Change>,
    old_bytes: usize,
    new_bytes: usize,
}

impl Mapping {
    /// The mapping from events that `found` describes to those that `wanted` does.
    ///
    /// # Errors
    /// All that differs in a way that no mapping can be derived for.
    pub fn between(found: &Schema, wanted: &Schema) -> Result<Self, Vec<Difference>> {
        if let Some(schema) = [found, wanted].into_iter().find(|schema| !schema.is_possible()) {
            let advice = format!("`{}` has fields that lie outside of it or over each other", schema.name);
            return Err(vec![Difference::of_event(found.name.clone(), wanted.name.clone(), advice)]);
        }
        let (old, new) = (Outline::of(found), Outline::of(wanted));
        let mut plan = MappingPlan::new(&old, &new);
        if !is_called(wanted, &found.name) {
            let advice = format!("if it is the same event, give it `was = \"{}\"`", found.name);
            plan.differences.push(Difference::of_event(found.name.clone(), wanted.name.clone(), advice));
        }
        if let (Some(old), Some(new)) = (found.version(), wanted.version())
            && old > new
        {
            let advice = "a newer program has written this: use its version of the event".to_owned();
            let (old, new) = (found.version_word(), wanted.version_word());
            plan.differences.push(Difference::of_event(old, new, advice));
        }
        let steps = plan.make();
        if !plan.differences.is_empty() {
            return Err(plan.differences);
        }
        let changes = plan.changes;
        Ok(Mapping { steps, changes, old_bytes: found.size, new_bytes: wanted.size })
    }

    /// Events of one layout as they are.
    pub(super) fn same(bytes: usize) -> Self {
        let mut steps = Steps::default();
        steps.push(steps::MappingStep::Copy { from: 0, to: 0, bytes });
        Mapping { steps, changes: Vec::new(), old_bytes: bytes, new_bytes: bytes }
    }

    /// Writes into `newer` what `older` is in the newer type. Nothing is allocated.
    ///
    /// # Panics
    /// If one of them has not as many bytes as its schema says.
    pub fn apply(&self, older: &[u8], newer: &mut [u8]) {
        assert_eq!((older.len(), newer.len()), (self.old_bytes, self.new_bytes), "bytes of an event");
        newer.fill(0);
        let done = self.steps.apply(older, newer);
        debug_assert!(done.is_ok(), "what could be too great was refused: {done:?}");
    }

    /// Sets the bytes of the newer event that `older` says something of.
    pub(super) fn mark_told(&self, older: &[u8], told: &mut [u8]) {
        self.steps.mark_told(older, told);
    }

    /// What becomes otherwise, in the order of the newer fields; then what is left out.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether some field of the older type is left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Removed { .. }))
    }
}

/// Whether the event has that name, or had it.
fn is_called(schema: &Schema, name: &str) -> bool {
    let was = schema.attribute("was").unwrap_or_default();
    schema.name == name || was.split(',').any(|was| !was.is_empty() && was == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stays where it is costs as little as the whole event.
    #[test]
    fn neighbours_are_copied_together() {
        let of = |text: &str| Schema::from_text(text).unwrap();
        let found = of("E 24\na u64 0 8\nb.x u32 8 4\nb.y u32 12 4\n_pad [u8;2] 16 2\nc [u8;6] 18 6\n");
        let wanted =
            of("E 32\nnew u64 0 8\tsince=2\na u64 8 8\nd.x u32 16 4\twas.1=b\nd.y u32 20 4\twas.1=b\n\
            _pad [u8;2] 24 2\nc [u8;6] 26 6\n");
        let mapping = Mapping::between(&found, &wanted).unwrap();
        assert_eq!(mapping.steps.len(), 1, "{mapping:?}");
        let older: Vec<u8> = (1..=24).collect();
        let mut newer = vec![9; 32];
        mapping.apply(&older, &mut newer);
        assert_eq!((&newer[..8], &newer[8..]), (&[0; 8][..], &older[..]));
    }
}
