//! One named route, and how old its responses may be.

use std::collections::BTreeSet;
use std::time::Duration;

use super::duration::human;
use super::layer::{Layer, LayerBound, sum};
use super::named_route::{EdgeTimes, Facts};
use super::registry::{Registry, path};
use crate::callsite::CallsiteInfo;
use crate::near::DETECTION;
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
    /// Why no CDN keeps them, although the route is public.
    pub not_at_edge: Option<String>,
    /// How old they may be on each layer. Empty where nothing is known that they are made of.
    pub layers: Vec<LayerBound>,
}

serialize!(struct RouteStrategy { name, made_of, is_declared, has_versioned_urls, has_own_headers, not_at_edge, layers });

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
            not_at_edge: (!facts.edges.is_empty()).then(|| not_at_edge(&sites)).flatten(),
            layers: layers(&sites, &facts.edges, registry),
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
            notes.push("A handler of it sets `Cache-Control`, so copies last as long as that says: the bounds for browsers and CDNs do not cover it.".to_owned());
        }
        notes.extend(self.layer(Layer::Edge).map(|edge| edge.why.clone()));
        notes.extend(self.not_at_edge.clone());
        if self.has_versioned_urls {
            notes.push("A browser keeps it for good under the URL of its version. A new version is a new URL, so no event has to reach it.".to_owned());
        } else {
            notes.extend(self.layer(Layer::Browser).map(|browser| browser.why.clone()));
        }
        notes
    }
}

/// Which functions are in the way of a CDN.
fn not_at_edge(sites: &[&CallsiteInfo]) -> Option<String> {
    let private: BTreeSet<_> =
        sites.iter().filter(|site| !site.policy.public).map(|site| format!("`{}`", site.name)).collect();
    let private: Vec<_> = private.into_iter().collect();
    let are = if private.len() == 1 { "is" } else { "are" };
    (!private.is_empty())
        .then(|| format!("No CDN keeps it, although the route is public, as {} {are} not.", private.join(", ")))
}

/// A response is as old as the oldest value in it.
fn layers(sites: &[&CallsiteInfo], edges: &BTreeSet<EdgeTimes>, registry: &Registry) -> Vec<LayerBound> {
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
    let not_public: Vec<_> = sites.iter().filter(|site| !site.policy.public).collect();
    let edge = (not_public.is_empty() && !edges.is_empty()).then(|| at_edge(&process, edges));
    let browser = match &edge {
        None => LayerBound::in_browser(&process, ttl, in_browser(&process, ttl, sites)),
        Some(edge) => behind_edge(edge, ttl),
    };
    [Some(process), edge, Some(browser)].into_iter().flatten().collect()
}

/// What CDNs keep. The shared store is asked before a response leaves, so that only the responses that are under way race a purge. Entries of one process alone are known to
/// that process alone.
fn at_edge(process: &LayerBound, edges: &BTreeSet<EdgeTimes>) -> LayerBound {
    let slowest = edges.iter().map(|edge| edge.purged_within).max().unwrap_or_default();
    let under_way = edges.iter().map(|edge| edge.fetch_timeout).max().unwrap_or_default();
    let of_process = process.after_event.filter(|after| *after > DETECTION).unwrap_or_default();
    let max_staleness = process.max_staleness + under_way;
    // What is marked as stale is served until a reader asks for it, and then once more.
    let is_soft = edges.iter().any(|edge| edge.is_soft);
    let slowest = if is_soft { max_staleness } else { slowest };
    let after_event = process.after_event.map(|_| (slowest + of_process).min(max_staleness));
    let names: BTreeSet<_> = edges.iter().map(|edge| format!("`{}`", edge.cdn)).collect();
    let names: Vec<_> = names.into_iter().collect();
    let names = names.join(", ");
    let answered = human(edges.iter().map(|edge| edge.answered_within).min().unwrap_or_default());
    let (most, under_way) = (human(max_staleness), human(under_way));
    let why = if process.after_event.is_none() {
        format!("A CDN ({names}) keeps it until it ends: up to {most}, the hard TTL and the {under_way} of a fetch.")
    } else {
        let or_dies =
            if edges.iter().all(|edge| edge.is_logged) { "" } else { ", and if the process that purges dies" };
        let soft = if is_soft {
            " The purges are soft: the first reader after one, however late, sees the old response, and so do others while a new one is fetched."
        } else {
            ""
        };
        format!(
            "A CDN ({names}) keeps it until an event purges it, and once more after the time of a fetch, as an answer that was under way is stored after the first purge. The time holds while it answers each purge within {answered}, and for several processes if they share a store.{soft} While the CDN cannot be purged{or_dies}, \
             the old response may be served for up to {most}: the hard TTL and the {under_way} of a fetch."
        )
    };
    LayerBound { layer: Layer::Edge, after_event, max_staleness, without_asking: None, why }
}

/// A browser that is given a copy of a CDN keeps it for its own time, from then on.
fn behind_edge(edge: &LayerBound, ttl: Option<Duration>) -> LayerBound {
    let ttl = ttl.unwrap_or_default();
    let why = if ttl.is_zero() {
        "A browser asks the CDN before each use.".to_owned()
    } else {
        let sums = edge.after_event.map(|after| {
            format!(": after an event that is {} = {} at the CDN + {}", human(after + ttl), human(after), human(ttl))
        });
        format!("A browser keeps what the CDN gives it for {} without asking{}.", human(ttl), sums.unwrap_or_default())
    };
    LayerBound {
        layer: Layer::Browser,
        after_event: edge.after_event.map(|after| after + ttl),
        max_staleness: edge.max_staleness + ttl,
        without_asking: Some(ttl),
        why,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::strategy::Strategy;
    use crate::strategy::fixture::{FIND, RENAME, route, site, writer};

    fn of(policy: Policy, is_soft: bool) -> RouteStrategy {
        let cdn = EdgeTimes {
            cdn: "fastly".to_owned(),
            purged_within: Duration::from_secs(15),
            answered_within: Duration::from_millis(100),
            fetch_timeout: Duration::from_secs(10),
            is_soft,
            is_logged: false,
        };
        let facts = Facts { edges: [cdn].into(), ..route("page", &["find"]) };
        let find = site(CallsiteInfo { policy, ..FIND });
        let strategy = Strategy::with_routes(&[find], &[writer(RENAME)], &[], &[facts]);
        strategy.route("page").expect("it has a name").clone()
    }

    #[test]
    fn bounds_behind_a_cdn_add_up() {
        let policy = Policy { public: true, browser: Some(Duration::from_secs(30)), ..FIND.policy };
        let seconds = |route: &RouteStrategy, layer| {
            let bound = route.layer(layer).expect("a bound");
            (bound.after_event.map(|after| after.as_secs()), bound.max_staleness.as_secs())
        };
        let page = of(policy, false);
        assert_eq!(seconds(&page, Layer::Process), (Some(1), 600));
        assert_eq!(seconds(&page, Layer::Edge), (Some(15), 610));
        assert_eq!(seconds(&page, Layer::Browser), (Some(45), 640));
        let notes = page.notes().join("\n");
        assert!(notes.contains("that is 45s = 15s at the CDN + 30s"), "{notes}");
        let soft = of(policy, true);
        assert_eq!(seconds(&soft, Layer::Edge), (Some(610), 610), "what is not asked for stays");
        assert!(soft.notes().join("\n").contains("purges are soft"));
        assert!(
            notes.contains("and if the process that purges dies, the old response may be served for up to 10m10s"),
            "{notes}"
        );
        let local = of(Policy { local: true, ..policy }, false);
        assert_eq!(seconds(&local, Layer::Edge).0, Some(610), "an event does not reach the entries of other processes");
    }

    #[test]
    fn what_is_not_public_is_at_no_cdn() {
        let page = of(FIND.policy, false);
        assert_eq!(page.layer(Layer::Edge), None);
        assert_eq!(
            page.not_at_edge.as_deref(),
            Some("No CDN keeps it, although the route is public, as `find` is not.")
        );
    }
}
