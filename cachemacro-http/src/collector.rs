//! What a response was made of: an observer of the cached calls that its handler makes.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachemacro_runtime::strategy::NamedRoute;
use cachemacro_runtime::{AnsweredCall, Observer, ServedEntry};
use http::header::ETAG;
use http::{HeaderMap, HeaderValue};

use crate::browser::{Browser, browser_ttl};
use crate::dependencies::{Dependencies, OfCall};
use crate::ends::Ends;
use crate::entry_state::EntryState;
use crate::etag::Precondition;
use crate::told::{Told, ToldCall};
use crate::version::Version;

/// Of a response that is made of more entries, nothing is remembered.
const MOST_SERVED: usize = 256;

/// Collects what the answers to cached calls were made of. Clones share it.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Inner>);

struct Inner {
    /// The build, where the handler may ask for a tag of versions.
    build: Option<Arc<str>>,
    wants: Wants,
    /// Where it has a name.
    route: Option<NamedRoute>,
    precondition: Precondition,
    /// Whether the response has left, or is given up.
    is_over: AtomicBool,
    collected: Mutex<Collected>,
}

/// Ends what a [`Collector`] collects when it is dropped: a task that the handler has spawned may run as long as the process.
pub(crate) struct Collecting(Collector);

impl Deref for Collecting {
    type Target = Collector;

    fn deref(&self) -> &Collector {
        &self.0
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.0.is_over.store(true, Relaxed);
        *self.0.lock() = Collected::default();
    }
}

/// What was collected so far.
#[derive(Clone, Default)]
pub(crate) struct Collected {
    /// The number of answers.
    pub(crate) calls: u64,
    /// The earliest hard deadline, of all of them.
    pub(crate) ends: Ends,
    /// How long a browser may keep what all of them were made of.
    pub(crate) browser: Browser,
    /// The tag of versions, when the handler asked for it.
    pub(crate) tag: Option<TagOfVersions>,
    /// The version of all that was served.
    pub(crate) version: Version,
    /// The entries with their loads: what tags of versions are made of. `None` where one was not stored.
    pub(crate) entries: Option<Vec<EntryState>>,
    /// The entries, to look for them again. `None` where one cannot be.
    pub(crate) served: Option<Vec<ServedEntry>>,
    /// What a CDN has to know of it.
    pub(crate) dependencies: Dependencies,
    /// The calls, in words, for a response that explains itself.
    pub(crate) told: Option<Told>,
}

/// The tag of versions.
#[derive(Clone)]
pub(crate) struct TagOfVersions {
    pub(crate) tag: HeaderValue,
    /// The number of answers that it is made of.
    pub(crate) calls: u64,
    /// Whether it is made of anything else.
    pub(crate) has_parts: bool,
}

/// What is collected beside TTLs.
#[derive(Clone, Copy)]
pub(crate) struct Wants {
    /// The entries, to look for them again: before the next request's handler, or before a CDN keeps the response.
    pub(crate) served: bool,
    /// What a CDN has to know of it.
    pub(crate) dependencies: bool,
    /// The version of the response.
    pub(crate) version: bool,
    /// The calls, in words.
    pub(crate) told: bool,
}

impl Collector {
    pub(crate) fn new(
        precondition: Precondition,
        build: Option<Arc<str>>,
        route: Option<NamedRoute>,
        wants: Wants,
    ) -> Self {
        let entries = (build.is_some() || wants.served).then(Vec::new);
        let collected = Collected {
            entries,
            served: wants.served.then(Vec::new),
            told: wants.told.then(Told::default),
            ..Collected::default()
        };
        let (is_over, collected) = (AtomicBool::new(false), Mutex::new(collected));
        Self(Arc::new(Inner { build, wants, route, precondition, is_over, collected }))
    }

    /// Collects until what it returns is dropped.
    pub(crate) const fn collecting(self) -> Collecting {
        Collecting(self)
    }

    pub(crate) fn build(&self) -> Option<&str> {
        self.0.build.as_deref()
    }

    pub(crate) fn precondition(&self) -> &Precondition {
        &self.0.precondition
    }

    pub(crate) fn has_calls(&self) -> bool {
        self.lock().calls > 0
    }

    pub(crate) fn collected(&self) -> Collected {
        self.lock().clone()
    }

    /// Tells the route that its handler has set `Cache-Control`.
    pub(crate) fn has_own_headers(&self) {
        self.0.route.iter().for_each(NamedRoute::has_own_headers);
    }

    pub(crate) fn set_tag_of_versions(&self, tag: TagOfVersions) {
        self.lock().tag = Some(tag);
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    /// The tag of versions, if nothing was collected since the handler asked for it.
    pub(crate) fn tag_of_versions(&self) -> Option<&HeaderValue> {
        self.tag.as_ref().filter(|tag| tag.calls == self.calls).map(|tag| &tag.tag)
    }

    /// Whether a response has the tag of versions.
    pub(crate) fn has_tag(&self, headers: &HeaderMap) -> bool {
        self.tag_of_versions().is_some_and(|tag| headers.get(ETAG) == Some(tag))
    }
}

impl Observer for Collector {
    fn answered(&self, call: &AnsweredCall<'_>) {
        let Wants { served, dependencies, version, told } = self.0.wants;
        if let Some(route) = &self.0.route {
            route.answered(call);
        }
        if self.0.is_over.load(Relaxed) {
            return;
        }
        // Before the lock: this writes the key.
        let state = (self.0.build.is_some() || served).then(|| EntryState::of(call)).flatten();
        let entry = served.then(|| call.entry()).flatten();
        let version = version.then(|| Some((call.lasting_version()?, (call.full_name(), call.key()))));
        let depends = dependencies.then(|| OfCall::new(call));
        let told = told.then(|| ToldCall::of(call));
        let (browser, clock) = (browser_ttl(call), call.clock());
        let mut collected = self.lock();
        collected.calls += 1;
        collected.ends.add(clock, call.hard_deadline());
        collected.browser = collected.browser.and(browser);
        if let Some(version) = version {
            collected.version.and(version);
        }
        if let Some(depends) = depends {
            collected.dependencies.add(call, depends);
        }
        collected.told.iter_mut().zip(told).for_each(|(all, call)| all.add(call));
        collected.add(state, entry);
    }

    fn wants_aggregates(&self) -> bool {
        self.0.wants.dependencies
    }
}

impl Collected {
    fn add(&mut self, state: Option<EntryState>, entry: Option<ServedEntry>) {
        let (Some(entries), Some(state)) = (&mut self.entries, state) else {
            (self.entries, self.served) = (None, None);
            return;
        };
        if entries.len() <= MOST_SERVED && entries.contains(&state) {
            return;
        }
        if entries.len() > MOST_SERVED && entries.len().is_power_of_two() {
            // A list may have each many times.
            entries.sort_unstable();
            entries.dedup();
        }
        entries.push(state);
        match (&mut self.served, entry) {
            (Some(served), Some(entry)) if entries.len() <= MOST_SERVED => served.push(entry),
            _ => self.served = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_same_entries_take_no_more_memory() {
        let mut collected = Collected { entries: Some(Vec::new()), ..Collected::default() };
        for number in 0..100_000 {
            let key = format!("user:{}", number % 300);
            collected.add(Some(EntryState { function: "find", key, load: 1 }), None);
        }
        let mut entries = collected.entries.expect("all were stored");
        assert!(entries.len() <= 1024, "{}", entries.len());
        entries.sort_unstable();
        entries.dedup();
        assert_eq!(entries.len(), 300);
    }
}
