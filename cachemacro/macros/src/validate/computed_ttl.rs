//! TTLs that each load computes, and `max_ttl`, which bounds them.

use proc_macro2::{Ident, Span};
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprUnary, UnOp};

use crate::model::function::Function;
use crate::model::policy::{Computed, Ttl};
use crate::parse::cached::RawCached;
use crate::parse::item::Given;
use crate::syntax::diag::Diag;
use crate::syntax::leaves::leaves;
use crate::syntax::mentions::mentions;
use crate::syntax::spelling::tidy;

pub(crate) fn check(raw: &mut RawCached, function: &Function, diag: &Diag) {
    find(raw, function);
    for given in [&raw.soft_ttl, &raw.hard_ttl, &raw.negative_ttl].into_iter().flatten() {
        check_is_computed_at_once(given, function, diag);
    }
    check_is_bounded(raw, function, diag);
    check_bounds_something(raw, diag);
    check_absence_has_an_error(raw, diag);
}

/// Tells expressions from constants.
fn find(raw: &mut RawCached, function: &Function) {
    let has_max = raw.mentions("max_ttl");
    let RawCached { soft_ttl, hard_ttl, negative_ttl, .. } = raw;
    for (given, has_max) in [(soft_ttl, false), (hard_ttl, has_max), (negative_ttl, false)] {
        let Some(Given { value, .. }) = given else { continue };
        let (Ttl::Const(expr) | Ttl::OfType(expr)) = &*value else { continue };
        if names_a_variable(expr, function) || computes(expr) || has_max && !is_constant(expr) {
            *value = Ttl::Computed(Computed::Before(expr.clone()));
        }
    }
}

fn this() -> Ident {
    Ident::new("self", Span::call_site())
}

fn names_a_variable(expr: &Expr, function: &Function) -> bool {
    function.names().chain([&this()]).any(|name| mentions(expr, name))
}

/// Whether no constant looks so: it calls a function that is not one of `Duration`, or follows a pointer.
fn computes(expr: &Expr) -> bool {
    struct Computes(bool);
    impl<'ast> Visit<'ast> for Computes {
        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            let of_duration = match &*call.func {
                Expr::Path(path) => path.path.segments.iter().rev().nth(1).is_some_and(|of| of.ident == "Duration"),
                _ => false,
            };
            self.0 |= !of_duration;
            visit::visit_expr_call(self, call);
        }
        fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
            self.0 |= matches!(unary.op, UnOp::Deref(_));
            visit::visit_expr_unary(self, unary);
        }
        fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    }
    let mut computes = Computes(false);
    computes.visit_expr(expr);
    computes.0
}

/// Whether it certainly is one: a path, or `const { … }`.
fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(_) | Expr::Const(_))
}

/// It stands in the load, but not in the body.
fn check_is_computed_at_once(given: &Given<Ttl>, function: &Function, diag: &Diag) {
    let Some(Computed::Before(expr)) = given.value.computed() else { return };
    let name = &given.name;
    if leaves(expr) {
        let what = format!("`{name}` awaits or returns, and a TTL is computed at once");
        let remedy = format!(
            "compute it in the body, and return it with the value: `{name} = |value| value.ttl`; or read it from `self` or an argument"
        );
        diag.error(expr, what, remedy);
    } else if function.receiver.is_none() && mentions(expr, &this()) {
        let what = format!("`{name}` names `self`, and `{}` has none", function.name());
        diag.error(expr, what, "name an argument, or call a function: `config().ttl`");
    }
}

fn check_is_bounded(raw: &RawCached, function: &Function, diag: &Diag) {
    let Some(hard) = raw.hard_ttl.as_ref().filter(|_| !raw.mentions("max_ttl")) else { return };
    let constant = match hard.value.computed() {
        None => return,
        Some(Computed::Before(expr)) if !names_a_variable(expr, function) => {
            format!("; if it is a constant, write `hard_ttl = const {{ {} }}`", tidy(expr))
        }
        Some(_) => String::new(),
    };
    diag.error(
        &hard.tokens,
        "`hard_ttl` is computed in each load, so nothing bounds how old a value gets",
        format!("add `max_ttl = \"1h\"`: no value is served for longer, and the strategy report prints it{constant}"),
    );
}

fn check_bounds_something(raw: &RawCached, diag: &Diag) {
    let (Some(max), Some(hard)) = (&raw.max_ttl, &raw.hard_ttl) else { return };
    if hard.value.computed().is_some() {
        return;
    }
    let hard = tidy(&hard.tokens);
    let others = [&raw.soft_ttl, &raw.negative_ttl].into_iter().flatten();
    let others = others.filter(|given| given.value.computed().is_some()).count() > 0;
    let why = if others { "`hard_ttl` bounds computed ones, too" } else { "no TTL is longer than `hard_ttl`" };
    diag.error(
        &max.name,
        format!("`max_ttl` bounds a computed `hard_ttl`, and `hard_ttl = {hard}` is fixed"),
        format!("remove `max_ttl`: {why}"),
    );
}

/// `None` says nothing that a TTL could be computed from.
fn check_absence_has_an_error(raw: &RawCached, diag: &Diag) {
    let Some(negative) = &raw.negative_ttl else { return };
    if let Some(Computed::Of(closure)) = negative.value.computed()
        && !raw.mentions("not_found")
    {
        diag.error(
            closure,
            "the closure of `negative_ttl` gets the error that is an absence, and without `not_found` no error is one",
            "write a duration or an expression, `negative_ttl = self.config.negative`; or add `not_found = |error| …`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_computed(text: &str) -> bool {
        computes(&syn::parse_str(text).unwrap())
    }

    #[test]
    fn a_constant_is_told_from_what_is_computed() {
        for constant in [
            "TTL",
            "Self::TTL",
            "config::TTL",
            "Duration::from_secs(60)",
            "std::time::Duration::new(1, 0).saturating_mul(2)",
            "const { ttl() }",
            "A_DAY.saturating_mul(2)",
        ] {
            assert!(!is_computed(constant), "{constant}");
        }
        for computed in ["config().ttl", "ttl()", "Config::get().ttl", "*TTL", "Duration::from_secs(seconds())"] {
            assert!(is_computed(computed), "{computed}");
        }
    }
}
