//! One item of an attribute list: `local`, `key = "x"` or `skip(a, b)`.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;

use crate::diag::{Diag, list, place};
use crate::parse::nearest::nearest;
use crate::parse::split;

#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) name: Ident,
    pub(crate) body: ItemBody,
    /// The whole item.
    pub(crate) tokens: TokenStream,
}

#[derive(Clone)]
pub(crate) enum ItemBody {
    Flag,
    Value(TokenStream),
    List(TokenStream),
}

/// The value of an attribute and where it stood.
#[derive(Clone)]
pub(crate) struct Given<T> {
    pub(crate) name: Ident,
    /// The value's tokens, or the name where there is no value.
    pub(crate) tokens: TokenStream,
    pub(crate) value: T,
}

impl Item {
    /// Reads an item that begins with a name; anything else comes back as it was.
    pub(crate) fn read(tokens: TokenStream) -> Result<Self, TokenStream> {
        let all: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let Some(TokenTree::Ident(name)) = all.first() else { return Err(tokens) };
        let body = match &all[1..] {
            [] => ItemBody::Flag,
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => ItemBody::List(group.stream()),
            [TokenTree::Punct(equals), rest @ ..] if equals.as_char() == '=' && !continues(equals, rest) => {
                ItemBody::Value(rest.iter().cloned().collect())
            }
            _ => return Err(tokens),
        };
        Ok(Self { name: name.clone(), body, tokens })
    }

    pub(crate) fn spelled(&self) -> String {
        self.name.unraw().to_string()
    }

    /// Where to point when the value is wrong.
    pub(crate) fn value_tokens(&self) -> TokenStream {
        match &self.body {
            ItemBody::Value(tokens) if !tokens.is_empty() => tokens.clone(),
            _ => self.tokens.clone(),
        }
    }

    /// Reads the value into its slot; a value that cannot be read is an error and leaves the slot empty.
    pub(crate) fn put<T>(&self, slot: &mut Option<Given<T>>, diag: &Diag, read: impl Fn(&Self) -> syn::Result<T>) {
        if let Some(value) = diag.ok(read(self)) {
            *slot = Some(Given { name: self.name.clone(), tokens: self.value_tokens(), value });
        }
    }
}

/// `==` and `=>` are not assignments.
fn continues(equals: &proc_macro2::Punct, rest: &[TokenTree]) -> bool {
    let next = match rest.first() {
        Some(TokenTree::Punct(next)) => Some(next.as_char()),
        _ => None,
    };
    equals.spacing() == proc_macro2::Spacing::Joint && matches!(next, Some('=' | '>'))
}

/// The named items of a list, each name once: unknown names and duplicates are errors.
pub(crate) fn named(tokens: TokenStream, attribute: &str, known: &[&str], repeats: &[&str], diag: &Diag) -> Vec<Item> {
    complain_of_stray_commas(tokens.clone(), diag);
    let mut items: Vec<Item> = Vec::new();
    for tokens in split::items(tokens) {
        match Item::read(tokens) {
            Ok(item) => keep(item, &mut items, attribute, known, repeats, diag),
            Err(tokens) => diag.wrong(
                &tokens,
                format!("`#[{attribute}]` cannot read this"),
                format!("write `name = value`, `name(...)` or `name`; the names are {}", list(known)),
            ),
        }
    }
    items
}

pub(crate) fn complain_of_stray_commas(tokens: TokenStream, diag: &Diag) {
    if let Some(span) = split::stray_comma(tokens) {
        diag.wrong_at(span, "there is nothing before this comma", "remove it");
    }
}

fn keep(item: Item, items: &mut Vec<Item>, attribute: &str, known: &[&str], repeats: &[&str], diag: &Diag) {
    let name = item.spelled();
    if !known.contains(&name.as_str()) {
        diag.wrong(&item.name, format!("`#[{attribute}]` has no attribute `{name}`"), did_you_mean(&name, known));
    } else if !repeats.contains(&name.as_str()) && already(items, &item, diag) {
    } else {
        items.push(item);
    }
}

/// Whether the name was given before; says where.
pub(crate) fn already(items: &[Item], item: &Item, diag: &Diag) -> bool {
    let first = items.iter().find(|earlier| earlier.name == item.name);
    if let Some(first) = first {
        let name = item.spelled();
        diag.wrong(
            &item.name,
            format!("`{name}` is given twice; the first stands at {}", place(first.name.span())),
            "keep one of the two",
        );
    }
    first.is_some()
}

/// "did you mean `x`? The names are ...".
pub(crate) fn did_you_mean(typed: &str, known: &[&str]) -> String {
    match nearest(typed, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? the names are {}", list(known)),
        None => format!("the names are {}", list(known)),
    }
}
