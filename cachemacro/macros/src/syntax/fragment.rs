//! Fragments of `macro_rules!`. For `$e` with the value `1 + 1` a procedural macro gets a group without delimiters. The compiler
//! drops that group from the expansion, so that `$e * 2` would be `1 + 1 * 2`. Parentheses prevent that.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::Expr;

/// The same tokens, with parentheses around fragments that an operator beside them would split.
pub(crate) fn parenthesized(tokens: TokenStream) -> TokenStream {
    changed(&tokens).unwrap_or(tokens)
}

/// The changed tokens; nothing if none changed. A group that is made anew has lost the spans of its delimiters.
fn changed(tokens: &TokenStream) -> Option<TokenStream> {
    let mut is_changed = false;
    let all = tokens.clone().into_iter().map(|token| match &token {
        TokenTree::Group(group) => match changed_group(group) {
            Some(group) => {
                is_changed = true;
                group.into()
            }
            None => token,
        },
        _ => token,
    });
    let all = all.collect();
    is_changed.then_some(all)
}

fn changed_group(group: &Group) -> Option<Group> {
    let inner = changed(&group.stream());
    let is_parted = group.delimiter() == Delimiter::None && binds_loosely(&group.stream());
    if inner.is_none() && !is_parted {
        return None;
    }
    let (delimiter, span) = match is_parted {
        // A span of the expansion, so that lints do not report the parentheses.
        true => (Delimiter::Parenthesis, Span::mixed_site().located_at(group.span())),
        false => (group.delimiter(), group.span()),
    };
    let mut new = Group::new(delimiter, inner.unwrap_or_else(|| group.stream()));
    new.set_span(span);
    Some(new)
}

/// Whether an operator, a call or a block beside the expression would apply to a part of it. Types, patterns and literals that
/// parse like such an expression, `&T` or `-1`, mean the same in parentheses.
fn binds_loosely(tokens: &TokenStream) -> bool {
    let is_single = tokens.clone().into_iter().nth(1).is_none();
    !is_single
        && matches!(
            syn::parse2(tokens.clone()),
            Ok(Expr::Binary(_)
                | Expr::Cast(_)
                | Expr::Closure(_)
                | Expr::If(_)
                | Expr::Match(_)
                | Expr::Range(_)
                | Expr::Reference(_)
                | Expr::Struct(_)
                | Expr::Unary(_))
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(text: &str) -> String {
        let group = Group::new(Delimiter::None, text.parse().expect("tokens"));
        let tokens = parenthesized(TokenStream::from(TokenTree::Group(group)));
        match tokens.into_iter().next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => "parentheses".to_owned(),
            _ => "as it is".to_owned(),
        }
    }

    #[test]
    fn expressions_that_an_operator_could_part_are_parenthesized() {
        for text in
            ["1 + 1", "-1", "!a", "a as u8", "|x| x", "0..2", "&x", "if a { 1 } else { 2 }", "S { a: 1 }", "a && b"]
        {
            assert_eq!(fragment(text), "parentheses", "{text}");
        }
    }

    #[test]
    fn what_cannot_be_parted_stays_as_it_is() {
        for text in [
            "x",
            "1",
            "f(1)",
            "a.b",
            "a::b",
            "{ 1 }",
            "x = 1",
            "return x",
            "let x = 1",
            "u8",
            "Vec<u8>",
            "[u8; 2]",
            "pub(crate)",
            "",
        ] {
            assert_eq!(fragment(text), "as it is", "{text}");
        }
    }
}
