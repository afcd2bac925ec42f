//! `name = "…"`: the name of a function in a shared store.

use crate::parse::cached::RawCached;
use crate::syntax::diag::Diag;

/// The most characters of a name.
const LONGEST: usize = 100;

pub(crate) fn check(raw: &RawCached, diag: &Diag) {
    let Some(given) = &raw.name else { return };
    let name = given.value.value();
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if name.is_empty() {
        diag.error(
            &given.value,
            "the name is empty",
            "write a name that no other function has: `name = \"find-user\"`",
        );
    } else if let Some(character) = name.chars().find(|character| !is_allowed(*character)) {
        let what = format!("`{}` is not allowed in a name", character.escape_debug());
        diag.error(&given.value, what, "use letters and digits of ASCII, `.`, `_` and `-`: `name = \"find-user\"`");
    } else if name.len() > LONGEST {
        let what = format!("the name has {} characters; at most {LONGEST} are allowed", name.len());
        diag.error(&given.value, what, "write a shorter one: it is part of each of the function's keys");
    }
    if raw.local.is_some() {
        let what = "`name` and `local` exclude each other: the name is for a shared store, and local values live in this \
                    process only";
        diag.error(&given.name, what, "remove one of the two");
    }
}
