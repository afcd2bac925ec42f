//! Tokens as text, spaced as in source code.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// `Result<Option<User>, sqlx::Error>`, without the spaces that token streams print.
pub(crate) fn tidy(tokens: &impl ToTokens) -> String {
    let mut out = String::new();
    write(tokens.to_token_stream(), &mut out);
    out
}

fn write(tokens: TokenStream, out: &mut String) {
    let mut glued = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(group.delimiter());
                if group.delimiter() == Delimiter::Brace && needs_space(out) {
                    out.push(' ');
                }
                out.push_str(open);
                write(group.stream(), out);
                out.push_str(close);
                glued = false;
            }
            TokenTree::Punct(punct) => {
                write_punct(punct.as_char(), punct.spacing(), glued, out);
                glued = punct.spacing() == Spacing::Joint;
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if out.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '"') {
                    out.push(' ');
                }
                out.push_str(&token.to_string());
                glued = false;
            }
        }
    }
}

fn write_punct(punct: char, spacing: Spacing, glued: bool, out: &mut String) {
    let spaced = matches!(punct, '=' | '+' | '-') || (punct == '>' && out.ends_with('-'));
    match punct {
        ',' | ';' => out.extend([punct, ' ']),
        _ if spaced && !glued => {
            if needs_space(out) {
                out.push(' ');
            }
            out.push(punct);
            if spacing == Spacing::Alone {
                out.push(' ');
            }
        }
        '>' if glued && out.ends_with(['-', '=']) => out.push_str("> "),
        '\'' if out.ends_with(char::is_alphanumeric) => out.extend([' ', '\'']),
        '*' if out.ends_with("mut") => out.push_str(" *"),
        _ => out.push(punct),
    }
}

fn needs_space(out: &str) -> bool {
    !out.is_empty() && !out.ends_with(' ')
}

fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{ ", " }"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_spaced_as_in_source_code() {
        for text in [
            "Result<Option<User>, sqlx::Error>",
            "(u64, f64)",
            "&'static str",
            "Vec<Box<dyn Fn(&str) -> u8>>",
            "Box<dyn Error + Send>",
            "[u8; 4]",
            "Option<&mut T>",
            "&mut *self.tx",
            "<T as Trait>::Out",
            "impl Future<Output = u8>",
            "RepoError::NotFound(id)",
            "user.id",
        ] {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(tidy(&tokens), text);
        }
    }
}
