//! A load that was served by another cached function, whose events do not end what was made of it.

use super::call::Call;
use crate::finding::FindingKind;
use crate::load::Dependencies;
use crate::scope::CacheMode;
use crate::site::{EventUse, Site, template_shape};

impl Call {
    /// In debug builds: what a load is served by another cached function ends with that one's events, so those must end this
    /// entry too. A function that says `ttl_only` has said why no event does.
    pub(super) fn look_for_missing_bindings(&self, dependencies: &Dependencies) {
        let is_looked_for = cfg!(debug_assertions) && self.mode != CacheMode::Bypass;
        if !is_looked_for || self.site.info().ttl_only.is_some() {
            return;
        }
        let missing = dependencies
            .aggregates
            .iter()
            .flatten()
            .find(|(aggregate, seen)| !seen.site.info().events.is_empty() && !self.aggregates.contains(aggregate));
        if let Some((aggregate, seen)) = missing {
            let message = || message(self.site, seen.site, &aggregate.to_string());
            self.cache.inner.findings.report(self.site, FindingKind::MissingBinding, message);
        }
    }
}

fn message(outer: &Site, inner: &Site, aggregate: &str) -> String {
    let (this, other) = (outer.info().name, inner.info().name);
    let bindings: Vec<_> = inner.info().events.iter().filter(|used| !is_known(outer, used)).map(binding).collect();
    let remedy = if bindings.is_empty() {
        format!("bind its events for `{aggregate}` too")
    } else {
        format!("add {} to its `invalidated_by(…)`", bindings.join(" and "))
    };
    format!(
        "`{this}` loads through `{other}`, which ends with the events of `{aggregate}`, and what `{this}` makes of it does not: \
         {remedy}; or call `{other}` past the cache there, `CacheMode::Bypass.scope({other}(…))`"
    )
}

fn is_known(outer: &Site, used: &EventUse) -> bool {
    let own: Vec<_> =
        outer.info().events.iter().flat_map(|own| own.aggregates).map(|own| template_shape(own)).collect();
    used.aggregates.iter().all(|template| own.contains(&template_shape(template)))
}

/// As it is to be written, but for the arguments: `UserUpdated { id = … }`.
fn binding(used: &EventUse) -> String {
    let name = used.event.rust_type.rsplit("::").next().unwrap_or_default();
    let field = |binding: &str| binding.split(['=', ':']).next().unwrap_or_default().trim().to_owned();
    let fields: Vec<_> = used.binding.split(',').map(field).filter(|field| !field.is_empty()).collect();
    if fields.is_empty() {
        return format!("`{name}`");
    }
    format!("`{name} {{ {} }}`", fields.iter().map(|field| format!("{field}: …")).collect::<Vec<_>>().join(", "))
}
