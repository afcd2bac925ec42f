//! The user's body as an expression whose value is the output. It occurs once in the expansion.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::Block;

use crate::expand::span::{at, at_start, here};
use crate::model::cached::Cached;
use crate::model::function::{Arg, Body, Function, Kind};
use crate::syntax::krate::Krate;
use crate::syntax::rename_self;

/// ```text
/// async move { if false { return P::never::<R>(); } { body } }.await          (async)
/// (move || -> R { body })()                                                   (sync)
/// ```
/// The first statement fixes the output's type for `?` and `return`, as a signature does.
pub(crate) fn run(krate: &Krate, function: &Function, rename_self: bool) -> TokenStream {
    let output = &function.output;
    if function.is_async() {
        let body = future(krate, function, rename_self, &TokenStream::new(), here());
        return quote_spanned!(here()=> #body.await);
    }
    let body = statements(function, rename_self);
    quote_spanned!(here()=> (move || -> #output { #body })())
}

/// ```text
/// P::writing(&SITE, async move { .. }).await                                  (async)
/// P::writing_sync(&SITE, move || -> R { body })                               (sync)
/// ```
pub(crate) fn run_in_writer(krate: &Krate, function: &Function, rename_self: bool) -> TokenStream {
    let (p, output) = (krate.private(here()), &function.output);
    if function.is_async() {
        let body = future(krate, function, rename_self, &TokenStream::new(), here());
        return quote_spanned!(here()=> #p::writing(&__CACHEMACRO_SITE, #body).await);
    }
    let body = statements(function, rename_self);
    quote_spanned!(here()=> #p::writing_sync(&__CACHEMACRO_SITE, move || -> #output { #body }))
}

/// The body of an async function as a future, with these statements in front.
pub(crate) fn future(
    krate: &Krate,
    function: &Function,
    rename_self: bool,
    enter: &TokenStream,
    at: Span,
) -> TokenStream {
    let (fix, body) = (fix_output(krate, function), statements(function, rename_self));
    quote_spanned!(at=> async move { #fix #enter #body })
}

/// How a miss is read.
pub(crate) struct Read<'c> {
    /// `inline` or `background`.
    pub(crate) form: &'c str,
    /// Errors about the load underline this.
    pub(crate) at: Span,
    /// Makes one load.
    pub(crate) load: TokenStream,
    /// Before it, for a load that outlives the call.
    pub(crate) carry: Option<TokenStream>,
}

/// ```text
/// let mut read = P::read_inline(miss, shape, values, fail);
/// let answer = loop {
///     match read.step().await {
///         P::ReadStep::Answer(answer) => break answer.plain(),
///         P::ReadStep::Load => read.supply_loader(load),
///     }
/// };
/// answer
/// ```
/// `answer` is bound first: before edition 2024, temporaries of a tail expression live longer than the locals that they borrow.
pub(crate) fn read(cached: &Cached, read: &Read<'_>) -> TokenStream {
    let p = cached.krate.private(here());
    let Read { form, at, load, carry } = read;
    let (prefix, step) = if cached.function.is_async() {
        ("read", quote_spanned!(here()=> step().await))
    } else {
        ("read_sync", quote_spanned!(here()=> step_sync()))
    };
    let begin = Ident::new(&format!("{prefix}_{form}"), here());
    let returned = returned(cached);
    let supply_loader = quote_spanned!(*at=> __cachemacro_read.supply_loader(#load));
    let supply_loader = match carry {
        None => supply_loader,
        Some(carry) => quote_spanned!(here()=> { #carry #supply_loader }),
    };
    quote_spanned! {here()=>
        let mut __cachemacro_read =
            #p::#begin(__cachemacro_miss, __cachemacro_shape, __cachemacro_values, __cachemacro_fail);
        let __cachemacro_answer = loop {
            match __cachemacro_read.#step {
                #p::ReadStep::Answer(__cachemacro_answer) => break __cachemacro_answer.#returned,
                #p::ReadStep::Load => #supply_loader,
            }
        };
        __cachemacro_answer
    }
}

/// The method that converts an answer to the return value: `plain()`, or `returned(absent)` where an absence is not just that.
pub(crate) fn returned(cached: &Cached) -> TokenStream {
    match cached.not_found {
        None => quote_spanned!(here()=> plain()),
        Some(_) => quote_spanned!(here()=> returned(__cachemacro_absent)),
    }
}

fn fix_output(krate: &Krate, function: &Function) -> TokenStream {
    let output = &function.output;
    let p = krate.private(at_start(output));
    quote_spanned! {at_start(output)=>
        if false {
            return #p::never::<#output>();
        }
    }
}

fn statements(function: &Function, rename_self: bool) -> TokenStream {
    let renamed = |tokens: TokenStream| if rename_self { rename_self::rename(tokens) } else { tokens };
    match &function.body {
        Body::Plain(block) => renamed(in_braces(block)),
        Body::Future { ty, block } => {
            let block = renamed(in_braces(block));
            quote_spanned! {here()=>
                let __cachemacro_future: #ty = #block;
                __cachemacro_future.await
            }
        }
    }
}

/// The steps of a function that is not `async` and returns a boxed future, boxed.
pub(crate) fn wrap(krate: &Krate, function: &Function, steps: &TokenStream) -> TokenStream {
    if function.kind != Kind::Boxed {
        return steps.clone();
    }
    let fix = fix_output(krate, function);
    quote_spanned!(here()=> ::std::boxed::Box::pin(async move { #fix #steps }))
}

/// The block, with braces of the expansion in the place of the user's: a lint about needless braces does not apply.
fn in_braces(block: &Block) -> TokenStream {
    let statements = block.stmts.iter().map(ToTokens::to_token_stream).collect();
    braced(statements, at(block.brace_token.span.join())).into()
}

fn braced(tokens: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    group.into()
}

/// The new body of the function, in the braces of the old one, so that lints about the function still apply.
pub(crate) fn of_function(function: &Function, tokens: TokenStream) -> TokenTree {
    braced(tokens, function.item.block.brace_token.span.join())
}

/// `let (a, b) = arg0;`, if the signature had a pattern, and the argument is a borrow.
fn unpack(arg: &Arg) -> Option<TokenStream> {
    let pattern = arg.pattern().filter(|_| !arg.is_by_value())?;
    let ident = &arg.ident;
    Some(quote_spanned!(here()=> let #pattern = #ident;))
}

/// Uses the names, so that the compiler does not warn of an argument that only the key uses.
fn used<'a>(names: impl IntoIterator<Item = &'a Ident>) -> TokenStream {
    names.into_iter().map(|name| quote_spanned!(here()=> let _ = &#name;)).collect()
}

/// Binds the user's pattern, and uses the names that may be in the annotation alone.
pub(crate) fn finish(cached: &Cached, arg: &Arg) -> TokenStream {
    let unpack = unpack(arg);
    let used = used(arg.names.iter().filter(|name| cached.names(name)));
    quote_spanned!(here()=> #unpack #used)
}

/// One more of a value that the body and an expression of the annotation use. An error about its type underlines the name.
pub(crate) fn again(krate: &Krate, name: &Ident, value: &impl ToTokens) -> TokenStream {
    let span = at(name.span());
    let p = krate.private(span);
    quote_spanned!(span=> #p::Again::again(&#value))
}

/// A generated name with the number of an argument.
pub(crate) fn numbered(prefix: &str, at: usize) -> Ident {
    format_ident!("__cachemacro_{prefix}{at}", span = Span::mixed_site())
}
