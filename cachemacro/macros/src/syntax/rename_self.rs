//! Renames `self`: the body of a method becomes the body of a closure, which has no `self`.

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Span, TokenStream, TokenTree};

/// The name of the receiver in a load. It has the user's span, so that it resolves in format strings too.
pub(crate) fn name(span: Span) -> Ident {
    Ident::new("__cachemacro_self", span)
}

/// Replaces `self` wherever it means the receiver: not in paths (`self::x`), nor inside of nested items.
pub(crate) fn rename(tokens: TokenStream) -> TokenStream {
    walk(tokens, false)
}

fn walk(tokens: TokenStream, in_macro: bool) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out: Vec<TokenTree> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let skipped = nested_item(&tokens, at);
        if skipped > 0 {
            out.extend_from_slice(&tokens[at..at + skipped]);
            at += skipped;
            continue;
        }
        out.push(renamed(&tokens, at, in_macro));
        at += 1;
    }
    out.into_iter().collect()
}

fn renamed(tokens: &[TokenTree], at: usize, in_macro: bool) -> TokenTree {
    match &tokens[at] {
        TokenTree::Ident(ident) if *ident == "self" && !is_path_or_matcher(tokens, at) => name(ident.span()).into(),
        TokenTree::Group(group) if mentions_self(group.stream()) => {
            if is_visibility(tokens, at, group) {
                return group.clone().into();
            }
            let in_macro = in_macro || is_punct(tokens.get(at.wrapping_sub(1)), '!') || follows_named_bang(tokens, at);
            let mut inner = Group::new(group.delimiter(), walk(group.stream(), in_macro));
            inner.set_span(group.span());
            inner.into()
        }
        TokenTree::Literal(literal) if in_macro => captured(literal).into(),
        other => other.clone(),
    }
}

/// The number of tokens from here that form a nested item, whose `self` is another one.
fn nested_item(tokens: &[TokenTree], at: usize) -> usize {
    let TokenTree::Ident(keyword) = &tokens[at] else { return 0 };
    let named = matches!(tokens.get(at + 1), Some(TokenTree::Ident(_)));
    let generic = is_punct(tokens.get(at + 1), '<');
    let ends_at_semicolon = match keyword.to_string().as_str() {
        "fn" | "mod" | "trait" if named => false,
        "impl" if (named || generic) && begins_statement(tokens, at) => false,
        "use" if begins_statement(tokens, at) => true,
        _ => return 0,
    };
    let end = tokens[at..].iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_at_semicolon,
        token => is_punct(Some(token), ';'),
    });
    end.map_or(0, |end| end + 1)
}

fn begins_statement(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() == ';',
        Some(TokenTree::Group(group)) => {
            group.delimiter() != Delimiter::Parenthesis || is_ident(tokens.get(at.wrapping_sub(2)), "pub")
        }
        Some(TokenTree::Ident(before)) => before == "unsafe" || before == "pub",
        Some(TokenTree::Literal(_)) => false,
    }
}

/// `self::x`, and `$self` in the matcher of a macro.
fn is_path_or_matcher(tokens: &[TokenTree], at: usize) -> bool {
    let path = is_punct(tokens.get(at + 1), ':') && is_punct(tokens.get(at + 2), ':') && is_joint(&tokens[at + 1]);
    path || at.checked_sub(1).is_some_and(|before| is_punct(tokens.get(before), '$'))
}

/// `pub(self)`.
fn is_visibility(tokens: &[TokenTree], at: usize, group: &Group) -> bool {
    group.delimiter() == Delimiter::Parenthesis && at > 0 && is_ident(tokens.get(at - 1), "pub")
}

/// `macro_rules! name { .. }`.
fn follows_named_bang(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && matches!(tokens[at - 1], TokenTree::Ident(_)) && is_punct(tokens.get(at - 2), '!')
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        TokenTree::Literal(literal) => literal.to_string().contains("{self"),
        TokenTree::Punct(_) => false,
    })
}

/// `"{self:?}"`, but not the escaped `"{{self}}"`.
fn captured(literal: &Literal) -> Literal {
    let text = literal.to_string();
    if !text.contains("{self}") && !text.contains("{self:") {
        return literal.clone();
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("{self") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let escaped = before.bytes().rev().take_while(|byte| *byte == b'{').count() % 2 == 1;
        let ends = after["{self".len()..].starts_with(['}', ':']);
        out.push_str(if ends && !escaped { "{__cachemacro_self" } else { "{self" });
        rest = &after["{self".len()..];
    }
    out.push_str(rest);
    let Ok(mut renamed) = out.parse::<Literal>() else { return literal.clone() };
    renamed.set_span(literal.span());
    renamed
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_joint(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if Punct::spacing(punct) == proc_macro2::Spacing::Joint)
}

fn is_ident(token: Option<&TokenTree>, wanted: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str) {
        let tokens: TokenStream = before.parse().unwrap();
        let expected: TokenStream = after.replace("SELF", "__cachemacro_self").parse().unwrap();
        assert_eq!(rename(tokens).to_string(), expected.to_string());
    }

    #[test]
    fn the_receiver_is_renamed_everywhere() {
        check("self.db.get(&self.id)", "SELF.db.get(&SELF.id)");
        check("f(|x| self.f(x))", "f(|x| SELF.f(x))");
        check("debug!(self.x, y = %self)", "debug!(SELF.x, y = %SELF)");
        check("S { s: self }", "S { s: SELF }");
        check("if let Some(x) = &self.x { self.y() }", "if let Some(x) = &SELF.x { SELF.y() }");
    }

    #[test]
    fn captures_in_format_strings_follow() {
        check(r#"format!("{self} {self:?}")"#, r#"format!("{SELF} {SELF:?}")"#);
        check(r#"format!("{{self}} {x}", x = self)"#, r#"format!("{{self}} {x}", x = SELF)"#);
        check(r#"let a = "{self}";"#, r#"let a = "{self}";"#);
        check(r#"f!(r"{self}")"#, r#"f!(r"{SELF}")"#);
    }

    #[test]
    fn other_selves_stay() {
        for same in [
            "self::f()",
            "use self::x; use a::{self, b};",
            "impl X { fn f(&self) { self.g() } }",
            "struct A; impl A { fn f(self) {} }",
            "fn g(x: u8) { h(self) }",
            "mod m { pub(self) struct X; }",
            "pub(self) struct X;",
            "macro_rules! m { ($self:ident) => { $self.x } }",
            "trait T { fn f(&self); }",
            "Self::new()",
        ] {
            check(same, same);
        }
        check("fn g() {} self.x", "fn g() {} SELF.x");
        check("impl X { fn f(&self) {} } self.x", "impl X { fn f(&self) {} } SELF.x");
    }
}
