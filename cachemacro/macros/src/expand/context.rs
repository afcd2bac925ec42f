//! The task-locals of `context(…)`: captured before the read, and given to a load that outlives the call.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use crate::expand::body::numbered;
use crate::expand::span::{at_start, call_over, here, reaching};
use crate::model::cached::{Cached, Local};

/// ```text
/// let local0 = &TENANT;
/// let local0 = P::TaskLocal::local(*&local0);
/// let captured0 = P::CapturedValue::captured(*&local0);       // of what is in the key: before the key is made
/// ```
/// The path occurs once, so that one that is not there is one error.
pub(crate) fn capture(cached: &Cached) -> TokenStream {
    let one = |(at, local): (usize, &Local)| {
        let path = &local.path;
        let (name, captured) = (name(at), captured(at));
        let reference = quote_spanned!(at_start(path)=> &#path);
        let key = over(cached, local, "TaskLocal::local", &name);
        let value = over(cached, local, "CapturedValue::captured", &name);
        let captured = needs_value(local).then(|| quote_spanned!(here()=> let #captured = #value;));
        quote_spanned!(here()=> let #name = #reference; let #name = #key; #captured)
    };
    cached.context.iter().enumerate().map(one).collect()
}

/// ```text
/// if let Some(locals) = read.task_locals() {
///     if let Some(set0) = Clone::clone(&captured0) { P::SentValue::keep(*&set0, local0, locals) }
///     if let Some(set1) = P::CapturedValue::captured(*&local1) { P::SentValue::keep(*&set1, local1, locals) }
/// }
/// ```
/// Before the load is supplied. The value of the key is that which the load sees.
pub(crate) fn carry(cached: &Cached) -> Option<TokenStream> {
    let one = |(at, local): (usize, &Local)| {
        let (name, set) = (name(at), set(at));
        let value = if needs_value(local) {
            let captured = captured(at);
            quote_spanned!(here()=> ::core::clone::Clone::clone(&#captured))
        } else {
            over(cached, local, "CapturedValue::captured", &name)
        };
        let moved = Ident::new(&set.to_string(), at_start(&local.path));
        let arguments = quote_spanned!(here()=> #moved, #name, __cachemacro_locals);
        let keep = call_over(&local.path, &cached.krate, "SentValue::keep", arguments);
        quote_spanned!(here()=> if let ::core::option::Option::Some(#set) = #value { #keep; })
    };
    let all = cached.context.iter().enumerate().map(one);
    (!cached.context.is_empty()).then(|| {
        quote_spanned! {here()=>
            if let ::core::option::Option::Some(__cachemacro_locals) = __cachemacro_read.task_locals() { #(#all)* }
        }
    })
}

fn name(at: usize) -> Ident {
    numbered("local", at)
}

/// What of it there is when the call begins: an `Option`, `None` if it is not set.
pub(crate) fn captured(at: usize) -> Ident {
    numbered("captured", at)
}

/// The number of the task-local with this name.
pub(crate) fn number(cached: &Cached, name: &Ident) -> Option<usize> {
    cached.context.iter().position(|local| local.name == *name)
}

/// The value inside of the captured `Option`, where there is one.
pub(crate) fn set(at: usize) -> Ident {
    numbered("set", at)
}

fn needs_value(local: &Local) -> bool {
    local.in_key || local.is_bound
}

/// A call with the task-local, whose errors underline its path.
fn over(cached: &Cached, local: &Local, call: &str, name: &Ident) -> TokenStream {
    call_over(&local.path, &cached.krate, call, reaching(&local.path, &name.to_string()))
}
