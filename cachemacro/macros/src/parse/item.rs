//! One item of an attribute list: `local`, `key = "x"` or `skip(a, b)`.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;

use crate::parse::foreign::{self, Foreign};
use crate::parse::lets::{self, RawLet};
use crate::parse::split;
use crate::syntax::diag::{Diag, list, place};
use crate::syntax::nearest::nearest;

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

/// The value of an attribute, and its tokens.
#[derive(Clone)]
pub(crate) struct Given<T> {
    pub(crate) name: Ident,
    /// The value's tokens, or the name where there is no value.
    pub(crate) tokens: TokenStream,
    pub(crate) value: T,
}

impl Item {
    /// Reads an item that begins with a name. Other tokens are returned unchanged.
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

    /// The tokens to underline when the value is wrong.
    pub(crate) fn value_tokens(&self) -> TokenStream {
        match &self.body {
            ItemBody::Value(tokens) if !tokens.is_empty() => tokens.clone(),
            _ => self.tokens.clone(),
        }
    }

    /// Reads the value into `slot`. For a value that cannot be read, an error is collected and the slot stays empty.
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

/// What a list may contain.
pub(crate) struct Known<'a> {
    /// `cached`, for messages.
    pub(crate) attribute: &'a str,
    pub(crate) names: &'a [&'a str],
    /// The names that may be given several times.
    pub(crate) repeats: &'a [&'a str],
    /// Names of other caches.
    pub(crate) foreign: &'static [Foreign],
    /// Whether `let name = …` may stand in it.
    pub(crate) has_lets: bool,
}

/// The named items of a list, and for each unknown name the one that it is a misspelling of.
pub(crate) struct Named {
    pub(crate) items: Vec<Item>,
    pub(crate) meant: Vec<String>,
    pub(crate) lets: Vec<RawLet>,
}

/// Reads a list of named items. Unknown names and duplicates are errors.
pub(crate) fn named(tokens: TokenStream, known: &Known<'_>, diag: &Diag) -> Named {
    report_commas(tokens.clone(), diag);
    let mut named = Named { items: Vec::new(), meant: Vec::new(), lets: Vec::new() };
    for tokens in split::items(tokens) {
        if known.has_lets && lets::is_let(&tokens) {
            named.lets.extend(diag.ok(lets::read(&tokens)));
            continue;
        }
        match Item::read(tokens) {
            Ok(item) => keep(item, &mut named, known, diag),
            Err(tokens) => report_nameless(&tokens, &mut named, known, diag),
        }
    }
    named
}

pub(crate) fn report_commas(tokens: TokenStream, diag: &Diag) {
    if let Some(span) = split::stray_comma(tokens.clone()) {
        diag.error_at(span, "there is nothing before this comma", "remove it");
    }
    for name in split::missing_commas(tokens) {
        diag.error(&name, format!("a comma is missing before `{name}`"), "put a comma between the two attributes");
    }
}

fn report_nameless(tokens: &TokenStream, named: &mut Named, known: &Known<'_>, diag: &Diag) {
    let what = format!("`#[{}]` cannot read this", known.attribute);
    match syn::parse2::<syn::LitStr>(tokens.clone()) {
        Ok(text) if known.names.contains(&"key") => {
            named.meant.push("key".to_owned());
            diag.error(&text, what, format!("write `key = {}`", text.token()));
        }
        _ => {
            let names = list(known.names);
            diag.error(tokens, what, format!("write `name = value`, `name(...)` or `name`; the names are {names}"));
        }
    }
}

fn keep(item: Item, named: &mut Named, known: &Known<'_>, diag: &Diag) {
    let name = item.spelled();
    if !known.names.contains(&name.as_str()) {
        let (near, remedy) = meant(&name, known.names, known.foreign);
        named.meant.extend(near.map(str::to_owned));
        diag.error(&item.name, format!("`#[{}]` has no attribute `{name}`", known.attribute), remedy);
    } else if known.repeats.contains(&name.as_str()) || !already(&named.items, &item, diag) {
        named.items.push(item);
    }
}

/// Whether the name was given before. If so, an error is collected that says where.
pub(crate) fn already(items: &[Item], item: &Item, diag: &Diag) -> bool {
    let first = items.iter().find(|earlier| earlier.name == item.name);
    if let Some(first) = first {
        let name = item.spelled();
        diag.error(
            &item.name,
            format!("`{name}` is given twice; the first is at {}", place(first.name.span())),
            "keep one of the two",
        );
    }
    first.is_some()
}

/// What an unknown name stands for, if that is known, and what to write instead. A name of another cache comes before a misspelling.
pub(crate) fn meant<'n>(name: &str, names: &[&'n str], table: &'static [Foreign]) -> (Option<&'n str>, String) {
    let here = |here: &str| names.iter().copied().find(|known| *known == here);
    match foreign::find(name, table) {
        Some(Foreign { here: attribute, instead: Some(instead), .. }) => {
            (attribute.and_then(here), (*instead).to_owned())
        }
        found => {
            let foreign = found.and_then(|foreign| foreign.here).and_then(here);
            let near = foreign.or_else(|| nearest(name, names.iter().copied()));
            let remedy = near.map(|near| format!("did you mean `{near}`?"));
            (near, remedy.unwrap_or_else(|| format!("the names are {}", list(names))))
        }
    }
}
