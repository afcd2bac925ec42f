//! `not_found = RepoError::NotFound(id)`: the expression makes the error again, and the pattern that is made from it matches it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::{Expr, ExprLit, Pat, Path};

use crate::model::cached::NotFound;
use crate::syntax::diag::Diag;
use crate::syntax::spelling::tidy;

pub(crate) fn check(expr: Expr, diag: &Diag) -> Option<NotFound> {
    let Some(tokens) = variant(&expr, true) else {
        let what =
            format!("`not_found = {}` is not an error variant, so it cannot be recognised in a result", tidy(&expr));
        let remedy = "name the variant, and rebuild it from the arguments if it carries any: `RepoError::NotFound(id)`";
        diag.error(&expr, what, remedy);
        return None;
    };
    let pattern = diag.ok(Pat::parse_single.parse2(tokens))?;
    Some(NotFound { rebuild: expr, pattern })
}

/// The pattern of a variant: `Path`, `Path(..)` or `Path { .. }`.
fn variant(expr: &Expr, outermost: bool) -> Option<TokenStream> {
    match expr {
        Expr::Path(path) if path.qself.is_none() && names_a_variant(&path.path, outermost) => Some(quote!(#path)),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if path.qself.is_none() && names_a_variant(&path.path, true) => {
                let arguments = call.args.iter().map(argument);
                Some(quote_spanned!(path.path.segments[0].ident.span()=> #path(#(#arguments),*)))
            }
            _ => None,
        },
        Expr::Struct(literal) if names_a_variant(&literal.path, true) => {
            let path = &literal.path;
            Some(quote_spanned!(path.segments[0].ident.span()=> #path { .. }))
        }
        Expr::Paren(paren) => variant(&paren.expr, outermost),
        Expr::Group(group) => variant(&group.expr, outermost),
        _ => None,
    }
}

fn argument(expr: &Expr) -> TokenStream {
    match expr {
        // A string pattern matches a field of type `&str`. For a field of another type it does not compile.
        Expr::Lit(ExprLit { lit: syn::Lit::Str(_) | syn::Lit::ByteStr(_) | syn::Lit::CStr(_), .. }) => quote!(_),
        Expr::Lit(literal) => quote!(#literal),
        other => variant(other, false).unwrap_or_else(|| quote!(_)),
    }
}

/// A name without a path is a binding if no variant of that name is in scope, so nested ones need a path.
fn names_a_variant(path: &Path, lone_names: bool) -> bool {
    let capitalised = |name: &proc_macro2::Ident| name.to_string().starts_with(char::is_uppercase);
    path.segments.last().is_some_and(|last| capitalised(&last.ident)) && (lone_names || path.segments.len() > 1)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn pattern(expr: Expr) -> Option<String> {
        variant(&expr, true).map(|tokens| tidy(&tokens))
    }

    #[test]
    fn variants_become_patterns() {
        for (expr, expected) in [
            (parse_quote!(sqlx::Error::RowNotFound), "sqlx::Error::RowNotFound"),
            (parse_quote!(RepoError::NotFound(id)), "RepoError::NotFound(_)"),
            (parse_quote!(RepoError::NotFound(id.clone(), 404)), "RepoError::NotFound(_, 404)"),
            (parse_quote!(RepoError::Db(sqlx::Error::RowNotFound)), "RepoError::Db(sqlx::Error::RowNotFound)"),
            (parse_quote!(E::A(E::B(id), Box::new(id))), "E::A(E::B(_), _)"),
            (parse_quote!(E::Why("gone")), "E::Why(_)"),
            (parse_quote!(NotFound(None)), "NotFound(_)"),
            (parse_quote!(NotFound), "NotFound"),
        ] {
            assert_eq!(pattern(expr).as_deref(), Some(expected));
        }
        let literal: Expr = parse_quote!(E::NotFound { id });
        assert!(pattern(literal).unwrap().contains(".."));
    }

    #[test]
    fn anything_else_is_refused() {
        let others: [Expr; 5] = [
            parse_quote!(err),
            parse_quote!(not_found()),
            parse_quote!(|e| e),
            parse_quote!("x"),
            parse_quote!(E::new(id)),
        ];
        assert!(others.into_iter().all(|expr| pattern(expr).is_none()));
    }
}
