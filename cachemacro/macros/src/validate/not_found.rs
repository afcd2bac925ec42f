//! `not_found = RepoError::NotFound(id)`: the expression makes the error again, and the pattern that is made from it matches it. Where it
//! is a closure, a function or a pattern, `absent_as` makes the error.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, ExprLit, Path, Type};

use crate::model::cached::{Arm, Decides, NotFound};
use crate::model::function::Function;
use crate::parse::cached::RawCached;
use crate::parse::not_found::RawNotFound;
use crate::syntax::diag::Diag;
use crate::syntax::spelling::tidy;

pub(crate) fn check(raw: &mut RawCached, function: &Function, diag: &Diag) -> Option<NotFound> {
    check_is_not_alone(raw, diag);
    let mentions_absent_as = raw.mentions("absent_as");
    let absent_as = raw.absent_as.take().map(|given| given.value);
    let given = raw.not_found.take()?;
    check_there_is_an_error(function, &given.name, diag);
    let spelled = tidy(&given.tokens);
    let needed = |what: &str| {
        if !mentions_absent_as {
            let what = format!("{what}, and a cached absence is returned as an error, which is not stored");
            let remedy =
                "add `absent_as`, which makes the error from the arguments: `absent_as = RepoError::NotFound(id)`";
            diag.error(&given.tokens, what, remedy);
        }
    };
    let (decides, made) = match given.value {
        RawNotFound::Closure(closure) => {
            if absent_as.is_none() {
                needed("this closure recognises an error, but makes none");
            }
            (Decides::Call(Box::new(closure)), None)
        }
        RawNotFound::Pattern(pattern, guard) => {
            if absent_as.is_none() {
                needed("this pattern recognises an error, but makes none");
            }
            (Decides::Pattern(Box::new(pattern), guard.map(Box::new)), None)
        }
        RawNotFound::Exprs(exprs) => of_exprs(exprs, absent_as.is_some(), needed, diag)?,
    };
    let rebuild = absent_as.or(made)?;
    Some(NotFound { decides, rebuild, spelled })
}

/// `RepoError::NotFound(id)`, `A | B`, or the path of a function; and the error that it makes, where it makes one.
fn of_exprs(
    exprs: Vec<Expr>,
    has_absent_as: bool,
    needed: impl Fn(&str),
    diag: &Diag,
) -> Option<(Decides, Option<Expr>)> {
    if let [Expr::Path(path)] = exprs.as_slice()
        && names_a_function(&path.path)
    {
        if !has_absent_as {
            needed("this function recognises an error, but makes none");
        }
        return Some((Decides::Call(Box::new(exprs[0].clone())), None));
    }
    let arms: Vec<Option<Arm>> = exprs.iter().map(|expr| arm(expr, diag)).collect();
    let arms: Vec<Arm> = arms.into_iter().collect::<Option<_>>()?;
    let made = match exprs.as_slice() {
        [only] if !is_open(only) => Some(only.clone()),
        [_] => {
            if !has_absent_as {
                needed("this leaves fields of the error open");
            }
            None
        }
        _ => {
            if !has_absent_as {
                needed("these are several errors");
            }
            None
        }
    };
    Some((Decides::Exprs(arms), made))
}

fn check_is_not_alone(raw: &RawCached, diag: &Diag) {
    if let Some(given) = raw.absent_as.as_ref().filter(|_| !raw.mentions("not_found")) {
        let what = "`absent_as` makes the error of a cached absence, and nothing says which errors are absences";
        diag.error(&given.name, what, "add `not_found`: `not_found = |error| error.is_not_found()`");
    }
}

/// Of an `Option` and of a plain value no error can be an absence.
fn check_there_is_an_error(function: &Function, name: &Ident, diag: &Diag) {
    let Type::Path(path) = &function.output else { return };
    if path.path.segments.last().is_some_and(|last| last.ident == "Option") {
        let what = format!(
            "`not_found` recognises an error, and `{}` returns `{}`, which has none",
            function.name(),
            tidy(&function.output)
        );
        diag.error(name, what, "remove it: `None` is an absence already, which `negative_ttl` caches");
    }
}

fn arm(expr: &Expr, diag: &Diag) -> Option<Arm> {
    let mut texts = Texts::default();
    let Some(pattern) = variant(expr, true, &mut texts) else {
        let what =
            format!("`not_found = {}` is not an error variant, so it cannot be recognised in a result", tidy(expr));
        let remedy = "name the variant or constant, and rebuild it from the arguments if it carries any: \
                      `RepoError::NotFound(id)`; or decide with a closure: `not_found = |error| error.is_not_found(), absent_as = \
                      RepoError::NotFound(id)`";
        diag.error(expr, what, remedy);
        return None;
    };
    Some(Arm { pattern, guard: texts.guard() })
}

/// Text literals, which are compared by a guard: a pattern matches a field of type `&str` only.
#[derive(Default)]
struct Texts(Vec<(Ident, TokenStream)>);

impl Texts {
    fn bind(&mut self, literal: &ExprLit) -> TokenStream {
        let name = format_ident!("__cachemacro_text{}", self.0.len(), span = Span::mixed_site());
        self.0.push((name.clone(), literal.to_token_stream()));
        quote!(ref #name)
    }

    fn guard(&self) -> Option<TokenStream> {
        let one = |(name, text): &(Ident, TokenStream)| quote!(::core::convert::AsRef::<::core::primitive::str>::as_ref(#name) == #text);
        let all = self.0.iter().map(one);
        (!self.0.is_empty()).then(|| quote!(#(#all)&&*))
    }
}

/// The pattern of a variant, a constant or a struct: `Path`, `Path(..)`, `Path { .. }`, or of a tuple of these.
fn variant(expr: &Expr, outermost: bool, texts: &mut Texts) -> Option<TokenStream> {
    match expr {
        Expr::Path(path) if path.qself.is_none() && names_a_variant(&path.path, outermost) => Some(quote!(#path)),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if path.qself.is_none() && names_a_variant(&path.path, true) => {
                let arguments: Vec<_> = call.args.iter().map(|expr| argument(expr, texts)).collect();
                Some(quote_spanned!(path.path.segments[0].ident.span()=> #path(#(#arguments),*)))
            }
            _ => None,
        },
        Expr::Struct(literal) if names_a_variant(&literal.path, true) => {
            let path = &literal.path;
            let fields: Vec<_> = literal
                .fields
                .iter()
                .filter_map(|field| {
                    let (member, pattern) = (&field.member, argument(&field.expr, texts));
                    (pattern.to_string() != "_").then(|| quote!(#member: #pattern,))
                })
                .collect();
            Some(quote_spanned!(path.segments[0].ident.span()=> #path { #(#fields)* .. }))
        }
        Expr::Tuple(tuple) if outermost && !tuple.elems.is_empty() => {
            let elements: Vec<_> = tuple.elems.iter().map(|expr| argument(expr, texts)).collect();
            elements.iter().any(|element| element.to_string() != "_").then(|| quote!((#(#elements,)*)))
        }
        Expr::Lit(literal) if outermost => Some(argument_literal(literal, texts)),
        Expr::Paren(paren) => variant(&paren.expr, outermost, texts),
        Expr::Group(group) => variant(&group.expr, outermost, texts),
        _ => None,
    }
}

fn argument(expr: &Expr, texts: &mut Texts) -> TokenStream {
    match expr {
        Expr::Lit(literal) => argument_literal(literal, texts),
        // `"gone".into()` and the like: the text decides.
        Expr::MethodCall(call) if call.args.is_empty() && is_conversion(&call.method) => match &*call.receiver {
            Expr::Lit(literal @ ExprLit { lit: syn::Lit::Str(_), .. }) => texts.bind(literal),
            _ => quote!(_),
        },
        other => variant(other, false, texts).unwrap_or_else(|| quote!(_)),
    }
}

fn is_conversion(method: &Ident) -> bool {
    ["into", "to_owned", "to_string"].iter().any(|name| method == name)
}

fn argument_literal(literal: &ExprLit, texts: &mut Texts) -> TokenStream {
    match &literal.lit {
        syn::Lit::Str(_) => texts.bind(literal),
        syn::Lit::ByteStr(_) | syn::Lit::CStr(_) => quote!(_),
        _ => quote!(#literal),
    }
}

/// Whether an expression leaves something open, `E::NotFound(_)` or `E::NotFound { .. }`, so that it makes no error.
fn is_open(expr: &Expr) -> bool {
    match expr {
        Expr::Infer(_) => true,
        Expr::Call(call) => call.args.iter().any(is_open),
        Expr::Tuple(tuple) => tuple.elems.iter().any(is_open),
        Expr::Struct(literal) => {
            literal.dot2_token.is_some() && literal.rest.is_none()
                || literal.fields.iter().any(|field| is_open(&field.expr))
        }
        Expr::Paren(paren) => is_open(&paren.expr),
        Expr::Group(group) => is_open(&group.expr),
        _ => false,
    }
}

/// A name without a path is a binding if no variant of that name is in scope, so nested ones need a path.
fn names_a_variant(path: &Path, lone_names: bool) -> bool {
    let capitalised = |name: &Ident| name.to_string().starts_with(char::is_uppercase);
    path.segments.last().is_some_and(|last| capitalised(&last.ident)) && (lone_names || path.segments.len() > 1)
}

/// `is_not_found`, `RepoError::is_not_found`
fn names_a_function(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident.to_string().starts_with(char::is_lowercase))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn pattern(expr: Expr) -> Option<String> {
        variant(&expr, true, &mut Texts::default()).map(|tokens| tidy(&tokens))
    }

    #[test]
    fn variants_become_patterns() {
        for (expr, expected) in [
            (parse_quote!(sqlx::Error::RowNotFound), "sqlx::Error::RowNotFound"),
            (parse_quote!(StatusCode::NOT_FOUND), "StatusCode::NOT_FOUND"),
            (parse_quote!(RepoError::NotFound(id)), "RepoError::NotFound(_)"),
            (parse_quote!(RepoError::NotFound(_)), "RepoError::NotFound(_)"),
            (parse_quote!(RepoError::NotFound(id.clone(), 404)), "RepoError::NotFound(_, 404)"),
            (parse_quote!(RepoError::Db(sqlx::Error::RowNotFound)), "RepoError::Db(sqlx::Error::RowNotFound)"),
            (parse_quote!(E::A(E::B(id), Box::new(id))), "E::A(E::B(_), _)"),
            (parse_quote!(NotFound(None)), "NotFound(_)"),
            (parse_quote!(NotFound), "NotFound"),
            (parse_quote!((StatusCode::NOT_FOUND, body)), "(StatusCode::NOT_FOUND, _, )"),
            (parse_quote!(404), "404"),
        ] {
            assert_eq!(pattern(expr).as_deref().map(str::trim_end), Some(expected));
        }
    }

    #[test]
    fn the_fields_of_a_struct_that_are_fixed_decide() {
        let shown = |expr| pattern(expr).map(|text| text.replace(' ', ""));
        assert_eq!(shown(parse_quote!(E::NotFound { id })).as_deref(), Some("E::NotFound{..}"));
        assert_eq!(shown(parse_quote!(ApiError { status: 404, why })).as_deref(), Some("ApiError{status:404,..}"));
        assert_eq!(
            shown(parse_quote!(ApiError { status: Status::NOT_FOUND, .. })).as_deref(),
            Some("ApiError{status:Status::NOT_FOUND,..}")
        );
    }

    #[test]
    fn texts_are_compared() {
        for expr in [parse_quote!(E::Why("gone")), parse_quote!(E::Why("gone".to_owned())), parse_quote!("gone")] {
            let mut texts = Texts::default();
            let expr: Expr = expr;
            assert!(
                variant(&expr, true, &mut texts).expect("a pattern").to_string().contains("ref __cachemacro_text0")
            );
            assert!(texts.guard().expect("a guard").to_string().contains("\"gone\""));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let others: [Expr; 5] = [
            parse_quote!(err),
            parse_quote!(not_found()),
            parse_quote!(|e| e),
            parse_quote!((a, b)),
            parse_quote!(E::new(id)),
        ];
        assert!(others.into_iter().all(|expr| pattern(expr).is_none()));
    }

    #[test]
    fn what_is_open_makes_no_error() {
        let open: [Expr; 3] = [parse_quote!(E::A(_)), parse_quote!(E::A { .. }), parse_quote!(E::A { b: E::B(_) })];
        assert!(open.iter().all(is_open));
        let closed: [Expr; 2] = [parse_quote!(E::A(id)), parse_quote!(E::A { id, ..base() })];
        assert!(!closed.iter().any(is_open));
    }
}
