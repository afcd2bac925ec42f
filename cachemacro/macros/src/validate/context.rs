//! `context(TENANT)`: the task-locals that a load outside of its call gets. Each is in the key, or the result does not depend on it.

use quote::ToTokens;
use syn::ext::IdentExt;

use crate::model::cached::{Binding, Local};
use crate::model::function::Function;
use crate::model::policy::Refresh;
use crate::parse::cached::RawCached;
use crate::syntax::diag::Diag;
use crate::syntax::spelling::tidy;
use crate::validate::coverage;
use crate::validate::key::Key;

/// The task-locals, by the last segments of their paths.
pub(crate) fn named(raw: &RawCached, function: &Function, diag: &Diag) -> Vec<Local> {
    let mut locals: Vec<Local> = Vec::new();
    for path in raw.context.iter().flat_map(|given| &given.value) {
        let Some(last) = path.segments.last() else { continue };
        let local = Local { path: path.clone(), name: last.ident.clone(), in_key: false, is_bound: false };
        if is_other(&local, raw, function, diag) || is_repeated(&local, &locals, diag) {
            continue;
        }
        locals.push(local);
    }
    locals
}

/// Whether the name is that of an argument, of a `let`, or `self`.
fn is_other(local: &Local, raw: &RawCached, function: &Function, diag: &Diag) -> bool {
    let Local { path, name, .. } = local;
    let (what, remedy) = if name == "self" || name == "Self" {
        let remedy =
            "name a task-local, `context(TENANT)`; a field of `self` stands in the key: `<self.tenant>`".to_owned();
        (format!("`{name}` is not a task-local"), remedy)
    } else if function.names().chain(&function.absent).any(|known| known == name) {
        let what = format!("`{}` is an argument, not a task-local", name.unraw());
        (what, format!("remove it from `context`: a load has its arguments; in the key it is `<{}>`", name.unraw()))
    } else if raw.lets.iter().any(|own| own.name == *name) {
        let what = format!("`{name}` is a `let` of this attribute, and a task-local in `context`");
        (what, "give the `let` another name".to_owned())
    } else {
        return false;
    };
    diag.error(path, what, remedy);
    true
}

fn is_repeated(local: &Local, earlier: &[Local], diag: &Diag) -> bool {
    let Local { path, name, .. } = local;
    let Some(first) = earlier.iter().find(|earlier| earlier.name == *name) else { return false };
    if tidy(&first.path) == tidy(path) {
        diag.error(path, format!("`{}` is captured twice", tidy(path)), "remove one of the two");
    } else {
        let what = format!("`{}` and `{}` have one name in the key, `<{name}>`", tidy(&first.path), tidy(path));
        let remedy = format!(
            "import one of them under another name: `use {} as OTHER_{name};` and `context(OTHER_{name})`",
            tidy(path)
        );
        diag.error(path, what, remedy);
    }
    true
}

/// What each of them is for.
pub(crate) fn check(
    named: Vec<Local>,
    function: &Function,
    raw: &RawCached,
    key: &Key,
    refresh: Refresh,
    bound: &[Binding],
    diag: &Diag,
) -> Vec<Local> {
    let skipped = coverage::skipped(raw);
    let is_skip_read = raw.skip.is_some() || !raw.mentions("skip");
    let one = |(at, local): (usize, Local)| {
        let (in_key, is_skipped) = (key.covers(&local.name), skipped.contains(&local.name));
        if is_skipped && refresh == Refresh::Inline {
            report_captured_for_nothing(&local, function, raw, diag);
        } else if !in_key && !is_skipped && is_skip_read {
            report_uncovered(&local, key, diag);
        }
        let is_bound = bound.iter().flat_map(|binding| &binding.fields).any(|field| field.local == Some(at));
        Local { in_key, is_bound, ..local }
    };
    named.into_iter().enumerate().map(one).collect()
}

fn report_uncovered(local: &Local, key: &Key, diag: &Diag) {
    let Local { path, name, .. } = local;
    let what = format!(
        "the task-local `{name}` is neither in the key \"{}\" nor skipped: calls that differ only in `{name}` would share an entry",
        key.text
    );
    diag.error(path, what, format!("add `<{name}>` to the key, or `skip({name})` if the result does not depend on it"));
}

/// Without a refresh in the background all loads run in the tasks of their callers.
fn report_captured_for_nothing(local: &Local, function: &Function, raw: &RawCached, diag: &Diag) {
    let Local { path, name, .. } = local;
    let why = match &raw.refresh {
        Some(given) => format!("`{}`", tidy(&given.name.to_token_stream()) + " = " + &tidy(&given.tokens)),
        None => "no entry is refreshed in the background".to_owned(),
    };
    let what = format!(
        "`{name}` is captured for nothing: {why}, so each load of `{}` runs in the task of its caller",
        function.name()
    );
    diag.error(
        path,
        what,
        format!("remove `{name}` from `context` and from `skip`: such a load sees all task-locals of its caller"),
    );
}
