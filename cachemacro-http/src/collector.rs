//! What a response was made of: an observer of the cached calls that its handler makes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro_runtime::{AnsweredCall, CallOutcome, Clock, Moment, Observer, ServedEntry};
use http::HeaderValue;

use crate::etag::Precondition;
use crate::headers::Allowed;

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
    /// The earliest hard deadline, of all of them.
    pub(crate) ends: Ends,
    /// What all that was served allows.
    pub(crate) allowed: Allowed,
    /// The tag of versions, when the handler asked for it, and after how many answers.
    pub(crate) tag: Option<(u64, HeaderValue)>,
    /// The version of all that was served.
    pub(crate) version: Version,
    /// The entries with their loads: what tags of versions are made of. `None` where one was not stored.
    pub(crate) entries: Option<Vec<EntryState>>,
    /// The entries, to look for them again. `None` where one cannot be.
    pub(crate) served: Option<Vec<ServedEntry>>,
}

/// When a response ends.
#[derive(Clone, Default)]
pub(crate) struct Ends {
    /// The first clock that was seen, and the earliest deadline by it.
    by: Option<(Arc<dyn Clock>, Moment)>,
}

impl Ends {
    /// `None` is at once.
    fn add(&mut self, clock: &Arc<dyn Clock>, deadline: Option<Moment>) {
        let deadline = deadline.unwrap_or_default();
        match &mut self.by {
            None => self.by = Some((Arc::clone(clock), deadline)),
            Some((first, earliest)) if Arc::ptr_eq(first, clock) => *earliest = deadline.min(*earliest),
            // Another cache may have another clock, so only what is left carries over.
            Some((first, earliest)) => *earliest = first.now().after(deadline.since(clock.now())).min(*earliest),
        }
    }

    /// What is left.
    pub(crate) fn left(&self) -> Duration {
        self.by.as_ref().map_or(Duration::ZERO, |(clock, earliest)| earliest.since(clock.now()))
    }
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

/// An entry, and the load that made it: its value is the same while these are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryState {
    pub(crate) function: &'static str,
    pub(crate) key: String,
    pub(crate) load: u64,
}

impl Collector {
    pub(crate) fn new(precondition: Precondition, build: Option<Arc<str>>, remembers: bool) -> Self {
        let (entries, served) = (build.is_some().then(Vec::new), remembers.then(Vec::new));
        let collected = Collected { entries, served, ..Collected::default() };
        Self(Arc::new(Inner { build, remembers, precondition, collected: Mutex::new(collected) }))
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
        collected.ends.add(call.clock(), call.hard_deadline());
        let allowed = &mut collected.allowed;
        allowed.browser_ttl = allowed.browser_ttl.and(browser_ttl(call));
        allowed.is_public &= is_public(call);
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
