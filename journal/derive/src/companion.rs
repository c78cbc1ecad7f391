//! What is made of a one-of event, an enum whose variants are the message types of a ring. An enum itself is
//! not plain old data (a tag that a file holds may belong to no variant, and its unused bytes are
//! uninitialised), so what travels is a companion struct:
//!
//! ```text
//! 0      4                payload              payload + largest variant    size, a multiple of 8
//! | tag  | zeros          | value of the variant, then zeros                     |
//! ```
//! `payload` is 4 rounded up to the greatest alignment among the variants, so that a value can be borrowed
//! where it lies. All sizes are constants in the generated code; no field of the companion leaves a gap to
//! the compiler.

use crate::attrs::Attrs;
use crate::variants::Variant;
use crate::versions;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Type, Visibility};

/// Everything that the generated code is put together from.
struct Names<'a> {
    message: &'a Ident,
    message_name: &'a str,
    /// The companion.
    event: Ident,
    /// The borrowed form.
    view: Ident,
    vis: &'a Visibility,
    variants: &'a [Variant<'a>],
    /// The constants that hold the variants' numbers.
    tags: Vec<Ident>,
    attrs: &'a Attrs,
    private: &'a TokenStream,
}

pub(crate) fn generate(
    input: &DeriveInput,
    message_name: &str,
    variants: &[Variant<'_>],
    attrs: &Attrs,
) -> TokenStream {
    let message = &input.ident;
    let names = Names {
        message,
        message_name,
        event: format_ident!("{}Event", message.unraw(), span = message.span()),
        view: format_ident!("{}Ref", message.unraw(), span = message.span()),
        vis: &input.vis,
        variants,
        // Underscores, because the numbers may be given by constants of the user's, which these must not
        // hide.
        tags: (0..variants.len()).map(|index| format_ident!("__TAG_{index}")).collect(),
        attrs,
        private: &attrs.private,
    };
    let companion = names.companion();
    let view = names.view();
    let tags = names.tags();
    let event_impls = names.event_impls();
    let value_impls = names.value_impls();
    let readers = names.readers();
    let conversions = names.conversions();
    quote! {
        #companion
        #view
        const _: () = {
            #tags
            #event_impls
            #value_impls
            #readers
            #conversions
        };
    }
}

impl Names<'_> {
    fn types(&self) -> Vec<&Type> {
        self.variants.iter().filter_map(|variant| variant.ty).collect()
    }

    /// The companion's definition.
    fn companion(&self) -> TokenStream {
        let Self { message_name, event, vis, private, .. } = self;
        let types = self.types();
        let doc = format!(
            "The event that carries a [`{message_name}`]: its tag, then its value, filled up with zeros. \
             Written by `#[derive(Event)]`.\n\nMake one with `{event}::from(message)`; read it with \
             [`{event}::view`] or `{message_name}::try_from(event)`. Two are equal when their bytes are."
        );
        let aligns: Vec<Ident> = (0..types.len()).map(|index| format_ident!("align_{index}")).collect();
        let payload_at =
            quote!(#private::round_up(4, #private::greatest(&[4 #(, ::core::mem::align_of::<#types>())*])));
        let payload_end = quote!(#private::round_up(
            #payload_at + #private::greatest(&[#(::core::mem::size_of::<#types>()),*]),
            #private::greatest(&[8 #(, ::core::mem::align_of::<#types>())*]),
        ));
        quote! {
            #[doc = #doc]
            #[derive(::core::clone::Clone, ::core::marker::Copy)]
            #[repr(C)]
            #[allow(dead_code)]
            #vis struct #event {
                // Without bytes: these give the struct the greatest alignment of its variants, and at least
                // 8.
                align: [u64; 0],
                #(#aligns: [#types; 0],)*
                tag: u32,
                gap: [u8; #payload_at - 4],
                payload: [u8; #payload_end - #payload_at],
            }
        }
    }

    /// The enum with references for values.
    fn view(&self) -> TokenStream {
        let Self { message_name, event, view, vis, .. } = self;
        let doc =
            format!("A [`{message_name}`] borrowed from its [`{event}`]. Written by `#[derive(Event)]`.");
        let variants = self.variants.iter().map(|Variant { ident, name, ty, .. }| {
            let doc = format!("`{message_name}::{name}`");
            let value = ty.map(|ty| quote!((&'a #ty)));
            quote!(#[doc = #doc] #ident #value)
        });
        quote! {
            #[doc = #doc]
            #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
            #[allow(dead_code)]
            #vis enum #view<'a> {
                #(#variants,)*
            }
        }
    }

    /// The numbers of the variants as constants, and the check that none is 0.
    fn tags(&self) -> TokenStream {
        let message_name = self.message_name;
        self.variants
            .iter()
            .zip(&self.tags)
            .map(|(Variant { name, tag, .. }, constant)| {
                let zero = format!(
                    "event `{message_name}`: variant `{name}` must not have the number 0, which is what an \
                     empty slot holds: count from 1"
                );
                quote_spanned! {tag.span()=>
                    const #constant: u32 = #tag;
                    const _: () = ::core::assert!(#constant != 0, #zero);
                }
            })
            .collect()
    }

    /// What makes the companion an event.
    fn event_impls(&self) -> TokenStream {
        let Self { message_name, event, private, tags, attrs, .. } = self;
        let event_name = event.to_string();
        let schema_name = attrs.name.as_ref().unwrap_or(&event_name);
        let (time, versions) = (attrs.time_call(), attrs.versions.calls(true));
        let version_checks = attrs.versions.checks(message_name, private);
        let version_items = attrs.versions.items(private);
        let option_checks = self.variants.iter().filter_map(|Variant { name, ty, options, .. }| {
            Some(options.checks(message_name, &format!("the value of `{name}`"), (*ty)?, private))
        });
        let too_aligned = format!(
            "event `{message_name}` holds a value that is aligned to more than 16 bytes, and records in a \
             journal are not: remove the `align(..)`"
        );
        let described =
            self.variants.iter().zip(tags).map(|(Variant { name, ty, was, options, .. }, tag)| {
                let was = versions::list(was).map(|was| quote!(.was(#was)));
                let payload = ty.map(|ty| {
                    let attributes = options.call();
                    // The type's own span, so that "can't be a field of an event" points at it.
                    let ty = quote_spanned!(ty.span()=> ::<#ty>);
                    quote!(.payload #ty(#name, ::core::mem::offset_of!(#event, payload)) #attributes)
                });
                quote!(.variant(#name, #tag) #was #payload)
            });
        quote! {
            #(#option_checks)*
            #version_checks
            const _: () = ::core::assert!(::core::mem::align_of::<#event>() <= 16, #too_aligned);
            const _: () = ::core::assert!(
                ::core::mem::offset_of!(#event, tag) == 0
                    && ::core::mem::offset_of!(#event, gap) == 4
                    && ::core::mem::size_of::<#event>() % 8 == 0
            );
            // SAFETY: zero-length arrays, a `u32` and two arrays of bytes, all valid when zero.
            #[automatically_derived]
            unsafe impl #private::bytemuck::Zeroable for #event {}
            // SAFETY: `#[repr(C)]`; the gap's length puts the payload where the greatest alignment wants it,
            // and the payload's length makes the size a multiple of the alignment, so no padding is left;
            // every field is valid whatever its bits.
            #[automatically_derived]
            unsafe impl #private::bytemuck::Pod for #event {}
            // SAFETY: the tag is at 0 (asserted), each variant's value lies at the start of the payload, and
            // the bytes in the gap and behind the value are zeros of no field, as the trait allows.
            #[automatically_derived]
            unsafe impl #private::Event for #event {
                #version_items

                fn schema() -> #private::Schema {
                    #private::SchemaBuilder::new::<#event>(#schema_name)
                        .field::<u32>("tag", ::core::mem::offset_of!(#event, tag))
                        #(#described)*
                        #time
                        #versions
                        .build()
                }
            }
        }
    }

    /// Equality by bytes, and the companion in print.
    fn value_impls(&self) -> TokenStream {
        let Self { event, private, .. } = self;
        let event_name = event.to_string();
        quote! {
            #[automatically_derived]
            impl ::core::cmp::PartialEq for #event {
                fn eq(&self, other: &Self) -> bool {
                    #private::bytemuck::bytes_of(self) == #private::bytemuck::bytes_of(other)
                }
            }
            #[automatically_derived]
            impl ::core::cmp::Eq for #event {}
            #[automatically_derived]
            impl ::core::fmt::Debug for #event {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match self.view() {
                        ::core::result::Result::Ok(view) => f.debug_tuple(#event_name).field(&view).finish(),
                        ::core::result::Result::Err(_) => {
                            f.debug_struct(#event_name).field("tag", &self.tag).finish_non_exhaustive()
                        }
                    }
                }
            }
        }
    }

    /// What reads the companion.
    fn readers(&self) -> TokenStream {
        let Self { message_name, event, view, vis, tags, private, .. } = self;
        // The bounds and the alignment are constants, so no check is left in the compiled code.
        let load = self.variants.iter().zip(tags).map(|(Variant { ident, ty, .. }, tag)| match ty {
            Some(ty) => quote! {
                #tag => #view::#ident(#private::bytemuck::from_bytes(
                    &self.payload[..::core::mem::size_of::<#ty>()],
                )),
            },
            None => quote!(#tag => #view::#ident,),
        });
        let tag_doc =
            format!("The number of the variant; 0 in an event that was never made from a `{message_name}`.");
        let view_doc = format!(
            "The message, borrowed where it lies.\n\n# Errors\n`UnknownTag` when the tag belongs to no \
             variant of `{message_name}`."
        );
        quote! {
            #[allow(dead_code)]
            impl #event {
                #[doc = #tag_doc]
                #[inline]
                #vis const fn tag(&self) -> u32 {
                    self.tag
                }

                #[doc = #view_doc]
                #[inline]
                #vis fn view(&self) -> ::core::result::Result<#view<'_>, #private::UnknownTag> {
                    ::core::result::Result::Ok(match self.tag {
                        #(#load)*
                        tag => {
                            let unknown = #private::UnknownTag { type_name: #message_name, tag };
                            return ::core::result::Result::Err(unknown);
                        }
                    })
                }
            }
        }
    }

    /// From the enum to the companion and back.
    fn conversions(&self) -> TokenStream {
        let Self { message, event, view, tags, private, .. } = self;
        let store = self.variants.iter().zip(tags).map(|(Variant { ident, ty, .. }, tag)| match ty {
            Some(ty) => quote! {
                #message::#ident(value) => {
                    event.tag = #tag;
                    event.payload[..::core::mem::size_of::<#ty>()]
                        .copy_from_slice(#private::bytemuck::bytes_of(&value));
                }
            },
            None => quote!(#message::#ident => event.tag = #tag,),
        });
        let copy = self.variants.iter().map(|Variant { ident, ty, .. }| match ty {
            Some(_) => quote!(#view::#ident(value) => #message::#ident(*value),),
            None => quote!(#view::#ident => #message::#ident,),
        });
        quote! {
            #[automatically_derived]
            impl ::core::convert::From<#message> for #event {
                #[inline]
                fn from(message: #message) -> Self {
                    let mut event: Self = #private::bytemuck::Zeroable::zeroed();
                    match message { #(#store)* }
                    event
                }
            }
            #[automatically_derived]
            impl ::core::convert::TryFrom<&#event> for #message {
                type Error = #private::UnknownTag;

                #[inline]
                fn try_from(event: &#event) -> ::core::result::Result<Self, Self::Error> {
                    ::core::result::Result::Ok(match event.view()? { #(#copy)* })
                }
            }
            #[automatically_derived]
            impl ::core::convert::TryFrom<#event> for #message {
                type Error = #private::UnknownTag;

                #[inline]
                fn try_from(event: #event) -> ::core::result::Result<Self, Self::Error> {
                    Self::try_from(&event)
                }
            }
        }
    }
}
