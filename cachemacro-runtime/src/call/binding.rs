//! Detects a load that calls another cached function without binding the events of that function.

use super::load::{Dependencies, SeenAggregate};
use super::state::Call;
use crate::callsite::{Callsite, EventUse, Writer, registry};
use crate::event::{Aggregate, template_shape};
use crate::observe::{CacheMode, FindingKind};

impl Call {
    /// In debug builds: a load that uses the value of another cached function must end with that function's events too.
    /// If this function does not bind them, this is a finding. A function with `ttl_only` has given its reason to bind
    /// none.
    pub(super) fn look_for_missing_bindings(&self, dependencies: &Dependencies) {
        let is_looked_for = cfg!(debug_assertions) && self.mode != CacheMode::Bypass;
        if !is_looked_for || self.site().info().ttl_only.is_some() {
            return;
        }
        let is_missing = |(aggregate, seen): &(&Aggregate, &SeenAggregate)| {
            !seen.site.info().events.is_empty() && !self.aggregates.contains(aggregate)
        };
        let missing = dependencies.aggregates.iter().flatten().filter(is_missing);
        let missing = missing.map(|(aggregate, seen)| (aggregate.to_string(), seen.site));
        let missing = missing.filter(|(aggregate, _)| !is_covered(self.site(), aggregate));
        // The smallest name, so that the message is the same in each run.
        if let Some((aggregate, inner)) = missing.min_by(|(one, _), (other, _)| one.cmp(other)) {
            let message = || message(self.site(), inner, &aggregate);
            self.cache.inner.findings.report(self.site(), FindingKind::MissingBinding, message);
        }
    }
}

/// Whether each `#[invalidates]` function that moves the aggregate also moves an aggregate of this function. Then this
/// function need not depend on the first. Only templates are compared. So if the function itself has the template of an
/// aggregate, that aggregate is never covered.
fn is_covered(outer: &Callsite, aggregate: &str) -> bool {
    let own = shapes(outer);
    let moves = |writer: &Writer, is_it: &dyn Fn(&str) -> bool| {
        let mut keys = writer.info().events.iter().flat_map(|event| event.keys);
        keys.any(|key| is_it(&template_shape(key)))
    };
    let mut writers = registry::writers().filter(|writer| moves(writer, &|shape| can_be(shape, aggregate))).peekable();
    let is_its_own = own.iter().any(|shape| can_be(shape, aggregate));
    !is_its_own
        && writers.peek().is_some()
        && writers.all(|writer| moves(writer, &|shape| own.iter().any(|one| one == shape)))
}

/// The templates of the events of a function, as shapes.
fn shapes(site: &Callsite) -> Vec<String> {
    site.info().events.iter().flat_map(|used| used.aggregates).map(|template| template_shape(template)).collect()
}

/// Whether a template of this shape can be rendered as this text.
fn can_be(shape: &str, text: &str) -> bool {
    let mut parts = shape.split('<');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

fn message(outer: &Callsite, inner: &Callsite, aggregate: &str) -> String {
    let (this, other) = (outer.info().name, inner.info().name);
    let bindings: Vec<_> = inner.info().events.iter().filter(|used| !is_known(outer, used)).map(binding).collect();
    let remedy = if bindings.is_empty() {
        format!("bind its events for `{aggregate}` too")
    } else {
        format!("add {} to its `invalidated_by(…)`", bindings.join(" and "))
    };
    format!(
        "`{this}` loads through `{other}`, which ends with the events of `{aggregate}`, and what `{this}` makes of it does not: \
         {remedy}. Where no argument of `{this}` names that row, {}declare `ttl_only = \"why\"` in the place of \
         `invalidated_by(…)`, if what `{this}` returns may be as old as its `hard_ttl`; or do not cache `{this}`",
        writers_remedy(outer, aggregate)
    )
}

/// Empty where the two aggregates cannot be told apart by their templates.
fn writers_remedy(outer: &Callsite, aggregate: &str) -> String {
    if shapes(outer).iter().any(|shape| can_be(shape, aggregate)) {
        return String::new();
    }
    let own =
        outer.info().events.iter().flat_map(|used| used.aggregates.iter().map(move |key| (event_name(used), key)));
    let own: Vec<_> = own.map(|(event, key)| format!("`{event}` (`{key}`)")).collect();
    format!(
        "write `#[invalidates(…)]` on each function that publishes for `{aggregate}`, and let it publish {} too, for each entry \
         that shows the row; or ",
        own.join(" or ")
    )
}

fn is_known(outer: &Callsite, used: &EventUse) -> bool {
    let own = shapes(outer);
    used.aggregates.iter().all(|template| own.contains(&template_shape(template)))
}

fn event_name(used: &EventUse) -> &'static str {
    used.event.rust_type.rsplit("::").next().unwrap_or_default()
}

/// The binding as a user writes it, without the arguments: `UserUpdated { id = … }`.
fn binding(used: &EventUse) -> String {
    let name = event_name(used);
    let field = |binding: &str| binding.split(['=', ':']).next().unwrap_or_default().trim().to_owned();
    let fields: Vec<_> = used.binding.split(',').map(field).filter(|field| !field.is_empty()).collect();
    if fields.is_empty() {
        return format!("`{name}`");
    }
    format!("`{name} {{ {} }}`", fields.iter().map(|field| format!("{field}: …")).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_can_be_what_its_template_renders() {
        for (shape, text, can) in [
            ("user:<", "user:7", true),
            ("user:<", "users:7", false),
            ("user:<:posts", "user:7:posts", true),
            ("user:<:posts", "user:7:likes", false),
            ("user:<:posts:<", "user:7:posts:8", true),
            ("users", "users", true),
            ("users", "users:7", false),
        ] {
            assert_eq!(can_be(shape, text), can, "{shape} {text}");
        }
    }
}
