//! Functions that are not `async` and return a boxed future, as `#[async_trait]` writes them.

use proc_macro2::Span;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, GenericArgument, Lifetime, Path, PathArguments, ReturnType, Stmt, Type, TypeParamBound, TypeReference,
};

use crate::model::function::Body;

/// The output of the future behind `Pin<Box<dyn Future<Output = R> + ..>>` or `BoxFuture<'_, R>`.
pub(crate) fn output(ty: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = ty else { return None };
    if let Some(boxed) = only_type(ty, "Pin").and_then(|pinned| only_type(pinned, "Box")) {
        return match boxed {
            Type::TraitObject(object) => object.bounds.iter().find_map(future_output),
            _ => None,
        };
    }
    only_type(ty, "BoxFuture").or_else(|| only_type(ty, "LocalBoxFuture")).cloned()
}

/// The body of such a function: the block inside of `Box::pin(async move { .. })`, or else the whole block, which makes a future.
pub(crate) fn body(block: &Block, ty: &ReturnType) -> Body {
    if let Some(inner) = inner_block(block) {
        return Body::Plain(inner.clone());
    }
    let mut ty = match ty {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => Type::Infer(syn::TypeInfer { attrs: Vec::new(), underscore_token: Default::default() }),
    };
    ElideLifetimes.visit_type_mut(&mut ty);
    Body::Future { ty: Box::new(ty), block: block.clone() }
}

fn inner_block(block: &Block) -> Option<&Block> {
    let [Stmt::Expr(Expr::Call(call), None)] = block.stmts.as_slice() else { return None };
    let Expr::Path(function) = &*call.func else { return None };
    if !ends_in(&function.path, &["Box", "pin"]) || call.args.len() != 1 {
        return None;
    }
    match call.args.first() {
        Some(Expr::Async(inner)) if inner.capture.is_some() => Some(&inner.block),
        _ => None,
    }
}

fn ends_in(path: &Path, names: &[&str]) -> bool {
    path.segments.len() >= names.len()
        && path.segments.iter().rev().zip(names.iter().rev()).all(|(segment, name)| segment.ident == *name)
}

/// `T` of `Name<.., T>`.
fn only_type<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn future_output(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
        _ => None,
    })
}

/// The future that is made inside of the body borrows from it, for less than the lifetimes of the signature.
struct ElideLifetimes;

impl VisitMut for ElideLifetimes {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = Lifetime::new("'_", Span::call_site());
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        visit_mut::visit_type_reference_mut(self, reference);
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn spelled(ty: ReturnType) -> Option<String> {
        output(&ty).map(|ty| ty.to_token_stream().to_string())
    }

    #[test]
    fn every_spelling_of_a_boxed_future_is_known() {
        assert_eq!(spelled(parse_quote!(-> Pin<Box<dyn Future<Output = u8> + Send + 'a>>)).as_deref(), Some("u8"));
        assert_eq!(
            spelled(parse_quote!(-> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + Send>>)).as_deref(),
            Some("u8")
        );
        assert_eq!(spelled(parse_quote!(-> BoxFuture<'a, u8>)).as_deref(), Some("u8"));
        assert_eq!(spelled(parse_quote!(-> Pin<Box<u8>>)), None);
        assert_eq!(spelled(parse_quote!(-> u8)), None);
    }

    #[test]
    fn the_async_block_is_the_body() {
        let plain: Block = parse_quote!({ Box::pin(async move { 1 }) });
        assert!(matches!(body(&plain, &parse_quote!(-> X)), Body::Plain(_)));
        let other: Block = parse_quote!({
            let x = 1;
            Box::pin(async move { x })
        });
        assert!(matches!(body(&other, &parse_quote!(-> X)), Body::Future { .. }));
    }
}
