//! Placeholders of a template: each names an argument or a field that exists.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::{Expr, Index, LitStr, Member};

use crate::model::template::{Computed, Piece, Place, Template};
use crate::parse::template::{self, RawPiece, RawPlace};
use crate::syntax::diag::{Diag, list};
use crate::syntax::leaves::leaves;
use crate::syntax::mentions::mentions;
use crate::syntax::nearest::nearest;
use crate::syntax::root::{is_variable, root, root_of_field};

/// The roots that placeholders may have, and the words for them in messages.
pub(crate) struct Roots<'a> {
    /// The function or the event.
    pub(crate) owner: String,
    /// "argument" or "field".
    pub(crate) noun: &'a str,
    pub(crate) names: Vec<Ident>,
    /// The task-locals of `context(…)`.
    pub(crate) locals: Vec<Ident>,
    /// Whether `context` could not be read: then a name in upper case may be one of its.
    pub(crate) is_open: bool,
    /// Those that a `#[cfg(…)]` removes: their placeholders are left out.
    pub(crate) absent: Vec<Ident>,
    /// The `self` of a method, for `<self.tenant>`.
    pub(crate) this: Option<Ident>,
    /// Whether `<user.id>` may name a field of a root.
    pub(crate) members: bool,
}

impl Roots<'_> {
    fn all(&self) -> impl Iterator<Item = &Ident> {
        self.names.iter().chain(&self.locals)
    }

    fn contains(&self, name: &Ident) -> bool {
        self.all().any(|known| known == name)
    }

    /// Whether it may be a task-local: a name in upper case, which is that of a static.
    fn may_be_local(&self, name: &str) -> bool {
        self.noun == "argument" && name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase)
    }
}

pub(crate) fn resolve(literal: &LitStr, roots: &Roots<'_>, diag: &Diag) -> Option<Template> {
    let text = literal.value();
    let (raw, faults) = template::read(&text);
    for fault in &faults {
        diag.error(literal, format!("{}\n{}", fault.what, fault.shown(&text)), &fault.remedy);
    }
    let found = raw.into_iter().map(|piece| match piece {
        RawPiece::Text(text) => Some(Piece::Text(text)),
        RawPiece::Place(place) if roots.absent.iter().any(|name| name.unraw() == place.root) => {
            Some(Piece::Text(String::new()))
        }
        RawPiece::Place(place) => find(&place, literal, roots, diag).map(Piece::Place),
        RawPiece::Computed(text) => compute(&text, literal, roots, diag).map(Piece::Computed),
        RawPiece::Unnamed => None,
    });
    // All placeholders are looked up, so that each unknown one is an error.
    let found: Vec<Option<Piece>> = found.collect();
    let pieces: Option<Vec<Piece>> = found.into_iter().collect();
    let pieces = pieces.filter(|_| faults.is_empty())?;
    let mut template = Template { literal: literal.clone(), pieces, covers: Vec::new() };
    template.covers = template.roots().cloned().collect();
    Some(template)
}

fn find(place: &RawPlace, literal: &LitStr, roots: &Roots<'_>, diag: &Diag) -> Option<Place> {
    if place.root == "self" {
        return find_self(place, literal, roots, diag);
    }
    let Some(root) = roots.all().find(|name| name.unraw() == place.root) else {
        report_unknown(place, literal, roots, diag);
        return None;
    };
    if !roots.members && !place.members.is_empty() {
        let what = format!("the placeholder `{}` names a field of the {} `{root}`", place.spelled(), roots.noun);
        let remedy =
            format!("name the {} itself: `<{}>`; derive `KeyPart` for its type if necessary", roots.noun, place.root);
        diag.error(literal, what, remedy);
        return None;
    }
    with_members(root.clone(), place, literal, diag)
}

/// `<email.to_lowercase()>`. Its tokens are where the template is.
fn compute(text: &str, literal: &LitStr, roots: &Roots<'_>, diag: &Diag) -> Option<Computed> {
    let tokens: TokenStream = diag.ok(LitStr::new(text, literal.span()).parse())?;
    let expr: Expr = diag.ok(syn::parse2(located(tokens, roots)))?;
    if leaves(&expr) {
        let what = format!("the placeholder `<{text}>` awaits or returns, and a key is made before the call waits");
        diag.error(literal, what, "compute it from the arguments alone, or cache a function that is given the result");
        return None;
    }
    if let Some(unknown) = root(&expr).filter(|name| is_variable(name) && *name != "self")
        && !roots.contains(unknown)
    {
        let what = format!("`{unknown}` in the placeholder `<{text}>` is no {}", roots.noun);
        diag.error(literal, what, remedy_for_names(&unknown.to_string(), roots));
        return None;
    }
    if let Some(local) = root_of_field(&expr).filter(|name| roots.locals.contains(name)) {
        let what = format!(
            "the placeholder `<{text}>` computes with a field of the task-local `{local}`, which it has to read first"
        );
        let remedy = format!(
            "read it in the placeholder: `<{local}.try_with(|value| …).ok()>`; or make a field the part, as it is: `<{local}.id>`"
        );
        diag.error(literal, what, remedy);
        return None;
    }
    let this = roots.this.iter();
    // A `let` hides the argument of its name.
    let mut named: Vec<Ident> = Vec::new();
    for name in roots.all().chain(this).filter(|name| mentions(&expr, name)) {
        if !named.contains(name) {
            named.push(name.clone());
        }
    }
    if named.is_empty() {
        let typed = root(&expr).map(ToString::to_string).unwrap_or_default();
        if roots.is_open && roots.may_be_local(&typed) {
            return None;
        }
        let what = format!("the placeholder `<{text}>` names no {}, so it is the same in each key", roots.noun);
        let typed = if roots.may_be_local(&typed) { &typed } else { "" };
        diag.error(literal, what, remedy_for_names(typed, roots));
        return None;
    }
    Some(Computed { expr, roots: named })
}

/// The tokens of an expression, where the template is. Names that are no root have a span of the expansion, as in [`with_members`].
fn located(tokens: TokenStream, roots: &Roots<'_>) -> TokenStream {
    let one = |mut token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), located(group.stream(), roots));
            inner.set_span(Span::mixed_site().located_at(group.span()));
            inner.into()
        }
        TokenTree::Ident(ref ident) if *ident == "self" || *ident == "Self" || roots.contains(ident) => token,
        // A text may name an argument: `format!("{id}")`.
        TokenTree::Literal(_) => token,
        _ => {
            token.set_span(Span::mixed_site().located_at(token.span()));
            token
        }
    };
    tokens.into_iter().map(one).collect()
}

fn find_self(place: &RawPlace, literal: &LitStr, roots: &Roots<'_>, diag: &Diag) -> Option<Place> {
    match &roots.this {
        Some(this) => with_members(this.clone(), place, literal, diag),
        None => {
            let what = format!("the placeholder `{}` needs a `self`, and there is none", place.spelled());
            diag.error(literal, what, remedy_for_names(&place.root, roots));
            None
        }
    }
}

fn report_unknown(place: &RawPlace, literal: &LitStr, roots: &Roots<'_>, diag: &Diag) {
    if roots.is_open && roots.may_be_local(&place.root) {
        return;
    }
    let what = format!("the placeholder `{}` names no {}", place.spelled(), roots.noun);
    diag.error(literal, what, remedy_for_names(&place.root, roots));
}

fn remedy_for_names(typed: &str, roots: &Roots<'_>) -> String {
    let spelled = |names: &[Ident]| -> Vec<String> { names.iter().map(|name| name.unraw().to_string()).collect() };
    let (names, locals) = (spelled(&roots.names), spelled(&roots.locals));
    let all = || names.iter().chain(&locals).map(String::as_str);
    let near = near(typed, all());
    let hint = match near {
        Some(near) => format!("did you mean `<{near}>`? "),
        None if roots.may_be_local(typed) => format!("a task-local is named in `context({typed})`; "),
        None => String::new(),
    };
    let there_is = what_there_is(&roots.owner, roots.noun, &names);
    let locals = if locals.is_empty() { String::new() } else { format!(", and `context` names {}", list(&locals)) };
    format!("{hint}{there_is}{locals}")
}

/// `TENANT` for `tenant` too.
fn near<'a>(typed: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    names.clone().find(|name| name.eq_ignore_ascii_case(typed)).or_else(|| nearest(typed, names))
}

/// "`find` has the arguments `id` and `name`".
pub(crate) fn what_there_is(owner: &str, noun: &str, names: &[String]) -> String {
    match names.len() {
        0 => format!("`{owner}` has no {noun}s"),
        1 => format!("`{owner}` has the {noun} {}", list(names)),
        _ => format!("`{owner}` has the {noun}s {}", list(names)),
    }
}

/// The roots that a template names, misspelled ones too: other rules go on with them if the template has errors. Nothing if it cannot
/// be told.
pub(crate) fn meant(literal: &LitStr, roots: &Roots<'_>) -> Option<Vec<Ident>> {
    let names: Vec<String> = roots.all().map(|name| name.unraw().to_string()).collect();
    let (pieces, _) = template::read(&literal.value());
    if pieces.iter().any(|piece| matches!(piece, RawPiece::Unnamed | RawPiece::Computed(_))) {
        return None;
    }
    let meant = |piece| match piece {
        RawPiece::Place(RawPlace { root, .. }) => {
            let near = near(&root, names.iter().map(String::as_str))?.to_owned();
            roots.all().find(|name| name.unraw() == near).cloned()
        }
        RawPiece::Text(_) | RawPiece::Computed(_) | RawPiece::Unnamed => None,
    };
    Some(pieces.into_iter().filter_map(meant).collect())
}

fn with_members(root: Ident, place: &RawPlace, literal: &LitStr, diag: &Diag) -> Option<Place> {
    // A span of the expansion, so that the compiler does not suggest to rewrite the whole literal.
    let span = Span::mixed_site().located_at(literal.span());
    let member = |step: &String| match member(step, span) {
        Some(member) => Some(member),
        None => {
            let what = format!("the placeholder `{}` has `{step}` in the place of a field's name", place.spelled());
            diag.error(literal, what, "no field can have that name");
            None
        }
    };
    let members = place.members.iter().map(member).collect::<Option<Vec<_>>>()?;
    Some(Place { root, members })
}

fn member(step: &str, span: Span) -> Option<Member> {
    if let Ok(index) = step.parse::<u32>() {
        return Some(Member::Unnamed(Index { index, span }));
    }
    let name = if syn::parse_str::<Ident>(step).is_ok() {
        Ident::new(step, span)
    } else if syn::parse_str::<Ident>(&format!("r#{step}")).is_ok() {
        Ident::new_raw(step, span)
    } else {
        return None;
    };
    Some(Member::Named(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots<'static> {
        let name = |name: &str| Ident::new(name, Span::call_site());
        let names = vec![name("id"), name("user"), Ident::new_raw("type", Span::call_site())];
        Roots {
            owner: "find".into(),
            noun: "argument",
            names,
            locals: vec![name("TENANT")],
            is_open: false,
            absent: Vec::new(),
            this: None,
            members: true,
        }
    }

    fn errors(text: &str) -> Vec<String> {
        let diag = Diag::new();
        let template = resolve(&LitStr::new(text, Span::call_site()), &roots(), &diag);
        diag.finish(template).err().into_iter().flatten().map(|error| error.to_string()).collect()
    }

    #[test]
    fn known_names_resolve() {
        for text in ["user:<id>", "<user.id>/<user.type>/<user.0.1>", "<type>", "settings"] {
            assert!(errors(text).is_empty(), "{text}: {:?}", errors(text));
        }
    }

    #[test]
    fn unknown_names_suggest_the_nearest() {
        let errors = errors("user:<idd>:<zebra>:<self.x>");
        assert_eq!(errors.len(), 3);
        assert_eq!(
            errors[0],
            "the placeholder `<idd>` names no argument\nhelp: did you mean `<id>`? `find` has the arguments `id`, `user` and `type`, and \
             `context` names `TENANT`"
        );
        assert!(errors[1].contains("`<zebra>`") && !errors[1].contains("did you mean"));
        assert!(errors[2].contains("`self`"));
    }

    #[test]
    fn task_locals_are_names_and_are_proposed() {
        assert!(errors("<TENANT>:<TENANT.id>:<TENANT.with(|tenant| tenant.id)>").is_empty());
        let errors = errors("<tenant>:<ORG>:<TENANT.name.len()>");
        assert_eq!(errors.len(), 3);
        assert!(errors[0].contains("did you mean `<TENANT>`?"), "{errors:?}");
        assert!(errors[1].contains("a task-local is named in `context(ORG)`"), "{errors:?}");
        assert!(errors[2].contains("`<TENANT.try_with(|value| …).ok()>`"), "{errors:?}");
    }

    #[test]
    fn fields_that_cannot_exist_are_refused_without_a_panic() {
        assert_eq!(errors("<user.self>").len(), 1);
        assert_eq!(errors("<user.crate>").len(), 1);
    }
}
