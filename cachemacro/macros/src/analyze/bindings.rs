//! The names in a body, and the parts of `self` or of an argument that they are bound to. `&mut *self.tx.lock().await` is the field
//! `tx` of `self`.

use proc_macro2::Ident;
use syn::{Block, Expr, ExprCall, ExprMethodCall, Member, Pat, Stmt, Type, UnOp};

use crate::analyze::connection::{self, Connection};
use crate::analyze::hints::{self, Hint};
use crate::analyze::methods;
use crate::analyze::place::{Borrow, Kind, Place};
use crate::model::function::{Binds, Function, Passing, ReceiverForm};

/// The names in scope at one point of a body.
pub(crate) struct Bindings<'f> {
    function: &'f Function,
    /// Whether an argument with the name of a transaction may be one. An argument that is a row is in the key, and is not looked at.
    by_argument: bool,
    /// The names that the body has bound, innermost last, and the place of each, if it is one.
    own: Vec<(Ident, Option<Place>)>,
}

impl<'f> Bindings<'f> {
    pub(crate) fn new(function: &'f Function, by_argument: bool) -> Self {
        let mut names = Self { function, by_argument, own: Vec::new() };
        for arg in &function.args {
            if let (Binds::Pattern(pattern) | Binds::Moved(pattern), Some(first)) = (&arg.binds, arg.names.first()) {
                names.bind(pattern, Some(Place::whole(first.clone())));
            }
        }
        names
    }

    /// The number of bindings. [`Self::forget`] removes those that are made later.
    pub(crate) fn mark(&self) -> usize {
        self.own.len()
    }

    pub(crate) fn forget(&mut self, mark: usize) {
        self.own.truncate(mark);
    }

    pub(crate) fn place(&self, expr: &Expr) -> Option<Place> {
        match expr {
            Expr::Reference(reference) => {
                let borrow = if reference.mutability.is_some() { Borrow::Unique } else { Borrow::Shared };
                Some(Place { borrow, ..self.place(&reference.expr)? })
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => {
                Some(Place { borrow: Borrow::Deref, ..self.place(&unary.expr)? })
            }
            Expr::Paren(paren) => self.place(&paren.expr),
            Expr::Group(group) => self.place(&group.expr),
            Expr::Await(awaited) => self.place(&awaited.base),
            Expr::Try(tried) => self.place(&tried.expr),
            Expr::Cast(cast) => self.place(&cast.expr),
            Expr::Index(index) => self.place(&index.expr),
            Expr::Block(block) => self.place(tail(&block.block)?),
            Expr::Field(field) => Some(self.place(&field.base)?.field(&field.member)),
            Expr::MethodCall(call) => self.method(call),
            Expr::Call(call) => self.call(call),
            Expr::Path(path) => self.named(path.path.get_ident()?),
            _ => None,
        }
    }

    fn method(&self, call: &ExprMethodCall) -> Option<Place> {
        let name = call.method.to_string();
        let place = self.place(&call.receiver)?;
        if place.kind == Kind::Whole && call.args.is_empty() && hints::is_accessor(&name) {
            return Some(Place { kind: Kind::Transaction, is_field: true, name: Some("tx".to_owned()), ..place });
        }
        methods::through(place, &name, call.args.len())
    }

    /// `Arc::clone(&self.tx)`, `DerefMut::deref_mut(&mut self.tx)`, `Some(&mut self.tx)`.
    fn call(&self, call: &ExprCall) -> Option<Place> {
        let Expr::Path(path) = &*call.func else { return None };
        let mut args = call.args.iter();
        let (Some(only), None) = (args.next(), args.next()) else { return None };
        let last = path.path.segments.last()?.ident.to_string();
        if path.path.segments.len() == 1 && last != "Some" && last != "Ok" {
            return None;
        }
        match last.as_str() {
            "Some" | "Ok" | "new" | "from" => self.place(only),
            // The argument decides how it is borrowed.
            "clone" | "deref_mut" | "deref" | "as_mut" | "as_ref" | "borrow_mut" => {
                let place = self.place(only)?;
                let borrow = place.borrow;
                methods::through(place, &last, 0).map(|place| Place { borrow, ..place })
            }
            _ => None,
        }
    }

    /// The place that a name is bound to.
    pub(crate) fn named(&self, name: &Ident) -> Option<Place> {
        if let Some((_, place)) = self.own.iter().rev().find(|(own, _)| own == name) {
            return place.clone();
        }
        // `#[async_trait]` renames `self` to `__self`.
        let is_self = name == "self" || name == "__self";
        let arg = self.function.args.iter().find(|arg| arg.ident == *name || arg.names.contains(name));
        let root = match arg.and_then(|arg| arg.names.first()) {
            _ if is_self => Ident::new("self", name.span()),
            Some(first) => first.clone(),
            None => return None,
        };
        let is_named_so = self.by_argument && hints::of_field(&name.to_string()) == Some(Hint::Transaction);
        let kind = if is_named_so { Kind::Perhaps } else { Kind::Whole };
        Some(Place { kind, ..Place::whole(root) })
    }

    /// `tx = &mut self.tx`
    pub(crate) fn assign(&mut self, name: &Ident, place: Place) {
        self.own.push((name.clone(), Some(place)));
    }

    /// Binds each name of a pattern to the part of the value that it stands for.
    pub(crate) fn bind(&mut self, pat: &Pat, place: Option<Place>) {
        match pat {
            Pat::Ident(ident) => {
                let is_unique = ident.by_ref.is_some() && ident.mutability.is_some();
                let borrowed = |place: Place| if is_unique { Place { borrow: Borrow::Unique, ..place } } else { place };
                let place = place.map(borrowed).map(|place| place.bound_to(&ident.ident.to_string()));
                self.own.push((ident.ident.clone(), place.clone()));
                if let Some((_, inner)) = &ident.subpat {
                    self.bind(inner, place);
                }
            }
            Pat::Type(typed) => self.bind(&typed.pat, place.map(|place| self.declared(place, &typed.ty))),
            Pat::Paren(paren) => self.bind(&paren.pat, place),
            Pat::Reference(reference) => self.bind(&reference.pat, place),
            Pat::Guard(guarded) => self.bind(&guarded.pat, place),
            Pat::Struct(fields) => {
                for field in &fields.fields {
                    let part = place.clone().map(|place| self.part(place, &field.member));
                    self.bind(&field.pat, part);
                }
            }
            Pat::TupleStruct(variant) => {
                let name = variant.path.segments.last().map(|last| last.ident.to_string());
                let name = name.unwrap_or_default();
                let part = place.filter(|_| !name.ends_with("Pool")).map(|place| self.variant(place, &name));
                variant.elems.iter().for_each(|pat| self.bind(pat, part.clone()));
            }
            Pat::Tuple(tuple) => {
                let part = place.map(|place| self.variant(place, ""));
                tuple.elems.iter().for_each(|pat| self.bind(pat, part.clone()));
            }
            Pat::Slice(slice) => slice.elems.iter().for_each(|pat| self.bind(pat, place.clone())),
            Pat::Or(or) => or.cases.iter().for_each(|pat| self.bind(pat, place.clone())),
            _ => {}
        }
    }

    /// `let conn: &mut PgConnection = &mut self.db`
    fn declared(&self, place: Place, ty: &Type) -> Place {
        let is_connection =
            matches!(connection::of(self.function, ty), Some(Connection::Transaction | Connection::Executor));
        let kind = if is_connection && place.kind != Kind::Transaction { Kind::Guarded } else { place.kind };
        Place { kind, ..place }
    }

    /// `tx` of `let UnitOfWork { tx, .. } = uow`.
    fn part(&self, place: Place, member: &Member) -> Place {
        let borrow = self.borrow_of_part(&place);
        Place { borrow, ..place.field(member) }
    }

    /// `tx` of `Some(tx)`, `Db::Tx(tx)` and `(id, tx)`.
    fn variant(&self, place: Place, name: &str) -> Place {
        let borrow = self.borrow_of_part(&place);
        if name == "Some" || name == "Ok" {
            return Place { borrow, ..place };
        }
        let is_open = matches!(place.kind, Kind::Whole | Kind::Part);
        let kind = match hints::of_variant(name) {
            Some(_) if is_open => Kind::Perhaps,
            None if place.kind == Kind::Whole => Kind::Part,
            _ => place.kind,
        };
        Place { kind, borrow, ..place }
    }

    fn borrow_of_part(&self, place: &Place) -> Borrow {
        let is_unique = place.borrow == Borrow::Unique || !place.is_field && self.is_unique(&place.root);
        if is_unique { Borrow::Unique } else { Borrow::No }
    }

    /// Whether `self` or the argument is borrowed uniquely.
    pub(crate) fn is_unique(&self, root: &Ident) -> bool {
        if root == "self" {
            let form = self.function.receiver.as_ref().map(|receiver| &receiver.form);
            return matches!(form, Some(ReceiverForm::RefMut));
        }
        let arg = self.function.args.iter().find(|arg| arg.names.contains(root));
        arg.is_some_and(|arg| matches!(arg.passing, Passing::RefMut(_)))
    }
}

/// The value of a block without statements. `#[async_trait]` writes `{ let __arg1 = __arg1; __arg1 }`.
fn tail(block: &Block) -> Option<&Expr> {
    match block.stmts.as_slice() {
        [Stmt::Expr(expr, None)] => Some(expr),
        [Stmt::Local(_), Stmt::Expr(expr @ Expr::Path(path), None)]
            if path.path.get_ident().is_some_and(|name| name.to_string().starts_with("__arg")) =>
        {
            Some(expr)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::analyze::function;

    fn function() -> Function {
        function::read(parse_quote!(
            async fn f(&mut self, uow: &mut Uow, MyConn(tx): &mut MyConn, id: u64) -> u64 {}
        ))
    }

    fn place(bindings: &Bindings<'_>, expr: &str) -> Option<(String, Kind, Borrow)> {
        let place = bindings.place(&syn::parse_str(expr).expect(expr))?;
        Some((place.root.to_string(), place.kind, place.borrow))
    }

    #[test]
    fn an_expression_is_a_part_of_self_or_of_an_argument() {
        let function = function();
        let bindings = Bindings::new(&function, false);
        for (expr, root, kind, borrow) in [
            ("&mut *self.tx.lock().await", "self", Kind::Transaction, Borrow::Unique),
            ("Arc::clone(&self.tx)", "self", Kind::Transaction, Borrow::Shared),
            ("uow.conn", "uow", Kind::Connection, Borrow::No),
            ("(&uow.inner)", "uow", Kind::Part, Borrow::Shared),
            ("id", "id", Kind::Whole, Borrow::No),
        ] {
            assert_eq!(place(&bindings, expr), Some((root.to_owned(), kind, borrow)), "{expr}");
        }
        for expr in ["other.tx", "begin()", "1", "self.pool.begin().await?"] {
            assert_eq!(place(&bindings, expr), None, "{expr}");
        }
    }

    #[test]
    fn patterns_of_the_signature_are_bound() {
        let function = function();
        let bindings = Bindings::new(&function, false);
        assert_eq!(place(&bindings, "tx"), Some(("tx".to_owned(), Kind::Perhaps, Borrow::Unique)));
    }

    #[test]
    fn bindings_of_a_scope_are_forgotten() {
        let function = function();
        let mut bindings = Bindings::new(&function, false);
        let mark = bindings.mark();
        let whole = bindings.place(&parse_quote!(uow));
        bindings.bind(&parse_quote!(Uow { tx: inner, .. }), whole);
        assert_eq!(place(&bindings, "inner"), Some(("uow".to_owned(), Kind::Transaction, Borrow::Unique)));
        bindings.forget(mark);
        assert_eq!(place(&bindings, "inner"), None);
    }

    #[test]
    fn a_local_without_a_place_hides_the_argument() {
        let function = function();
        let mut bindings = Bindings::new(&function, false);
        bindings.bind(&parse_quote!(uow), None);
        assert_eq!(place(&bindings, "uow.tx"), None);
    }
}
