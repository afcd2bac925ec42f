//! Routes with a name: what the layers of HTTP libraries tell of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::observe::AnsweredCall;

/// A route of the program that has a name, and so a row in the strategy. A layer that gives responses their headers tells it what they are made of.
///
/// Two routes with one name are one.
#[derive(Clone, Debug)]
pub struct NamedRoute(Arc<RwLock<Facts>>);

/// What is known of a route.
#[derive(Clone, Default, Debug)]
pub(super) struct Facts {
    pub(super) name: String,
    /// The functions that it says it is made of.
    pub(super) declared: Option<BTreeSet<String>>,
    /// Those that its responses were made of.
    pub(super) served: BTreeSet<String>,
    pub(super) has_versioned_urls: bool,
    /// Whether a handler has set `Cache-Control`.
    pub(super) has_own_headers: bool,
    /// The CDNs that may keep its responses.
    pub(super) edges: BTreeSet<EdgeTimes>,
}

/// A CDN that keeps the responses of a route until they are purged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EdgeTimes {
    /// Its name.
    pub cdn: String,
    /// The longest time from an acknowledged event to when it serves nothing from before, however many events there are, if it answers each purge within
    /// [`answered_within`](Self::answered_within).
    pub purged_within: Duration,
    /// How soon it answers a purge.
    pub answered_within: Duration,
    /// The longest time that a response is under way to it.
    pub fetch_timeout: Duration,
    /// Whether a purge lets it serve the old response once more, while it fetches a new one.
    pub is_soft: bool,
    /// Whether an event log keeps the events until they are purged, so that the death of a process loses none.
    pub is_logged: bool,
}

fn routes() -> MutexGuard<'static, BTreeMap<String, NamedRoute>> {
    static ROUTES: Mutex<BTreeMap<String, NamedRoute>> = Mutex::new(BTreeMap::new());
    ROUTES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of the program, by their names.
pub(super) fn all() -> Vec<Facts> {
    routes().values().map(|route| route.known().clone()).collect()
}

impl NamedRoute {
    /// The route of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let fresh = || Self(Arc::new(RwLock::new(Facts { name: name.clone(), ..Facts::default() })));
        routes().entry(name.clone()).or_insert_with(fresh).clone()
    }

    /// Declares cached functions that its responses may be made of, those called inside of loads too: by the name after `fn`, or with the module.
    pub fn made_of<N: Into<String>>(&self, functions: impl IntoIterator<Item = N>) {
        self.facts().declared.get_or_insert_default().extend(functions.into_iter().map(Into::into));
    }

    /// Declares that its URLs have a version, so that a browser may keep its responses for good.
    pub fn has_versioned_urls(&self) {
        self.facts().has_versioned_urls = true;
    }

    /// Declares that a CDN may keep its responses.
    pub fn kept_at_edge(&self, edge: EdgeTimes) {
        self.facts().edges.insert(edge);
    }

    /// Tells it of a cached call that a response of it is made of.
    pub fn answered(&self, call: &AnsweredCall<'_>) {
        self.served(call.full_name());
        #[cfg(feature = "http")]
        call.made_of().unwrap_or_default().iter().for_each(|part| self.served(&part.function));
    }

    /// Tells it that a handler has set `Cache-Control`.
    pub fn has_own_headers(&self) {
        if !self.known().has_own_headers {
            self.facts().has_own_headers = true;
        }
    }

    fn served(&self, function: &str) {
        if !self.known().served.contains(function) {
            self.facts().served.insert(function.to_owned());
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Facts> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self) -> RwLockWriteGuard<'_, Facts> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
