//! Events: who sends them, who receives them, whose entries they move.

use std::time::Duration;

use super::duration::human;
use super::labels::Label;
use super::registry::{Registry, is_same, moves, path};
use crate::callsite::{CallsiteInfo, Commit, OnError, Role, WriterInfo};
use crate::event::{EventInfo, EventKind};
use crate::util::serialize::serialize;

/// A function that publishes an event: a writer, or a handler of an event from another service.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Publisher {
    /// Its module.
    pub module: String,
    /// The name after `fn`.
    pub function: String,
    /// What it does when the invalidation does not reach the store.
    pub on_error: OnError,
    /// Whether its caller commits: its events wait in a [`PendingEvents`](crate::PendingEvents), and are published from there.
    pub defers: bool,
    /// Why the write is committed before it returns, though it is given a connection or a transaction.
    pub commits_itself: Option<String>,
    /// How often it runs, if it is a scheduled job.
    pub every: Option<Duration>,
}

serialize!(struct Publisher { module, function, on_error: on_error.label(), defers, commits_itself, every: every.map(human) });

impl Publisher {
    fn of(info: &WriterInfo) -> Self {
        Self {
            module: info.module.to_owned(),
            function: info.name.to_owned(),
            on_error: info.on_error,
            defers: info.commit == Commit::Deferred,
            commits_itself: match info.commit {
                Commit::Itself(reason) => Some(reason.to_owned()),
                Commit::Shown | Commit::Deferred => None,
            },
            every: info.every,
        }
    }

    /// `module::function`.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.module, &self.function)
    }
}

fn publishers(registry: &Registry, event: &EventInfo, role: Role) -> Vec<Publisher> {
    let mut found: Vec<_> = registry.publishers(event, role).map(Publisher::of).collect();
    found.dedup();
    found
}

/// An event of the binary.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct EventStrategy {
    /// The name on the wire.
    pub name: String,
    /// The Rust type, with its module.
    pub rust_type: String,
    /// The templates of its aggregates.
    pub keys: Vec<String>,
    /// The kind of change that it announces.
    pub kind: EventKind,
    /// The functions that emit it.
    pub writers: Vec<Publisher>,
    /// The functions that apply it when it comes from elsewhere.
    pub handlers: Vec<Publisher>,
    /// The cached functions whose entries it invalidates, as `module::function`.
    pub moves: Vec<String>,
}

serialize!(struct EventStrategy { name, rust_type, keys, kind: kind.label(), writers, handlers, moves });

impl EventStrategy {
    pub(super) fn of(event: &EventInfo, registry: &Registry) -> Self {
        Self {
            name: event.name.to_owned(),
            rust_type: event.rust_type.to_owned(),
            keys: event.keys.iter().map(|key| (*key).to_owned()).collect(),
            kind: event.kind,
            writers: publishers(registry, event, Role::Writes),
            handlers: publishers(registry, event, Role::Handles),
            moves: registry.listeners(event).map(|site| path(site.module, site.name)).collect(),
        }
    }
}

/// An event that invalidates entries of one cached function.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Invalidation {
    /// The event's name on the wire.
    pub event: String,
    /// The kind of change that it announces.
    pub kind: EventKind,
    /// How `invalidated_by` binds its key fields, as written. Empty for an event that the function does not
    /// name, and that has an aggregate of the same template.
    pub bindings: Vec<String>,
    /// The functions that emit it.
    pub writers: Vec<Publisher>,
    /// The functions that apply it when it comes from elsewhere.
    pub handlers: Vec<Publisher>,
}

serialize!(struct Invalidation { event, kind: kind.label(), bindings, writers, handlers });

impl Invalidation {
    /// The events of a function: those it names in its own order, then the others.
    pub(super) fn all_of(site: &CallsiteInfo, registry: &Registry) -> Vec<Self> {
        let mut order: Vec<&EventInfo> = Vec::new();
        let used = site.events.iter().map(|used| used.event);
        for event in used.chain(registry.events.iter().copied().filter(|event| moves(event, site))) {
            if !order.iter().any(|known| is_same(known, event)) {
                order.push(event);
            }
        }
        order.into_iter().map(|event| Self::of(event, site, registry)).collect()
    }

    fn of(event: &EventInfo, site: &CallsiteInfo, registry: &Registry) -> Self {
        let bindings = site.events.iter().filter(|used| is_same(used.event, event));
        Self {
            event: event.name.to_owned(),
            kind: event.kind,
            bindings: bindings.map(|used| used.binding.to_owned()).collect(),
            writers: publishers(registry, event, Role::Writes),
            handlers: publishers(registry, event, Role::Handles),
        }
    }

    /// Writers, then handlers.
    pub fn publishers(&self) -> impl Iterator<Item = &Publisher> {
        self.writers.iter().chain(&self.handlers)
    }
}
