//! Type parameters that a task in the background cannot own.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Generics, Path, Type, TypeParamBound, WherePredicate};

/// Traits that types with lifetimes have too.
const OF_ALL: &[&str] = &[
    "Fn",
    "FnMut",
    "FnOnce",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Future",
    "IntoFuture",
    "Iterator",
    "IntoIterator",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "Stream",
    "Read",
    "Write",
    "BufRead",
    "AsyncRead",
    "AsyncWrite",
    "AsyncBufRead",
    "Send",
    "Sync",
    "Unpin",
    "Sized",
    "Clone",
    "Copy",
    "Default",
    "Debug",
    "Display",
    "ToString",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
    "Hash",
    "From",
    "Into",
    "TryFrom",
    "TryInto",
    "AsRef",
    "AsMut",
    "Borrow",
    "BorrowMut",
    "ToOwned",
    "Deref",
    "DerefMut",
    "Serialize",
    "Deserialize",
    "KeyPart",
];

/// The first of the function's type parameters that a type names, and that shows that it need not be `'static` or has no owned form:
/// no bound that can imply `'static`, as one by a trait of the user may, or `?Sized` without `ToOwned`.
pub(crate) fn short_lived<'g>(generics: &'g Generics, ty: &Type) -> Option<&'g Ident> {
    let params = generics.type_params().map(|param| &param.ident);
    params.into_iter().find(|param| names(ty, param) && is_short_lived(generics, param))
}

fn names(ty: &Type, param: &Ident) -> bool {
    struct Search<'p>(&'p Ident, bool);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_path(&mut self, path: &'ast Path) {
            self.1 |= path.segments.first().is_some_and(|first| first.ident == *self.0);
            visit::visit_path(self, path);
        }
    }
    let mut search = Search(param, false);
    search.visit_type(ty);
    search.1
}

fn is_short_lived(generics: &Generics, param: &Ident) -> bool {
    let bounds: Vec<&TypeParamBound> = bounds(generics, param).collect();
    let is_static =
        bounds.iter().any(|bound| matches!(bound, TypeParamBound::Lifetime(bound) if bound.ident == "static"));
    let is_unsized = bounds.iter().any(|bound| is_maybe(bound));
    let has_owned_form = bounds.iter().any(|bound| is_one_of(bound, &["ToOwned"]));
    let may_be_static = bounds.iter().any(|bound| !is_maybe(bound) && !is_one_of(bound, OF_ALL));
    is_unsized && !has_owned_form || !is_static && !may_be_static
}

fn is_maybe(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if bound.maybe.is_some())
}

fn is_one_of(bound: &TypeParamBound, names: &[&str]) -> bool {
    match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
        }
        // A lifetime that is not `'static`.
        TypeParamBound::Lifetime(_) => true,
        _ => false,
    }
}

/// The bounds of a parameter, where it is declared and after `where`.
fn bounds<'g>(generics: &'g Generics, param: &'g Ident) -> impl Iterator<Item = &'g TypeParamBound> {
    let own = generics.type_params().filter(move |other| other.ident == *param).flat_map(|param| &param.bounds);
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let given = predicates.filter_map(move |predicate| match predicate {
        WherePredicate::Type(predicate) => match &predicate.bounded_ty {
            Type::Path(path) if path.path.is_ident(param) => Some(&predicate.bounds),
            _ => None,
        },
        _ => None,
    });
    own.chain(given.flatten())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn found(item: syn::ItemFn, ty: &str) -> Option<String> {
        short_lived(&item.sig.generics, &syn::parse_str(ty).expect(ty)).map(ToString::to_string)
    }

    #[test]
    fn a_parameter_without_static_is_short_lived() {
        let item: syn::ItemFn = parse_quote!(
            fn f<A, B: FnOnce() -> u64 + Send, C: Clone + 'static, D>()
            where
                D: Iterator<Item = u64>,
            {
            }
        );
        for (ty, expected) in [("A", Some("A")), ("Vec<B>", Some("B")), ("C", None), ("&D", Some("D")), ("u64", None)] {
            assert_eq!(found(item.clone(), ty).as_deref(), expected, "{ty}");
        }
    }

    #[test]
    fn a_trait_of_the_user_may_imply_static() {
        let item: syn::ItemFn = parse_quote!(
            fn f<R: Repository + Clone>() {}
        );
        assert_eq!(found(item, "R"), None);
    }

    #[test]
    fn a_type_without_a_size_needs_an_owned_form() {
        let item: syn::ItemFn = parse_quote!(
            fn f<R: Repository + ?Sized, S>()
            where
                S: ToOwned + Part + ?Sized,
            {
            }
        );
        assert_eq!(found(item.clone(), "R").as_deref(), Some("R"));
        assert_eq!(found(item, "S"), None);
    }
}
