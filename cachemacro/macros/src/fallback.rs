//! The expansion when there are errors: the errors, and the items that the rest of the program needs to compile without further
//! ones.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::syntax::krate::Krate;

/// The errors of an attribute, and the annotated item unchanged.
/// Both are under the condition, if there is one.
pub(crate) fn attribute(errors: syn::Error, cfg: &TokenStream, item: &TokenStream) -> TokenStream {
    let errors = errors.into_iter().map(|error| error.to_compile_error());
    quote!(#(#cfg #errors)* #cfg #item)
}

/// The errors of a derive, and an event that invalidates nothing.
pub(crate) fn event(errors: &syn::Error, krate: &Krate, input: &DeriveInput) -> TokenStream {
    let errors = errors.to_compile_error();
    if !input.generics.params.is_empty() {
        return errors;
    }
    let (ident, p) = (&input.ident, krate.private(proc_macro2::Span::mixed_site()));
    quote! {
        #errors
        impl #p::CacheEvent for #ident {
            const INFO: #p::EventInfo = #p::EventInfo {
                name: "",
                rust_type: "",
                keys: &[],
                kind: #p::EventKind::Unversioned,
            };
            fn moves(&self, _: &mut #p::Moves) {}
            fn share(&self) -> #p::SharedEvent {
                ::std::sync::Arc::new(())
            }
        }
    }
}

/// The errors of a derive, and a key part that renders nothing.
pub(crate) fn part(errors: &syn::Error, krate: &Krate, input: &DeriveInput) -> TokenStream {
    let errors = errors.to_compile_error();
    let (ident, p) = (&input.ident, krate.private(proc_macro2::Span::mixed_site()));
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #errors
        impl #impl_generics #p::KeyPart for #ident #type_generics #where_clause {
            type Canonical = Self;
            fn canonical(&self) -> &Self {
                self
            }
            fn render(&self, _: &mut #p::KeyWriter) {}
        }
    }
}
