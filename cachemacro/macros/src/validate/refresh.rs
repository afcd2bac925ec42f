//! Who refreshes a stale entry: decided here, so that the expansion only obeys.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::GenericParam;

use crate::diag::Diag;
use crate::model::borrows;
use crate::model::function::{Arg, Function, Passing, ReceiverForm};
use crate::model::policy::{Refresh, Ttl};
use crate::model::spelling::tidy;
use crate::parse::cached::RawCached;

/// `background` needs owned twins of everything the body sees. Where there are none, the default gives way silently, and
/// an explicit wish is refused with the reason.
pub(crate) fn decide(function: &Function, raw: &RawCached, diag: &Diag) -> Refresh {
    let wish = raw.refresh.as_ref();
    let Some(reason) = unownable(function) else {
        return match wish {
            Some(wish) => wish.value,
            None if can_be_stale(raw) => Refresh::Background,
            None => Refresh::Inline,
        };
    };
    if let Some(wish) = wish.filter(|wish| wish.value == Refresh::Background) {
        let what = format!("`refresh = background` is not possible for `{}`: {reason}", function.name());
        diag.wrong(
            &wish.tokens,
            what,
            "write `refresh = inline`: the first caller that sees a stale entry refreshes it",
        );
    }
    Refresh::Inline
}

/// Whether there is ever anything to refresh.
fn can_be_stale(raw: &RawCached) -> bool {
    if raw.early.is_some() {
        return true;
    }
    match (&raw.soft_ttl, &raw.hard_ttl) {
        (Some(soft), Some(hard)) => match (&soft.value, &hard.value) {
            (Ttl::Literal(soft), Ttl::Literal(hard)) => soft < hard,
            _ => true,
        },
        _ => false,
    }
}

/// The first thing without an owned twin, and why.
fn unownable(function: &Function) -> Option<String> {
    unownable_receiver(function)
        .or_else(|| function.args.iter().find_map(unownable_argument))
        .or_else(|| named_lifetime(function))
}

fn unownable_receiver(function: &Function) -> Option<String> {
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

fn unownable_argument(arg: &Arg) -> Option<String> {
    let name = &arg.ident;
    if arg.once {
        return Some(format!("`{name}` is a connection of the caller, which no task can own"));
    }
    let held = match &arg.passing {
        Passing::RefMut(_) => return Some(format!("`{name}` is a unique borrow, which no task can own")),
        Passing::Ref(inner) | Passing::OptionRef(inner) if borrows::trait_object(inner) => {
            return Some(format!("`{name}: {}` has no owned twin", tidy(&arg.ty)));
        }
        Passing::Ref(inner) | Passing::OptionRef(inner) => inner,
        Passing::Value => &arg.ty,
    };
    if borrows::opaque(held) {
        return Some(format!("the type of `{name}` has no name by which a task could own it"));
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
