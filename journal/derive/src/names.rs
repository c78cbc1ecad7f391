//! Names as schemas have them.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Error, LitStr};

/// A name in the schema that differs from Rust's.
pub(crate) fn name(meta: &ParseNestedMeta<'_>) -> Result<String, Error> {
    let text = meta.value()?.parse::<LitStr>()?;
    checked(&text.value(), text.span())
}

/// A name as schemas have them.
pub(crate) fn checked(name: &str, span: Span) -> Result<String, Error> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "./[]=,:;\"'`()<>!&|%#\\".contains(c);
    if name.is_empty() || name.len() > 255 || name.contains(odd) {
        return Err(Error::new(
            span,
            "a name has 1 to 255 bytes: letters, digits, `_` and `-`; say how files call it with `source = \"..\"`",
        ));
    }
    Ok(name.to_owned())
}
