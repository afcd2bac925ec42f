//! What an expression of a body leads to: `&mut *self.tx.lock().await` to the field `tx` of `self`.

use proc_macro2::Ident;
use syn::{Block, Expr, ExprCall, ExprMethodCall, Member, Pat, Stmt, Type, UnOp};

use crate::model::connection::{self, Connection};
use crate::model::function::{Binds, Function, Passing, ReceiverForm};
use crate::model::methods;
use crate::model::words::{self, Says};

/// A part of `self` or of an argument.
#[derive(Clone)]
pub(crate) struct Place {
    /// `self`, or the argument.
    pub(crate) root: Ident,
    pub(crate) kind: Kind,
    /// The last field on the way.
    pub(crate) name: Option<String>,
    /// Whether there is a field on the way.
    pub(crate) is_field: bool,
    pub(crate) borrow: Borrow,
}

/// What is known of a place, by the names on the way to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// All of `self`, or of an argument.
    Whole,
    /// A part with another name.
    Part,
    /// A field that is called like a connection, which may also be a pool or a client.
    Connection,
    /// A copy of it: of a handle, or of a pointer to it.
    Copied,
    /// What a lock on such a field guards, or a local that is declared with the type of a connection.
    Guarded,
    /// What a variant or a pattern calls like a transaction, and what a field calls so and is borrowed from a row: may be a row.
    Perhaps,
    /// A field that is called like a transaction.
    Transaction,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Borrow {
    No,
    /// `*place`: a copy of what it leads to, as a unique borrow cannot be moved out.
    Deref,
    Shared,
    Unique,
}

/// The names that a body knows at some point of it.
pub(crate) struct Names<'f> {
    function: &'f Function,
    /// Whether an argument is a transaction if it is called like one: a row is in the key, where that matters.
    by_argument: bool,
    /// The body's own, and the places that they stand for.
    own: Vec<(Ident, Option<Place>)>,
}

impl<'f> Names<'f> {
    pub(crate) fn new(function: &'f Function, by_argument: bool) -> Self {
        let mut names = Self { function, by_argument, own: Vec::new() };
        for arg in &function.args {
            if let (Binds::Pattern(pattern) | Binds::Moved(pattern), Some(first)) = (&arg.binds, arg.names.first()) {
                names.bind(pattern, Some(whole(first.clone())));
            }
        }
        names
    }

    /// How many there are: what is bound later can be forgotten again.
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
            Expr::Field(field) => Some(field_of(self.place(&field.base)?, &field.member)),
            Expr::MethodCall(call) => self.method(call),
            Expr::Call(call) => self.call(call),
            Expr::Path(path) => self.named(path.path.get_ident()?),
            _ => None,
        }
    }

    fn method(&self, call: &ExprMethodCall) -> Option<Place> {
        let name = call.method.to_string();
        let place = self.place(&call.receiver)?;
        if place.kind == Kind::Whole && call.args.is_empty() && words::is_accessor(&name) {
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
            // The borrow is that of the argument.
            "clone" | "deref_mut" | "deref" | "as_mut" | "as_ref" | "borrow_mut" => {
                let place = self.place(only)?;
                let borrow = place.borrow;
                methods::through(place, &last, 0).map(|place| Place { borrow, ..place })
            }
            _ => None,
        }
    }

    /// What a name alone stands for.
    pub(crate) fn named(&self, name: &Ident) -> Option<Place> {
        if let Some((_, place)) = self.own.iter().rev().find(|(own, _)| own == name) {
            return place.clone();
        }
        // What `#[async_trait]` calls `self`.
        let is_self = name == "self" || name == "__self";
        let arg = self.function.args.iter().find(|arg| arg.ident == *name || arg.names.contains(name));
        let root = match arg.and_then(|arg| arg.names.first()) {
            _ if is_self => Ident::new("self", name.span()),
            Some(first) => first.clone(),
            None => return None,
        };
        let says_so = self.by_argument && words::of_field(&name.to_string()) == Some(Says::Transaction);
        let kind = if says_so { Kind::Perhaps } else { Kind::Whole };
        Some(Place { kind, ..whole(root) })
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
                let place = place.map(borrowed).map(|place| called(place, &ident.ident.to_string()));
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
        Place { borrow, ..field_of(place, member) }
    }

    /// What `Some(tx)`, `Db::Tx(tx)` and `(id, tx)` bind.
    fn variant(&self, place: Place, name: &str) -> Place {
        let borrow = self.borrow_of_part(&place);
        if name == "Some" || name == "Ok" {
            return Place { borrow, ..place };
        }
        let is_open = matches!(place.kind, Kind::Whole | Kind::Part);
        let kind = match words::of_variant(name) {
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

fn whole(root: Ident) -> Place {
    Place { root, kind: Kind::Whole, name: None, is_field: false, borrow: Borrow::No }
}

fn field_of(place: Place, member: &Member) -> Place {
    let name = match member {
        Member::Named(name) => Some(name.to_string()),
        Member::Unnamed(_) => None,
    };
    let says = name.as_deref().and_then(words::of_field);
    // `order.transaction.id` is a field of a row.
    let is_row = name.is_some() && says.is_none() && place.name.as_deref() == Some("transaction");
    let kind = match (place.kind, says) {
        (_, Some(Says::Transaction)) => Kind::Transaction,
        (Kind::Transaction, _) if !is_row => Kind::Transaction,
        (Kind::Guarded, _) => Kind::Guarded,
        (Kind::Perhaps, None) if name.is_none() => Kind::Perhaps,
        (_, Some(Says::Connection)) => Kind::Connection,
        (kind @ (Kind::Connection | Kind::Copied), None) if name.is_none() => kind,
        _ => Kind::Part,
    };
    Place { name, kind, is_field: true, borrow: Borrow::No, ..place }
}

/// What a binding of this name stands for.
fn called(place: Place, name: &str) -> Place {
    let kind = match (place.kind, words::of_field(name)) {
        (Kind::Whole | Kind::Part, Some(Says::Transaction)) => Kind::Perhaps,
        (Kind::Whole | Kind::Part, Some(Says::Connection)) => Kind::Connection,
        (kind, _) => kind,
    };
    Place { kind, ..place }
}

/// What a block without statements yields. `#[async_trait]` writes `{ let __arg1 = __arg1; __arg1 }`.
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
