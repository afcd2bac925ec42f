//! One named route, and how old its responses may be.

use std::collections::BTreeSet;
use std::time::Duration;

use super::duration::human;
use super::layer::{Layer, LayerBound, sum};
use super::named_route::Facts;
use super::registry::{Registry, path};
use crate::callsite::CallsiteInfo;
use crate::util::serialize::serialize;

/// How old the responses of a route may be that has a name.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct RouteStrategy {
    /// Its name.
    pub name: String,
    /// The cached functions that its responses are made of, as `module::function`: those that it declares, else those that they were made of so far.
    pub made_of: Vec<String>,
    /// Whether it declares them.
    pub is_declared: bool,
    /// Whether its URLs have a version, so that browsers keep its responses for good.
    pub has_versioned_urls: bool,
    /// Whether a handler of it has set `Cache-Control` in this process: then that counts, and not what is said here.
    pub has_own_headers: bool,
    /// How old they may be on each layer. Empty where nothing is known that they are made of.
    pub layers: Vec<LayerBound>,
}

serialize!(struct RouteStrategy { name, made_of, is_declared, has_versioned_urls, has_own_headers, layers });

impl RouteStrategy {
    pub(super) fn of(facts: &Facts, registry: &Registry) -> Self {
        let names = facts.declared.as_ref().unwrap_or(&facts.served);
        let sites: Vec<_> = names.iter().flat_map(|name| registry.named(name)).collect();
        let made_of: BTreeSet<_> = sites.iter().map(|site| path(site.module, site.name)).collect();
        Self {
            name: facts.name.clone(),
            made_of: made_of.into_iter().collect(),
            is_declared: facts.declared.is_some(),
            has_versioned_urls: facts.has_versioned_urls,
            has_own_headers: facts.has_own_headers,
            layers: layers(&sites, registry),
        }
    }

    /// The bound of a layer.
    #[must_use]
    pub fn layer(&self, layer: Layer) -> Option<&LayerBound> {
        self.layers.iter().find(|bound| bound.layer == layer)
    }

    /// What is to be known beside its bounds.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.is_declared && self.made_of.is_empty() {
            notes.push("No response of it was made of a cached value yet: name its functions (`made_of`), or run this after requests.".to_owned());
        } else if !self.is_declared {
            notes.push("Its functions are those of the responses so far: name them (`made_of`) to have all of them here at any time.".to_owned());
        }
        if self.has_own_headers {
            notes.push("A handler of it sets `Cache-Control`, so a browser keeps it as long as that says: the bounds for browsers do not cover it.".to_owned());
        }
        if self.has_versioned_urls {
            notes.push("A browser keeps it for good under the URL of its version. A new version is a new URL, so no event has to reach it.".to_owned());
        } else {
            notes.extend(self.layer(Layer::Browser).map(|browser| browser.why.clone()));
        }
        notes
    }
}

/// A response is as old as the oldest value in it.
fn layers(sites: &[&CallsiteInfo], registry: &Registry) -> Vec<LayerBound> {
    let bounds = sites.iter().flat_map(|site| LayerBound::all_of(site, registry.has_events(site)));
    let process = bounds.filter(|bound| bound.layer == Layer::Process).reduce(|a, b| LayerBound {
        after_event: a.after_event.max(b.after_event),
        max_staleness: a.max_staleness.max(b.max_staleness),
        ..a
    });
    let Some(process) = process else { return Vec::new() };
    let process = LayerBound {
        why: "Each process makes it of values that are as old as the oldest of them.".to_owned(),
        ..process
    };
    let ttls: Option<Vec<_>> = sites.iter().map(|site| site.policy.browser).collect();
    let ttl = ttls.and_then(|ttls| ttls.into_iter().min());
    let browser = LayerBound::in_browser(&process, ttl, in_browser(&process, ttl, sites));
    vec![process, browser]
}

fn in_browser(process: &LayerBound, ttl: Option<Duration>, sites: &[&CallsiteInfo]) -> String {
    if let Some(ttl) = ttl {
        return format!("A browser keeps it for {} without asking{}.", human(ttl), sum(process, ttl));
    }
    let asking: BTreeSet<_> =
        sites.iter().filter(|site| site.policy.browser.is_none()).map(|site| format!("`{}`", site.name)).collect();
    let asking: Vec<_> = asking.into_iter().collect();
    let has = if asking.len() == 1 { "has" } else { "have" };
    format!("A browser asks before each use, as {} {has} no `browser_ttl`.", asking.join(", "))
}
