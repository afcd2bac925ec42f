//! Arguments under `#[cfg(…)]`. The compiler removes them only after an attribute is expanded, so a function is expanded once with them
//! and once without, each time under the condition.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, FnArg, ItemFn, Meta};

use crate::syntax::pattern::bound_names;

/// More conditions are left to the compiler: each doubles the expansions.
const MOST: usize = 4;

/// A function with some of its arguments.
pub(crate) struct Variant {
    /// `#[cfg(all(…))]`; empty for a function without such arguments.
    pub(crate) cfg: TokenStream,
    pub(crate) item: TokenStream,
    /// The names of the other arguments.
    pub(crate) absent: Vec<Ident>,
}

/// The variants of a function; the item itself, if it is none or has no such arguments.
pub(crate) fn variants(item: &TokenStream) -> Vec<Variant> {
    let whole = || vec![Variant { cfg: TokenStream::new(), item: item.clone(), absent: Vec::new() }];
    // The parser is asked only for items that can have a condition.
    if !item.to_string().contains("cfg") {
        return whole();
    }
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else { return whole() };
    let mut conditions: Vec<String> =
        function.sig.inputs.iter().filter_map(condition).map(|one| one.to_string()).collect();
    conditions.sort();
    conditions.dedup();
    if conditions.is_empty() || conditions.len() > MOST {
        return whole();
    }
    (0..1_usize << conditions.len()).map(|chosen| variant(&function, &conditions, chosen)).collect()
}

/// The variant in which the conditions hold whose bits are set.
fn variant(function: &ItemFn, conditions: &[String], chosen: usize) -> Variant {
    let holds = |at: usize| chosen >> at & 1 == 1;
    let mut function = function.clone();
    let (mut present, mut removed) = (Vec::new(), Vec::new());
    let mut given: Vec<Option<TokenStream>> = vec![None; conditions.len()];
    let inputs = std::mem::take(&mut function.sig.inputs);
    for mut input in inputs {
        let Some(condition) = condition(&input) else {
            present.extend(names(&input));
            function.sig.inputs.push(input);
            continue;
        };
        let at = conditions.iter().position(|known| *known == condition.to_string()).unwrap_or_default();
        given[at] = Some(condition);
        if holds(at) {
            present.extend(names(&input));
            attributes(&mut input).retain(|attribute| !attribute.path().is_ident("cfg"));
            function.sig.inputs.push(input);
        } else {
            removed.extend(names(&input));
        }
    }
    let clauses = given.into_iter().flatten().enumerate();
    let clauses = clauses.map(|(at, condition)| if holds(at) { condition } else { quote!(not(#condition)) });
    let cfg = quote!(#[cfg(all(#(#clauses),*))]);
    removed.retain(|name| !present.contains(name));
    Variant { cfg, item: function.to_token_stream(), absent: removed }
}

/// `all(unix, feature = "x")` of an argument under these.
fn condition(input: &FnArg) -> Option<TokenStream> {
    let attributes = match input {
        FnArg::Typed(typed) => &typed.attrs,
        FnArg::Receiver(receiver) => &receiver.attrs,
    };
    let conditions: Vec<_> = attributes.iter().filter_map(predicate).collect();
    (!conditions.is_empty()).then(|| quote!(all(#(#conditions),*)))
}

fn predicate(attribute: &Attribute) -> Option<TokenStream> {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => Some(list.tokens.clone()),
        _ => None,
    }
}

fn attributes(input: &mut FnArg) -> &mut Vec<Attribute> {
    match input {
        FnArg::Typed(typed) => &mut typed.attrs,
        FnArg::Receiver(receiver) => &mut receiver.attrs,
    }
}

fn names(input: &FnArg) -> Vec<Ident> {
    match input {
        FnArg::Typed(typed) => bound_names(&typed.pat),
        FnArg::Receiver(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(item: TokenStream) -> Vec<(String, String, Vec<String>)> {
        let variants = variants(&item).into_iter();
        let told = |variant: Variant| {
            let absent = variant.absent.iter().map(ToString::to_string).collect();
            (variant.cfg.to_string().replace(' ', ""), variant.item.to_string().replace(' ', ""), absent)
        };
        variants.map(told).collect()
    }

    #[test]
    fn a_function_without_conditions_is_itself() {
        let item = quote!(
            fn f(#[allow(unused)] cfg: u8) {}
        );
        assert_eq!(all(item.clone()), [(String::new(), item.to_string().replace(' ', ""), vec![])]);
        assert_eq!(
            all(quote!(
                struct X {
                    #[cfg(unix)]
                    a: u8,
                }
            ))
            .len(),
            1
        );
    }

    #[test]
    fn a_condition_makes_two_variants() {
        let found = all(quote!(
            fn f(a: u8, #[cfg(unix)] (b, c): (u8, u8)) {}
        ));
        let expected = [
            ("#[cfg(all(not(all(unix))))]".to_owned(), "fnf(a:u8){}".to_owned(), vec!["b".to_owned(), "c".to_owned()]),
            ("#[cfg(all(all(unix)))]".to_owned(), "fnf(a:u8,(b,c):(u8,u8)){}".to_owned(), vec![]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_argument_with_two_types_is_present_in_both() {
        let found = all(quote!(
            fn f(#[cfg(unix)] a: u8, #[cfg(not(unix))] a: u16) {}
        ));
        assert_eq!(found.len(), 4);
        assert_eq!(found.iter().filter(|(_, _, absent)| absent.is_empty()).count(), 3);
    }
}
