//! A connection that no type in the signature shows, but the body does: it runs a query on what `self` or an argument holds,
//! `fetch_one(&mut *self.tx)`. A pool is borrowed shared, and what the body made itself is its own affair.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Member};

use crate::model::function::Function;

/// Where a query runs on a connection that is held.
pub(crate) struct Held<'f> {
    /// `self`, or the argument.
    pub(crate) root: &'f Ident,
    /// `&mut *self.tx`, or `uow.tx`.
    pub(crate) expr: &'f Expr,
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

const FIELDS: &[&str] = &["tx", "txn", "trx", "transaction"];

/// The first place in the body, if there is one.
pub(crate) fn find(function: &Function) -> Option<Held<'_>> {
    let mut search = Search { function, found: None };
    search.visit_block(&function.item.block);
    search.found
}

struct Search<'f> {
    function: &'f Function,
    found: Option<Held<'f>>,
}

impl<'f> Search<'f> {
    fn look(&mut self, call: &'f ExprMethodCall) {
        let name = call.method.to_string();
        let names = |list: &[&str]| list.contains(&name.as_str());
        let given = call.args.iter().find(|argument| match argument {
            Expr::Reference(reference) if reference.mutability.is_some() => names(RUN),
            Expr::Reference(reference) => names(QUERY) && is_called_so(&reference.expr),
            _ => false,
        });
        let own = Some(&*call.receiver).filter(|receiver| names(QUERY) && is_called_so(receiver));
        let held = given.or(own).and_then(|expr| Some(Held { root: self.root(expr)?, expr }));
        self.found = self.found.take().or(held);
    }

    /// What a place begins with, if that is not the body's own.
    fn root(&self, expr: &'f Expr) -> Option<&'f Ident> {
        match expr {
            Expr::Reference(reference) => self.root(&reference.expr),
            Expr::Unary(unary) => self.root(&unary.expr),
            Expr::Paren(paren) => self.root(&paren.expr),
            Expr::Field(field) => self.root(&field.base),
            Expr::Path(path) => {
                let name = path.path.get_ident()?;
                let is_self = name == "self" || name == "__self";
                (is_self || self.function.names().any(|known| known == name)).then_some(name)
            }
            _ => None,
        }
    }
}

impl<'f> Visit<'f> for Search<'f> {
    fn visit_expr_method_call(&mut self, call: &'f ExprMethodCall) {
        self.look(call);
        visit::visit_expr_method_call(self, call);
    }
}

fn is_called_so(expr: &Expr) -> bool {
    match expr {
        Expr::Field(field) => match &field.member {
            Member::Named(name) => FIELDS.iter().any(|field| name == field),
            Member::Unnamed(_) => false,
        },
        Expr::Paren(paren) => is_called_so(&paren.expr),
        Expr::Reference(reference) => is_called_so(&reference.expr),
        Expr::Unary(unary) => is_called_so(&unary.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::model::spelling::tidy;
    use crate::validate::function;

    fn found(body: syn::Block) -> Option<String> {
        let function = function::read(parse_quote!(async fn f(&mut self, uow: &mut Uow, id: u64) -> u64 #body));
        find(&function).map(|held| format!("{} in {}", tidy(&held.expr), held.root))
    }

    #[test]
    fn queries_on_what_is_held_are_found() {
        for (body, expected) in [
            (parse_quote!({ query(id).fetch_one(&mut *self.tx).await }), "&mut *self.tx in self"),
            (parse_quote!({ Ok(sqlx::query!("x", id).execute(&mut **uow.conn).await?) }), "&mut **uow.conn in uow"),
            (parse_quote!({ users.filter(id).first(&mut uow.conn) }), "&mut uow.conn in uow"),
            (parse_quote!({ self.tx.query_one("x", &[&id]).await }), "self.tx in self"),
            (parse_quote!({ Entity::find_by_id(id).one(&uow.tx).await }), "&uow.tx in uow"),
            (parse_quote!({ query(id).fetch_all(&mut **uow).await }), "&mut **uow in uow"),
        ] {
            assert_eq!(found(body).as_deref(), Some(expected));
        }
    }

    #[test]
    fn pools_and_the_bodys_own_transactions_are_not() {
        for body in [
            parse_quote!({ query(id).fetch_one(&self.pool).await }),
            parse_quote!({
                let mut tx = self.pool.begin().await?;
                query(id).fetch_one(&mut *tx).await
            }),
            parse_quote!({ self.tx.send(id).await }),
            parse_quote!({ names.iter().all(&mut self.predicate) }),
            parse_quote!({ Entity::find_by_id(id).one(&self.db).await }),
            parse_quote!({ self.rng.fill(&mut self.buffer) }),
        ] {
            assert_eq!(found(body), None);
        }
    }
}
