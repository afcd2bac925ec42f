//! The names that a pattern binds, and how.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Pat, PatIdent};

/// The names, in order.
pub(crate) fn bound_names(pattern: &Pat) -> Vec<Ident> {
    struct Names(Vec<Ident>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, node: &'ast PatIdent) {
            if !self.0.contains(&node.ident) {
                self.0.push(node.ident.clone());
            }
            visit::visit_pat_ident(self, node);
        }
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pattern);
    names.0
}

/// Whether a name is `mut`.
pub(crate) fn is_mutable(pattern: &Pat, name: &Ident) -> bool {
    any(pattern, |node| node.ident == *name && node.mutability.is_some() && node.by_ref.is_none())
}

/// Whether a name is a reference into the value: `ref name`.
pub(crate) fn binds_by_reference(pattern: &Pat) -> bool {
    any(pattern, |node| node.by_ref.is_some())
}

fn any(pattern: &Pat, is_it: impl Fn(&PatIdent) -> bool) -> bool {
    struct Search<F>(F, bool);
    impl<'ast, F: Fn(&PatIdent) -> bool> Visit<'ast> for Search<F> {
        fn visit_pat_ident(&mut self, node: &'ast PatIdent) {
            self.1 |= (self.0)(node);
            visit::visit_pat_ident(self, node);
        }
    }
    let mut search = Search(is_it, false);
    search.visit_pat(pattern);
    search.1
}

/// The pattern without `mut`: `(a, mut b)` becomes `(a, b)`.
pub(crate) fn immutable(pattern: &Pat) -> Pat {
    struct Immutable;
    impl VisitMut for Immutable {
        fn visit_pat_ident_mut(&mut self, node: &mut PatIdent) {
            if node.by_ref.is_none() {
                node.mutability = None;
            }
            visit_mut::visit_pat_ident_mut(self, node);
        }
    }
    let mut pattern = pattern.clone();
    Immutable.visit_pat_mut(&mut pattern);
    pattern
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;
    use crate::syntax::spelling::tidy;

    fn pattern(text: &str) -> Pat {
        Pat::parse_multi.parse_str(text).expect(text)
    }

    #[test]
    fn the_names_of_a_pattern_are_found_in_order() {
        let names = bound_names(&pattern("Page { size, at: (a, mut b), list: rest @ [x, ..], .. }"));
        assert_eq!(names, ["size", "a", "b", "rest", "x"]);
    }

    #[test]
    fn a_name_is_mutable_or_a_reference() {
        let given = pattern("(a, mut b, ref c, ref mut d)");
        let mutable: Vec<Ident> = bound_names(&given).into_iter().filter(|name| is_mutable(&given, name)).collect();
        assert_eq!(mutable, ["b"]);
        assert!(binds_by_reference(&given) && !binds_by_reference(&pattern("(a, mut b)")));
        assert_eq!(tidy(&immutable(&given)), "(a, b, ref c, ref mut d)");
    }
}
