//! What an expression of a body leads to: `&mut *self.tx.lock().await` to the field `tx` of `self`.

use proc_macro2::Ident;
use syn::{Block, Expr, ExprMethodCall, Member, Pat, Stmt, UnOp};

use crate::model::function::{Function, Passing, ReceiverForm};

/// A part of `self` or of an argument.
#[derive(Clone)]
pub(crate) struct Place {
    /// `self`, or the argument.
    pub(crate) root: Ident,
    /// The last field on the way, or a variant that is called like a transaction.
    pub(crate) name: Option<String>,
    /// Whether the name is that of a variant.
    pub(crate) by_variant: bool,
    /// Whether there is a field on the way.
    pub(crate) is_field: bool,
    pub(crate) borrow: Borrow,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Borrow {
    No,
    Shared,
    Unique,
}

/// Fields and variants that hold a transaction.
pub(crate) const TRANSACTIONS: &[&str] = &["tx", "txn", "trx", "transaction"];

/// Methods that borrow what they are called on.
const BORROWS: &[&str] = &["as_mut", "deref_mut", "borrow_mut", "get_mut", "as_deref_mut", "by_ref", "as_pin_mut"];

/// Methods that give what they are called on in another form.
const PASSES: &[&str] = &[
    "lock",
    "lock_owned",
    "try_lock",
    "blocking_lock",
    "write",
    "as_ref",
    "as_deref",
    "deref",
    "borrow",
    "unwrap",
    "expect",
    "unwrap_or_else",
    "ok_or",
    "ok_or_else",
    "map_err",
    "take",
];

/// The names that a body knows at some point of it.
pub(crate) struct Names<'f> {
    function: &'f Function,
    /// The body's own, and the places that they stand for.
    own: Vec<(Ident, Option<Place>)>,
}

impl<'f> Names<'f> {
    pub(crate) fn new(function: &'f Function) -> Self {
        Self { function, own: Vec::new() }
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
                Some(Place { borrow: Borrow::No, ..self.place(&unary.expr)? })
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
            Expr::Path(path) => self.named(path.path.get_ident()?),
            _ => None,
        }
    }

    fn method(&self, call: &ExprMethodCall) -> Option<Place> {
        let name = call.method.to_string();
        let names = |list: &[&str]| list.contains(&name.as_str());
        // `take(n)` is an iterator's.
        if names(PASSES) && (name != "take" || call.args.is_empty()) {
            return self.place(&call.receiver);
        }
        let borrows = names(BORROWS) && call.args.is_empty();
        if borrows { Some(Place { borrow: Borrow::Unique, ..self.place(&call.receiver)? }) } else { None }
    }

    fn named(&self, name: &Ident) -> Option<Place> {
        if let Some((_, place)) = self.own.iter().rev().find(|(own, _)| own == name) {
            return place.clone();
        }
        // What `#[async_trait]` calls `self`.
        let is_self = name == "self" || name == "__self";
        let root = if is_self { Ident::new("self", name.span()) } else { name.clone() };
        let is_known = is_self || self.function.names().any(|known| known == name);
        is_known.then_some(Place { root, name: None, by_variant: false, is_field: false, borrow: Borrow::No })
    }

    /// Binds the names of a pattern to the parts of what it takes apart.
    pub(crate) fn bind(&mut self, pat: &Pat, place: Option<Place>) {
        match pat {
            Pat::Ident(ident) => {
                let is_unique = ident.by_ref.is_some() && ident.mutability.is_some();
                let place =
                    place.map(|place| if is_unique { Place { borrow: Borrow::Unique, ..place } } else { place });
                self.own.push((ident.ident.clone(), place.clone()));
                if let Some((_, inner)) = &ident.subpat {
                    self.bind(inner, place);
                }
            }
            Pat::Type(typed) => self.bind(&typed.pat, place),
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
                let name = variant.path.segments.last().map(|last| last.ident.to_string().to_lowercase());
                let part = place.map(|place| variant_of(place, &name.unwrap_or_default()));
                variant.elems.iter().for_each(|pat| self.bind(pat, part.clone()));
            }
            // A part of a tuple may be anything, so its names stand for nothing.
            Pat::Tuple(tuple) => tuple.elems.iter().for_each(|pat| self.bind(pat, None)),
            Pat::Slice(slice) => slice.elems.iter().for_each(|pat| self.bind(pat, place.clone())),
            Pat::Or(or) => or.cases.iter().for_each(|pat| self.bind(pat, place.clone())),
            _ => {}
        }
    }

    /// `tx` of `let UnitOfWork { tx, .. } = uow`.
    fn part(&self, place: Place, member: &Member) -> Place {
        let is_unique = place.borrow == Borrow::Unique || !place.is_field && self.is_unique(&place.root);
        let borrow = if is_unique { Borrow::Unique } else { Borrow::No };
        Place { borrow, ..field_of(place, member) }
    }

    fn is_unique(&self, root: &Ident) -> bool {
        if root == "self" {
            let form = self.function.receiver.as_ref().map(|receiver| &receiver.form);
            return matches!(form, Some(ReceiverForm::RefMut));
        }
        let arg = self.function.args.iter().find(|arg| arg.names.contains(root));
        arg.is_some_and(|arg| matches!(arg.passing, Passing::RefMut(_)))
    }
}

fn field_of(place: Place, member: &Member) -> Place {
    let name = match member {
        Member::Named(name) => Some(name.to_string()),
        Member::Unnamed(_) => None,
    };
    Place { name, by_variant: false, is_field: true, borrow: Borrow::No, ..place }
}

/// What `Some(tx)` and `Db::Tx(tx)` bind.
fn variant_of(place: Place, name: &str) -> Place {
    let borrow = if place.borrow == Borrow::Unique { Borrow::Unique } else { Borrow::No };
    if name == "some" || name == "ok" {
        return Place { borrow, ..place };
    }
    let is_transaction = TRANSACTIONS.contains(&name);
    Place { name: is_transaction.then(|| "tx".to_owned()), by_variant: is_transaction, borrow, ..place }
}

/// What a block without statements yields.
fn tail(block: &Block) -> Option<&Expr> {
    match block.stmts.as_slice() {
        [Stmt::Expr(expr, None)] => Some(expr),
        _ => None,
    }
}
