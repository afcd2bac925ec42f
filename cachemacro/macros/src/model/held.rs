//! A connection that no type in the signature shows, but the body does: it mentions a field called `tx`, or hands one called
//! `conn` on. A pool is borrowed shared, and what the body made itself is its own affair.
//!
//! Any mention of a transaction counts, in whatever form: as an argument, as a receiver, in a macro. Only what a channel of the
//! same name would be asked, `self.tx.send(…)`, is none. A local that is bound to a transaction is followed, and its mentions
//! count in its place.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Arm, Block, Expr, ExprMethodCall, Item, Local, Macro, Pat};

use crate::model::borrows;
use crate::model::function::{Function, Passing};
use crate::model::methods::{self, COMMANDS, OF_CONNECTIONS, RUN};
use crate::model::place::{Borrow, Kind, Names, Place};
use crate::model::spelling::tidy;

mod tokens;

/// Where a body mentions a connection that is held.
pub(crate) struct Held {
    /// `self`, or the argument.
    pub(crate) root: Ident,
    /// Whether it is in a field of it.
    pub(crate) is_field: bool,
    /// `&mut *self.tx`, or `uow.tx`.
    pub(crate) spelled: String,
    /// `self.tx`, where a local stands for it.
    pub(crate) origin: Option<String>,
    pub(crate) tokens: TokenStream,
}

/// Whose body it is. A reader that is wrongly taken for one on a transaction is not cached, and listed; a writer does not compile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Reader,
    Writer,
}

/// The first place in the body, if there is one. Roots of which all is known are ignored.
pub(crate) fn find(function: &Function, of: Of, ignored: impl Fn(&Ident) -> bool) -> Option<Held> {
    let names = Names::new(function, of == Of::Reader);
    let mut search = Search { function, names, of, ignored: &ignored, found: None };
    search.visit_block(&function.item.block);
    search.found
}

struct Search<'f> {
    function: &'f Function,
    names: Names<'f>,
    of: Of,
    ignored: &'f dyn Fn(&Ident) -> bool,
    found: Option<Held>,
}

/// How a place is used.
#[derive(Clone, Copy)]
enum Use<'n> {
    /// It is handed to this function or method, or put into something.
    Given(&'n str),
    /// This method is called on it, with `(&mut …)` around the receiver or without.
    Receives(&'n str, bool),
    /// In any other way.
    Mentioned,
}

impl Search<'_> {
    fn counts(&self, place: &Place, used: Use<'_>) -> bool {
        let is_given = |names: &[&str]| matches!(used, Use::Given(name) if names.contains(&name));
        match place.kind {
            Kind::Transaction => true,
            Kind::Guarded => !is_given(COMMANDS),
            Kind::Perhaps => self.of == Of::Reader || self.is_connection(place, used),
            Kind::Connection => match used {
                Use::Given(_) => place.borrow != Borrow::Shared && !is_given(COMMANDS),
                Use::Receives(..) => is_borrowed_to_run(place, used),
                Use::Mentioned => false,
            },
            Kind::Whole | Kind::Part | Kind::Copied => self.is_run_on(place, used),
        }
    }

    /// Whether what may be a row is used as a connection.
    fn is_connection(&self, place: &Place, used: Use<'_>) -> bool {
        match used {
            Use::Receives(method, _) => OF_CONNECTIONS.contains(&method),
            Use::Given(_) => match place.borrow {
                Borrow::Unique => true,
                Borrow::No | Borrow::Deref => self.names.is_unique(&place.root) || self.has_lifetime(&place.root),
                Borrow::Shared => false,
            },
            Use::Mentioned => false,
        }
    }

    /// Whether a query runs on it, by its method: `fetch_one(&mut self.any)`. A `&mut` field is borrowed anew without a word.
    fn is_run_on(&self, place: &Place, used: Use<'_>) -> bool {
        let Use::Given(name) = used else { return is_borrowed_to_run(place, used) };
        let field = place.name.as_deref().unwrap_or_default();
        let is_handed_on = self.of == Of::Reader && ["db", "database", "uow", "unit_of_work"].contains(&field);
        match place.borrow {
            Borrow::Unique => RUN.contains(&name) || is_handed_on,
            Borrow::No => RUN.contains(&name) && self.names.is_unique(&place.root) && !field.contains("pool"),
            Borrow::Shared | Borrow::Deref => false,
        }
    }

    /// Whether an argument is of a type like `Db<'_>`, which borrows what it holds.
    fn has_lifetime(&self, root: &Ident) -> bool {
        let arg = self.function.args.iter().find(|arg| arg.names.contains(root));
        arg.is_some_and(|arg| matches!(arg.passing, Passing::Value) && borrows::borrowed(&arg.ty).is_some())
    }

    /// Notes a use of a place, unless it is harmless.
    fn note(&mut self, place: Place, expr: &Expr, used: Use<'_>) {
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

    /// What is handed to a function, or put into something.
    fn given<'e>(&mut self, name: &str, exprs: impl IntoIterator<Item = &'e Expr>) {
        for expr in exprs {
            match self.names.place(expr) {
                Some(place) => self.note(place, expr, Use::Given(name)),
                None => self.visit_expr(expr),
            }
        }
    }

    /// A method that gives its receiver to a closure: `self.tx.as_mut().map(|tx| …)`.
    fn give(&mut self, call: &ExprMethodCall, place: &Place) {
        for arg in &call.args {
            match arg {
                Expr::Closure(closure) => self.scoped(|search| {
                    closure.inputs.iter().for_each(|pat| search.names.bind(pat, Some(place.clone())));
                    search.visit_expr(&closure.body);
                }),
                // A function that the method calls with it: `self.tx.as_mut().map(first)`.
                Expr::Path(_) if self.names.place(arg).is_none() => {
                    self.note(place.clone(), &call.receiver, Use::Given(&call.method.to_string()));
                }
                arg => self.given(&call.method.to_string(), [arg]),
            }
        }
    }

    /// What an initialiser yields is bound, and not yet used.
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

    /// What is bound in here is forgotten afterwards.
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
            Some(place) => self.note(place, expr, Use::Mentioned),
            None => visit::visit_expr(self, expr),
        }
    }
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let name = call.method.to_string();
        match self.names.place(&call.receiver) {
            Some(place) if methods::GIVE.contains(&name.as_str()) => return self.give(call, &place),
            Some(_) if methods::is_of_another(&name) => {}
            Some(place) => {
                let is_borrowed =
                    matches!(&*call.receiver, Expr::Paren(paren) if matches!(&*paren.expr, Expr::Reference(_)));
                self.note(place, &call.receiver, Use::Receives(&name, is_borrowed));
            }
            None => self.visit_expr(&call.receiver),
        }
        self.given(&name, &call.args);
    }
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let last = match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            func => {
                self.visit_expr(func);
                None
            }
        };
        self.given(&last.unwrap_or_default(), &call.args);
    }
    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        self.given("", made.fields.iter().map(|field| &field.expr));
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
            (None, Some(place)) => self.note(place, &assign.right, Use::Given("")),
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
    /// A function in the body has names of its own.
    fn visit_item(&mut self, _: &'ast Item) {}
}

#[cfg(test)]
mod tests;
