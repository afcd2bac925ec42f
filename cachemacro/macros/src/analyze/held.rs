//! Connections that the body shows and the signature does not: it mentions a field `tx`, or passes a field `conn` on. A pool is
//! passed by a shared reference, and does not count. Neither does a connection that the body has made.
//!
//! Every mention of a transaction counts: as an argument, as a receiver, in a macro. Calls of the methods of channels do not,
//! `self.tx.send(…)`, as the ends of channels have the same names. A local that is bound to a transaction counts as that one.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Arm, Block, Expr, ExprMethodCall, Item, Local, Macro, Pat};

use crate::analyze::bindings::Bindings;
use crate::analyze::methods::{self, COMMANDS, OF_CONNECTIONS, RUN};
use crate::analyze::place::{Borrow, Kind, Place};
use crate::model::function::{Function, Passing};
use crate::syntax::borrows;
use crate::syntax::spelling::tidy;

mod tokens;

/// The use of a connection that `self` or an argument holds.
pub(crate) struct Held {
    /// `self`, or the argument.
    pub(crate) root: Ident,
    /// Whether the connection is in a field of the root.
    pub(crate) is_field: bool,
    /// `&mut *self.tx`, or `uow.tx`.
    pub(crate) spelled: String,
    /// `self.tx`, where the use names a local that is bound to it.
    pub(crate) origin: Option<String>,
    pub(crate) tokens: TokenStream,
}

/// Which attribute the function has. If a use is found by mistake, a reader is not cached and the report lists it, while a writer
/// does not compile. So less counts in a writer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FunctionKind {
    Reader,
    Writer,
}

/// The first use in the body, if there is one. Roots for which `ignored` is true do not count.
pub(crate) fn find(function: &Function, of: FunctionKind, ignored: impl Fn(&Ident) -> bool) -> Option<Held> {
    let names = Bindings::new(function, of == FunctionKind::Reader);
    let mut search = Search { function, names, of, ignored: &ignored, found: None };
    search.visit_block(&function.item.block);
    search.found
}

struct Search<'f> {
    function: &'f Function,
    names: Bindings<'f>,
    of: FunctionKind,
    ignored: &'f dyn Fn(&Ident) -> bool,
    found: Option<Held>,
}

/// How a place is used.
#[derive(Clone, Copy)]
enum Use<'n> {
    /// It is passed to this function or method, or moved into a value.
    Passed(&'n str),
    /// This method is called on it. The flag is true for `(&mut …)` as the receiver.
    Receives(&'n str, bool),
    /// Any other use.
    Mentioned,
}

impl Search<'_> {
    fn counts(&self, place: &Place, used: Use<'_>) -> bool {
        let is_passed = |names: &[&str]| matches!(used, Use::Passed(name) if names.contains(&name));
        match place.kind {
            Kind::Transaction => true,
            Kind::Guarded => !is_passed(COMMANDS),
            Kind::Perhaps => self.of == FunctionKind::Reader || self.is_connection(place, used),
            Kind::Connection => match used {
                Use::Passed(_) => place.borrow != Borrow::Shared && !is_passed(COMMANDS),
                Use::Receives(..) => is_borrowed_to_run(place, used),
                Use::Mentioned => false,
            },
            Kind::Whole | Kind::Part | Kind::Copied => self.is_run_on(place, used),
        }
    }

    /// Whether a place that may be a row is used as a connection.
    fn is_connection(&self, place: &Place, used: Use<'_>) -> bool {
        match used {
            Use::Receives(method, _) => OF_CONNECTIONS.contains(&method),
            Use::Passed(_) => match place.borrow {
                Borrow::Unique => true,
                Borrow::No | Borrow::Deref => self.names.is_unique(&place.root) || self.has_lifetime(&place.root),
                Borrow::Shared => false,
            },
            Use::Mentioned => false,
        }
    }

    /// Whether a query runs on it, by the name of the method: `fetch_one(&mut self.any)`, and `fetch_one(self.any)` for a `&mut` field,
    /// which is reborrowed.
    fn is_run_on(&self, place: &Place, used: Use<'_>) -> bool {
        let Use::Passed(name) = used else { return is_borrowed_to_run(place, used) };
        let field = place.name.as_deref().unwrap_or_default();
        let is_passed_on =
            self.of == FunctionKind::Reader && ["db", "database", "uow", "unit_of_work"].contains(&field);
        match place.borrow {
            Borrow::Unique => RUN.contains(&name) || is_passed_on,
            Borrow::No => RUN.contains(&name) && self.names.is_unique(&place.root) && !field.contains("pool"),
            Borrow::Shared | Borrow::Deref => false,
        }
    }

    /// Whether an argument is of a type like `Db<'_>`, which borrows what it holds.
    fn has_lifetime(&self, root: &Ident) -> bool {
        let arg = self.function.args.iter().find(|arg| arg.names.contains(root));
        arg.is_some_and(|arg| matches!(arg.passing, Passing::Value) && borrows::borrowed(&arg.ty).is_some())
    }

    /// Reports a use of a place, if it counts.
    fn use_of(&mut self, place: Place, expr: &Expr, used: Use<'_>) {
        if self.counts(&place, used) {
            self.report(place, tidy(expr), expr.to_token_stream());
        }
    }

    fn report(&mut self, place: Place, spelled: String, tokens: TokenStream) {
        if self.found.is_none() && !(self.ignored)(&place.root) {
            let stands_for = |name: &String| !spelled.contains(&format!(".{name}")) && !spelled.contains('!');
            let origin = place.name.filter(stands_for).map(|name| format!("{}.{name}", place.root));
            self.found = Some(Held { root: place.root, is_field: place.is_field, spelled, origin, tokens });
        }
    }

    /// Expressions that are passed to a function, or moved into a value.
    fn passed<'e>(&mut self, name: &str, exprs: impl IntoIterator<Item = &'e Expr>) {
        for expr in exprs {
            match self.names.place(expr) {
                Some(place) => self.use_of(place, expr, Use::Passed(name)),
                None => self.visit_expr(expr),
            }
        }
    }

    /// A method that passes its receiver to a closure: `self.tx.as_mut().map(|tx| …)`.
    fn passed_to_closure(&mut self, call: &ExprMethodCall, place: &Place) {
        for arg in &call.args {
            match arg {
                Expr::Closure(closure) => self.scoped(|search| {
                    closure.inputs.iter().for_each(|pat| search.names.bind(pat, Some(place.clone())));
                    search.visit_expr(&closure.body);
                }),
                // A function in the place of a closure: `self.tx.as_mut().map(first)`.
                Expr::Path(_) if self.names.place(arg).is_none() => {
                    self.use_of(place.clone(), &call.receiver, Use::Passed(&call.method.to_string()));
                }
                arg => self.passed(&call.method.to_string(), [arg]),
            }
        }
    }

    /// Binds the place of an initialiser. That is not a use.
    fn initialised(&mut self, pat: &Pat, init: &Expr) {
        match (self.names.place(init), pat, init) {
            (Some(place), ..) => self.names.bind(pat, Some(place)),
            (None, Pat::Tuple(pats), Expr::Tuple(inits)) if pats.elems.len() == inits.elems.len() => {
                pats.elems.iter().zip(&inits.elems).for_each(|(pat, init)| self.initialised(pat, init));
            }
            _ => {
                self.visit_expr(init);
                self.names.bind(pat, None);
            }
        }
    }

    /// Visits a scope, and forgets its bindings afterwards.
    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        let mark = self.names.mark();
        visit(self);
        self.names.forget(mark);
    }
}

/// `(&mut *self.conn).fetch_one(..)`
fn is_borrowed_to_run(place: &Place, used: Use<'_>) -> bool {
    matches!(used, Use::Receives(method, true) if place.borrow == Borrow::Unique && RUN.contains(&method))
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match self.names.place(expr) {
            Some(place) => self.use_of(place, expr, Use::Mentioned),
            None => visit::visit_expr(self, expr),
        }
    }
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let name = call.method.to_string();
        match self.names.place(&call.receiver) {
            Some(place) if methods::PASS_TO_CLOSURE.contains(&name.as_str()) => {
                return self.passed_to_closure(call, &place);
            }
            Some(_) if methods::is_of_another(&name) => {}
            Some(place) => {
                let is_borrowed =
                    matches!(&*call.receiver, Expr::Paren(paren) if matches!(&*paren.expr, Expr::Reference(_)));
                self.use_of(place, &call.receiver, Use::Receives(&name, is_borrowed));
            }
            None => self.visit_expr(&call.receiver),
        }
        self.passed(&name, &call.args);
    }
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let last = match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            func => {
                self.visit_expr(func);
                None
            }
        };
        self.passed(&last.unwrap_or_default(), &call.args);
    }
    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        self.passed("", made.fields.iter().map(|field| &field.expr));
        if let Some(rest) = &made.rest {
            self.visit_expr(rest);
        }
    }
    fn visit_macro(&mut self, called: &'ast Macro) {
        self.invocation(called);
    }
    fn visit_local(&mut self, local: &'ast Local) {
        let Some(init) = &local.init else { return self.names.bind(&local.pat, None) };
        if let Some((_, diverges)) = &init.diverge {
            self.visit_expr(diverges);
        }
        self.initialised(&local.pat, &init.expr);
    }
    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        let name = match &*assign.left {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        match (name, self.names.place(&assign.right)) {
            (Some(name), Some(place)) => self.names.assign(name, place),
            (None, Some(place)) => self.use_of(place, &assign.right, Use::Passed("")),
            (_, None) => self.visit_expr(&assign.right),
        }
    }
    fn visit_expr_let(&mut self, bound: &'ast syn::ExprLet) {
        self.initialised(&bound.pat, &bound.expr);
    }
    fn visit_expr_match(&mut self, matched: &'ast syn::ExprMatch) {
        let place = self.names.place(&matched.expr);
        if place.is_none() {
            self.visit_expr(&matched.expr);
        }
        for Arm { pat, body, .. } in &matched.arms {
            self.scoped(|search| {
                search.names.bind(pat, place.clone());
                search.visit_pat(pat); // its guard
                search.visit_expr(body);
            });
        }
    }
    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.scoped(|search| {
            search.initialised(&each.pat, &each.expr);
            search.visit_block(&each.body);
        });
    }
    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.scoped(|search| {
            closure.inputs.iter().for_each(|pat| search.names.bind(pat, None));
            search.visit_expr(&closure.body);
        });
    }
    fn visit_expr_if(&mut self, branches: &'ast syn::ExprIf) {
        self.scoped(|search| {
            search.visit_expr(&branches.cond);
            search.visit_block(&branches.then_branch);
        });
        if let Some((_, otherwise)) = &branches.else_branch {
            self.visit_expr(otherwise);
        }
    }
    fn visit_expr_while(&mut self, repeated: &'ast syn::ExprWhile) {
        self.scoped(|search| visit::visit_expr_while(search, repeated));
    }
    fn visit_block(&mut self, block: &'ast Block) {
        self.scoped(|search| visit::visit_block(search, block));
    }
    /// A function in the body does not see the bindings.
    fn visit_item(&mut self, _: &'ast Item) {}
}

#[cfg(test)]
mod tests;
