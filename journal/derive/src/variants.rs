//! The variants of a one-of event, as the enum says them.

use crate::names;
use crate::options::Options;
use crate::versions::{self, Formers};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Type};

/// A variant: its name, its number, and the type of its value if it has one.
pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: String,
    pub(crate) tag: &'a Expr,
    pub(crate) ty: Option<&'a Type>,
    /// The names that it had before.
    pub(crate) was: Formers,
    /// Of the value.
    pub(crate) options: Options,
}

/// The name in the schema, and those before.
pub(crate) fn variant_names(variant: &syn::Variant) -> Result<(String, Formers), Error> {
    let mut was = Formers::new();
    let mut name = variant.ident.unraw().to_string();
    for attr in variant.attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("was") {
                was.extend(versions::formers(&meta)?);
                return Ok(());
            }
            if !meta.path.is_ident("name") {
                return Err(meta.error(
                    "unknown option; on a variant there are `name = \"..\"` and `was = \"..\"`; what its value \
                     means stands in front of the value: `Tick(#[event(decimal = 2)] i64)`",
                ));
            }
            name = names::name(&meta)?;
            Ok(())
        })?;
    }
    Ok((name, was))
}

pub(crate) fn value_options(field: &syn::Field) -> Result<Options, Error> {
    let options = Options::of(&field.attrs)?;
    if options.name.is_some() || !options.was.is_empty() || options.since.is_some() {
        let why = "a variant's value has no name: put `name` and `was` on the variant; a new variant needs no `since`";
        return Err(Error::new(field.span(), why));
    }
    if let Some(span) = options.id {
        let why = "`id` is for structs: of a one-of event give a closure, `Doubles::by(..)`, which says the id of each variant";
        return Err(Error::new(span, why));
    }
    Ok(options)
}
