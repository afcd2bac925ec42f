//! A connection that no type in the signature shows, but the body does: it runs a query on what `self` or an argument holds,
//! `fetch_one(&mut *self.tx)`. A pool is borrowed shared, and what the body made itself is its own affair.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Arm, Block, Expr, Item, Local, Macro, Token};

use crate::model::function::Function;
use crate::model::place::{Borrow, Names, Place, TRANSACTIONS};

/// Where a query runs on a connection that is held.
pub(crate) struct Held {
    /// `self`, or the argument.
    pub(crate) root: Ident,
    /// Whether it is in a field of it.
    pub(crate) is_field: bool,
    /// `&mut *self.tx`, or `uow.tx`.
    pub(crate) expr: Expr,
}

/// Methods that run a query on a connection that they are given.
const RUN: &[&str] = &[
    "fetch",
    "fetch_one",
    "fetch_optional",
    "fetch_all",
    "fetch_many",
    "execute",
    "execute_many",
    "load",
    "first",
    "get_result",
    "get_results",
];

/// Methods of connections, and those that are given one by a shared borrow. Only where the field is called like a transaction.
const QUERY: &[&str] = &[
    "query",
    "query_one",
    "query_opt",
    "query_row",
    "query_map",
    "query_first",
    "query_all",
    "execute",
    "execute_batch",
    "batch_execute",
    "prepare",
    "exec",
    "exec_first",
    "exec_drop",
    "one",
    "all",
    "stream",
    "insert",
    "update",
    "delete",
    "save",
    "fetch_one",
    "fetch_optional",
    "fetch_all",
];

/// Methods that connections have, and rows have not: a variant `Tx(..)` may also hold a row.
const OF_CONNECTIONS: &[&str] = &[
    "query",
    "query_one",
    "query_opt",
    "query_row",
    "query_map",
    "query_first",
    "execute",
    "execute_batch",
    "batch_execute",
    "prepare",
    "fetch_one",
    "fetch_optional",
    "fetch_all",
];

/// Fields that are connections where they are handed on by `&mut`.
const CONNECTIONS: &[&str] = &["conn", "connection"];

/// Methods of commands to Redis.
const COMMANDS: &[&str] = &["query", "query_async", "exec", "exec_async", "invoke", "invoke_async"];

/// The first place in the body, if there is one. Roots of which all is known are ignored.
pub(crate) fn find(function: &Function, ignored: impl Fn(&Ident) -> bool) -> Option<Held> {
    let mut search = Search { names: Names::new(function), ignored: &ignored, found: None };
    search.visit_block(&function.item.block);
    search.found
}

struct Search<'f> {
    names: Names<'f>,
    ignored: &'f dyn Fn(&Ident) -> bool,
    found: Option<Held>,
}

impl Search<'_> {
    /// One call: what it is given, and what it is called on.
    fn look<'e>(&mut self, name: &str, args: impl IntoIterator<Item = &'e Expr>, receiver: Option<&Expr>) {
        for expr in args {
            self.note(expr, |place| is_given(name, place));
        }
        if let Some(receiver) = receiver {
            self.note(receiver, |place| is_called_on(name, place, receiver));
        }
    }

    fn note(&mut self, expr: &Expr, is_query: impl Fn(&Place) -> bool) {
        if self.found.is_some() {
            return;
        }
        let place = self.names.place(expr).filter(|place| is_query(place) && !(self.ignored)(&place.root));
        self.found = place.map(|place| Held { root: place.root, is_field: place.is_field, expr: expr.clone() });
    }

    /// What is bound in here is forgotten afterwards.
    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        let mark = self.names.mark();
        visit(self);
        self.names.forget(mark);
    }

    /// A macro with a grammar of its own: the calls in it.
    fn scan(&mut self, tokens: TokenStream) {
        let mut called = None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => called = Some(ident.to_string()),
                TokenTree::Group(group) => {
                    if let (Some(name), Ok(args)) = (called.take(), arguments(group.stream())) {
                        self.look(&name, &args, None);
                    }
                    self.tokens(group.stream());
                }
                _ => called = None,
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        if let Ok(args) = arguments(tokens.clone()) {
            args.iter().for_each(|arg| self.visit_expr(arg));
        } else if let Ok(stmts) = Block::parse_within.parse2(tokens.clone()) {
            self.scoped(|search| stmts.iter().for_each(|stmt| search.visit_stmt(stmt)));
        } else {
            self.scan(tokens);
        }
    }
}

fn arguments(tokens: TokenStream) -> syn::Result<Punctuated<Expr, Token![,]>> {
    Punctuated::parse_terminated.parse2(tokens)
}

/// Whether a call with this argument is a query on it, or may be.
fn is_given(name: &str, place: &Place) -> bool {
    let field = place.name.as_deref().filter(|_| !place.by_variant);
    let is_transaction = field.is_some_and(|field| TRANSACTIONS.contains(&field));
    match place.borrow {
        Borrow::No => false,
        Borrow::Shared => is_transaction && QUERY.contains(&name),
        Borrow::Unique => {
            let is_handed_on = is_transaction || field.is_some_and(|field| CONNECTIONS.contains(&field));
            RUN.contains(&name) || is_handed_on && !COMMANDS.contains(&name)
        }
    }
}

/// Whether a call on this is a query: of a transaction by its name, or `(&mut *self.conn).execute(..)`.
fn is_called_on(name: &str, place: &Place, receiver: &Expr) -> bool {
    let is_transaction = place.name.as_deref().is_some_and(|name| TRANSACTIONS.contains(&name));
    let methods = if place.by_variant { OF_CONNECTIONS } else { QUERY };
    let is_borrowed = matches!(receiver, Expr::Paren(paren) if matches!(&*paren.expr, Expr::Reference(_)));
    is_transaction && methods.contains(&name) || is_borrowed && place.borrow == Borrow::Unique && RUN.contains(&name)
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.look(&call.method.to_string(), &call.args, Some(&call.receiver));
        visit::visit_expr_method_call(self, call);
    }
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let last = match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        self.look(&last.unwrap_or_default(), &call.args, None);
        visit::visit_expr_call(self, call);
    }
    fn visit_macro(&mut self, called: &'ast Macro) {
        self.tokens(called.tokens.clone());
    }
    fn visit_local(&mut self, local: &'ast Local) {
        let mut place = None;
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverges)) = &init.diverge {
                self.visit_expr(diverges);
            }
            place = self.names.place(&init.expr);
        }
        self.names.bind(&local.pat, place);
    }
    fn visit_expr_let(&mut self, bound: &'ast syn::ExprLet) {
        self.visit_expr(&bound.expr);
        let place = self.names.place(&bound.expr);
        self.names.bind(&bound.pat, place);
    }
    fn visit_expr_match(&mut self, matched: &'ast syn::ExprMatch) {
        self.visit_expr(&matched.expr);
        let place = self.names.place(&matched.expr);
        for Arm { pat, body, .. } in &matched.arms {
            self.scoped(|search| {
                search.names.bind(pat, place.clone());
                search.visit_pat(pat); // its guard
                search.visit_expr(body);
            });
        }
    }
    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.visit_expr(&each.expr);
        let place = self.names.place(&each.expr);
        self.scoped(|search| {
            search.names.bind(&each.pat, place);
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
