//! Whether an expression leaves the function that it stands in.

use syn::Expr;
use syn::visit::{self, Visit};

/// Whether it awaits or returns.
pub(crate) fn leaves(expr: &Expr) -> bool {
    struct Leaves(bool);
    impl<'ast> Visit<'ast> for Leaves {
        fn visit_expr(&mut self, expr: &'ast Expr) {
            match expr {
                Expr::Await(_) | Expr::Try(_) | Expr::Return(_) => self.0 = true,
                Expr::Async(_) | Expr::Closure(_) => {}
                expr => visit::visit_expr(self, expr),
            }
        }
    }
    let mut leaves = Leaves(false);
    leaves.visit_expr(expr);
    leaves.0
}
