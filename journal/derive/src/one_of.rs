//! One-of events: an enum whose variants are the message types of a ring. What such an enum must be; what is
//! made of it is in `companion`.

use crate::attrs::Attrs;
use crate::companion;
use crate::fields;
use crate::options::Options;
use crate::variants::{Variant, value_options, variant_names};
use crate::versions;
use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DataEnum, DeriveInput, Error, Fields};

pub(crate) fn expand(input: &DeriveInput, data: &DataEnum, attrs: &Attrs) -> Result<TokenStream, Error> {
    let message_name = input.ident.unraw().to_string();
    if data.variants.is_empty() {
        return Err(Error::new(
            input.ident.span(),
            format!("event `{message_name}` has no variants: give it one"),
        ));
    }
    if attrs.bytemuck {
        return Err(Error::new(
            input.ident.span(),
            format!(
                "`#[event(bytemuck)]` is for structs: `{message_name}` is an enum, and its companion \
                 `{message_name}Event` is `Pod` as it is; remove the attribute"
            ),
        ));
    }
    let mut refused: Option<Error> = None;
    let mut refuse = |error: Error| match &mut refused {
        Some(all) => all.combine(error),
        None => refused = Some(error),
    };
    if !attrs.has_repr("u32") {
        refuse(Error::new(
            input.ident.span(),
            format!(
                "event `{message_name}` needs `#[repr(u32)]`: its tag is journalled as a `u32`; write \
                 `#[repr(u32)]` above the enum"
            ),
        ));
    }
    let mut variants = Vec::new();
    for variant in &data.variants {
        variants.extend(variant_of(variant, &message_name, &mut refuse)?);
    }
    if data.variants.iter().all(|variant| variant.fields.is_empty()) {
        return Err(Error::new(
            input.ident.span(),
            format!(
                "event `{message_name}` is an enum of which no variant holds a value, so it is a number, not \
                 an event: keep that number in a struct (`kind: u32`) with `#[derive(Event)]`"
            ),
        ));
    }
    attrs.versions.check(&message_name, attrs.name.as_ref().unwrap_or(&message_name))?;
    let named = variants.iter().map(|variant| (variant.name.as_str(), &variant.was));
    versions::check_formers(&message_name, "variant", named)?;
    match refused {
        Some(error) => Err(error),
        None => Ok(companion::generate(input, &message_name, &variants, attrs)),
    }
}

/// A variant, unless there is something to refuse of it.
fn variant_of<'a>(
    variant: &'a syn::Variant,
    message_name: &str,
    refuse: &mut impl FnMut(Error),
) -> Result<Option<Variant<'a>>, Error> {
    let (name, was) = variant_names(variant)?;
    let mut options = Options::default();
    let ty = match &variant.fields {
        Fields::Unit => None,
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            options = value_options(&fields.unnamed[0])?;
            Some(&fields.unnamed[0].ty)
        }
        fields => {
            refuse(Error::new(
                fields.span(),
                format!(
                    "event `{message_name}`: variant `{name}` must hold one value: put its fields into a \
                     struct with `#[derive(Event)]` and write `{name}(TheStruct)`"
                ),
            ));
            return Ok(None);
        }
    };
    if let Some(error) =
        ty.and_then(|ty| fields::refusal(message_name, &format!("the value of `{name}`"), ty))
    {
        refuse(error);
    }
    let Some((_, tag)) = &variant.discriminant else {
        refuse(Error::new(
            variant.span(),
            format!(
                "event `{message_name}`: variant `{name}` needs its number (`{name}(..) = 1`): the number \
                 goes on disk, and must not change when somebody puts another variant in front"
            ),
        ));
        return Ok(None);
    };
    Ok(Some(Variant { ident: &variant.ident, name, tag, ty, was, options }))
}
