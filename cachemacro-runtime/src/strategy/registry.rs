//! The annotations of one binary, in an order that depends on them alone.

use crate::callsite::{Callsite, CallsiteInfo, Role, Writer, WriterInfo, instances_named, is_named};
use crate::event::{EventInfo, template_shape};

pub(super) struct Registry {
    pub(super) sites: Vec<&'static CallsiteInfo>,
    pub(super) writers: Vec<&'static WriterInfo>,
    /// Registered, named by a cached function, or published; each type once.
    pub(super) events: Vec<&'static EventInfo>,
}

impl Registry {
    /// Lines come last: moving a function in its file must not move it in the report.
    pub(super) fn of(
        sites: &[&'static Callsite],
        writers: &[&'static Writer],
        registered: &[&'static EventInfo],
    ) -> Self {
        let mut sites: Vec<_> = sites.iter().map(|site| site.reported()).collect();
        sites.sort_by_key(|site| (site.module, site.name, site.template, site.file, site.line));
        let mut writers: Vec<_> = writers.iter().map(|writer| writer.info()).collect();
        writers.sort_by_key(|writer| (writer.module, writer.name, writer.file, writer.line));
        let used = sites.iter().flat_map(|site| site.events).map(|used| used.event);
        let published = writers.iter().flat_map(|writer| writer.events.iter().copied());
        let mut events: Vec<_> = registered.iter().copied().chain(used).chain(published).collect();
        events.sort_by_key(|event| (event.name, event.rust_type));
        events.dedup_by(|a, b| is_same(a, b));
        Self { sites, writers, events }
    }

    pub(super) fn publishers<'a>(
        &'a self,
        event: &'a EventInfo,
        role: Role,
    ) -> impl Iterator<Item = &'static WriterInfo> {
        let publishes = |writer: &&WriterInfo| writer.events.iter().any(|published| is_same(published, event));
        self.writers.iter().copied().filter(move |writer| writer.role == role && publishes(writer))
    }

    /// The cached functions whose entries an event invalidates, also if they do not name it.
    pub(super) fn listeners<'a>(&'a self, event: &'a EventInfo) -> impl Iterator<Item = &'static CallsiteInfo> {
        self.sites.iter().copied().filter(move |site| moves(event, site))
    }
}

impl Registry {
    /// The cached functions of a name, as `cachemacro::Cache::entries` takes it.
    pub(super) fn named(&self, name: &str) -> Vec<&'static CallsiteInfo> {
        let named: Vec<_> = self.sites.iter().copied().filter(|site| is_named(site, name)).collect();
        if !named.is_empty() {
            return named;
        }
        // With the types of a call.
        let instances = instances_named(name).unwrap_or_default();
        instances.into_iter().map(|instance| instance.site.reported()).collect()
    }

    /// Whether an event can end entries of the function.
    pub(super) fn has_events(&self, site: &CallsiteInfo) -> bool {
        !site.events.is_empty() || self.events.iter().any(|event| moves(event, site))
    }
}

/// Compares by value, as constants have no address.
pub(super) fn is_same(a: &EventInfo, b: &EventInfo) -> bool {
    (a.name, a.rust_type) == (b.name, b.rust_type)
}

/// The templates of the aggregates that a function's entries depend on: those of its events, or its own key.
pub(super) fn depends_on(site: &CallsiteInfo) -> Vec<&'static str> {
    let mut templates: Vec<_> = site.events.iter().flat_map(|used| used.aggregates).copied().collect();
    if templates.is_empty() {
        templates.push(site.template);
    }
    templates.sort_unstable();
    templates.dedup();
    templates
}

/// Whether an event can name an aggregate that the function's entries depend on.
pub(super) fn moves(event: &EventInfo, site: &CallsiteInfo) -> bool {
    names(site, event) || {
        let shapes: Vec<_> = depends_on(site).into_iter().map(template_shape).collect();
        event.keys.iter().any(|key| shapes.contains(&template_shape(key)))
    }
}

/// Whether `invalidated_by` names the event.
pub(super) fn names(site: &CallsiteInfo, event: &EventInfo) -> bool {
    site.events.iter().any(|used| is_same(used.event, event))
}

/// `module::function`.
pub(super) fn path(module: &str, function: &str) -> String {
    format!("{module}::{function}")
}

/// Names for a message.
pub(super) fn listed(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
