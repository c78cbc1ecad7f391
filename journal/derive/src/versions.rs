//! What `#[event(..)]` on a type says of its older versions: `version = 3`, `was = "Trade"`,
//! `upcasts(v2::Order)`; and the names that fields and variants had.

use crate::names;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, LitInt, LitStr, Token, Type, parenthesized, token};

/// Names that something had before, each with its place.
pub(crate) type Formers = Vec<(String, Span)>;

/// The versions of a type.
#[derive(Default)]
pub(crate) struct Versions {
    pub(crate) number: Option<u32>,
    pub(crate) was: Formers,
    upcasts: Vec<Type>,
    upcasts_at: Option<Span>,
}

impl Versions {
    /// Takes an option of the type; `false` if it is none of these.
    pub(crate) fn option(&mut self, meta: &ParseNestedMeta<'_>) -> Result<bool, Error> {
        if meta.path.is_ident("version") {
            self.number = Some(number(meta, 1, "versions count from 1: `#[event(version = 2)]`")?);
        } else if meta.path.is_ident("was") {
            self.was.extend(formers(meta)?);
        } else if meta.path.is_ident("upcasts") {
            const LIST: &str = "`upcasts` names the older types: `#[event(version = 2, upcasts(v1::Order))]`";
            if !meta.input.peek(token::Paren) {
                return Err(meta.error(LIST));
            }
            let list;
            parenthesized!(list in meta.input);
            let types: Punctuated<Type, Token![,]> = Punctuated::parse_terminated(&list)?;
            if types.is_empty() {
                return Err(meta.error(LIST));
            }
            self.upcasts_at = Some(meta.path.span());
            self.upcasts.extend(types);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What can be known without the fields.
    pub(crate) fn check(&self, event: &str, schema_name: &str) -> Result<(), Error> {
        if let (Some(span), None) = (self.upcasts_at, self.number) {
            let why = format!(
                "event `{event}` has `upcasts` and no version: say which version it is, one more than the newest \
                 type that it upcasts (`version = 2`)"
            );
            return Err(Error::new(span, why));
        }
        match self.was.iter().find(|(was, _)| was == schema_name) {
            Some((_, span)) => Err(Error::new(
                *span,
                format!("event `{event}` is called so now: take the name out of its `was`"),
            )),
            None => Ok(()),
        }
    }

    /// The calls that put them into the schema. An enum's schema has the companion's name, so it had that
    /// before.
    pub(crate) fn calls(&self, of_enum: bool) -> TokenStream {
        let version = self.number.map(|number| quote!(.version(#number)));
        let companions = self.was.iter().filter(|_| of_enum).map(|(was, at)| (format!("{was}Event"), *at));
        let was = list(&self.was.iter().cloned().chain(companions).collect());
        let was = was.map(|was| quote!(.was_type(#was)));
        quote!(#version #was)
    }

    /// The constants that refuse a type which is not older.
    pub(crate) fn checks(&self, event: &str, private: &TokenStream) -> TokenStream {
        let Some(number) = self.number else { return TokenStream::new() };
        let checks = self.upcasts.iter().map(|ty| {
            let why = format!(
                "event `{event}`: `upcasts` names a type whose version is not older: its own `version` must be \
                 less than {number}"
            );
            quote_spanned! {ty.span()=>
                const _: () = ::core::assert!(<#ty as #private::Event>::VERSION < #number, #why);
            }
        });
        checks.collect()
    }

    /// What the implementation of `Event` says of them.
    pub(crate) fn items(&self, private: &TokenStream) -> TokenStream {
        let Some(number) = self.number else { return TokenStream::new() };
        let constant = quote!(const VERSION: u32 = #number;);
        if self.upcasts.is_empty() {
            return constant;
        }
        let call = |ty: &Type, name: &str| {
            let name = syn::Ident::new(name, ty.span());
            quote_spanned!(ty.span()=> .#name::<#ty>())
        };
        let is = self.upcasts.iter().map(|ty| call(ty, "is"));
        let becomes = self.upcasts.iter().map(|ty| call(ty, "becomes"));
        quote! {
            #constant

            fn upgrade_from(
                found: &#private::Schema,
            ) -> ::core::result::Result<#private::Upgrade, #private::Differences> {
                #private::Upcasts::<Self>::of(found) #(#is)* #(#becomes)* .or_mapping()
            }

            fn check_alike(
                found: &#private::Schema,
            ) -> ::core::result::Result<(), #private::Differences> {
                <Self as #private::Event>::upgrade_from(found).map(::core::mem::drop)
            }
        }
    }
}

/// A number of at least `least`.
pub(crate) fn number(meta: &ParseNestedMeta<'_>, least: u32, why: &str) -> Result<u32, Error> {
    let number = meta.value()?.parse::<LitInt>()?;
    match number.base10_parse::<u32>() {
        Ok(value) if value >= least => Ok(value),
        _ => Err(Error::new(number.span(), why)),
    }
}

/// The names in `was = "a, b"`.
pub(crate) fn formers(meta: &ParseNestedMeta<'_>) -> Result<Formers, Error> {
    let text = meta.value()?.parse::<LitStr>()?;
    text.value().split(',').map(|name| Ok((names::checked(name.trim(), text.span())?, text.span()))).collect()
}

/// As an attribute says them; `None` if there are none.
pub(crate) fn list(formers: &Formers) -> Option<String> {
    let names: Vec<&str> = formers.iter().map(|(name, _)| name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// Refuses a former name that something else has or had: what an older event holds there could become either.
pub(crate) fn check_formers<'a>(
    event: &str,
    what: &str,
    named: impl Iterator<Item = (&'a str, &'a Formers)> + Clone,
) -> Result<(), Error> {
    for (index, (name, formers)) in named.clone().enumerate() {
        for (was, span) in formers {
            let why = if was == name {
                format!("event `{event}`: {what} `{name}` is called so now: take the name out of its `was`")
            } else if named.clone().any(|(other, _)| other == was) {
                format!(
                    "event `{event}`: {what} `{name}` can't have been `{was}`, which is another {what}: an older \
                     `{was}` could be either; give one of them a new name"
                )
            } else if named
                .clone()
                .take(index)
                .any(|(_, others)| others.iter().any(|(other, _)| other == was))
            {
                format!(
                    "event `{event}`: two are said to have been the {what} `{was}`: take it from one of them"
                )
            } else {
                continue;
            };
            return Err(Error::new(*span, why));
        }
    }
    Ok(())
}
