//! How the values of a function are stored.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::visit::{self, Visit};
use syn::{PathSegment, Type};

use crate::expand::span::{call_over, here, reaching};
use crate::model::cached::Cached;

/// ```text
/// P::compare!(P::flatten!(P::SharedValue::shared(P::value_of(shape))))
/// ```
/// `flatten!` only if the output names an `Arc`: the compiler finds out whether it is that of the standard library, around the
/// value. `compare!` only if values may leave the process: it adds how values are compared.
pub(crate) fn of(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let output = &cached.function.output;
    let cacheable = if cached.policy.local { "LocalValue::local" } else { "SharedValue::shared" };
    let shape = reaching(output, "__cachemacro_shape");
    let carried = call_over(output, &cached.krate, "value_of", shape);
    let values = call_over(output, &cached.krate, cacheable, carried);
    let values = if names_arc(output) { quote_spanned!(here()=> #p::flatten!(#values)) } else { values };
    if cached.policy.local { values } else { quote_spanned!(here()=> #p::compare!(#values)) }
}

fn names_arc(output: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            self.0 |= segment.ident == "Arc";
            visit::visit_path_segment(self, segment);
        }
    }
    let mut search = Search(false);
    search.visit_type(output);
    search.0
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn an_arc_is_found_in_every_position() {
        assert!(names_arc(&parse_quote!(Result<Option<std::sync::Arc<User>>, Error>)));
        assert!(names_arc(&parse_quote!(Arc<User>)));
        assert!(!names_arc(&parse_quote!(Result<Vec<Archive>, Error>)));
    }
}
