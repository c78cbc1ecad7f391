//! Defaults: whether the text can be a value of the field, as far as that is known without its type. The rest
//! the compiler checks, by constants in the generated code.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, Type, UnOp};

/// A default with its place.
pub(crate) struct DefaultValue {
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// A text, a number or a truth as the text that files would have.
pub(crate) fn text(value: &Expr) -> Result<String, Error> {
    let literal = |expr: &Expr| match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Some(number.base10_digits().to_owned()),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Some(number.base10_digits().to_owned()),
        _ => None,
    };
    let text = match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        Expr::Lit(ExprLit { lit: Lit::Bool(truth), .. }) => Some(truth.value.to_string()),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => literal(expr).map(|text| format!("-{text}")),
        other => literal(other),
    };
    text.ok_or_else(|| {
        Error::new(
            value.span(),
            "a default is a text, a number, true or false: `default = 0`, `default = \"12.50\"`",
        )
    })
}

impl DefaultValue {
    /// The constant that refuses a type which can't hold it.
    pub(crate) fn check(
        &self,
        place: &str,
        attributes: &[(String, String)],
        ty: &Type,
        private: &TokenStream,
    ) -> TokenStream {
        let DefaultValue { span, text } = self;
        let said =
            |name: &str| attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let (mut number, mut scale) = (text.clone(), 0u32);
        if let Some(names) = said("enum") {
            let of = |pair: &str| {
                let (name, value) = pair.rsplit_once(':')?;
                (name == text).then(|| value.to_owned())
            };
            number = names.split(',').find_map(of).unwrap_or(number);
        } else if said("bool").is_some() {
            number = truth(text).unwrap_or(number);
        } else if let Some(digits) = said("decimal") {
            scale = digits.parse().unwrap_or(0);
        } else if said("time").is_some() && (said("input").is_some() || !is_digits(text)) {
            // A date; or it counts something else.
            return TokenStream::new();
        } else if !attributes.iter().any(|(name, _)| name == "text") && !is_bare(ty) {
            // A newtype may say what its number means.
            return TokenStream::new();
        }
        let message = format!(
            "{place}: the default {text:?} is no value of its type: write one that the type holds, as files would \
             have it"
        );
        quote_spanned! {*span=>
            const _: () = ::core::assert!(
                <#ty as #private::FieldType>::NUMBER.takes(#number, #scale, ::core::mem::size_of::<#ty>()),
                #message
            );
        }
    }
}

/// Whether it is a number type by its own name, or arrays of one.
fn is_bare(ty: &Type) -> bool {
    const NUMBERS: [&str; 12] =
        ["u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64"];
    match ty {
        Type::Array(array) => is_bare(&array.elem),
        Type::Group(group) => is_bare(&group.elem),
        Type::Paren(paren) => is_bare(&paren.elem),
        Type::Path(path) => {
            path.path.get_ident().is_some_and(|name| NUMBERS.iter().any(|number| name == number))
        }
        _ => false,
    }
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn truth(text: &str) -> Option<String> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "1", "t", "yes", "y"]) {
        return Some("1".to_owned());
    }
    is(&["false", "0", "f", "no", "n"]).then(|| "0".to_owned())
}
