//! `name = "…"`: what a function is called in a shared store.

use crate::diag::Diag;
use crate::parse::cached::RawCached;

/// So many characters.
const LONGEST: usize = 100;

pub(crate) fn check(raw: &RawCached, diag: &Diag) {
    let Some(given) = &raw.name else { return };
    let name = given.value.value();
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if name.is_empty() {
        diag.wrong(
            &given.value,
            "the name is empty",
            "write a name that no other function has: `name = \"find-user\"`",
        );
    } else if let Some(character) = name.chars().find(|character| !is_allowed(*character)) {
        let what = format!("`{}` cannot stand in a name", character.escape_debug());
        diag.wrong(&given.value, what, "use letters and digits of ASCII, `.`, `_` and `-`: `name = \"find-user\"`");
    } else if name.len() > LONGEST {
        let what = format!("the name has {} characters, and {LONGEST} are the most", name.len());
        diag.wrong(&given.value, what, "write a shorter one: it stands in each of the function's keys");
    }
    if raw.local.is_some() {
        let what = "`name` and `local` exclude each other: the name is for a shared store, and local values live in this \
                    process only";
        diag.wrong(&given.name, what, "remove one of the two");
    }
}
