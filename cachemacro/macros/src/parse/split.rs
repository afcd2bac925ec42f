//! Splits an attribute list into its items: `key = "x", local, skip(a, b)` has three.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};

/// Splits at the commas that end an item, and not at those in the parameters of a closure or in a turbofish.
pub(crate) fn items(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut items = Vec::new();
    let mut item: Vec<TokenTree> = Vec::new();
    let mut angles = 0_usize;
    let mut in_head = false;
    for (at, token) in tokens.iter().enumerate() {
        if lacks_comma(&tokens, at) {
            items.push(std::mem::take(&mut item).into_iter().collect());
        }
        match punct(Some(token)) {
            Some(',') if angles == 0 && !in_head => {
                items.push(std::mem::take(&mut item).into_iter().collect());
                continue;
            }
            Some('|') if in_head => in_head = false,
            Some('|') if opens_closure(&item) => {
                in_head = punct(tokens.get(at + 1)) != Some('|') || item_is_spaced(token)
            }
            Some('<') if angles > 0 || ends_in_path(&item) => angles += 1,
            Some('>') if angles > 0 && punct(item.last()) != Some('-') => angles -= 1,
            _ => {}
        }
        item.push(token.clone());
    }
    if !item.is_empty() {
        items.push(item.into_iter().collect());
    }
    items.into_iter().filter(|item: &TokenStream| !item.is_empty()).collect()
}

/// The names before which a comma is missing: `key = "a" local = ..`.
pub(crate) fn missing_commas(tokens: TokenStream) -> Vec<Ident> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let begins = |at: usize| match &tokens[at] {
        TokenTree::Ident(name) if lacks_comma(&tokens, at) => Some(name.clone()),
        _ => None,
    };
    (0..tokens.len()).filter_map(begins).collect()
}

/// A name and `=` directly after a literal or a bracket begin another item, as no expression goes on so.
fn lacks_comma(tokens: &[TokenTree], at: usize) -> bool {
    let after_value = at > 0 && matches!(tokens[at - 1], TokenTree::Literal(_) | TokenTree::Group(_));
    let assigns = punct(tokens.get(at + 1)) == Some('=') && !matches!(punct(tokens.get(at + 2)), Some('=' | '>'));
    after_value && assigns && matches!(tokens[at], TokenTree::Ident(_))
}

/// The place of an empty item: `a,, b` or a leading comma.
pub(crate) fn stray_comma(tokens: TokenStream) -> Option<Span> {
    let mut empty = true;
    for token in tokens {
        match punct(Some(&token)) {
            Some(',') if empty => return Some(token.span()),
            Some(',') => empty = true,
            _ => empty = false,
        }
    }
    None
}

fn punct(token: Option<&TokenTree>) -> Option<char> {
    match token {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    }
}

/// Whether a closure can begin here: at the start, after `=`, or after `move` or `async`.
fn opens_closure(item: &[TokenTree]) -> bool {
    match item.last() {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() == '=',
        Some(TokenTree::Ident(ident)) => *ident == "move" || *ident == "async",
        _ => false,
    }
}

/// `||` has no parameters. Its tokens are two joint bars.
fn item_is_spaced(bar: &TokenTree) -> bool {
    matches!(bar, TokenTree::Punct(punct) if punct.spacing() == proc_macro2::Spacing::Alone)
}

fn ends_in_path(item: &[TokenTree]) -> bool {
    item.len() >= 2 && item[item.len() - 2..].iter().all(|token| punct(Some(token)) == Some(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        items(text.parse().unwrap()).len()
    }

    #[test]
    fn only_commas_between_items_split() {
        assert_eq!(count("key = \"a\", local, skip(a, b),"), 3);
        assert_eq!(count("version_from = |a, b| a, local"), 2);
        assert_eq!(count("cache = f::<A, B>(x), local"), 2);
        assert_eq!(count("cache = f::<A, fn() -> B>(x), local"), 2);
        assert_eq!(count("cache = a < b, local"), 2);
        assert_eq!(count("cache = || a, local"), 2);
        assert_eq!(count("|user| E { id: user.id, v: 1 }, on_error = retry"), 2);
        assert_eq!(count("event, move |a| b"), 2);
        assert_eq!(count("x = a | b, local"), 2);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn missing_commas_split_too() {
        assert_eq!(count("key = \"a\" local = b, skip(a) key = c"), 4);
        assert_eq!(missing_commas("key = \"a\" local = b, skip(a) key = c".parse().unwrap()).len(), 2);
        assert_eq!(count("cache = if a { b } else { c }, x = 1 as u8"), 2);
    }

    #[test]
    fn stray_commas_are_seen() {
        assert!(stray_comma("a,, b".parse().unwrap()).is_some());
        assert!(stray_comma(", b".parse().unwrap()).is_some());
        assert!(stray_comma("a, b,".parse().unwrap()).is_none());
    }
}
