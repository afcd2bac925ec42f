//! `#[cached]`: the function with its signature and a new body.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::{AttrStyle, Expr, FnArg, Pat, PatIdent, Signature};

use crate::expand::body;
use crate::expand::span::{call_over, here, reaching};
use crate::expand::{background, bind, by_value, bypass, cache, computed, context, inline, key, registration, values};
use crate::model::cached::{Cached, Mode};
use crate::model::function::{Function, Passing};
use crate::model::policy::Refresh;
use crate::syntax::mentions::mentions;

/// ```text
/// #[attributes] pub async fn find(&self, id: u64) -> R {
///     static SITE ..
///     let instance = SITE.instance(|| ());            // the closure has another type in each instance of a generic function
///     let shape = P::shape!(R);
///     let values = P::compare!(P::cacheable_shared(shape));
///     let fail = P::error_adapter!(R);
///     let cache = P::handle(&cache);                  // with `cache = …`
///     let miss = ..;                                  // or returns what was found
///     let read = P::read_background(miss, ..);        // or another of the four
///     loop { match read.step().await { .. } }         // until there is an answer
/// }
/// ```
pub(crate) fn expand(cached: &Cached) -> TokenStream {
    let item = &cached.function.item;
    let registration = registration::of_cached(cached);
    let read = body::wrap(&cached.krate, &cached.function, &steps(cached));
    let (outer, inner): (Vec<_>, Vec<_>) = item.attrs.iter().partition(|attr| matches!(attr.style, AttrStyle::Outer));
    let (vis, sig) = (&item.vis, signature(&cached.function));
    let body = body::of_function(&cached.function, quote_spanned!(here()=> #(#inner)* #registration #read));
    quote_spanned! {here()=>
        #(#outer)*
        #[allow(clippy::needless_pass_by_value)]
        #vis #sig #body
    }
}

fn steps(cached: &Cached) -> TokenStream {
    let args = cached.function.args.iter().enumerate();
    let unpacked = args.filter_map(|(at, arg)| by_value::take_apart(cached, at, arg));
    let context = context::capture(cached);
    let bypasses = bypass::decide(cached);
    let setup = setup(cached);
    let instance = registration::instance(cached);
    let miss = match &cached.mode {
        Mode::Source(version) => ask(cached, version),
        Mode::Row(_) | Mode::Opaque => try_hit(cached),
    };
    let read = match cached.policy.refresh {
        Refresh::Background => background::read(cached),
        Refresh::Inline => inline::read(cached),
    };
    quote_spanned! {here()=>
        let __cachemacro_instance = #instance;
        #(#unpacked)*
        #context
        #bypasses
        #setup
        #miss
        #read
    }
}

/// The signature, with a name in the place of each pattern.
fn signature(function: &Function) -> Signature {
    let mut sig = function.item.sig.clone();
    let mut args = function.args.iter();
    for input in &mut sig.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.mutability = None,
            FnArg::Typed(typed) => {
                let Some(arg) = args.next() else { continue };
                let plain = PatIdent {
                    attrs: Vec::new(),
                    by_ref: None,
                    mutability: None,
                    ident: arg.ident.clone(),
                    subpat: None,
                };
                *typed.pat = Pat::Ident(plain);
            }
        }
    }
    sig
}

fn setup(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let output = &cached.function.output;
    let values = values::of(cached);
    let cache = cache::of_call(cached);
    let absent = absent(cached);
    quote_spanned! {here()=>
        let __cachemacro_shape = #p::shape!(#output);
        let __cachemacro_values = #values;
        let __cachemacro_fail = #p::error_adapter!(#output);
        #cache
        #absent
    }
}

/// How an absence becomes the return value. Without `not_found` only source mode needs it.
fn absent(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let absent = match &cached.not_found {
        None if !matches!(cached.mode, Mode::Source(_)) => return TokenStream::new(),
        None => quote_spanned!(here()=> #p::absent(__cachemacro_shape)),
        Some(not_found) => {
            let rebuild = with_copies(cached, &not_found.rebuild, Copies::Owned);
            quote_spanned! {here()=>
                |__cachemacro_kind: #p::Absence| #p::absent_or(__cachemacro_shape, __cachemacro_kind, || #rebuild)
            }
        }
    };
    quote_spanned!(here()=> let __cachemacro_absent = #absent;)
}

/// What an expression that may run several times gets of the arguments that it names.
#[derive(Clone, Copy)]
enum Copies {
    Owned,
    /// A reference, if the argument is not `Clone`.
    Perhaps,
}

/// A block that gives the expression copies of the arguments that it names.
fn with_copies(cached: &Cached, expr: &Expr, how: Copies) -> TokenStream {
    let p = cached.krate.private(here());
    let function = &cached.function;
    let by_value = function.args.iter().filter(|arg| matches!(arg.passing, Passing::Value) && !arg.once);
    let named: Vec<&Ident> = by_value.flat_map(|arg| &arg.names).filter(|name| mentions(expr, name)).collect();
    if named.is_empty() {
        return quote_spanned!(here()=> { #expr });
    }
    let copies = named.iter().map(|name| match how {
        Copies::Owned => body::again(&cached.krate, name, name),
        Copies::Perhaps => quote_spanned! {here()=> {
            #[allow(unused_imports)]
            use #p::{CopyClone as _, CopyReference as _};
            (&&#p::Probe::of(&#name)).copy(&#name)
        }},
    });
    quote_spanned!(here()=> { #(let #named = #copies;)* #expr })
}

/// The arms that return what the store has: a value or an absence.
fn found_arms(cached: &Cached, kind: &str) -> TokenStream {
    let p = cached.krate.private(here());
    let kind = Ident::new(kind, here());
    quote_spanned! {here()=>
        #p::#kind::Value(__cachemacro_value) => return #p::close(__cachemacro_shape, __cachemacro_value),
        #p::#kind::Absent(__cachemacro_kind) => return __cachemacro_absent(__cachemacro_kind),
    }
}

/// ```text
/// let mut miss = match P::find_one_current(instance, P::OneKey::new("user:", part, ""), P::Look::default(), shape, values) {
///     Ok(answer) => return answer.plain(),
///     Err(miss) => miss,
/// };
/// ```
fn try_hit(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let aggregates = bind::of_miss(cached);
    let mutable = aggregates.is_some().then(|| quote_spanned!(here()=> mut));
    let (current, cache) = match &cached.cache {
        Some(_) => ("", Some(cache::argument(cached)).into_iter()),
        None => ("_current", None.into_iter()),
    };
    let look = match bypass::decide(cached) {
        Some(_) => quote_spanned!(here()=> #p::Look::unless(__cachemacro_bypasses)),
        None => quote_spanned!(here()=> #p::Look::default()),
    };
    let returned = body::returned(cached);
    let (find, write, key) = match key::of_one_part(cached) {
        Some((part, key)) => ("find_one", part, key),
        None => ("find", key::of_call(cached), quote_spanned!(here()=> &mut __cachemacro_key)),
    };
    let find = Ident::new(&format!("{find}{current}"), here());
    if let Some(values) = computed::values(cached) {
        let names = computed::names(cached);
        return quote_spanned! {here()=>
            let #mutable __cachemacro_miss = {
                #values
                #names
                #write
                let #mutable __cachemacro_miss = match #p::#find(
                    __cachemacro_instance, #(#cache,)* #key, #look, __cachemacro_shape, __cachemacro_values,
                ) {
                    ::core::result::Result::Ok(__cachemacro_answer) => return __cachemacro_answer.#returned,
                    ::core::result::Result::Err(__cachemacro_miss) => __cachemacro_miss,
                };
                #aggregates
                __cachemacro_miss
            };
        };
    }
    quote_spanned! {here()=>
        let #mutable __cachemacro_miss = {
            #write
            match #p::#find(
                __cachemacro_instance, #(#cache,)* #key, #look, __cachemacro_shape, __cachemacro_values,
            ) {
                ::core::result::Result::Ok(__cachemacro_answer) => return __cachemacro_answer.#returned,
                ::core::result::Result::Err(__cachemacro_miss) => __cachemacro_miss,
            }
        };
        #aggregates
    }
}

/// Source mode: the version's expression is evaluated in the function itself, where `?` and `.await` work as in its body.
///
/// ```text
/// let mut source = P::source(bypasses, instance, &P::cache(), &key, shape, values);
/// let miss = loop {
///     if source.wants_names() { .. }
///     match source.begin().await { Again => {}, Value(v) => return .., Absent(a) => return .., Miss(miss) => break miss }
///     let version = P::version(*&self.db.version(id).await?);
///     match source.compare(version) { .. }            // the same arms
///     if source.wants_names() { .. }
///     match source.ask(version).await { .. }
/// };
/// ```
/// The source holds its records until the load has entered them, so all of it stays in the scope of the function.
fn ask(cached: &Cached, expr: &Expr) -> TokenStream {
    let p = cached.krate.private(here());
    let (values, bound) = (computed::values(cached), computed::names(cached));
    let key = key::of_call(cached);
    let found = found_arms(cached, "SourceRead");
    let version = with_copies(cached, expr, Copies::Perhaps);
    let read_version =
        call_over(expr, &cached.krate, "IntoVersion::to_version", reaching(expr, "__cachemacro_version"));
    let (begin, ask) = if cached.function.is_async() {
        (quote_spanned!(here()=> begin().await), quote_spanned!(here()=> ask(__cachemacro_version).await))
    } else {
        (quote_spanned!(here()=> begin_sync()), quote_spanned!(here()=> ask_sync(__cachemacro_version)))
    };
    let cache = cache::argument(cached);
    let names = bind::aggregates(cached, "__cachemacro_source")
        .map(|names| quote_spanned!(here()=> if __cachemacro_source.wants_names() { #bound #names }));
    let bypasses = match bypass::decide(cached) {
        Some(_) => quote_spanned!(here()=> __cachemacro_bypasses),
        None => quote_spanned!(here()=> false),
    };
    let go_on = quote_spanned! {here()=>
        #p::SourceRead::Again => {}
        #found
        #p::SourceRead::Miss(__cachemacro_miss) => break __cachemacro_miss,
    };
    quote_spanned! {here()=>
        #values
        let __cachemacro_key = { #bound #key __cachemacro_key };
        let mut __cachemacro_source = #p::source(
            #bypasses, __cachemacro_instance, #cache, &__cachemacro_key, __cachemacro_shape, __cachemacro_values,
        );
        let __cachemacro_miss = loop {
            #names
            match __cachemacro_source.#begin { #go_on }
            let __cachemacro_version = &#version;
            let __cachemacro_version = #read_version;
            match __cachemacro_source.compare(__cachemacro_version) { #go_on }
            #names
            match __cachemacro_source.#ask { #go_on }
        };
    }
}
