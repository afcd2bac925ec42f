//! `not_found = …`: an error, a pattern with or without a guard, or a closure.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{BinOp, Expr, Pat, Token};

use crate::parse::item::Item;
use crate::parse::value;

/// Which error is an absence, as written.
pub(crate) enum RawNotFound {
    /// One or more expressions: `RepoError::NotFound(id)`, `A | B`.
    Exprs(Vec<Expr>),
    /// `RepoError::Http { status, .. } if *status == 404`
    Pattern(Pat, Option<Expr>),
    /// `|error| error.is_not_found()`
    Closure(Expr),
}

const EXAMPLE: &str = "RepoError::NotFound(id)";

pub(crate) fn read(item: &Item) -> syn::Result<RawNotFound> {
    let tokens = item.value_tokens();
    if let Some(pattern) = pattern(&tokens) {
        return Ok(pattern);
    }
    match value::expr(item, EXAMPLE)? {
        Expr::Closure(closure) => value::one_parameter(item, closure, "|error| error.is_not_found()")
            .map(Expr::Closure)
            .map(RawNotFound::Closure),
        expr => {
            let mut exprs = Vec::new();
            alternatives(expr, &mut exprs);
            Ok(RawNotFound::Exprs(exprs))
        }
    }
}

/// A pattern that is no expression, or one with a guard.
fn pattern(tokens: &TokenStream) -> Option<RawNotFound> {
    let read = |input: ParseStream<'_>| {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = match input.parse::<Option<Token![if]>>()? {
            Some(_) => Some(input.parse::<Expr>()?),
            None => None,
        };
        Ok((pattern, guard))
    };
    let (pattern, guard) = read.parse2(tokens.clone()).ok()?;
    let is_expr = guard.is_none() && syn::parse2::<Expr>(pattern.to_token_stream()).is_ok();
    (!is_expr).then_some(RawNotFound::Pattern(pattern, guard))
}

/// `A | B` as a list.
fn alternatives(expr: Expr, out: &mut Vec<Expr>) {
    match expr {
        Expr::Binary(binary) if matches!(binary.op, BinOp::BitOr(_)) => {
            alternatives(*binary.left, out);
            alternatives(*binary.right, out);
        }
        expr => out.push(expr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> String {
        let item = Item::read(format!("not_found = {text}").parse().unwrap()).ok().unwrap();
        match read(&item) {
            Ok(RawNotFound::Exprs(exprs)) => format!("{} errors", exprs.len()),
            Ok(RawNotFound::Pattern(_, guard)) => format!("pattern, {}", guard.is_some()),
            Ok(RawNotFound::Closure(_)) => "closure".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_form_is_told_apart() {
        for (text, expected) in [
            ("E::NotFound(id)", "1 errors"),
            ("StatusCode::NOT_FOUND", "1 errors"),
            ("(StatusCode::NOT_FOUND, \"gone\")", "1 errors"),
            ("E::NotFound(id.clone())", "1 errors"),
            ("E::Gone { id }", "1 errors"),
            ("E::NotFound(_)", "1 errors"),
            ("E::A | E::B", "2 errors"),
            ("E::Gone { .. }", "1 errors"),
            ("E::Http(status @ 404)", "pattern, false"),
            ("E::Http(status) if *status == 404", "pattern, true"),
            ("E::A | E::B if x", "pattern, true"),
            ("|error| error.gone()", "closure"),
            ("is_not_found", "1 errors"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        assert!(kind("|a, b| a").contains("takes the value"));
        assert!(kind("E::A B").contains("cannot be read") || kind("E::A B").contains("ends before"));
    }
}
