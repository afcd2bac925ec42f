//! The key of a call.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{FnArg, Member};

use crate::expand::span::{call_over, here, reaching};
use crate::expand::{computed, context};
use crate::model::cached::Cached;
use crate::model::template::{Piece, Place};

/// ```text
/// let mut key = P::KeyWriter::new();
/// key.fixed("user:");
/// let part = &id;
/// let part = P::KeyPart::call_part(*&part);
/// part.write(&mut key);
/// ```
pub(crate) fn of_call(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let mut computed = 0;
    let pieces: Vec<TokenStream> = cached
        .key
        .pieces
        .iter()
        .map(|piece| {
            let part = match piece {
                Piece::Text(text) => return quote_spanned!(here()=> __cachemacro_key.fixed(#text);),
                Piece::Place(place) => part(cached, place),
                Piece::Computed(_) => {
                    computed += 1;
                    computed_part(cached, computed - 1)
                }
            };
            quote_spanned!(here()=> #part __cachemacro_part.write(&mut __cachemacro_key);)
        })
        .collect();
    quote_spanned! {here()=>
        let mut __cachemacro_key = #p::KeyWriter::new();
        #(#pieces)*
    }
}

/// The part of a key with one placeholder, and the key, which is looked for before it is written.
///
/// ```text
/// let part = &id;
/// let part = P::KeyPart::call_part(*&part);
///
/// P::OneKey::new("user:", part, "")
/// ```
pub(crate) fn of_one_part(cached: &Cached) -> Option<(TokenStream, TokenStream)> {
    let p = cached.krate.private(here());
    let pieces = &cached.key.pieces;
    let mut places = pieces.iter().enumerate().filter_map(|(at, piece)| match piece {
        Piece::Place(place) => Some((at, part(cached, place))),
        Piece::Computed(_) => Some((at, computed_part(cached, 0))),
        Piece::Text(_) => None,
    });
    let (at, part) = places.next().filter(|_| places.next().is_none())?;
    let text = |pieces: &[Piece]| -> String {
        let texts = pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Place(_) | Piece::Computed(_) => None,
        });
        texts.collect()
    };
    let (before, after) = (text(&pieces[..at]), text(&pieces[at + 1..]));
    let key = quote_spanned!(here()=> #p::OneKey::new(#before, __cachemacro_part, #after));
    Some((part, key))
}

/// Renders one placeholder. If the type is not a key part, the compiler underlines the argument, or for a field of an argument the
/// template.
fn part(cached: &Cached, place: &Place) -> TokenStream {
    let Place { root, members } = place;
    let underlined = if members.is_empty() { argument(cached, place) } else { cached.key.literal.to_token_stream() };
    let read = reaching(&underlined, "__cachemacro_part");
    let call = call_over(&underlined, &cached.krate, "KeyPart::call_part", quote_spanned!(here()=> #read));
    let value = match context::number(cached, root) {
        None => quote_spanned!(here()=> #root #(.#members)*),
        Some(at) => of_local(at, members),
    };
    quote_spanned! {here()=>
        let __cachemacro_part = &#value;
        let __cachemacro_part = #call;
    }
}

/// `captured0`, or `Option::map(Option::as_ref(&captured0), |set0| &set0.id)`: `None` where the task-local is not set.
fn of_local(at: usize, members: &[Member]) -> TokenStream {
    let (captured, set) = (context::captured(at), context::set(at));
    if members.is_empty() {
        return captured.to_token_stream();
    }
    quote_spanned! {here()=>
        ::core::option::Option::map(::core::option::Option::as_ref(&#captured), |#set| &#set #(.#members)*)
    }
}

/// A part that was computed before. If its type is not a key part, the compiler underlines the template.
fn computed_part(cached: &Cached, at: usize) -> TokenStream {
    let underlined = cached.key.literal.to_token_stream();
    let read = reaching(&underlined, "__cachemacro_part");
    let call = call_over(&underlined, &cached.krate, "KeyPart::call_part", quote_spanned!(here()=> #read));
    let value = computed::name(at);
    quote_spanned! {here()=>
        let __cachemacro_part = &#value;
        let __cachemacro_part = #call;
    }
}

/// `id: f64`, as in the signature.
fn argument(cached: &Cached, place: &Place) -> TokenStream {
    let declares = |input: &&FnArg| match input {
        FnArg::Typed(typed) => matches!(&*typed.pat, syn::Pat::Ident(pattern) if pattern.ident == place.root),
        FnArg::Receiver(_) => place.root == "self",
    };
    if let Some(at) = context::number(cached, &place.root) {
        return cached.context[at].path.to_token_stream();
    }
    let input = cached.function.item.sig.inputs.iter().find(declares);
    input.map_or_else(
        || place.root.to_token_stream(),
        |input| match input {
            FnArg::Typed(typed) => {
                let (pattern, ty) = (&typed.pat, &typed.ty);
                quote_spanned!(here()=> #pattern : #ty)
            }
            FnArg::Receiver(receiver) => receiver.self_token.to_token_stream(),
        },
    )
}
