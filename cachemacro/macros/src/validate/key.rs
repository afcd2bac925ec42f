//! The key of a cached function: a template over its arguments.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use crate::model::cached::Let;
use crate::model::function::{Arg, Function};
use crate::model::template::Template;
use crate::parse::cached::RawCached;
use crate::parse::lets::RawLet;
use crate::syntax::diag::Diag;
use crate::syntax::mentions::mentions;
use crate::validate::template::{self, Roots, what_there_is};

/// The key, as far as it could be read.
pub(crate) struct Key {
    pub(crate) template: Option<Template>,
    /// The arguments that it covers; nothing if there is no template.
    pub(crate) covers: Option<Vec<Ident>>,
    /// The `let`s of the attribute.
    pub(crate) lets: Vec<Let>,
    /// The template as written.
    pub(crate) text: String,
}

impl Key {
    pub(crate) fn covers(&self, name: &Ident) -> bool {
        self.covers.as_ref().is_none_or(|covered| covered.contains(name))
    }

    /// Whether it has a placeholder of the argument, or of a field of it. False for one that is only in a computed part.
    pub(crate) fn has_place(&self, name: &Ident) -> bool {
        let Some(template) = &self.template else { return self.covers(name) };
        !self.is_let(name) && template.places().any(|place| place.root == *name)
    }

    /// Whether the name is that of a `let`.
    pub(crate) fn is_let(&self, name: &Ident) -> bool {
        self.lets.iter().any(|own| own.name == *name)
    }

    /// Whether the whole argument is in the key, `<order>`, and not only a field of it, `<db.tenant>`. True if there is no template.
    pub(crate) fn is(&self, arg: &Arg) -> bool {
        let is_whole = |name: &Ident| match &self.template {
            Some(template) => {
                let mut places = template.places();
                !self.is_let(name) && places.any(|place| place.root == *name && place.members.is_empty())
            }
            None => self.covers(name),
        };
        !arg.names.is_empty() && arg.names.iter().any(is_whole)
    }
}

/// `locals` are the task-locals of `context(…)`.
pub(crate) fn check(raw: &mut RawCached, function: &Function, locals: &[Ident], diag: &Diag) -> Key {
    let lets = lets(raw, diag);
    let Some(given) = &raw.key else {
        if !raw.mentions("key") {
            report_no_key(function, locals, diag);
        }
        return Key { template: None, covers: None, lets, text: String::new() };
    };
    let this = function.receiver.as_ref().map(|receiver| Ident::new("self", receiver.span));
    let names = lets.iter().map(|own| &own.name).chain(function.names()).cloned().collect();
    let absent = function.absent.clone();
    let is_open = raw.mentions("context") && raw.context.is_none();
    let locals = locals.to_vec();
    let roots = Roots { owner: function.name(), noun: "argument", names, locals, is_open, absent, this, members: true };
    let mut template = template::resolve(&given.value, &roots, diag);
    if let Some(template) = &mut template {
        check_lets_are_used(&lets, template, diag);
        let known: Vec<Ident> = roots.names[lets.len()..].iter().chain(&roots.locals).cloned().collect();
        template.covers = covered(&template.covers, &lets, &known, roots.this.as_ref());
    }
    let covers = match &template {
        Some(template) => Some(template.covers.clone()),
        None => template::meant(&given.value, &roots),
    };
    Key { template, covers, lets, text: given.value.value() }
}

fn lets(raw: &mut RawCached, diag: &Diag) -> Vec<Let> {
    let mut lets: Vec<Let> = Vec::new();
    for RawLet { name, ty, expr } in std::mem::take(&mut raw.lets) {
        if lets.iter().any(|earlier| earlier.name == name) {
            diag.error(&name, format!("`let {name}` stands twice"), "give one of the two another name");
        } else {
            lets.push(Let { name, ty, expr });
        }
    }
    lets
}

/// One that is in no placeholder, nor in a later `let`, would be computed for nothing.
fn check_lets_are_used(lets: &[Let], template: &Template, diag: &Diag) {
    for (at, own) in lets.iter().enumerate() {
        let name = &own.name;
        let is_used =
            template.roots().any(|root| root == name) || lets[at + 1..].iter().any(|later| mentions(&later.expr, name));
        if !is_used {
            let what = format!("`let {name}` is in no placeholder of the key");
            diag.error(name, what, format!("add `<{name}>` to the key, or remove the `let`"));
        }
    }
}

/// The arguments that these names stand for: a `let` stands for those in its expression.
fn covered(names: &[Ident], lets: &[Let], arguments: &[Ident], this: Option<&Ident>) -> Vec<Ident> {
    let mut all = Vec::new();
    for name in names {
        match lets.iter().rposition(|own| own.name == *name) {
            None => all.push(name.clone()),
            Some(at) => {
                let (earlier, own) = (&lets[..at], &lets[at]);
                let known = earlier.iter().map(|own| &own.name).chain(arguments).chain(this);
                let named: Vec<Ident> = known.filter(|name| mentions(&own.expr, name)).cloned().collect();
                all.extend(covered(&named, earlier, arguments, this));
            }
        }
    }
    all
}

fn report_no_key(function: &Function, locals: &[Ident], diag: &Diag) {
    let names: Vec<String> = function.names().map(|name| name.unraw().to_string()).collect();
    let locals = locals.iter().map(ToString::to_string);
    let places: String = locals.chain(names.iter().cloned()).map(|name| format!(":<{name}>")).collect();
    let ident = &function.item.sig.ident;
    let there_is = what_there_is(&function.name(), "argument", &names);
    let remedy = format!(
        "add `key = \"{}{places}\"`, without the arguments on which the result does not depend; {there_is}",
        ident.unraw()
    );
    diag.error(ident, "`key` is missing: it says which calls share an entry", remedy);
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::analyze::function;
    use crate::parse;

    fn key(attribute: &str) -> (Key, Function, Option<syn::Error>) {
        let diag = Diag::new();
        let mut raw = parse::cached::read(attribute.parse().expect("tokens"), &diag);
        let function = function::read(parse_quote!(
            async fn find(&self, id: u64, order: Order, (a, b): (u8, u8)) -> u64 {}
        ));
        let key = check(&mut raw, &function, &[], &diag);
        (key, function, diag.errors())
    }

    fn named(function: &Function, name: &str) -> Ident {
        function.names().find(|known| *known == name).expect("an argument").clone()
    }

    #[test]
    fn a_field_of_an_argument_covers_it_and_is_not_the_whole() {
        let (key, function, errors) = key("key = \"order:<id>:<order.id>:<self.tenant>\"");
        assert!(errors.is_none(), "{errors:?}");
        assert!(key.covers(&named(&function, "id")) && key.covers(&named(&function, "order")));
        assert!(!key.covers(&named(&function, "a")));
        assert!(key.is(&function.args[0]) && !key.is(&function.args[1]));
    }

    #[test]
    fn a_misspelled_name_covers_the_argument_that_it_stands_for() {
        let (key, function, errors) = key("key = \"order:<idd>\"");
        assert_eq!(errors.into_iter().flatten().count(), 1);
        assert!(key.template.is_none() && key.covers(&named(&function, "id")));
    }

    #[test]
    fn without_a_key_the_error_proposes_one_and_no_other_rule_fails() {
        let (key, function, errors) = key("local");
        let errors: Vec<_> = errors.into_iter().flatten().map(|error| error.to_string()).collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].contains("`key = \"find:<id>:<order>:<a>:<b>\"`"), "{errors:?}");
        assert!(function.names().all(|name| key.covers(name)));
    }
}
