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

/// Whether a name is that of a variable: constants and types are in upper case.
pub(crate) fn is_variable(name: &Ident) -> bool {
    name.unraw().to_string().starts_with(|first: char| first.is_lowercase() || first == '_')
}
