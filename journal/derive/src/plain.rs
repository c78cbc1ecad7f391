//! Structs. The size and alignment of a field's type are not known to a macro, so what is checked about
//! layout is checked by constants in the generated code: the gap in front of every field, the gap behind the
//! last, the alignment. With no gap and every field a `FieldType`, each byte of the struct belongs to exactly
//! one field.

use crate::attrs::Attrs;
use crate::fields;
use crate::options::Options;
use crate::versions;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DataStruct, DeriveInput, Error, Fields, Ident, Member, Type};

/// A field: how code names it, how the schema does, and its type.
struct Field<'a> {
    member: Member,
    name: String,
    ty: &'a Type,
    span: Span,
    options: Options,
}

impl Field<'_> {
    fn schema_name(&self) -> &str {
        self.options.name.as_ref().unwrap_or(&self.name)
    }
}

pub(crate) fn expand(input: &DeriveInput, data: &DataStruct, attrs: &Attrs) -> Result<TokenStream, Error> {
    let event = &input.ident;
    let event_name = event.unraw().to_string();
    let fields = fields_of(data)?;
    check(event, &event_name, &fields, attrs)?;
    let refused = fields
        .iter()
        .filter_map(|field| fields::refusal(&event_name, &format!("field `{}`", field.name), field.ty))
        .reduce(|mut all, next| {
            all.combine(next);
            all
        });
    if let Some(error) = refused {
        return Ok(refused_impl(event, attrs, error));
    }
    let named = matches!(data.fields, Fields::Named(_));
    implementation(event, &event_name, &fields, named, attrs)
}

/// What the schema calls the event.
fn schema_name<'a>(event_name: &'a str, attrs: &'a Attrs) -> &'a str {
    attrs.name.as_deref().unwrap_or(event_name)
}

/// The struct's fields, with what is said of each.
fn fields_of(data: &DataStruct) -> Result<Vec<Field<'_>>, Error> {
    data.fields
        .iter()
        .zip(data.fields.members())
        .map(|(field, member)| {
            let options = Options::of(&field.attrs)?;
            let (name, span) = match &member {
                Member::Named(ident) => (ident.unraw().to_string(), ident.span()),
                Member::Unnamed(index) => (index.index.to_string(), field.ty.span()),
            };
            Ok(Field { member, name, ty: &field.ty, span, options })
        })
        .collect()
}

/// Refuses what the tokens alone show to be no event, but for a field's type.
fn check(event: &Ident, event_name: &str, fields: &[Field<'_>], attrs: &Attrs) -> Result<(), Error> {
    if fields.is_empty() {
        return Err(Error::new(
            event.span(),
            format!(
                "event `{event_name}` has no fields, so there is nothing to journal: give it one (`kind: \
                 u32`)"
            ),
        ));
    }
    if !attrs.has_repr("C") && !attrs.has_repr("transparent") {
        return Err(Error::new(
            event.span(),
            format!(
                "event `{event_name}` needs `#[repr(C)]`: without it the compiler orders the fields as it \
                 likes, and the next build could not read today's journal; write `#[repr(C)]` above the \
                 struct"
            ),
        ));
    }
    if let Some(time) = &attrs.time {
        let named = |field: &Field<'_>| field.schema_name() == head(&time.value());
        if !fields.iter().any(named) {
            return Err(Error::new(
                time.span(),
                format!(
                    "event `{event_name}` has no field `{}`: name the one that is the event's time",
                    time.value()
                ),
            ));
        }
    }
    attrs.versions.check(event_name, schema_name(event_name, attrs))?;
    for field in fields {
        field.options.check_since(event_name, attrs.versions.number)?;
    }
    let named = fields.iter().map(|field| (field.schema_name(), &field.options.was));
    versions::check_formers(event_name, "field", named)
}

/// The checks that the compiler makes, and what makes the struct an event.
fn implementation(
    event: &Ident,
    event_name: &str,
    fields: &[Field<'_>],
    named: bool,
    attrs: &Attrs,
) -> Result<TokenStream, Error> {
    let (private, schema_name) = (&attrs.private, schema_name(event_name, attrs));
    let checks = checks(event, event_name, fields, named, private);
    let option_checks = fields.iter().map(|Field { name, ty, options, .. }| {
        options.checks(event_name, &format!("field `{name}`"), ty, private)
    });
    let described = fields.iter().map(|field| {
        let Field { member, ty, options, .. } = field;
        let (name, attributes) = (field.schema_name(), options.call());
        let ty_span = ty.span();
        // The type's own span, so that "can't be a field of an event" points at it.
        let ty = quote_spanned!(ty_span=> ::<#ty>);
        quote!(.field #ty(#name, ::core::mem::offset_of!(#event, #member)) #attributes)
    });
    let (time, versions) = (attrs.time_call(), attrs.versions.calls(false));
    let version_checks = attrs.versions.checks(event_name, private);
    let version_items = attrs.versions.items(private);
    // A newtype reads as the number that it holds.
    let number = match fields {
        [Field { member: Member::Unnamed(_), ty, options, .. }] if options.name.is_none() => {
            quote!(const NUMBER: #private::Number = <#ty as #private::FieldType>::NUMBER;)
        }
        _ => TokenStream::new(),
    };
    let pod = (!attrs.bytemuck).then(|| pod(event, private));
    let identified = identified(event, event_name, fields, private)?;
    Ok(quote! {
        const _: () = {
            #checks
            #version_checks
            #(#option_checks)*
            #pod
            // SAFETY: every field is a `FieldType`, which covers its own bytes exactly once, stands at the
            // offset given, and the checks above leave no byte between or behind the fields.
            #[automatically_derived]
            unsafe impl #private::Event for #event {
                #number
                #version_items

                fn schema() -> #private::Schema {
                    #private::SchemaBuilder::new::<#event>(#schema_name) #(#described)* #time #versions .build()
                }
            }
            #identified
        };
    })
}

/// What says the event's id, if a field is one.
fn identified(
    event: &Ident,
    event_name: &str,
    fields: &[Field<'_>],
    private: &TokenStream,
) -> Result<TokenStream, Error> {
    let mut ids = fields.iter().filter_map(|field| Some((field, field.options.id?)));
    let Some((Field { member, ty, .. }, _)) = ids.next() else { return Ok(TokenStream::new()) };
    if let Some((_, span)) = ids.next() {
        let why = format!(
            "event `{event_name}` has an id already: take one field, or give a closure (`Doubles::by`) for an id of \
             several"
        );
        return Err(Error::new(span, why));
    }
    let ty_span = ty.span();
    let into_id = quote_spanned!(ty_span=> <#ty as #private::IdField>::into_id);
    Ok(quote! {
        #[automatically_derived]
        impl #private::Identified for #event {
            #[inline]
            fn id(&self) -> u128 {
                #into_id(self.#member)
            }
        }
    })
}

/// The first name of a path, `leg` of `leg.px` and of `legs[0].px`.
fn head(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

/// The constants that refuse padding and too large an alignment.
fn checks(
    event: &Ident,
    event_name: &str,
    fields: &[Field<'_>],
    named: bool,
    private: &TokenStream,
) -> TokenStream {
    const WHY: &str = "of padding, which would be journalled as garbage";
    let add = if named {
        let pad = (0..)
            .map(|number| if number == 0 { "_pad".to_owned() } else { format!("_pad{number}") })
            .find(|pad| fields.iter().all(|field| field.name != *pad))
            .expect("the numbers don't end before the fields do");
        format!("`{pad}: [u8; ")
    } else {
        "`[u8; ".to_owned()
    };
    let mut checks = TokenStream::new();
    // An error points at the first token of the call, so the path to the check carries the field's span as
    // well.
    let at_span = |span| -> TokenStream {
        private
            .clone()
            .into_iter()
            .map(|mut token| {
                token.set_span(span);
                token
            })
            .collect()
    };
    for pair in fields.windows(2) {
        let [before, after] = pair else { unreachable!("windows of two") };
        let (at, ty, to, name) = (&before.member, before.ty, &after.member, &after.name);
        let start = format!("event `{event_name}` has ");
        let middle = format!(
            " byte(s) {WHY}, before field `{name}`: order the fields from the largest type to the smallest, \
             or put {add}"
        );
        let end = format!("]` in front of `{name}`");
        let private = at_span(after.span);
        checks.extend(quote_spanned! {after.span=>
            const _: () = #private::refuse_padding(
                ::core::mem::offset_of!(#event, #to)
                    - (::core::mem::offset_of!(#event, #at) + ::core::mem::size_of::<#ty>()),
                &[#start, #middle, #end],
            );
        });
    }
    let last = fields.last().expect("an event has a field");
    let (at, ty, name) = (&last.member, last.ty, &last.name);
    let start = format!("event `{event_name}` has ");
    let middle = format!(" byte(s) {WHY}, behind its last field `{name}`: add {add}");
    let end = "]` as the last field";
    let private = at_span(last.span);
    checks.extend(quote_spanned! {last.span=>
        const _: () = #private::refuse_padding(
            ::core::mem::size_of::<#event>()
                - (::core::mem::offset_of!(#event, #at) + ::core::mem::size_of::<#ty>()),
            &[#start, #middle, #end],
        );
    });
    let too_aligned = format!(
        "event `{event_name}` is aligned to more than 16 bytes, and records in a journal are not: remove the \
         `align(..)`; the ring aligns its slots to cache lines by itself"
    );
    let empty = format!(
        "event `{event_name}` has no bytes, so there is nothing to journal: give it a field (`kind: u32`)"
    );
    checks.extend(quote_spanned! {event.span()=>
        const _: () = ::core::assert!(::core::mem::align_of::<#event>() <= 16, #too_aligned);
        const _: () = ::core::assert!(::core::mem::size_of::<#event>() > 0, #empty);
    });
    checks
}

/// `Pod` and `Zeroable`, unless `bytemuck` writes them.
fn pod(event: &Ident, private: &TokenStream) -> TokenStream {
    quote! {
        // SAFETY: `#[repr(C)]`, no padding (checked beside this), and every field is a `FieldType`, hence
        // `Pod`, as the schema in the same block demands; so all zero and every other pattern of bits is a
        // value.
        #[automatically_derived]
        unsafe impl #private::bytemuck::Zeroable for #event {}
        // SAFETY: as for `Zeroable`; `Copy` and `'static` are demanded by the trait.
        #[automatically_derived]
        unsafe impl #private::bytemuck::Pod for #event {}
    }
}

/// The error, and an implementation that never runs, so that the compiler doesn't go on to say at every use
/// that the type is no event.
fn refused_impl(event: &Ident, attrs: &Attrs, error: Error) -> TokenStream {
    let private = &attrs.private;
    let error = error.into_compile_error();
    let pod = (!attrs.bytemuck).then(|| pod(event, private));
    quote! {
        #error
        const _: () = {
            #pod
            // SAFETY: the error above keeps this from ever being compiled.
            #[automatically_derived]
            unsafe impl #private::Event for #event {
                fn schema() -> #private::Schema {
                    ::core::unreachable!()
                }
            }
        };
    }
}
