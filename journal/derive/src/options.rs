//! What `#[event(..)]` on a field says of it beyond its layout: that it is a time, a decimal, text, a number
//! with names. It goes into the schema as attributes. Whether the field's type can be that is known only to
//! the compiler, since a type may have another name, so it is checked by constants in the generated code.

use crate::defaults::{self, DefaultValue};
use crate::names;
use crate::versions::{self, Formers};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use std::collections::HashSet;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Ident, LitInt, LitStr, Token, Type, parenthesized, token};

/// What a number has to be for what the option says.
enum Needs {
    Time,
    Decimal,
    Text,
    Bool,
    /// An integer that holds these: whether each is negative, and how great it is.
    Names(Vec<(bool, u128)>),
    Number,
}

/// The options of a field.
#[derive(Default)]
pub(crate) struct Options {
    /// The name in the schema.
    pub(crate) name: Option<String>,
    /// The names that it had before.
    pub(crate) was: Formers,
    /// The version in which it came, and where that is said.
    pub(crate) since: Option<(u32, Span)>,
    default: Option<DefaultValue>,
    attributes: Vec<(String, String)>,
    needs: Vec<(Span, &'static str, Needs)>,
    /// `id`: where it stands.
    pub(crate) id: Option<Span>,
}

const MEANINGS: [&str; 5] = ["time", "decimal", "text", "enum", "bool"];

impl Options {
    /// Those of a field, a variant's value among them.
    pub(crate) fn of(attrs: &[Attribute]) -> Result<Self, Error> {
        let mut options = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("event")) {
            attr.parse_nested_meta(|meta| options.option(&meta))?;
        }
        let has = |name: &str| options.attributes.iter().any(|(found, _)| found == name);
        if let Some((span, ..)) = options.needs.iter().find(|(_, option, _)| *option == "input")
            && !has("time")
        {
            return Err(Error::new(*span, "`input` says what a time counts in files: put `time` beside it"));
        }
        Ok(options)
    }

    fn option(&mut self, meta: &ParseNestedMeta<'_>) -> Result<(), Error> {
        let Some(option) = meta.path.get_ident().map(Ident::to_string) else { return Err(unknown(meta)) };
        match option.as_str() {
            "name" => self.name = Some(names::name(meta)?),
            "time" => {
                let unit = if meta.input.peek(Token![=]) { time_unit(meta)? } else { "ns".to_owned() };
                self.add(meta, "time", unit, "time", Needs::Time)?;
            }
            "decimal" => {
                let scale = meta.value()?.parse::<LitInt>()?;
                if !scale.base10_parse::<u32>().is_ok_and(|scale| scale <= 38) {
                    return Err(Error::new(
                        scale.span(),
                        "a decimal has 0 to 38 digits behind the point: `#[event(decimal = 2)]`",
                    ));
                }
                self.add(meta, "decimal", scale.base10_digits().to_owned(), "decimal", Needs::Decimal)?;
            }
            "input" => {
                let unit = time_unit(meta)?;
                self.add(meta, "input", unit, "input", Needs::Time)?;
            }
            "text" => self.add(meta, "text", String::new(), "text", Needs::Text)?,
            "bool" => self.add(meta, "bool", String::new(), "bool", Needs::Bool)?,
            "names" => self.names(meta)?,
            "id" => {
                self.add(meta, "id", String::new(), "id", Needs::Number)?;
                self.id = Some(meta.path.span());
            }
            "unit" | "source" => {
                let text = meta.value()?.parse::<LitStr>()?;
                if text.value().is_empty() {
                    return Err(Error::new(
                        text.span(),
                        format!("`{option}` needs a text that is not empty"),
                    ));
                }
                let what = if option == "unit" { "unit" } else { "source" };
                self.add(meta, what, text.value(), what, Needs::Number)?;
            }
            "default" => {
                let value = meta.value()?.parse::<Expr>()?;
                let (span, text) = (value.span(), defaults::text(&value)?);
                self.add(meta, "default", text.clone(), "default", Needs::Number)?;
                self.default = Some(DefaultValue { span, text });
            }
            "was" => self.was.extend(versions::formers(meta)?),
            "since" => {
                const FIRST: &str = "what version 1 has needs no `since`: it says in which later version the field \
                    came (`since = 2`)";
                self.since = Some((versions::number(meta, 2, FIRST)?, meta.path.span()));
            }
            "attributes" => {
                let list;
                parenthesized!(list in meta.input);
                for (key, key_span, value) in list.parse_terminated(pair, Token![,])? {
                    let own = MEANINGS.contains(&key.as_str())
                        || ["input", "unit", "source", "default", "since", "was", ""].contains(&key.as_str());
                    if own {
                        return Err(Error::new(key_span, "this attribute has an option of its own"));
                    }
                    self.needs.push((key_span, "attributes", Needs::Number));
                    self.attributes.push((key, value));
                }
            }
            _ => return Err(unknown(meta)),
        }
        Ok(())
    }

    fn add(
        &mut self,
        meta: &ParseNestedMeta<'_>,
        key: &'static str,
        value: String,
        option: &'static str,
        needs: Needs,
    ) -> Result<(), Error> {
        if self.attributes.iter().any(|(found, _)| found == key) {
            return Err(meta.error(format!("`{option}` stands here twice")));
        }
        let has = |name: &str| self.attributes.iter().any(|(found, _)| found == name);
        if MEANINGS.contains(&key) && MEANINGS.into_iter().any(has) {
            return Err(
                meta.error("a field is one of `time`, `decimal`, `text`, `names(..)` and `bool`: take one")
            );
        }
        if (key == "unit" && has("time")) || (key == "time" && has("unit")) {
            return Err(meta.error("a time has its unit already: `#[event(time = \"ms\")]`"));
        }
        self.attributes.push((key.to_owned(), value));
        self.needs.push((meta.path.span(), option, needs));
        Ok(())
    }

    fn names(&mut self, meta: &ParseNestedMeta<'_>) -> Result<(), Error> {
        if !meta.input.peek(token::Paren) {
            return Err(meta.error("`names` needs them: `#[event(names(buy = 1, sell = 2))]`"));
        }
        let list;
        parenthesized!(list in meta.input);
        let (mut seen, mut numbers, mut texts) = (HashSet::new(), Vec::new(), Vec::new());
        for (name, span, negative, number) in list.parse_terminated(named_number, Token![,])? {
            if name.is_empty() || name.contains(|c: char| matches!(c, ',' | ':' | '"') || c.is_control()) {
                return Err(Error::new(
                    span,
                    "a name has no `,` `:` `\"` and no control characters, and is not empty",
                ));
            }
            let text = if negative && number > 0 { format!("-{number}") } else { number.to_string() };
            if !seen.insert(name.clone()) || numbers.contains(&(negative && number > 0, number)) {
                return Err(Error::new(
                    span,
                    format!("`{name} = {text}`: each name and each number stands once"),
                ));
            }
            numbers.push((negative && number > 0, number));
            texts.push(format!("{name}:{text}"));
        }
        if texts.is_empty() {
            return Err(meta.error("`names` needs them: `#[event(names(buy = 1, sell = 2))]`"));
        }
        self.add(meta, "enum", texts.join(","), "names", Needs::Names(numbers))
    }

    /// The call that gives the field its attributes; nothing if it has none.
    pub(crate) fn call(&self) -> TokenStream {
        let pairs = self.attributes.iter().map(|(name, value)| quote!((#name, #value)));
        let attributes = (!self.attributes.is_empty()).then(|| quote!(.attributes(&[#(#pairs),*])));
        let since = self.since.map(|(version, _)| quote!(.since(#version)));
        let was = versions::list(&self.was).map(|was| quote!(.was(#was)));
        quote!(#attributes #since #was)
    }

    /// Refuses a field that came in a version which is yet to come.
    pub(crate) fn check_since(&self, event: &str, version: Option<u32>) -> Result<(), Error> {
        match (self.since, version) {
            (Some((since, span)), Some(version)) if since > version => Err(Error::new(
                span,
                format!(
                    "event `{event}` has version {version}: say `version = {since}` on the type, or a lesser `since`"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The constants that refuse a type which can't be what the options say. `place` says where it stands.
    pub(crate) fn checks(&self, event: &str, place: &str, ty: &Type, private: &TokenStream) -> TokenStream {
        let mut checks = TokenStream::new();
        let number = quote!(<#ty as #private::FieldType>::NUMBER);
        for (span, option, needs) in &self.needs {
            let (test, why) = match needs {
                Needs::Time => (
                    quote!(#number.is_time()),
                    "is for integers of at most 64 bits, and arrays of them: use `u64` or `i64`".to_owned(),
                ),
                Needs::Decimal => (
                    quote!(#number.is_decimal()),
                    "is for integers up to `u64` and `i128`, and arrays of them: use `i64`".to_owned(),
                ),
                Needs::Text => {
                    (quote!(#number.is_bytes()), "is for arrays of bytes: use `[u8; 16]`".to_owned())
                }
                Needs::Bool => {
                    (quote!(#number.is_u8()), "is for `u8`, and arrays of it: use `u8`".to_owned())
                }
                Needs::Names(numbers) => {
                    let holds =
                        numbers.iter().map(|(negative, great)| quote!(#number.holds(#negative, #great)));
                    (
                        quote!(#number.is_decimal() #(&& #holds)*),
                        "is for integers up to `u64` and `i128` that hold all of its numbers".to_owned(),
                    )
                }
                Needs::Number => (
                    quote!(#number.is_number()),
                    "is for numbers, and arrays of them: put it on the fields of the struct itself"
                        .to_owned(),
                ),
            };
            let message = format!("event `{event}`: {place}: `{option}` {why}");
            checks.extend(quote_spanned! {*span=> const _: () = ::core::assert!(#test, #message);});
        }
        if let Some(default) = &self.default {
            checks.extend(default.check(&format!("event `{event}`: {place}"), &self.attributes, ty, private));
        }
        checks
    }
}

fn time_unit(meta: &ParseNestedMeta<'_>) -> Result<String, Error> {
    let text = meta.value()?.parse::<LitStr>()?;
    if ["s", "ms", "us", "ns"].contains(&text.value().as_str()) {
        return Ok(text.value());
    }
    let why = "a time counts \"s\", \"ms\", \"us\" or \"ns\" since 1970: `#[event(time = \"ns\")]`";
    Err(Error::new(text.span(), why))
}

fn unknown(meta: &ParseNestedMeta<'_>) -> Error {
    meta.error(
        "unknown option; on a field there are `time`, `time = \"ms\"`, `decimal = 2`, `text`, `bool`, \
         `names(buy = 1)`, `id`, `input`, `unit`, `source`, `default`, `since = 2`, `was = \"..\"`, \
         `name = \"..\"` and `attributes(..)`",
    )
}

fn key(input: ParseStream<'_>) -> Result<(String, Span), Error> {
    if input.peek(LitStr) {
        let text = input.parse::<LitStr>()?;
        return Ok((text.value(), text.span()));
    }
    let ident = input.call(Ident::parse_any)?;
    Ok((ident.unraw().to_string(), ident.span()))
}

fn pair(input: ParseStream<'_>) -> Result<(String, Span, String), Error> {
    let (key, span) = key(input)?;
    input.parse::<Token![=]>()?;
    Ok((key, span, input.parse::<LitStr>()?.value()))
}

fn named_number(input: ParseStream<'_>) -> Result<(String, Span, bool, u128), Error> {
    let (name, span) = key(input)?;
    input.parse::<Token![=]>()?;
    let negative = input.parse::<Option<Token![-]>>()?.is_some();
    let number = input.parse::<LitInt>()?;
    Ok((name, span, negative, number.base10_parse()?))
}
