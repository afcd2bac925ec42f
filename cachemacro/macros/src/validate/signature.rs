//! Rules about the annotated function itself.

use syn::{ReturnType, Safety, Signature, Type, TypeReference};

use crate::model::function::{Function, Kind};
use crate::syntax::borrows;
use crate::syntax::diag::Diag;
use crate::syntax::spelling::tidy;

/// Rules of both `#[cached]` and `#[invalidates]`.
pub(crate) fn check_common(function: &Function, attribute: &str, diag: &Diag) {
    let sig = &function.item.sig;
    check_not_const(sig, attribute, diag);
    check_no_impl_trait(sig, attribute, diag);
    check_not_twice(function, attribute, diag);
    check_not_variadic(sig, attribute, diag);
}

/// Rules of `#[cached]` alone.
pub(crate) fn check_cached(function: &Function, local: bool, diag: &Diag) {
    let sig = &function.item.sig;
    check_not_unsafe(sig, diag);
    check_not_extern(sig, diag);
    check_returns_something(function, diag);
    check_owns_its_value(function, local, diag);
    check_pinned_receiver(function, diag);
}

fn check_not_const(sig: &Signature, attribute: &str, diag: &Diag) {
    if let Some(keyword) = &sig.constness {
        let what = format!("`{}` is a `const fn`, which may run at compile time, when there is no cache", sig.ident);
        diag.error(keyword, what, format!("remove `const`, or remove `#[{attribute}]`"));
    }
}

fn check_no_impl_trait(sig: &Signature, attribute: &str, diag: &Diag) {
    let ReturnType::Type(_, ty) = &sig.output else { return };
    if !borrows::opaque(ty) {
        return;
    }
    let future = tidy(ty).contains("Future");
    let remedy = match (future, attribute) {
        (true, _) => "write it as an `async fn` that returns the future's output",
        (false, "cached") => "return a concrete type; collect an iterator into a `Vec`",
        (false, _) => "return a concrete type",
    };
    let what = format!("`{}` returns `{}`: a type without a name cannot be cached or checked", sig.ident, tidy(ty));
    diag.error(ty, what, remedy);
}

fn check_not_twice(function: &Function, attribute: &str, diag: &Diag) {
    for attr in &function.item.attrs {
        let Some(last) = attr.path().segments.last() else { continue };
        if last.ident == attribute {
            let what = format!("`{}` has `#[{attribute}]` twice", function.name());
            diag.error(attr, what, "keep one of them; several events are written in one list, separated by commas");
        } else if last.ident == "cached" || last.ident == "invalidates" {
            let what = format!(
                "`{}` is both `#[cached]` and `#[invalidates]`: on a cache hit its body does not run, so nothing was written \
                 and there is nothing to publish",
                function.name()
            );
            diag.error(attr, what, "split it into a read and a write");
        }
    }
}

fn check_not_variadic(sig: &Signature, attribute: &str, diag: &Diag) {
    if let Some(variadic) = &sig.variadic {
        diag.error(variadic, "C-variadic arguments cannot be passed on", format!("remove `#[{attribute}]`"));
    }
}

fn check_not_unsafe(sig: &Signature, diag: &Diag) {
    if let Safety::Unsafe(keyword) = &sig.safety {
        let what = format!(
            "`{}` is an `unsafe fn`: a refresh would run it later, when its conditions may not hold",
            sig.ident
        );
        diag.error(keyword, what, "cache a safe function that wraps it");
    }
}

fn check_not_extern(sig: &Signature, diag: &Diag) {
    if let Some(abi) = &sig.abi {
        let what =
            format!("`{}` has a foreign ABI: its callers are not Rust, and its values cannot be cached", sig.ident);
        diag.error(abi, what, "cache a Rust function that calls it");
    }
}

fn check_returns_something(function: &Function, diag: &Diag) {
    let nothing = match &function.output {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Never(_) => true,
        _ => false,
    };
    if nothing {
        let what = format!("`{}` returns nothing, so there is nothing to cache", function.name());
        diag.error(&function.item.sig.ident, what, "return the value that was loaded, or remove `#[cached]`");
    }
}

/// With `local` a value may be borrowed for `'static`: it lives as long as the process. A shared store cannot give such a borrow back.
fn check_owns_its_value(function: &Function, local: bool, diag: &Diag) {
    let borrowed = match &function.output {
        Type::Path(path) => path.path.segments.last().and_then(|last| first_reference(&last.arguments)),
        Type::Reference(reference) => Some(reference),
        _ => None,
    };
    let Some(reference) = borrowed else { return };
    let (name, spelled) = (function.name(), tidy(reference));
    if !is_static(reference) {
        let what = format!("`{name}` returns a borrow, `{spelled}`: a cached value outlives the call that loaded it");
        let remedy = "return an owned value: `String` for `&str`, `Vec<T>` for `&[T]`, `Arc<T>` for `&T`";
        diag.error(reference, what, remedy);
    } else if !local {
        let what =
            format!("`{name}` returns `{spelled}`, and a value from a shared store is in no static of this process");
        let remedy =
            "add `local` to keep its values in this process only, or return an owned value: `String` for `&str`";
        diag.error(reference, what, remedy);
    }
}

fn is_static(reference: &TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

/// `&T` in `Option<&T>` or `Result<&T, E>`.
fn first_reference(arguments: &syn::PathArguments) -> Option<&TypeReference> {
    let syn::PathArguments::AngleBracketed(arguments) = arguments else { return None };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(Type::Reference(reference))) => Some(reference),
        Some(syn::GenericArgument::Type(Type::Path(path))) => {
            path.path.segments.last().and_then(|last| first_reference(&last.arguments))
        }
        _ => None,
    }
}

/// `Pin<&mut Self>` cannot be reborrowed for one load after another, as `&mut self` can.
fn check_pinned_receiver(function: &Function, diag: &Diag) {
    if let Some(ty) = function.pinned_receiver() {
        let what = format!("`self: {}` is a mutable reference, and a load may run more than once or later", tidy(ty));
        diag.error(ty, what, "take `&self`");
    }
}

/// A sync function would block its thread until the shared store answers.
pub(crate) fn check_sync_is_local(function: &Function, local: bool, diag: &Diag) {
    // `-> impl Future` has its own message.
    if function.kind == Kind::Sync && !local && !borrows::opaque(&function.output) {
        let what = format!(
            "`{}` is not async, and a sync function cannot wait for the shared store without blocking its thread",
            function.name()
        );
        diag.error(
            function.item.sig.fn_token,
            what,
            "make it an `async fn`, or add `local` to keep its values in this process only",
        );
    }
}
