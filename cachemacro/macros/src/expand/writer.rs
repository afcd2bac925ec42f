//! `#[invalidates]`: the function with its signature and body, and the events that it publishes afterwards.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::AttrStyle;

use crate::expand::body;
use crate::expand::span::{at, at_start, call_over, ends, here};
use crate::expand::{commit, defer, named_once, registration, saved, unfinished};
use crate::model::function::{Arg, Binds};
use crate::model::writer::{OnError, Source, Writer};

/// ```text
/// #[attributes] pub async fn rename(&self, id: u64, name: &str) -> R {
///     type Event0 = UserUpdated;                       // the path that the user writes occurs once
///     static SITE ..
///     let saved = P::again(&id);                       // an argument that an event names, as the body may move it
///     let out: R = P::writing(&SITE, body).await;      // entries that the events end are not served inside of it
///     let mut batch = P::Batch::new();
///     if P::succeeded(shape, &out) { let id = saved; batch.add_from(shape, &out, |user| ..); }
///     P::publish_quietly(&SITE, cache, batch).await;
///     out
/// }
/// ```
pub(crate) fn expand(mut writer: Writer) -> TokenStream {
    named_once::in_sources(&mut writer);
    let writer = &writer;
    let item = &writer.function.item;
    let aliases = named_once::aliases(writer);
    let registration = registration::of_writer(writer);
    let steps = body::wrap(&writer.krate, &writer.function, &steps(writer));
    let (outer, inner): (Vec<_>, Vec<_>) = item.attrs.iter().partition(|attr| matches!(attr.style, AttrStyle::Outer));
    let (vis, sig) = (&item.vis, &item.sig);
    let body = body::of_function(&writer.function, quote_spanned!(here()=> #(#inner)* #aliases #registration #steps));
    quote_spanned! {here()=>
        #(#outer)*
        #[allow(clippy::needless_pass_by_value)]
        #vis #sig #body
    }
}

fn steps(writer: &Writer) -> TokenStream {
    let p = writer.krate.private(here());
    let function = &writer.function;
    let unpacked = writer.function.args.iter().filter_map(moved);
    let saved = saved::of(writer);
    let save = saved.iter().map(|saved| &saved.save);
    let bind = saved.iter().map(|saved| &saved.bind);
    let reborrow = saved::reborrow_self(writer);
    let reborrows = defer::reborrows(writer);
    let (before, inside, after): (Vec<_>, Vec<_>, Vec<_>) = (
        reborrows.iter().map(|reborrow| &reborrow.before).collect(),
        reborrows.iter().map(|reborrow| &reborrow.inside).collect(),
        reborrows.iter().map(|reborrow| &reborrow.after).collect(),
    );
    let run = run(writer, reborrow.is_some());
    let run = if reborrows.is_empty() { run } else { quote_spanned!(here()=> { #(#inside)* #run }) };
    let unsure = commit::unsure(writer);
    let types = commit::types(writer);
    let output = &function.output;
    let add = writer.sources.iter().map(|source| add(writer, source));
    let ran = writer.every.as_ref().map(|_| quote_spanned!(here()=> __cachemacro_batch.ran(&__CACHEMACRO_SITE);));
    let publish = publish(writer);
    let (guard, finish) = unfinished::of(writer).map(|guard| (guard.before, guard.after)).unzip();
    quote_spanned! {here()=>
        #(#unpacked)*
        #unsure
        #types
        #(#save)*
        #guard
        #reborrow
        #(#before)*
        let __cachemacro_out: #output = #run;
        #(#after)*
        let __cachemacro_shape = #p::shape!(#output);
        #(#bind)*
        let mut __cachemacro_batch = #p::Batch::new();
        if #p::succeeded(__cachemacro_shape, &__cachemacro_out) {
            #ran
            #(#add)*
        }
        #finish
        #publish
    }
}

/// The body. What it reads through the cache may be older than what it has written, unless another function publishes its events.
fn run(writer: &Writer, rename_self: bool) -> TokenStream {
    if defer::expr(writer).is_some() {
        return body::run(&writer.krate, &writer.function, rename_self);
    }
    body::run_in_writer(&writer.krate, &writer.function, rename_self)
}

/// `let (a, b) = __arg1;` of a pattern that `#[async_trait]` moved into the body.
fn moved(arg: &Arg) -> Option<TokenStream> {
    let Binds::Moved(pattern) = &arg.binds else { return None };
    let ident = &arg.ident;
    Some(quote_spanned!(here()=> let #pattern = #ident;))
}

fn add(writer: &Writer, source: &Source) -> TokenStream {
    match source {
        Source::Value(closure) => {
            let span = at_start(&closure.body);
            let closure = saved::renamed(writer, closure.to_token_stream());
            quote_spanned!(span=> __cachemacro_batch.add_from(__cachemacro_shape, &__cachemacro_out, #closure);)
        }
        Source::Arguments(expr) => {
            let span = at_start(expr);
            let expr = saved::renamed(writer, expr.to_token_stream());
            quote_spanned!(span=> __cachemacro_batch.add(#expr);)
        }
    }
}

fn publish(writer: &Writer) -> TokenStream {
    if let Some(expr) = defer::expr(writer) {
        let renamed = saved::renamed(writer, expr.to_token_stream());
        return defer::call(writer, expr, &renamed);
    }
    let p = writer.krate.private(here());
    let output = &writer.function.output;
    let (suffix, wait) =
        if writer.function.is_async() { ("", Some(quote_spanned!(here()=> .await))) } else { ("_sync", None) };
    let publish = Ident::new(&format!("publish{suffix}"), here());
    let publish_quietly = Ident::new(&format!("publish_quietly{suffix}"), here());
    let check = commit::check(writer);
    if writer.on_error == OnError::Fail {
        let carry = Ident::new("__cachemacro_carry", at(ends(output).1));
        let finish = call_over(output, &writer.krate, "CarriesFailure::finish", carry.to_token_stream());
        let failed = quote_spanned! {here()=>
            let __cachemacro_carry = (&&&#p::Probe::<#output>::NEW).carry(__cachemacro_error);
            #finish
        };
        return quote_spanned! {here()=>
            #check
            match #p::#publish(&__CACHEMACRO_SITE, __cachemacro_cache, __cachemacro_batch)#wait {
                ::core::result::Result::Ok(()) => __cachemacro_out,
                ::core::result::Result::Err(__cachemacro_error) => {
                    #[allow(unused_imports)]
                    use #p::{CarriesCacheError as _, CarriesNothing as _, CarriesThroughIo as _};
                    #failed
                }
            }
        };
    }
    quote_spanned! {here()=>
        #check
        #p::#publish_quietly(&__CACHEMACRO_SITE, __cachemacro_cache, __cachemacro_batch)#wait;
        __cachemacro_out
    }
}
