//! Field types that are refused by their name. The compiler would refuse them as well (`FieldType` is not
//! implemented for them), but only here is it known what the author meant and what to write instead.

use syn::{Error, PathArguments, Type, spanned::Spanned};

/// Why a value of this type can't be in an event; `None` if nothing speaks against it as far as names go.
/// `place` says where it stands: "field `px`".
pub(crate) fn refusal(event: &str, place: &str, ty: &Type) -> Option<Error> {
    let why = match ty {
        Type::Array(array) => return refusal(event, place, &array.elem),
        Type::Group(group) => return refusal(event, place, &group.elem),
        Type::Paren(paren) => return refusal(event, place, &paren.elem),
        Type::Path(path) => path_refusal(path)?,
        Type::Reference(_) => {
            "is a reference, and what it points to would not be in the journal: keep the value itself, an \
             index or an id, or for text a fixed array (`[u8; 16]`)"
        }
        Type::Ptr(_) => {
            "is a pointer, and what it points to would not be in the journal: keep the value itself, an \
             index or an id"
        }
        Type::BareFn(_) => {
            "is a function pointer, which means nothing to the next process: keep a number that stands for \
             the function"
        }
        Type::Slice(_) => "has no fixed size: use an array (`[u8; 16]`) and a count (`len: u32`)",
        Type::Tuple(_) => {
            "is a tuple, whose layout the compiler may change: use a `#[repr(C)]` struct with \
             `#[derive(Event)]`"
        }
        Type::TraitObject(_) | Type::ImplTrait(_) => {
            "has no fixed layout: for several message types derive `Event` on a `#[repr(u32)]` enum"
        }
        Type::Never(_) => "has no value",
        // Macros and what Rust may yet add: the compiler decides by `FieldType`.
        _ => return None,
    };
    Some(Error::new(ty.span(), format!("event `{event}`: {place} {why}")))
}

fn path_refusal(path: &syn::TypePath) -> Option<&'static str> {
    let last = path.path.segments.last()?;
    let name = last.ident.to_string();
    let bare = path.path.segments.len() == 1;
    match &last.arguments {
        PathArguments::None => match name.as_str() {
            "bool" if bare => Some(
                "is a `bool`, for which a byte other than 0 and 1 from a file would be undefined behaviour: \
                 use `u8`",
            ),
            "char" if bare => Some(
                "is a `char`, for which not every number from a file is valid: use `u32`, or `u8` for ASCII",
            ),
            "usize" if bare => Some("is a `usize`, whose size differs between machines: use `u64` or `u32`"),
            "isize" if bare => Some("is an `isize`, whose size differs between machines: use `i64` or `i32`"),
            "str" if bare => Some("has no fixed size: use an array (`[u8; 16]`) and a count (`len: u32`)"),
            "String" => Some(
                "is a `String`, whose text is elsewhere in memory and would not be in the journal: use a \
                 fixed array (`[u8; 16]`), or a number that stands for the text",
            ),
            _ => None,
        },
        // With arguments, so that an event may itself be called `Option`, as they do trade.
        PathArguments::AngleBracketed(_) => match name.as_str() {
            "Vec" | "VecDeque" | "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet" => Some(
                "is a collection, whose elements are elsewhere in memory and would not be in the journal: \
                 use a fixed array and a count (`len: u32`), or publish an event for each element",
            ),
            "Box" | "Rc" | "Arc" | "Cow" => Some(
                "points elsewhere in memory, and what it points to would not be in the journal: keep the \
                 value itself",
            ),
            "Option" => Some(
                "is an `Option`, whose layout the compiler may change: use the number with a value that \
                 means none (0, `i64::MIN`), or a `u8` flag beside it",
            ),
            "Cell" | "RefCell" | "Mutex" | "RwLock" => Some(
                "may change behind a shared reference, and a published event never changes: keep the value \
                 itself",
            ),
            _ => None,
        },
        PathArguments::Parenthesized(_) => None,
    }
}
