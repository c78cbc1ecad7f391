//! What the attributes say: the representation, the options in `#[event(..)]`, and the path by which the
//! generated code reaches slipring. An embedder depends on `slipring`, a user of the journal alone on
//! `slipring-journal`, and either may have renamed it, so the path is looked up in the user's manifest.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Error, Ident, LitStr, Path, Token, parenthesized, token};

use crate::names;
use crate::versions::Versions;

/// The attributes of the type.
pub(crate) struct Attrs {
    /// The names in `#[repr(..)]`: `C`, `u32`, `transparent`, `packed`, `align`.
    reprs: Vec<String>,
    /// `#[event(bytemuck)]`: `Pod` and `Zeroable` are there already.
    pub(crate) bytemuck: bool,
    /// `#[event(name = "..")]`: the name in the schema.
    pub(crate) name: Option<String>,
    /// `#[event(time = "..")]`: the field that is the journal time.
    pub(crate) time: Option<LitStr>,
    /// The older versions of the type.
    pub(crate) versions: Versions,
    /// The module that the generated code calls, `::slipring::__private`.
    pub(crate) private: TokenStream,
}

impl Attrs {
    pub(crate) fn of(input: &DeriveInput) -> Result<Self, Error> {
        let mut reprs = Vec::new();
        let mut bytemuck = false;
        let (mut name, mut time) = (None, None);
        let mut versions = Versions::default();
        let mut path: Option<Path> = None;
        for attr in &input.attrs {
            if attr.path().is_ident("repr") {
                attr.parse_nested_meta(|meta| {
                    if let Some(name) = meta.path.get_ident() {
                        reprs.push(name.to_string());
                    }
                    // The number in `align(16)` and `packed(4)`; the compiler checks what becomes of it.
                    if meta.input.peek(token::Paren) {
                        let number;
                        parenthesized!(number in meta.input);
                        number.parse::<TokenStream>()?;
                    }
                    Ok(())
                })?;
            } else if attr.path().is_ident("event") {
                attr.parse_nested_meta(|meta| {
                    if meta.path.is_ident("bytemuck") {
                        bytemuck = true;
                        Ok(())
                    } else if meta.path.is_ident("crate") {
                        path = Some(meta.value()?.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?);
                        Ok(())
                    } else if meta.path.is_ident("name") {
                        name = Some(names::name(&meta)?);
                        Ok(())
                    } else if meta.path.is_ident("time") && meta.input.peek(Token![=]) {
                        time = Some(meta.value()?.parse::<LitStr>()?);
                        Ok(())
                    } else if versions.option(&meta)? {
                        Ok(())
                    } else {
                        Err(meta.error(
                            "unknown option; there are `#[event(bytemuck)]`, `#[event(crate = \"path\")]`, \
                             `#[event(name = \"..\")]`, `#[event(time = \"field\")]`, `#[event(version = 2)]`, \
                             `#[event(was = \"..\")]` and `#[event(upcasts(v1::Order))]`; others stand on fields",
                        ))
                    }
                })?;
            }
        }
        let root = match path {
            Some(path) => quote!(#path),
            None => root()?,
        };
        Ok(Self { reprs, bytemuck, name, time, versions, private: quote!(#root::__private) })
    }

    /// The call that says which field is the journal time; nothing if none is named.
    pub(crate) fn time_call(&self) -> TokenStream {
        self.time.as_ref().map(|time| quote!(.time(#time))).unwrap_or_default()
    }

    /// Whether `#[repr(name)]` is there.
    pub(crate) fn has_repr(&self, name: &str) -> bool {
        self.reprs.iter().any(|repr| repr == name)
    }
}

/// The crate that carries slipring here, by the name that it has here.
fn root() -> Result<TokenStream, Error> {
    const CRATES: [(&str, &str); 2] = [("slipring", "slipring"), ("slipring-journal", "slipring_journal")];
    let mut found = None;
    for (package, library) in CRATES {
        match crate_name(package) {
            // Tests and examples of these two crates, which see them from outside; the libraries themselves
            // name themselves with `extern crate self as ..`.
            Ok(FoundCrate::Itself) => {
                found = Some(library.to_owned());
                break;
            }
            Ok(FoundCrate::Name(name)) => found = found.or(Some(name)),
            Err(_) => {}
        }
    }
    let Some(name) = found else {
        return Err(Error::new(
            Span::call_site(),
            "`#[derive(Event)]` finds neither `slipring` nor `slipring-journal` among this crate's \
             dependencies: add one, or say where it is re-exported with `#[event(crate = \"path\")]`",
        ));
    };
    let name = Ident::new(&name, Span::call_site());
    Ok(quote!(::#name))
}
