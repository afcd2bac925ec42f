//! What an observer is told of one call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "http")]
use super::served_entry::ServedEntry;
use crate::callsite::Instance;
use crate::entry::Made;
#[cfg(feature = "http")]
use crate::entry::Part;
use crate::event::Aggregate;
use crate::key::KeyRef;
use crate::policy::Deadlines;
#[cfg(feature = "http")]
use crate::policy::Mode;
use crate::protocol::Snapshot;
use crate::util::clock::{Clock, Moment};

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Tier {
    /// The store inside this process.
    Local,
    /// The shared store.
    Shared,
    /// The function's own body.
    Loader,
}

/// The outcome of a cached call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum CallOutcome {
    /// No cached function was called.
    #[default]
    NotCalled,
    /// A value before its soft TTL.
    Fresh,
    /// A value between its soft and hard TTL.
    Stale,
    /// A cached absence.
    Negative,
    /// The body ran, and its result was stored.
    Loaded,
    /// The body ran, and its result was not stored.
    LoadedNotStored,
    /// Another caller's load.
    Waited,
    /// The body ran and failed.
    Failed,
    /// The cache was bypassed.
    Bypassed,
    /// There was nothing to serve: a timeout, [`CacheMode::OnlyIfCached`](crate::CacheMode::OnlyIfCached), or
    /// [`CacheMode::Forget`](crate::CacheMode::Forget).
    Refused,
}

/// Why a stale value was served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WhyStale {
    /// A refresh of it is running.
    Refreshing,
    /// The refresh failed, or took longer than its timeout.
    RefreshFailed,
    /// [`CacheMode::OnlyIfCached`](crate::CacheMode::OnlyIfCached) forbids the refresh.
    OnlyIfCached,
    /// The shared store is down, and the function has `on_outage = serve_local`.
    Outage,
}

/// What a cached call came to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Report<'a> {
    pub(crate) outcome: CallOutcome,
    pub(crate) tier: Option<Tier>,
    /// The version of the first aggregate.
    pub(crate) version: Option<u64>,
    /// When the load of the value began.
    pub(crate) written: Option<Moment>,
    pub(crate) stale: Option<WhyStale>,
    pub(crate) deadlines: Option<Deadlines>,
    pub(crate) is_absent: bool,
    /// Of the records, in the order of the aggregates.
    pub(crate) snapshots: &'a [Snapshot],
    /// `None` for what is not stored.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "it has no size"))]
    pub(crate) made: Option<&'a Made>,
}

/// The key of a call that is told.
#[derive(Clone, Copy)]
pub(crate) enum ToldKey<'a> {
    Text(&'a str),
    /// Of a hit, which is looked for before its key is written.
    Parts(KeyRef<'a>),
}

/// A call that is told.
#[derive(Clone, Copy)]
pub(crate) struct ToldCall<'a> {
    pub(crate) instance: &'static Instance,
    pub(crate) key: ToldKey<'a>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) aggregates: &'a [Aggregate],
    /// Its entry, which this load has made.
    #[cfg(feature = "http")]
    pub(crate) remember: &'a dyn Fn(u64) -> Option<ServedEntry>,
}

/// A cached call that has its answer.
pub struct AnsweredCall<'a> {
    pub(super) call: ToldCall<'a>,
    pub(super) report: Report<'a>,
    pub(super) aggregates: &'a [Aggregate],
    pub(super) is_inside_load: bool,
}

impl AnsweredCall<'_> {
    /// The path of the cached function.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.call.instance.site.info().name
    }

    /// The cached function as it is called outside of the process: with its path, and with the types of a generic function.
    #[must_use]
    pub fn full_name(&self) -> &'static str {
        &self.call.instance.name().text
    }

    /// The key of its entry, as the template of the annotation makes it: `user:123`.
    #[must_use]
    pub fn key(&self) -> String {
        match self.call.key {
            ToldKey::Text(text) => text.to_owned(),
            ToldKey::Parts(key) => key.text(self.call.instance.texts_around()),
        }
    }

    /// How the call ended.
    #[must_use]
    pub const fn outcome(&self) -> CallOutcome {
        self.report.outcome
    }

    /// Where the value came from.
    #[must_use]
    pub const fn tier(&self) -> Option<Tier> {
        self.report.tier
    }

    /// Why the value is stale; `None` for one that is not.
    #[must_use]
    pub const fn stale(&self) -> Option<WhyStale> {
        self.report.stale
    }

    /// Whether the answer is that there is nothing: `None`, or an error that `not_found` names.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        self.report.is_absent
    }

    /// The time since the start of the load that returned the value, where it was in a store.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.report.written.map(|written| self.call.clock.now().since(written))
    }

    /// The version that the value is stored under: that of its row, its source, or the last event of its first aggregate.
    #[must_use]
    pub const fn version(&self) -> Option<u64> {
        self.report.version
    }

    /// What is left of the soft TTL; zero for a stale value, `None` for one without a TTL, as it was not stored.
    #[must_use]
    pub fn soft_ttl(&self) -> Option<Duration> {
        self.report.deadlines.map(|deadlines| deadlines.soft.since(self.call.clock.now()))
    }

    /// When the value becomes stale, by the [clock](Self::clock) of its cache: [`AnsweredCall::soft_ttl`] without reading the clock.
    #[must_use]
    pub const fn soft_deadline(&self) -> Option<Moment> {
        match self.report.deadlines {
            Some(deadlines) => Some(deadlines.soft),
            None => None,
        }
    }

    /// When the value ends, by the [clock](Self::clock) of its cache: [`AnsweredCall::hard_ttl`] without reading the clock.
    #[must_use]
    pub const fn hard_deadline(&self) -> Option<Moment> {
        match self.report.deadlines {
            Some(deadlines) => Some(deadlines.hard),
            None => None,
        }
    }

    /// The clock of the cache.
    #[must_use]
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        self.call.clock
    }

    /// What is left of the hard TTL.
    #[must_use]
    pub fn hard_ttl(&self) -> Option<Duration> {
        self.report.deadlines.map(|deadlines| deadlines.hard.since(self.call.clock.now()))
    }

    /// The version of the row that was served, if it names the value for good: the value is stored, the function is in row mode and depends on one aggregate, of
    /// which no event of this program rolls back a version, and its load called no cached function. Where an event does, [`Strategy::verify`](crate::Strategy::verify) says so
    /// once this was asked.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn lasting_version(&self) -> Option<u64> {
        let site = self.call.instance.site;
        let is_of_row = site.info().mode == Mode::Row && !self.is_absent() && site.has_lasting_versions();
        let mut aggregates = site.info().events.iter().flat_map(|event| event.aggregates);
        let first = aggregates.next();
        let is_of_one = aggregates.all(|aggregate| Some(aggregate) == first);
        let is_whole = self.made_of().is_some_and(<[Part]>::is_empty);
        self.version().filter(|_| is_of_row && is_of_one && is_whole)
    }

    /// The aggregates that the value depends on, each with the newest version that its record knew, 0 before the first; `None`
    /// where no record was read. Empty for an observer that does not [want them](super::Observer::wants_aggregates).
    pub fn aggregates(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        let floors = self.report.snapshots.iter().map(|snapshot| Some(snapshot.floor)).chain(std::iter::repeat(None));
        self.aggregates.iter().zip(floors).enumerate().map(|(number, (aggregate, floor))| {
            let own = self.report.version.filter(|_| number == 0);
            (aggregate.as_str(), own.or(floor))
        })
    }

    /// The entry that was served or stored, with the aggregates that this observer is told; `None` for an answer that is not stored.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn part(&self) -> Option<Part> {
        let made = self.report.made?;
        Some(Part {
            function: self.call.instance.name().text.as_str().into(),
            key: self.key().into(),
            load: Some(made.load()?),
            version: self.report.version,
            aggregates: self.aggregates().map(|(name, version)| (name.into(), version)).collect(),
            is_absent: self.is_absent(),
            is_public: self.is_public(),
            browser_ttl: self.browser_ttl(),
        })
    }

    /// The entry that was served or stored, to ask later whether it would be served again. `None` for an answer that is not stored, and of
    /// a function in source mode, whose source would have to be asked.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn entry(&self) -> Option<ServedEntry> {
        (self.call.remember)(self.load()?)
    }

    /// The entries that the value was made of: what cached functions have served that were called inside of its load, and what that
    /// was made of. `None` where it is unknown: the value was not stored, or stored by a process without the feature `http`, or made of
    /// more than 256 entries.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn made_of(&self) -> Option<&[Part]> {
        self.report.made?.parts().get()
    }

    /// A random number of the load that made the value: two values of one key with one number are the same. It is the same in all
    /// processes that share a store. `None` for an answer that is not stored.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn load(&self) -> Option<u64> {
        self.report.made?.load()
    }

    /// Whether the function is `public`.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.call.instance.policy().public
    }

    /// The `browser_ttl` of the function.
    #[must_use]
    pub fn browser_ttl(&self) -> Option<Duration> {
        self.call.instance.policy().browser
    }

    /// Whether the call ran inside the load of another cached function.
    #[must_use]
    pub const fn is_inside_load(&self) -> bool {
        self.is_inside_load
    }
}

impl fmt::Debug for AnsweredCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnsweredCall")
            .field("function", &self.function())
            .field("outcome", &self.outcome())
            .field("tier", &self.tier())
            .field("version", &self.version())
            .field("soft_ttl", &self.soft_ttl())
            .field("hard_ttl", &self.hard_ttl())
            .finish_non_exhaustive()
    }
}
