//! What is emitted when something is wrong: the errors, and the item as it was, so that no second error follows.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::DeriveInput;

/// The errors of an attribute and the annotated item, verbatim.
pub(crate) fn attribute(errors: &syn::Error, item: &TokenStream) -> TokenStream {
    let errors = errors.to_compile_error();
    quote!(#errors #item)
}

/// The errors of a derive, and an empty implementation, so that uses of the type do not complain too.
pub(crate) fn event(errors: &syn::Error, input: &DeriveInput) -> TokenStream {
    let errors = errors.to_compile_error();
    if !input.generics.params.is_empty() {
        return errors;
    }
    let ident: &Ident = &input.ident;
    quote! {
        #errors
        impl ::cachemacro::__private::CacheEvent for #ident {
            const INFO: ::cachemacro::__private::EventInfo = ::cachemacro::__private::EventInfo {
                name: "",
                rust_type: "",
                keys: &[],
                kind: ::cachemacro::__private::EventKind::Unversioned,
            };
            fn moves(&self, _: &mut ::cachemacro::__private::Moves) {}
            fn share(&self) -> ::cachemacro::__private::SharedEvent {
                ::std::sync::Arc::new(())
            }
        }
    }
}

/// As for events: a type that is meant to be a key part is one.
pub(crate) fn part(errors: &syn::Error, input: &DeriveInput) -> TokenStream {
    let errors = errors.to_compile_error();
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #errors
        impl #impl_generics ::cachemacro::__private::KeyPart for #ident #type_generics #where_clause {
            type Canon = Self;
            fn canon(&self) -> &Self { self }
            fn render(&self, _: &mut ::cachemacro::__private::KeyWriter) {}
        }
    }
}
