//! Macros in a body: their arguments if they are expressions or statements, else their tokens.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, Macro, Token};

use super::{FunctionKind, Search, Use};
use crate::analyze::hints::{self, Hint};
use crate::analyze::methods::{self, OF_CONNECTIONS, RUN};
use crate::analyze::place::{Kind, Place};

impl Search<'_> {
    pub(super) fn invocation(&mut self, called: &Macro) {
        self.tokens(called.tokens.clone());
        let Some(name) = called.path.segments.last().map(|last| last.ident.to_string()) else { return };
        let runs = || !is_code(&called.tokens) && runs_query(called.tokens.clone());
        if self.found.is_none() && (hints::is_in_macro(&name) || runs()) {
            self.passed_to_macro(called, &name);
        }
    }

    /// `with_tx!(self, tx => …)`: the macro uses a field of `self`, which its definition alone shows.
    fn passed_to_macro(&mut self, called: &Macro, name: &str) {
        let tokens: Vec<TokenTree> = called.tokens.clone().into_iter().collect();
        let alone = tokens.iter().enumerate().filter_map(|(at, token)| match token {
            TokenTree::Ident(ident) if !is_dot(tokens.get(at + 1)) && !follows_dot(&tokens, at) => {
                self.names.named(ident)
            }
            _ => None,
        });
        let whole = alone.filter(|place| place.kind == Kind::Whole && !(self.ignored)(&place.root)).collect::<Vec<_>>();
        if let Some(place) = whole.into_iter().next() {
            let spelled = format!("{name}!({}, …)", place.root);
            self.report(Place { is_field: true, ..place }, spelled, called.path.to_token_stream());
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        if let Ok(args) = arguments(tokens.clone()) {
            self.passed("", &args);
        } else if let Ok(stmts) = Block::parse_within.parse2(tokens.clone()) {
            self.scoped(|search| stmts.iter().for_each(|stmt| search.visit_stmt(stmt)));
        } else {
            self.scan(tokens);
        }
    }

    /// Tokens in another grammar: the calls in them, and the names.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(ident) => self.token(&tokens, at, ident),
                TokenTree::Group(group) => {
                    let called = at.checked_sub(1).and_then(|before| match &tokens[before] {
                        TokenTree::Ident(name) if group.delimiter() == Delimiter::Parenthesis => Some(name.to_string()),
                        _ => None,
                    });
                    match (called, arguments(group.stream())) {
                        (Some(name), Ok(args)) => self.passed(&name, &args),
                        _ => self.tokens(group.stream()),
                    }
                }
                _ => {}
            }
        }
    }

    /// `self.tx`, or a local that is bound to it, unless a method of a channel follows.
    fn token(&mut self, tokens: &[TokenTree], at: usize, ident: &Ident) {
        let is_method_of_another = is_dot(tokens.get(at + 1))
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(method)) if methods::is_of_another(&method.to_string()));
        if is_method_of_another {
            return;
        }
        let place = if follows_dot(tokens, at) {
            let is_transaction = hints::of_field(&ident.to_string()) == Some(Hint::Transaction);
            let is_called = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
            let base = at.checked_sub(2).and_then(|base| match &tokens[base] {
                TokenTree::Ident(base) if is_transaction && !is_called => self.names.named(base),
                _ => None,
            });
            base.map(|base| Place { kind: Kind::Transaction, is_field: true, ..base })
        } else {
            self.names.named(ident).filter(|place| place.kind != Kind::Perhaps || self.of == FunctionKind::Reader)
        };
        let Some(place) = place else { return };
        if self.counts(&place, Use::Mentioned) {
            let spelled =
                if follows_dot(tokens, at) { format!("{}.{ident}", tokens[at - 2]) } else { ident.to_string() };
            self.report(place, spelled, ident.to_token_stream());
        }
    }
}

fn arguments(tokens: TokenStream) -> syn::Result<Punctuated<Expr, Token![,]>> {
    Punctuated::parse_terminated.parse2(tokens)
}

fn is_code(tokens: &TokenStream) -> bool {
    arguments(tokens.clone()).is_ok() || Block::parse_within.parse2(tokens.clone()).is_ok()
}

/// Whether the tokens call a method that runs a query.
fn runs_query(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(ident) if follows_dot(&tokens, at) => {
            let name = ident.to_string();
            RUN.contains(&name.as_str()) || OF_CONNECTIONS.contains(&name.as_str())
        }
        TokenTree::Group(group) => runs_query(group.stream()),
        _ => false,
    })
}

fn is_dot(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
}

fn follows_dot(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    is_dot(before) && !is_dot(at.checked_sub(2).and_then(|before| tokens.get(before)))
}
