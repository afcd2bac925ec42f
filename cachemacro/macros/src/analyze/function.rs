//! The annotated function: reads its signature and body. The rules about them are in `validate/signature.rs`.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::visit::{self, Visit};
use syn::{
    Expr, FnArg, GenericArgument, ItemFn, Pat, PatIdent, PatType, PathArguments, ReceiverKind, ReturnType, Stmt, Type,
    TypeReference,
};

use crate::analyze::boxed;
use crate::model::function::{Arg, Binds, Body, Function, Kind, Passing, Receiver, ReceiverForm};
use crate::syntax::pattern::bound_names;

pub(crate) fn read(item: ItemFn) -> Function {
    let (kind, output, mut body) = shape(&item);
    let receiver = item.sig.receiver().map(receiver);
    let typed = item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let args = typed.enumerate().map(|(at, typed)| argument(at, typed, &mut body)).collect();
    Function { item, kind, receiver, args, output, body, absent: Vec::new() }
}

fn shape(item: &ItemFn) -> (Kind, Type, Body) {
    let sig = &item.sig;
    if sig.asyncness.is_none()
        && let Some(output) = boxed::output(&sig.output)
    {
        return (Kind::Boxed, output, boxed::body(&item.block, &sig.output));
    }
    let output = match &sig.output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => syn::parse_quote!(()),
    };
    let kind = if sig.asyncness.is_some() { Kind::Async } else { Kind::Sync };
    (kind, output, Body::Plain((*item.block).clone()))
}

fn receiver(receiver: &syn::Receiver) -> Receiver {
    let span = receiver.self_token.span;
    let form = match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) => ReceiverForm::RefMut,
        ReceiverKind::Reference(_, _, None) => ReceiverForm::Ref,
        ReceiverKind::Typed(_, ty) => typed_receiver(ty),
        _ => ReceiverForm::Value(syn::parse_quote_spanned!(span=> Self)),
    };
    Receiver { token: receiver.self_token, span, mutable: receiver.mutability.is_some(), form }
}

fn typed_receiver(ty: &Type) -> ReceiverForm {
    match ty {
        Type::Reference(TypeReference { mutability, elem, .. }) => match (mutability, is_self(elem)) {
            (Some(_), _) => ReceiverForm::RefMut,
            (None, true) => ReceiverForm::Ref,
            (None, false) => ReceiverForm::RefTo((**elem).clone()),
        },
        ty if mentions_mut_reference(ty) => ReceiverForm::RefMut,
        ty => ReceiverForm::Value(ty.clone()),
    }
}

fn is_self(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("Self"))
}

/// `Pin<&mut Self>` is a `&mut` receiver too.
fn mentions_mut_reference(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_type_reference(&mut self, node: &'ast TypeReference) {
            self.0 |= node.mutability.is_some();
            visit::visit_type_reference(self, node);
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

fn argument(at: usize, typed: &PatType, body: &mut Body) -> Arg {
    let ty = (*typed.ty).clone();
    let passing = passing(&ty);
    if let Pat::Ident(PatIdent { by_ref: None, subpat: None, mutability, ident, .. }) = &*typed.pat {
        let moved = take_moved_pattern(ident, body);
        let names = moved.as_ref().map_or_else(|| vec![ident.clone()], bound_names);
        let binds = moved.map_or(Binds::Plain, Binds::Moved);
        return Arg { ident: ident.clone(), names, binds, mutable: mutability.is_some(), passing, ty, once: false };
    }
    let ident = format_ident!("__cachemacro_arg{at}", span = Span::mixed_site());
    let pattern = (*typed.pat).clone();
    Arg {
        ident,
        names: bound_names(&pattern),
        binds: Binds::Pattern(pattern),
        mutable: false,
        passing,
        ty,
        once: false,
    }
}

/// `#[async_trait]` turns `(a, b): T` into `__arg1: T` and `let (a, b) = { let __arg1 = __arg1; __arg1 };` in the body. The statement
/// is taken out of the body, and the pattern is bound as one of the signature.
fn take_moved_pattern(ident: &Ident, body: &mut Body) -> Option<Pat> {
    if !ident.to_string().starts_with("__arg") {
        return None;
    }
    let Body::Plain(block) = body else { return None };
    let (at, pattern) = block.stmts.iter().enumerate().find_map(|(at, statement)| match statement {
        Stmt::Local(local) => match local.init.as_ref().map(|init| &*init.expr) {
            Some(value) if yields(value, ident) && bound_names(&local.pat) != [ident.clone()] => {
                Some((at, local.pat.clone()))
            }
            _ => None,
        },
        _ => None,
    })?;
    block.stmts.remove(at);
    Some(pattern)
}

fn yields(value: &Expr, ident: &Ident) -> bool {
    match value {
        Expr::Path(path) => path.path.is_ident(ident),
        Expr::Block(block) => matches!(block.block.stmts.last(), Some(Stmt::Expr(last, None)) if yields(last, ident)),
        _ => false,
    }
}

fn passing(ty: &Type) -> Passing {
    match ty {
        Type::Paren(paren) => passing(&paren.elem),
        Type::Group(group) => passing(&group.elem),
        Type::Reference(TypeReference { mutability: Some(_), elem, .. }) => Passing::RefMut((**elem).clone()),
        Type::Reference(reference) if !is_static(reference) => Passing::Ref((*reference.elem).clone()),
        Type::Path(path) => match path.path.segments.last() {
            Some(last) if last.ident == "Option" => option_of_reference(&last.arguments),
            _ => Passing::Value,
        },
        _ => Passing::Value,
    }
}

fn option_of_reference(arguments: &PathArguments) -> Passing {
    let PathArguments::AngleBracketed(arguments) = arguments else { return Passing::Value };
    match arguments.args.first() {
        Some(GenericArgument::Type(Type::Reference(reference))) if arguments.args.len() == 1 => {
            match reference.mutability {
                Some(_) => Passing::RefMut((*reference.elem).clone()),
                None if is_static(reference) => Passing::Value,
                None => Passing::OptionRef((*reference.elem).clone()),
            }
        }
        _ => Passing::Value,
    }
}

fn is_static(reference: &TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn args(item: ItemFn) -> Vec<Arg> {
        read(item).args
    }

    #[test]
    fn arguments_are_passed_in_four_ways() {
        let args = args(parse_quote! {
            fn f(a: u8, b: &str, c: Option<&T>, d: &mut T, e: &'static str, f: ::std::option::Option<&'a [u8]>) {}
        });
        let ways: Vec<char> = args
            .iter()
            .map(|arg| match arg.passing {
                Passing::Value => 'v',
                Passing::Ref(_) => 'r',
                Passing::OptionRef(_) => 'o',
                Passing::RefMut(_) => 'm',
            })
            .collect();
        assert_eq!(ways, ['v', 'r', 'o', 'm', 'v', 'o']);
    }

    #[test]
    fn patterns_bind_their_names() {
        let args = args(parse_quote!(
            fn f((a, mut b): (u8, u8), Page { size, at: start, .. }: Page, _: u8, mut x: u8) {}
        ));
        let names: Vec<Vec<String>> = args.iter().map(|arg| arg.names.iter().map(Ident::to_string).collect()).collect();
        assert_eq!(names, [vec!["a", "b"], vec!["size", "start"], vec![], vec!["x"]]);
        assert!(args[3].mutable);
    }

    #[test]
    fn async_trait_patterns_are_found_in_the_body() {
        let args = args(parse_quote! {
            fn f(__arg1: (u8, u8)) -> Pin<Box<dyn Future<Output = u8>>> {
                Box::pin(async move { let (a, b) = { let __arg1 = __arg1; __arg1 }; a + b })
            }
        });
        assert_eq!(args[0].names.len(), 2);
        assert!(matches!(args[0].binds, Binds::Moved(_)));
    }
}
