//! `#[derive(Event)]` for slipring: writes the schema of a plain-old-data type, and refuses, with words that
//! say what to change, what can't lie in a file as it lies in memory. A crate of its own because procedural
//! macros have to be; use it through `slipring` or `slipring-journal`.
//!
//! ```text
//! lib.rs       which kind of item it is, and refusing the others
//! names.rs     names as schemas have them
//! fields.rs    field types that are refused by their name, each with what to write instead
//! defaults.rs  what `default` says
//! versions.rs  what was before: `version`, `was`, `upcasts`
//! options.rs   #[event(..)] on fields: what they mean beyond their layout
//! attrs.rs     #[repr(..)], #[event(..)], and under which name the embedder knows slipring
//! variants.rs  the variants of enums
//! companion.rs the struct that stands for an enum in a journal
//! plain.rs     structs: the schema, and the compile-time checks for padding and alignment
//! one_of.rs    enums: the companion struct, its view and the conversions
//! ```
#![warn(missing_docs)]

mod attrs;
mod companion;
mod defaults;
mod fields;
mod names;
mod one_of;
mod options;
mod plain;
mod variants;
mod versions;

use proc_macro::TokenStream;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, parse_macro_input};

/// Makes a type an event: something that slipring publishes, journals and replays.
///
/// # Structs
/// A `#[repr(C)]` struct of numbers (`u8`..`u128`, `i8`..`i128`, `f32`, `f64`), arrays, and other events:
/// ```ignore
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Order { id: u64, price: i64, qty: u32, side: u32, legs: [Leg; 2] }
/// ```
/// The schema lists nested events flattened (`legs[0].px`). Padding is a compile error that says where it is
/// and how many bytes to add, since the bytes would be journalled as garbage; so is an alignment above 16.
///
/// The derive writes bytemuck's `Pod` and `Zeroable` too, on the strength of the same checks. Where the type
/// already has them, say `#[event(bytemuck)]`:
/// ```ignore
/// #[derive(Clone, Copy, Debug, Pod, Zeroable, Event)]
/// #[event(bytemuck)]
/// #[repr(C)]
/// struct Quote { bid: i64, ask: i64 }
/// ```
///
/// # Enums: several message types in one ring
/// ```ignore
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(u32)]
/// enum Message { Add(Add) = 1, Cancel(Cancel) = 2, Heartbeat = 3 }
/// ```
/// Each variant holds nothing or one value that may be a field; the numbers go on disk, so they are written
/// out, and 0 is not for use (it is what an empty slot holds). An enum is no plain old data, so beside it the
/// derive writes, with the enum's visibility:
/// - `MessageEvent`, the event itself: the tag, then the value, filled up with zeros to the largest variant.
///   `MessageEvent::from(message)` makes one, `Message::try_from(event)` reads one by value (an unknown tag
///   is the error `UnknownTag`), `event.view()` without a copy. Two are equal when their bytes are.
/// - `MessageRef<'_>`, what `view` returns: the enum with references for values.
///
/// The enum and what it holds need `Copy` and `Debug`.
///
/// # Attributes
/// - `#[event(bytemuck)]` on a struct: see above.
/// - `#[event(crate = "path")]`: where slipring is, if the embedder re-exports it; found by itself otherwise.
/// - `#[event(time = "ts")]` on the type: this field's time is the journal time, where a file is recorded.
/// - `#[event(name = "..")]` on the type, a field or a variant: its name in the schema, where Rust can't have
///   it.
///
/// What was before, where a type has changed (see the page on changing an event):
/// - `#[event(version = 3)]` on the type: which version it is; `#[event(was = "Trade")]`: what it was called.
/// - `#[event(was = "px")]` on a field or a variant: what it was called; several names with commas.
/// - `#[event(since = 2, default = 1)]` on a field: the version that added it, and what it is in older
///   events; zero without a default.
/// - `#[event(version = 3, upcasts(v2::Order))]` on the type: older types from which `impl Upcast<v2::Order>
///   for Order` makes this one. Of an enum the companions: `upcasts(v2::MessageEvent)`.
///
/// What a field means, for the command, for files and for other languages. It goes into the schema, changes
/// nothing of the layout, and may be changed while there are journals:
/// - `#[event(time)]` or `#[event(time = "ms")]` (`s`, `ms`, `us`, `ns`): an integer that counts these since
///   1970. `input = "s"` beside it: in files, a bare number counts seconds.
/// - `#[event(decimal = 2)]`: an integer with two digits behind the point.
/// - `#[event(text)]`: UTF-8 in a `[u8; N]`, filled up with zeros.
/// - `#[event(bool)]`: a `u8`, 0 or 1.
/// - `#[event(names(buy = 1, sell = 2))]`: an integer with names; `"fill or kill" = 3` where one is no
///   identifier.
/// - `#[event(id)]` on a field of a struct, an integer or at most 16 bytes: who sends the event twice says
///   the same id. The derive writes `Identified` too.
/// - `#[event(unit = "shares")]`, for people; `#[event(source = "Size")]`, the column's name in files;
///   `#[event(default = 0)]` or a text, taken where a file or an older event has no value.
/// - `#[event(attributes(owner = "desk 3"))]`: whatever else the schema shall carry.
///
/// ```ignore
/// #[derive(Clone, Copy, Debug, Event)]
/// #[event(time = "ts")]
/// #[repr(C)]
/// struct Order {
///     #[event(time)] ts: u64,
///     #[event(decimal = 2, unit = "USD")] price: i64,
///     #[event(text)] symbol: [u8; 8],
/// }
/// ```
/// They stand on numbers and arrays of numbers, in a variant in front of the value: `Tick(#[event(decimal =
/// 2)] i64)`.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<proc_macro2::TokenStream, Error> {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(Error::new(
            input.generics.span(),
            format!(
                "event `{name}` can't be generic: its schema goes on disk under one name, with one size; \
                 write a struct with the types filled in"
            ),
        ));
    }
    let attrs = attrs::Attrs::of(input)?;
    match &input.data {
        Data::Struct(data) => plain::expand(input, data, &attrs),
        Data::Enum(data) => one_of::expand(input, data, &attrs),
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            format!(
                "event `{name}` can't be a union: nobody could tell from the journal what it holds; for \
                 several message types derive `Event` on a `#[repr(u32)]` enum"
            ),
        )),
    }
}
