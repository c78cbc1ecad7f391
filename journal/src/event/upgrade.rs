//! How an event of an older type becomes one of a newer type: by a derived mapping, or by what its author
//! wrote.

use std::fmt;

use super::mapping::{Mapping, Recount, since};
use super::{Difference, Event, Schema};

/// How an event of an older type becomes this one, where no mapping can be derived from both schemas.
///
/// Say it at the newer type: `#[event(version = 2, upcasts(v1::Order))]`. A journal of the older type, or of
/// one that can be had as the older type, is then opened and read as one of the newer type.
///
/// ```
/// use slipring_journal::{Event, Upcast};
///
/// mod v1 {
///     #[derive(Clone, Copy, Debug, slipring_journal::Event)]
///     #[repr(C)]
///     pub struct Order { pub id: u64, pub price: i64, pub quantity: i64 }
/// }
///
/// #[derive(Clone, Copy, Debug, PartialEq, Event)]
/// #[event(version = 2, upcasts(v1::Order))]
/// #[repr(C)]
/// struct Order { id: u64, notional: i64 }
///
/// impl Upcast<v1::Order> for Order {
///     fn upcast(old: &v1::Order) -> Self {
///         Order { id: old.id, notional: old.price.saturating_mul(old.quantity) }
///     }
/// }
/// # use slipring_journal::{Journal, Writer};
/// let upgrade = Order::upgrade_from(&v1::Order::schema()).unwrap();
/// let old = v1::Order { id: 7, price: 3, quantity: 5 };
/// let mut event = Order { id: 0, notional: 0 };
/// upgrade.apply(bytemuck::bytes_of(&old), bytemuck::bytes_of_mut(&mut event)).unwrap();
/// assert_eq!(event, Order { id: 7, notional: 15 });
/// ```
///
/// Of a one-of event it is the companions that are upcast: `impl Upcast<v1::MessageEvent> for MessageEvent`.
#[diagnostic::on_unimplemented(
    message = "nothing says how a `{Old}` becomes a `{Self}`",
    label = "`upcasts` names a type that this one has no `Upcast` of",
    note = "write `impl Upcast<{Old}> for {Self} {{ fn upcast(old: &{Old}) -> Self {{ .. }} }}`"
)]
pub trait Upcast<Old: Event>: Event {
    /// What `old` is as an event of this type. It must not panic, and must give the same in every life.
    fn upcast(old: &Old) -> Self;
}

/// Turns the bytes of one event of an older type into those of a newer one.
///
/// See the example of [`Upcast`].
pub struct Upgrade(How);

/// From all bytes of an older event to all bytes of the newer one.
type Call = dyn Fn(&[u8], &mut [u8]) -> Result<(), Difference> + Send + Sync;

enum How {
    Mapped(Mapping),
    Recounted(Recount),
    Called(Box<Call>),
}

impl Upgrade {
    /// By a function from all bytes of an older event to all bytes of the newer one.
    pub fn new(apply: impl Fn(&[u8], &mut [u8]) + Send + Sync + 'static) -> Self {
        Upgrade(How::Called(Box::new(move |older, newer| {
            apply(older, newer);
            Ok(())
        })))
    }

    /// By a mapping.
    pub fn of(mapping: Mapping) -> Self {
        Upgrade(How::Mapped(mapping))
    }

    /// From events that `found` describes to those that `wanted` does. Where both have one layout, only a
    /// number that counts otherwise becomes another: a decimal of other digits, a time of another unit, a
    /// name of another number. Else there must be a mapping.
    ///
    /// # Errors
    /// As [`Mapping::between`].
    pub fn between(found: &Schema, wanted: &Schema) -> Result<Self, Vec<Difference>> {
        if !found.same_layout(wanted) {
            return Mapping::between(found, wanted).map(Upgrade::of);
        }
        let others = since::others(found, wanted);
        if others.is_empty() { Ok(Upgrade::of_same(found, wanted)) } else { Err(others) }
    }

    /// Whether events of both are laid out alike, and no field of the one is another of the same name.
    pub(crate) fn is_of_same(found: &Schema, wanted: &Schema) -> bool {
        found.same_layout(wanted) && since::others(found, wanted).is_empty()
    }

    /// Of events of one layout.
    pub(crate) fn of_same(found: &Schema, wanted: &Schema) -> Self {
        match Recount::between(found, wanted) {
            Some(recount) => Upgrade(How::Recounted(recount)),
            None => Upgrade::of(Mapping::same(found.size)),
        }
    }

    /// By what the author of the newer type wrote, from what `before` gives.
    fn upcast<Old: Event, New: Upcast<Old>>(before: Upgrade) -> Self {
        Upgrade(How::Called(Box::new(move |older, newer| {
            let mut old = Old::zeroed();
            before.apply(older, bytemuck::bytes_of_mut(&mut old))?;
            newer.copy_from_slice(bytemuck::bytes_of(&New::upcast(&old)));
            Ok(())
        })))
    }

    /// Writes into `newer` what `older` is in the newer type. Both have the sizes of their types. Nothing is
    /// allocated.
    ///
    /// # Errors
    /// A number of one layout counts otherwise, and the field can't hold it so: it is too great, or has
    /// digits that would be lost. Nothing else fails.
    ///
    /// # Panics
    /// If one of them has another size.
    pub fn apply(&self, older: &[u8], newer: &mut [u8]) -> Result<(), Difference> {
        match &self.0 {
            How::Mapped(mapping) => {
                mapping.apply(older, newer);
                Ok(())
            }
            How::Recounted(recount) => recount.apply(older, newer),
            How::Called(call) => call(older, newer),
        }
    }

    /// Sets the bytes of the newer event that `older` says something of: none of a default, and none of what
    /// an author's function makes, for what it adds nobody knows.
    pub(crate) fn mark_told(&self, older: &[u8], told: &mut [u8]) {
        match &self.0 {
            How::Mapped(mapping) => mapping.mark_told(older, told),
            How::Recounted(_) => told.fill(u8::MAX),
            How::Called(_) => {}
        }
    }

    /// The mapping, if it is nothing else.
    pub fn mapping(&self) -> Option<&Mapping> {
        match &self.0 {
            How::Mapped(mapping) => Some(mapping),
            How::Recounted(_) | How::Called(_) => None,
        }
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            How::Mapped(mapping) => f.debug_tuple("Upgrade").field(mapping).finish(),
            How::Recounted(recount) => f.debug_tuple("Upgrade").field(recount).finish(),
            How::Called(_) => f.write_str("Upgrade"),
        }
    }
}

/// Looks among the types that `upcasts(..)` names for the one by which a schema becomes `New`. The code that
/// the derive writes calls it: first for all types of which the schema may be, then for all that can be had
/// from it.
#[derive(Debug)]
pub struct Upcasts<'a, New> {
    found: &'a Schema,
    upgrade: Option<Upgrade>,
    /// What is in the way, where some type named is one that can't be told apart.
    refused: Option<Vec<Difference>>,
    new: std::marker::PhantomData<New>,
}

impl<'a, New: Event> Upcasts<'a, New> {
    /// Nothing has been looked at.
    pub fn of(found: &'a Schema) -> Self {
        let new = New::schema();
        let upgrade = Upgrade::is_of_same(found, &new).then(|| Upgrade::of_same(found, &new));
        Upcasts { found, upgrade, refused: None, new: std::marker::PhantomData }
    }

    /// Whether the schema is that of `Old`. Of what lies as `New` does, and is not of its version, nobody can
    /// say which of the two wrote it.
    pub fn is<Old: Event>(mut self) -> Self
    where
        New: Upcast<Old>,
    {
        let (found, old, new) = (self.found, Old::schema(), New::schema());
        if !found.same_layout(&old) {
            return self;
        }
        if old.same_layout(&new) {
            let is_own = found.version() == new.version();
            self.refused = self.refused.or((!is_own).then(|| vec![alike(found, &new)]));
        } else if self.upgrade.is_none() {
            match Old::upgrade_from(found) {
                Ok(before) => self.upgrade = Some(Upgrade::upcast::<Old, New>(before)),
                // It lies as `Old` does, and may be what that upcasts.
                Err(differences) => self.refused = Some(differences),
            }
        }
        self
    }

    /// Whether `Old` can be had from the schema. What was written by a newer version than `Old` would lose
    /// what `Old` lacks, so it is no way; where versions are not said, a mapping that leaves fields out is
    /// none.
    pub fn becomes<Old: Event>(mut self) -> Self
    where
        New: Upcast<Old>,
    {
        if self.upgrade.is_some() || self.refused.is_some() {
            return self;
        }
        let versions = (self.found.version(), Old::schema().version());
        if let (Some(found), Some(old)) = versions
            && found >= old
        {
            return self;
        }
        let Ok(before) = Old::upgrade_from(self.found) else { return self };
        let is_older = matches!(versions, (Some(_), Some(_)));
        if is_older || !before.mapping().is_some_and(Mapping::leaves_out) {
            self.upgrade = Some(Upgrade::upcast::<Old, New>(before));
        }
        self
    }

    /// What was found; else the mapping.
    ///
    /// # Errors
    /// As [`Mapping::between`].
    pub fn or_mapping(self) -> Result<Upgrade, Vec<Difference>> {
        match (self.refused, self.upgrade) {
            (Some(differences), _) => Err(differences),
            (None, Some(upgrade)) => Ok(upgrade),
            (None, None) => Upgrade::between(self.found, &New::schema()),
        }
    }
}

/// An older type that only its version tells from the newer one: a segment goes on with both.
fn alike(found: &Schema, wanted: &Schema) -> Difference {
    let advice = "`upcasts` names a type with the same fields, whose events are taken as they are: give a field whose \
        meaning changes another name, without `was`; or take the type out of `upcasts`";
    Difference::of_event(found.version_word(), wanted.version_word(), advice.to_owned())
}
