//! `share_error = |error| …` needs an error.

use syn::Type;

use crate::model::function::Function;
use crate::parse::cached::RawCached;
use crate::syntax::diag::Diag;
use crate::syntax::spelling::tidy;

pub(crate) fn check(raw: &RawCached, function: &Function, diag: &Diag) {
    let Some(share) = &raw.share_error else { return };
    if has_no_error(&function.output) {
        let what = format!("`share_error` has nothing to share: `{}` has no error", tidy(&function.output));
        diag.error(&share.name, what, "remove `share_error`, or return a `Result`");
    }
}

/// Any other type may be an alias of a `Result`.
fn has_no_error(ty: &Type) -> bool {
    const NO_RESULTS: [&str; 16] = [
        "Option", "Vec", "Box", "Arc", "String", "bool", "char", "u8", "u16", "u32", "u64", "i16", "i32", "i64",
        "usize", "f64",
    ];
    match ty {
        Type::Group(group) => has_no_error(&group.elem),
        Type::Paren(paren) => has_no_error(&paren.elem),
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| NO_RESULTS.iter().any(|name| last.ident == name))
        }
        _ => true,
    }
}
