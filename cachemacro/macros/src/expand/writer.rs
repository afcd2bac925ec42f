//! `#[invalidates]`: the function with its signature and body, and the events that it publishes afterwards.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::AttrStyle;
use syn::ext::IdentExt;

use crate::expand::body;
use crate::expand::constant::{argument, option};
use crate::expand::span::{at_start, here};
use crate::expand::{bind, commit, defer, unfinished};
use crate::model::function::{Arg, Binds, ReceiverForm};
use crate::model::writer::{Commit, OnError, Source, Writer};
use crate::syntax::mentions::mentions;
use crate::syntax::rename_self;
use crate::syntax::spelling::tidy;

/// ```text
/// #[attributes] pub async fn rename(&self, id: u64, name: &str) -> R {
///     static SITE ..
///     let kept = P::again(&id);                        // an argument that an event names, as the body may move it
///     let out: R = body;
///     let mut batch = P::Batch::new();
///     if P::succeeded(shape, &out) { let id = kept; batch.add_from(shape, &out, |user| ..); }
///     P::publish_quietly(&SITE, cache, batch).await;
///     out
/// }
/// ```
pub(crate) fn expand(writer: &Writer) -> TokenStream {
    let item = &writer.function.item;
    let site = site(writer);
    let steps = body::wrap(&writer.function, &steps(writer));
    let (outer, inner): (Vec<_>, Vec<_>) = item.attrs.iter().partition(|attr| matches!(attr.style, AttrStyle::Outer));
    let (vis, sig) = (&item.vis, &item.sig);
    let body = body::of_function(&writer.function, quote_spanned!(here()=> #(#inner)* #site #steps));
    quote_spanned! {here()=>
        #(#outer)*
        #[allow(clippy::needless_pass_by_value)]
        #vis #sig #body
    }
}

fn site(writer: &Writer) -> TokenStream {
    let p = writer.krate.private(here());
    let name = writer.function.item.sig.ident.unraw().to_string();
    let events = writer.events.iter().map(|event| bind::info(&writer.krate, event));
    let role = Ident::new(if writer.handles { "Handles" } else { "Writes" }, here());
    let on_error = match writer.on_error {
        OnError::Retry => "Retry",
        OnError::Suspect => "Suspect",
        OnError::Fail => "Fail",
        OnError::Bounded => "Bounded",
    };
    let on_error = Ident::new(on_error, here());
    let commit = match &writer.commit {
        Commit::Shown(_) => quote_spanned!(here()=> #p::Commit::Shown),
        Commit::Itself(reason) => quote_spanned!(here()=> #p::Commit::Itself(#reason)),
        Commit::Deferred(_) => quote_spanned!(here()=> #p::Commit::Deferred),
    };
    let cache = option(writer.cache.as_ref().map(tidy));
    let arguments = writer.function.args.iter().filter_map(|arg| argument(&writer.krate, &arg.ty));
    quote_spanned! {here()=>
        static __CACHEMACRO_SITE: #p::Writer = #p::Writer::new(#p::WriterInfo {
            name: #name,
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: ::core::line!(),
            events: &[#(#events),*],
            role: #p::Role::#role,
            on_error: #p::OnError::#on_error,
            commit: #commit,
            arguments: &[#(#arguments),*],
            cache: #cache,
        });
        #p::inventory::submit! { #p::InvalidatesFn(&__CACHEMACRO_SITE) }
    }
}

fn steps(writer: &Writer) -> TokenStream {
    let p = writer.krate.private(here());
    let function = &writer.function;
    let kept = kept(writer);
    let keep = kept.iter().map(|kept| &kept.keep);
    let show = kept.iter().map(|kept| &kept.show);
    let reborrow = reborrow_self(writer);
    let run = body::run(function, reborrow.is_some());
    let reborrows = defer::reborrows(writer);
    let (before, inside, after): (Vec<_>, Vec<_>, Vec<_>) = (
        reborrows.iter().map(|reborrow| &reborrow.before).collect(),
        reborrows.iter().map(|reborrow| &reborrow.inside).collect(),
        reborrows.iter().map(|reborrow| &reborrow.after).collect(),
    );
    let run = if reborrows.is_empty() { run } else { quote_spanned!(here()=> { #(#inside)* #run }) };
    let unsure = commit::unsure(writer);
    let types = commit::types(writer);
    let output = &function.output;
    let add = writer.sources.iter().map(|source| add(writer, source));
    let publish = publish(writer);
    let (guard, finish) = unfinished::of(writer).map(|guard| (guard.before, guard.after)).unzip();
    quote_spanned! {here()=>
        #unsure
        #types
        #(#keep)*
        #guard
        #reborrow
        #(#before)*
        let __cachemacro_out: #output = #run;
        #(#after)*
        let __cachemacro_shape = #p::shape!(#output);
        #(#show)*
        let mut __cachemacro_batch = #p::Batch::new();
        if #p::succeeded(__cachemacro_shape, &__cachemacro_out) {
            #(#add)*
        }
        #finish
        #publish
    }
}

fn add(writer: &Writer, source: &Source) -> TokenStream {
    match source {
        Source::Value(closure) => {
            let span = at_start(&closure.body);
            let closure = for_self(writer, closure.to_token_stream());
            quote_spanned!(span=> __cachemacro_batch.add_from(__cachemacro_shape, &__cachemacro_out, #closure);)
        }
        Source::Arguments(expr) => {
            let span = at_start(expr);
            let expr = for_self(writer, expr.to_token_stream());
            quote_spanned!(span=> __cachemacro_batch.add(#expr);)
        }
    }
}

fn publish(writer: &Writer) -> TokenStream {
    if let Some(expr) = defer::expr(writer) {
        let renamed = for_self(writer, expr.to_token_stream());
        return defer::call(writer, expr, &renamed);
    }
    let p = writer.krate.private(here());
    let output = &writer.function.output;
    let (suffix, wait) =
        if writer.function.is_async() { ("", Some(quote_spanned!(here()=> .await))) } else { ("_sync", None) };
    let loud = Ident::new(&format!("publish{suffix}"), here());
    let quiet = Ident::new(&format!("publish_quietly{suffix}"), here());
    let check = commit::check(writer);
    if writer.on_error == OnError::Fail {
        let span = at_start(output);
        let q = writer.krate.private(span);
        let failed = quote_spanned!(span=> #q::publish_failed_strict!(#output, __cachemacro_error));
        return quote_spanned! {here()=>
            #check
            match #p::#loud(&__CACHEMACRO_SITE, __cachemacro_cache, __cachemacro_batch)#wait {
                ::core::result::Result::Ok(()) => __cachemacro_out,
                ::core::result::Result::Err(__cachemacro_error) => {
                    #failed
                }
            }
        };
    }
    quote_spanned! {here()=>
        #check
        #p::#quiet(&__CACHEMACRO_SITE, __cachemacro_cache, __cachemacro_batch)#wait;
        __cachemacro_out
    }
}

/// A copy of an argument that an event names.
struct Kept {
    /// Makes it, before the body.
    keep: TokenStream,
    /// Binds it to the argument's name, after the body.
    show: TokenStream,
}

fn kept(writer: &Writer) -> Vec<Kept> {
    let p = writer.krate.private(here());
    let mut all = Vec::new();
    for (at, arg) in writer.function.args.iter().enumerate() {
        if let Binds::Moved(pattern) = &arg.binds {
            all.extend(kept_pattern(writer, arg, pattern));
            continue;
        }
        let is_kept =
            |name: &&Ident| is_read(writer, name) || (is_deferred(writer, name) && !defer::is_reborrowed(arg));
        for (index, name) in arg.names.iter().filter(is_kept).enumerate() {
            let copy = body::numbered(&format!("kept{at}_"), index);
            let keep = quote_spanned!(here()=> let #copy = #p::again(&#name););
            all.push(Kept { keep, show: quote_spanned!(here()=> let #name = #copy;) });
        }
    }
    all.extend(kept_self(writer));
    all
}

/// An argument whose pattern `#[async_trait]` has moved into the body: it is copied, and taken apart, before the body.
fn kept_pattern(writer: &Writer, arg: &Arg, pattern: &syn::Pat) -> Option<Kept> {
    if !arg.names.iter().any(|name| is_named(writer, name)) {
        return None;
    }
    let p = writer.krate.private(here());
    let ident = &arg.ident;
    let keep = quote_spanned!(here()=> #[allow(unused_variables, unused_mut)] let #pattern = #p::again(&#ident););
    Some(Kept { keep, show: TokenStream::new() })
}

/// A copy of a receiver that the body may move, under another name.
fn kept_self(writer: &Writer) -> Option<Kept> {
    if !moves_self(writer) {
        return None;
    }
    let receiver = writer.function.receiver.as_ref()?;
    let p = writer.krate.private(here());
    let (token, name) = (&receiver.token, rename_self::name(receiver.span));
    Some(Kept { keep: quote_spanned!(here()=> let #name = #p::again(&#token);), show: TokenStream::new() })
}

fn moves_self(writer: &Writer) -> bool {
    let Some(receiver) = &writer.function.receiver else { return false };
    matches!(receiver.form, ReceiverForm::Value(_)) && names_self(writer)
}

fn names_self(writer: &Writer) -> bool {
    writer.function.receiver.as_ref().is_some_and(|receiver| is_named(writer, &Ident::new("self", receiver.span)))
}

fn for_self(writer: &Writer, tokens: TokenStream) -> TokenStream {
    if moves_self(writer) { rename_self::rename(tokens) } else { tokens }
}

/// A reborrow of `&mut self` for the body, if an event is made from `self` afterwards.
fn reborrow_self(writer: &Writer) -> Option<TokenStream> {
    let receiver = writer.function.receiver.as_ref()?;
    if !matches!(receiver.form, ReceiverForm::RefMut) || !names_self(writer) {
        return None;
    }
    let (token, name) = (&receiver.token, rename_self::name(receiver.span));
    Some(quote_spanned!(here()=> let #name = &mut *#token;))
}

fn is_named(writer: &Writer, name: &Ident) -> bool {
    is_read(writer, name) || is_deferred(writer, name)
}

fn is_deferred(writer: &Writer, name: &Ident) -> bool {
    defer::expr(writer).is_some_and(|expr| mentions(expr, name))
}

fn is_read(writer: &Writer, name: &Ident) -> bool {
    let in_source = |source: &Source| match source {
        Source::Arguments(expr) => mentions(expr, name),
        Source::Value(closure) => mentions(closure, name),
    };
    writer.sources.iter().any(in_source)
}
