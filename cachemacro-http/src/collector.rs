//! What a response was made of: an observer of the cached calls that its handler makes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro_runtime::{AnsweredCall, CallOutcome, Observer, ServedEntry};
use http::{HeaderMap, HeaderValue, Method};

use crate::etag::Precondition;

/// Collects what the answers to cached calls were made of. Clones share it.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Inner>);

struct Inner {
    /// Whether the handler may ask for a tag of versions. Only then are the keys of entries written.
    build: Option<Arc<str>>,
    /// Whether entries are remembered, to look for them before the next request's handler.
    remembers: bool,
    precondition: Precondition,
    collected: Mutex<Collected>,
}

/// What was collected so far.
#[derive(Clone, Default)]
pub(crate) struct Collected {
    /// The number of answers.
    pub(crate) calls: u64,
    /// The least hard TTL that was left, of all of them; zero where one was not stored.
    pub(crate) hard_ttl: Option<Duration>,
    /// The least `browser_ttl` of all that they were made of.
    pub(crate) browser_ttl: Browser,
    /// Whether all of it is the same for every caller.
    pub(crate) is_public: bool,
    /// The tag of versions, when the handler asked for it, and after how many answers.
    pub(crate) tag: Option<(u64, HeaderValue)>,
    /// The version of all that was served.
    pub(crate) version: Version,
    /// The entries with their loads: what tags of versions are made of. `None` where one was not stored.
    pub(crate) entries: Option<Vec<EntryState>>,
    /// The entries, to look for them again. `None` where one cannot be.
    pub(crate) served: Option<Vec<ServedEntry>>,
}

/// The version of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Version {
    /// Nothing was served yet.
    #[default]
    Any,
    Of(u64),
    /// It has none, or more than one.
    Never,
}

impl Version {
    fn and(self, other: Option<u64>) -> Self {
        match (self, other) {
            (Self::Any, Some(version)) => Self::Of(version),
            (Self::Of(one), Some(other)) if one == other => self,
            _ => Self::Never,
        }
    }
}

/// How long a browser may keep it without asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Browser {
    /// Nothing was served yet.
    #[default]
    Any,
    AtMost(Duration),
    /// Not at all: something has no `browser_ttl`.
    Never,
}

impl Browser {
    fn and(self, other: Option<Duration>) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, None) => Self::Never,
            (Self::Any, Some(ttl)) => Self::AtMost(ttl),
            (Self::AtMost(least), Some(ttl)) => Self::AtMost(least.min(ttl)),
        }
    }
}

/// An entry, and the load that made it: its value is the same while these are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryState {
    pub(crate) function: &'static str,
    pub(crate) key: String,
    pub(crate) load: u64,
}

impl Collector {
    pub(crate) fn new(method: &Method, headers: &HeaderMap, build: Option<Arc<str>>, remembers: bool) -> Self {
        let precondition = Precondition::of(method, headers);
        let (entries, served) = (build.is_some().then(Vec::new), remembers.then(Vec::new));
        let collected = Collected { is_public: true, entries, served, ..Collected::default() };
        Self(Arc::new(Inner { build, remembers, precondition, collected: Mutex::new(collected) }))
    }

    pub(crate) fn build(&self) -> Option<&str> {
        self.0.build.as_deref()
    }

    pub(crate) fn precondition(&self) -> &Precondition {
        &self.0.precondition
    }

    pub(crate) fn collected(&self) -> Collected {
        self.lock().clone()
    }

    /// Remembers the tag of all that was collected until now.
    pub(crate) fn set_tag_of_versions(&self, tag: HeaderValue) {
        let mut collected = self.lock();
        collected.tag = Some((collected.calls, tag));
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    /// The tag of versions, if nothing was collected since the handler asked for it.
    pub(crate) fn tag_of_versions(&self) -> Option<&HeaderValue> {
        self.tag.as_ref().filter(|(calls, _)| *calls == self.calls).map(|(_, tag)| tag)
    }
}

impl Observer for Collector {
    fn answered(&self, call: &AnsweredCall<'_>) {
        // Before the lock: this writes the key.
        let state = self.0.build.is_some().then(|| state(call)).flatten();
        let entry = self.0.remembers.then(|| call.entry()).flatten();
        let mut collected = self.lock();
        collected.calls += 1;
        let hard_ttl = call.hard_ttl().unwrap_or(Duration::ZERO);
        collected.hard_ttl = Some(collected.hard_ttl.map_or(hard_ttl, |least| least.min(hard_ttl)));
        collected.browser_ttl = collected.browser_ttl.and(browser_ttl(call));
        collected.is_public &= is_public(call);
        collected.version = collected.version.and(call.lasting_version());
        match (&mut collected.entries, state) {
            (Some(entries), Some(state)) => entries.push(state),
            _ => collected.entries = None,
        }
        match (&mut collected.served, entry) {
            (Some(served), Some(entry)) => served.push(entry),
            _ => collected.served = None,
        }
    }
}

/// `None` where the answer, or something that it was made of, may not be kept by a browser.
fn browser_ttl(call: &AnsweredCall<'_>) -> Option<Duration> {
    if matches!(call.outcome(), CallOutcome::Failed | CallOutcome::Refused | CallOutcome::LoadedNotStored) {
        return None;
    }
    let parts = call.made_of()?;
    parts.iter().try_fold(call.browser_ttl()?, |least, part| Some(least.min(part.browser_ttl?)))
}

fn is_public(call: &AnsweredCall<'_>) -> bool {
    call.is_public() && call.made_of().is_some_and(|parts| parts.iter().all(|part| part.is_public))
}

fn state(call: &AnsweredCall<'_>) -> Option<EntryState> {
    Some(EntryState { function: call.full_name(), key: call.key(), load: call.load()? })
}
