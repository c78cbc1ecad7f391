//! Events that say which of their fields is their id.

use super::Event;

/// An event with an id: whoever sends it twice says the same id.
///
/// The derive writes it where `#[event(id)]` stands on a field of a struct: an integer, or at most 16 bytes.
///
/// ```
/// use slipring_journal::{Event, Identified};
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Order {
///     #[event(id)]
///     id: u64,
///     quantity: u64,
/// }
///
/// assert_eq!(Order { id: 7, quantity: 100 }.id(), 7);
/// assert_eq!(Order::schema().fields[0].attribute("id"), Some(""));
/// ```
pub trait Identified: Event {
    /// The event's id. Different ids of one type are different numbers; those of different types are not
    /// compared.
    fn id(&self) -> u128;
}

/// What may be an id: an integer, or bytes that a `u128` holds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an event's id",
    label = "not an integer, and not at most 16 bytes",
    note = "for an id of several fields give a closure: `Doubles::by(..)`"
)]
pub trait IdField: Copy {
    /// As a number; each value as another.
    fn into_id(self) -> u128;
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl IdField for $integer {
            #[inline]
            fn into_id(self) -> u128 {
                // Of a negative one all upper bits are set: no two are the same.
                self as u128
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

impl<const N: usize> IdField for [u8; N] {
    #[inline]
    fn into_id(self) -> u128 {
        const {
            assert!(N <= 16, "an id has at most 16 bytes: for a longer one give a closure, `Doubles::by(..)`")
        };
        let mut bytes = [0; 16];
        bytes[..N].copy_from_slice(&self);
        u128::from_le_bytes(bytes)
    }
}
