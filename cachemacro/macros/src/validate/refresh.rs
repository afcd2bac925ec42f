//! Which call refreshes a stale entry: `background` or `inline`.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::GenericParam;

use crate::model::function::{Arg, Function, Passing, ReceiverForm};
use crate::model::policy::{Refresh, Ttl};
use crate::parse::cached::RawCached;
use crate::syntax::borrows;
use crate::syntax::diag::Diag;
use crate::syntax::generics;
use crate::syntax::pattern::binds_by_reference;
use crate::syntax::spelling::tidy;
use crate::validate::ttl;

/// A task in the background needs owned clones of all that the body uses. Where one is impossible, the default is `inline`, and an
/// explicit `refresh = background` is an error that says why.
pub(crate) fn decide(function: &Function, raw: &RawCached, diag: &Diag) -> Refresh {
    let given = raw.refresh.as_ref();
    let Some(reason) = not_owned(function) else {
        return match given {
            Some(given) => given.value,
            None if can_be_stale(raw) => Refresh::Background,
            None => Refresh::Inline,
        };
    };
    if let Some(given) = given.filter(|given| given.value == Refresh::Background) {
        let what = format!("`refresh = background` is not possible for `{}`: {reason}", function.name());
        diag.error(
            &given.tokens,
            what,
            "write `refresh = inline`: the first caller that sees a stale entry refreshes it",
        );
    }
    Refresh::Inline
}

/// Whether an entry can be stale.
fn can_be_stale(raw: &RawCached) -> bool {
    if raw.early.is_some() {
        return true;
    }
    match (&raw.soft_ttl, ttl::bound(raw)) {
        (Some(soft), Some(hard)) => match (&soft.value, &hard.value) {
            (Ttl::Literal(soft), Ttl::Literal(hard)) => soft < hard,
            _ => true,
        },
        _ => false,
    }
}

/// Why a task cannot own a clone of the receiver or of an argument: the first reason.
fn not_owned(function: &Function) -> Option<String> {
    receiver_not_owned(function)
        .or_else(|| function.args.iter().find_map(|arg| argument_not_owned(function, arg)))
        .or_else(|| named_lifetime(function))
}

fn receiver_not_owned(function: &Function) -> Option<String> {
    let receiver = function.receiver.as_ref()?;
    match &receiver.form {
        ReceiverForm::Ref => None,
        ReceiverForm::RefMut => Some("`&mut self` cannot be owned by a task".to_owned()),
        ReceiverForm::Value(ty) | ReceiverForm::RefTo(ty) => {
            borrows::borrowed(ty)?;
            Some(format!("`self: {}` borrows, and a task outlives the call", tidy(ty)))
        }
    }
}

fn argument_not_owned(function: &Function, arg: &Arg) -> Option<String> {
    let name = arg.name();
    if arg.once {
        return Some(format!("`{name}` is a connection of the caller, which a task cannot own"));
    }
    let held = match &arg.passing {
        Passing::RefMut(_) => return Some(format!("`{name}` is a mutable reference, which a task cannot own")),
        Passing::Ref(inner) | Passing::OptionRef(inner) if borrows::trait_object(inner) => {
            return Some(format!("`{name}: {}` is a trait object, which a task cannot own", tidy(&arg.ty)));
        }
        Passing::Ref(inner) | Passing::OptionRef(inner) => inner,
        Passing::Value => &arg.ty,
    };
    if borrows::opaque(held) {
        return Some(format!("the type of `{name}` has no name, and a task needs it"));
    }
    if arg.pattern().is_some_and(binds_by_reference) && arg.is_by_value() {
        return Some(format!("the pattern of `{name}` binds by reference, and a task outlives the call"));
    }
    if let Some(param) = generics::short_lived(&function.item.sig.generics, held) {
        return Some(format!(
            "`{param}`, in the type of `{name}`, need not be `'static`, and a task outlives the call"
        ));
    }
    borrows::borrowed(held)?;
    Some(format!("`{name}: {}` borrows inside, and a task outlives the call", tidy(&arg.ty)))
}

fn named_lifetime(function: &Function) -> Option<String> {
    let lifetimes: Vec<Ident> = function
        .item
        .sig
        .generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Lifetime(lifetime) => Some(lifetime.lifetime.ident.clone()),
            _ => None,
        })
        .collect();
    let named = borrows::named_lifetime(function.item.block.to_token_stream(), &lifetimes)
        .or_else(|| borrows::named_lifetime(function.output.to_token_stream(), &lifetimes))?;
    Some(format!("its body or its output names the lifetime `'{named}`, and a task outlives it"))
}
