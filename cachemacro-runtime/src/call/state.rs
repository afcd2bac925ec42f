//! One call that the fast path did not answer: the steps from lookup to load. Nothing here is generic over the value
//! type.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::entered::Entered;
use super::load::{self, Dependencies, Load, LoadHint, Served as ServedInLoad};
use super::permit::LoadPermit;
use super::served::{Found, Stored};
use super::waiting::Wait;
use crate::cache::{Asked, Cache, Store};
use crate::callsite::{Callsite, is_written_here};
use crate::coalesce::{LeaderGuard, LoadGuard};
use crate::entry::{Content, EntryKey, Made, Object, PartList};
use crate::error::{CacheError, StoreError};
use crate::event::{Aggregate, AggregateKey, Aggregates};
use crate::near::Control;
use crate::observe::{CacheMode, Event, WhyStale};
use crate::policy::{Deadlines, Mode, Policy};
use crate::remote::Query;
use crate::util::clock::Moment;
use crate::util::few::Few;
use crate::value::ValueOps;

/// After this many loads a call returns what it has and stores nothing. So a database that contradicts itself cannot
/// make a call load for ever.
pub(super) const MAX_LOADS: u32 = 4;

/// A call that the fast path did not answer, before its aggregates are known.
pub struct Miss(pub(super) Box<Call>);

impl Miss {
    /// An empty list, with capacity, for the names of the aggregates that the entry depends on.
    pub fn aggregates(&self) -> Aggregates {
        self.0.own_aggregates()
    }

    /// If an argument can be given to one load only, the call loads once.
    #[must_use]
    pub fn once_if(mut self, is_once: bool) -> Self {
        self.0.loads_once |= is_once;
        self
    }

    /// Makes the entry depend on the aggregates of this key.
    pub fn depend_on_key<K: AggregateKey>(&mut self, key: &K) {
        let mut aggregates = self.aggregates();
        key.render(&mut aggregates);
        self.depend_on(aggregates);
    }

    /// Makes the entry depend on these aggregates. Without this call it depends on its own key.
    pub fn depend_on(&mut self, aggregates: Aggregates) {
        self.0.depend_on(aggregates);
    }
}

/// What the call needs next.
pub(crate) enum Step {
    /// The answer.
    Serve(Content),
    /// The answer, and a refresh in the background.
    ServeAndRefresh(Content, Box<LoadPermit>),
    /// A load.
    Load(Box<LoadPermit>),
    /// Another caller's load, which is waited for.
    Wait(Wait),
    /// Another caller's load failed, and this is its error.
    Failed(Object),
    /// There is nothing to serve and a load is not allowed.
    Refuse(Box<CacheError>),
}

impl Step {
    /// Apart, so that the future of a waiting call does not keep room for a step.
    pub(super) fn waits(self) -> Result<Wait, Self> {
        match self {
            Self::Wait(wait) => Ok(wait),
            step => Err(step),
        }
    }
}

/// Where a background refresh may run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spawner {
    None,
    /// As a task, if there is a runtime.
    Runtime,
    Thread,
}

pub(crate) struct Call {
    pub(super) cache: Cache,
    pub(super) ops: ValueOps,
    pub(super) key: Arc<EntryKey>,
    pub(super) aggregates: Few<Aggregate>,
    pub(super) mode: CacheMode,
    /// When the call began; `timeout` counts from here.
    began: Option<tokio::time::Instant>,
    /// Whether the return type can say that there is no answer.
    pub(super) can_refuse: bool,
    /// Whether it can, or has an absence, which then means "not cached".
    pub(super) can_answer_nothing: bool,
    /// Where a background refresh of this call runs.
    pub(super) spawner: Spawner,
    /// What is served if the refresh fails.
    pub(super) fallback: Option<Box<Stored>>,
    pub(super) loads: u32,
    /// Whether the call may load only once. That load reads the primary, so that FILL does not ask for another.
    pub(super) loads_once: bool,
    /// Whether the fast path has just found that there is no entry.
    pub(super) has_looked: bool,
    /// Whether the fresh entry should be refreshed before its time (XFetch).
    pub(super) is_early: bool,
    /// Whether this call does not use the store: it is down, or these aggregates are suspect there.
    pub(super) is_degraded: bool,
    /// Whether a flight that may have begun before this call has landed since.
    pub(super) has_waited: bool,
    /// Whether this call is a background refresh of a stale entry.
    pub(super) is_refresh: bool,
    /// Whether the function is switched off, and the call may not load.
    is_off: bool,
    /// The number of the function in the control record when the call began: no load of it has begun before.
    clears: u64,
    is_counted: bool,
}

impl Call {
    pub(super) fn new(cache: &Cache, ops: ValueOps, key: Arc<EntryKey>) -> Self {
        let timed = key.instance().policy().timeout.is_some() && Handle::try_current().is_ok();
        let mut this = Self {
            cache: cache.clone(),
            ops,
            aggregates: Few::new(),
            mode: CacheMode::current(),
            began: timed.then(tokio::time::Instant::now),
            can_refuse: false,
            can_answer_nothing: false,
            spawner: Spawner::None,
            fallback: None,
            loads: 0,
            loads_once: false,
            has_looked: false,
            is_early: false,
            is_degraded: false,
            has_waited: false,
            is_refresh: false,
            is_off: false,
            clears: 0,
            is_counted: false,
            key,
        };
        this.read_control();
        this
    }

    /// Whether the function is switched off, and its number in the control record, as far as this process knows. A call inside of a writer whose events
    /// end its entry goes past the cache.
    fn read_control(&mut self) {
        let (inner, site) = (&self.cache.inner, self.key.site());
        let is_off = inner.local.is_off(site);
        self.clears = inner.control.as_ref().filter(|_| !site.policy().local).map_or(0, |control| control.number(site));
        match self.mode {
            CacheMode::OnlyIfCached | CacheMode::Forget => self.is_off = is_off,
            _ if is_off || is_written_here(site) => self.mode = CacheMode::Bypass,
            _ => {}
        }
    }

    /// Learns what was cleared and switched off in other processes. No entry of the shared store is asked for with a number that is older than
    /// [`DETECTION`](crate::store::DETECTION).
    async fn confirm_control(&mut self) {
        let Some(control) = self.cache.inner.control.clone().filter(|_| !self.is_local() && !self.is_degraded) else {
            return;
        };
        let confirmed = Control::confirm(&control).await;
        if self.or_count(confirmed).is_none() {
            self.degrade();
        }
        self.read_control();
    }

    /// The function.
    pub(super) fn site(&self) -> &'static Callsite {
        self.key.site()
    }

    /// Its timing.
    pub(super) fn policy(&self) -> &'static Policy {
        self.key.instance().policy()
    }

    /// An empty list, with capacity, for the names of this entry's aggregates.
    pub(super) fn own_aggregates(&self) -> Aggregates {
        self.key.aggregates()
    }

    pub(super) fn depend_on(&mut self, aggregates: Aggregates) {
        self.aggregates = aggregates.into_names();
    }

    /// An entry without events depends on its own key.
    pub(super) fn name_aggregates(&mut self) {
        if self.aggregates.is_empty() {
            self.aggregates.push(self.key.aggregate());
        }
    }

    /// The same entry, for a refresh that outlives this call.
    pub(super) fn for_refresh(&self) -> Self {
        Self { mode: CacheMode::Refresh, is_refresh: true, fallback: self.fallback.clone(), ..self.again() }
    }

    /// The same call, from its beginning.
    pub(super) fn again(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            key: Arc::clone(&self.key),
            aggregates: self.aggregates.clone(),
            fallback: None,
            ..*self
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.cache.inner.clock.now()
    }

    pub(super) fn count(&self, event: Event) {
        self.cache.counters(self.site()).add(event);
    }

    /// The store that serves the function.
    pub(super) fn store(&self) -> Store<'_> {
        self.cache.store(self.site())
    }

    /// Whether that store is in this process: it has no leases, and no operation of it fails or waits.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.store(), Store::Local(_))
    }

    pub(super) fn query(&self) -> Query<'_> {
        Query {
            key: &self.key,
            function: &self.key.instance().name().text,
            aggregates: &self.aggregates,
            clears: self.clears,
        }
    }

    /// What callers that share a question to the shared store have in common.
    pub(super) fn asked(&self) -> Asked {
        Asked { key: Arc::clone(&self.key), clears: self.clears }
    }

    /// A new load of this entry. Its outer load is the one that this code runs inside of, if any.
    pub(super) fn load(&self, permit: &LoadPermit) -> Arc<Load> {
        Load::new(permit.hint, &self.cache.inner.clock, &self.key, self.cache.address())
    }

    /// Reports what this call served to the load that the call runs inside of: that load's value must not last longer.
    pub(super) fn observe(&self, deadlines: Deadlines, version: Option<u64>, is_absent: bool, made: &Made) {
        if !load::is_loading() {
            return;
        }
        let deadlines = Some(deadlines);
        let served = ServedInLoad { site: self.site(), deadlines, clock: &self.cache.inner.clock, is_absent };
        // The first aggregate carries the version.
        let versions = version.into_iter().chain(std::iter::repeat(0));
        load::served(&served, self.aggregates.iter().cloned().zip(versions), self.parts(version, is_absent, made));
    }

    /// As [`Call::observe`], for a value that was loaded past the cache. It has no TTL, but it uses what was served
    /// `inside`. The outer load depends on both, as no entry is between them.
    pub(super) fn observe_bypassed(&self, inside: &Dependencies) {
        if !load::is_loading() {
            return;
        }
        let clock = &self.cache.inner.clock;
        let served = |site| ServedInLoad { site, deadlines: inside.bound, clock, is_absent: inside.has_absence };
        let aggregates = self.aggregates.iter().cloned().zip(std::iter::repeat(0));
        load::served(&served(self.site()), aggregates, self.unstored_parts(&inside.parts));
        for (aggregate, seen) in inside.aggregates.iter().flatten() {
            load::served(&served(seen.site), [(aggregate.clone(), seen.version)], PartList::default());
        }
    }

    /// As [`Call::observe`], for a call that failed. An outer load that returns a value nevertheless ends with the
    /// events of this function only if it binds them.
    pub(super) fn observe_failed(&self) {
        if load::is_loading() {
            let clock = &self.cache.inner.clock;
            let served = ServedInLoad { site: self.site(), deadlines: None, clock, is_absent: false };
            let aggregates = self.aggregates.iter().cloned().zip(std::iter::repeat(0));
            load::served(&served, aggregates, self.unstored_parts(&PartList::default()));
        }
    }

    /// Counts a store's failure; the caller goes on without the store.
    pub(super) fn or_count<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        match answer {
            Ok(value) => Some(value),
            Err(_) => {
                self.count(Event::StoreError);
                None
            }
        }
    }

    /// The next step: the answer, or a load. Called again after a load that must be repeated from the start, and after one of
    /// another caller that brought nothing for this one.
    pub(crate) async fn next(&mut self) -> Step {
        self.name_aggregates();
        if self.forgets() {
            return self.forget().await;
        }
        if self.mode != CacheMode::Bypass {
            self.degrade_if_suspect();
            self.confirm_control().await;
        }
        if let Some(step) = self.past_the_cache() {
            return step;
        }
        loop {
            if let Some(step) = self.stored().await {
                return step;
            }
            if let Some(stored) = self.kept_for_outage() {
                return self.serve_in_outage(stored);
            }
            self.count_miss();
            if self.mode == CacheMode::OnlyIfCached && self.can_answer_nothing {
                return self.refuse(CacheError::NotCached { function: self.site().info().name });
            }
            if load::is_loading_this(&self.key, self.cache.address()) {
                return Step::Load(self.unstored());
            }
            let entered = self.enter().await;
            if let Some(step) = self.join(entered).await {
                return step;
            }
        }
    }

    /// The step of a call that neither reads nor fills the cache.
    fn past_the_cache(&mut self) -> Option<Step> {
        if self.is_off && self.can_answer_nothing {
            self.count_miss();
            return Some(self.refuse(CacheError::NotCached { function: self.site().info().name }));
        }
        if self.mode != CacheMode::Bypass && !self.is_off {
            return None;
        }
        self.mode = CacheMode::Bypass;
        self.count(Event::Bypass);
        Some(Step::Load(self.unstored()))
    }

    /// Whether a question to the shared store may be answered by what it has.
    #[cfg(feature = "http")]
    pub(super) async fn asks_store(&mut self) -> bool {
        self.degrade_if_suspect();
        self.confirm_control().await;
        // A function that is switched off goes past the cache.
        !self.is_degraded && self.mode == CacheMode::Default
    }

    fn degrade_if_suspect(&mut self) {
        let is_suspect = !self.is_local() && {
            self.cache.inner.retries.repeat();
            self.cache.inner.retries.is_suspect(&self.aggregates)
        };
        let contradicts_itself = self.loads >= MAX_LOADS;
        if contradicts_itself || is_suspect {
            self.degrade();
        }
    }

    /// From now on the call does not use the store. Flights that it waited for before may be too old for it.
    pub(super) fn degrade(&mut self) {
        if !self.is_degraded {
            (self.is_degraded, self.has_waited) = (true, false);
        }
    }

    fn count_miss(&mut self) {
        if !self.is_counted {
            self.is_counted = true;
            self.count(Event::Miss);
        }
    }

    /// LOOKUP, where the mode allows it.
    async fn stored(&mut self) -> Option<Step> {
        if self.mode == CacheMode::Refresh || self.is_degraded || std::mem::take(&mut self.has_looked) {
            return None;
        }
        let Found { stored, is_fresh } = self.look_up().await?;
        let is_early = std::mem::take(&mut self.is_early);
        Some(match (is_fresh, self.mode) {
            (true, _) if !is_early => self.hit(stored),
            (false, CacheMode::OnlyIfCached) => self.stale_hit(stored, WhyStale::OnlyIfCached),
            _ => self.refresh_or_serve(is_fresh, stored).await,
        })
    }

    /// What is left of `timeout`; `None` without a timeout, or when nothing could be returned at its end.
    pub(super) fn budget(&self) -> Option<Duration> {
        let timeout = self.policy().timeout?;
        let began = self.began?;
        (self.can_refuse || self.fallback.is_some()).then(|| timeout.saturating_sub(began.elapsed()))
    }

    /// The permit for a load that is neither shared nor stored.
    pub(super) fn unstored(&mut self) -> Box<LoadPermit> {
        self.permit(None, None, None)
    }

    pub(super) fn permit(
        &mut self,
        lead: Option<LeaderGuard>,
        guard: Option<LoadGuard>,
        entered: Option<Entered>,
    ) -> Box<LoadPermit> {
        self.loads += 1;
        self.count(Event::Load);
        if let Some(lead) = &lead {
            lead.begin();
        }
        let needs_primary = entered.as_ref().is_none_or(|entered| entered.needs_primary);
        Box::new(LoadPermit {
            refreshing: None,
            lead,
            slot: None,
            _guard: guard,
            entered,
            is_stored: !self.is_degraded,
            // Opaque values and entries of many aggregates are fenced by the floor alone, so they must be from the
            // primary.
            hint: LoadHint {
                primary_required: needs_primary
                    // Without the store nothing checks the loaded row, so a replica's row is not allowed.
                    || self.is_degraded
                    || self.loads > 1
                    || self.cache.inner.local.is_cleared_lately()
                    || self.loads_once
                    || self.site().info().mode != Mode::Row
                    || self.aggregates.len() > 1,
            },
            is_bypassed: self.mode == CacheMode::Bypass,
            started: self.now(),
            budget: self.budget(),
            attempt: self.loads,
            load: None,
        })
    }
}
