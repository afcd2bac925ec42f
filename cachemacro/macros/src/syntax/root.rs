//! The variable that an expression begins with.

use proc_macro2::Ident;
use syn::Expr;
use syn::ext::IdentExt;

/// `user` in `&user.id` and in `user.id()`.
pub(crate) fn root(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        Expr::Field(field) => root(&field.base),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Unary(unary) => root(&unary.expr),
        Expr::Cast(cast) => root(&cast.expr),
        Expr::Index(index) => root(&index.expr),
        Expr::Binary(binary) => root(&binary.left),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Group(group) => root(&group.expr),
        _ => None,
    }
}

/// `TENANT` in `TENANT` and in `&TENANT.id`, which name no method.
pub(crate) fn place_root(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        Expr::Field(field) => place_root(&field.base),
        Expr::Reference(reference) => place_root(&reference.expr),
        Expr::Paren(paren) => place_root(&paren.expr),
        Expr::Group(group) => place_root(&group.expr),
        _ => None,
    }
}

/// `TENANT` in `TENANT.name.len()`: the variable whose field an expression begins with.
pub(crate) fn root_of_field(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Field(field) => root_of_field(&field.base).or_else(|| place_root(&field.base)),
        Expr::MethodCall(call) => root_of_field(&call.receiver),
        Expr::Reference(reference) => root_of_field(&reference.expr),
        Expr::Unary(unary) => root_of_field(&unary.expr),
        Expr::Cast(cast) => root_of_field(&cast.expr),
        Expr::Index(index) => root_of_field(&index.expr),
        Expr::Binary(binary) => root_of_field(&binary.left),
        Expr::Paren(paren) => root_of_field(&paren.expr),
        Expr::Group(group) => root_of_field(&group.expr),
        _ => None,
    }
}

/// Whether a name is that of a variable: constants and types are in upper case.
pub(crate) fn is_variable(name: &Ident) -> bool {
    name.unraw().to_string().starts_with(|first: char| first.is_lowercase() || first == '_')
}
