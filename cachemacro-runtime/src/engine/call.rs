//! One call that the fast path did not answer: the steps from lookup to load, without a value type in sight.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::cache::Cache;
use super::ticket::Ticket;
use crate::clock::Moment;
use crate::entry::{Absence, Entry, EntryKey, Freshness, Object, Payload};
use crate::error::CacheError;
use crate::event::{Aggregate, Aggregates};
use crate::flight::{self, FlightKey, Landing, Lead, Seat, Waited, Waiter};
use crate::lease::Patience;
use crate::policy::{Mode, Refresh};
use crate::scope::{self, CacheMode, CallOutcome, LoadHint, Tier, Trace, WhyStale};
use crate::site::Site;
use crate::store::{Entered, Form, Lease, Lookup, Query, Snapshot, Store};
use crate::telemetry::{Counters, Event};
use crate::value::ValueOps;

/// Past this many loads a call returns what it has and stores nothing: a database that contradicts itself ends no call.
pub(super) const MAX_LOADS: u32 = 4;

/// A call whose answer is not at hand, before its aggregates are known.
pub struct Miss(pub(super) Box<Call>);

impl Miss {
    /// Names the aggregates that the entry hangs on. Without this call it hangs on its own key.
    #[must_use]
    pub fn aggregates(mut self, render: impl FnOnce(&mut Aggregates)) -> Self {
        self.0.set_aggregates(render);
        self
    }
}

/// What a caller gets without a load.
#[derive(Clone)]
pub(crate) enum Served {
    Value(Object),
    Absent(Absence),
}

/// An entry that is being refreshed: what is served if that fails.
#[derive(Clone)]
pub(super) struct Fallback {
    served: Served,
    trace: Trace,
    soft: Moment,
    hard: Moment,
}

/// What a lookup brought.
pub(super) struct Found {
    entry: Entry,
    snapshots: Vec<Snapshot>,
    tier: Tier,
}

/// What the call needs next.
pub(crate) enum Step {
    /// Nothing: this is the answer.
    Serve(Served),
    /// Nothing, and a refresh beside it.
    ServeAndRefresh(Served, Ticket),
    /// A load.
    Load(Ticket),
    /// Nothing: another caller's load failed, and this is its error.
    Failed(Object),
    /// There is nothing to serve and a load is not allowed.
    Refuse(CacheError),
}

pub(crate) struct Call {
    pub(super) cache: Cache,
    pub(super) site: &'static Site,
    pub(super) ops: ValueOps,
    pub(super) key: Arc<EntryKey>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) counters: Arc<Counters>,
    pub(super) mode: CacheMode,
    /// The call's own beginning, from which `timeout` counts.
    began: Option<tokio::time::Instant>,
    /// Whether the return type can say that there is no answer.
    pub(super) can_refuse: bool,
    /// Whether this call may leave a refresh to a spawned task.
    pub(super) can_spawn: bool,
    /// What to fall back on.
    pub(super) fallback: Option<Fallback>,
    pub(super) loads: u32,
    /// Whether the fresh entry should be refreshed before its time (XFetch).
    pub(super) is_early: bool,
    /// Whether this call does without the store: it is down, or not to be trusted with these aggregates.
    pub(super) is_apart: bool,
    /// Whether a flight that may have begun before this call has landed since.
    has_waited: bool,
    /// Whether this is the refresh of a stale entry, in a task of its own.
    pub(super) is_refresh: bool,
    is_counted: bool,
}

impl Call {
    pub(super) fn new(cache: &Cache, site: &'static Site, ops: ValueOps, key: Arc<EntryKey>) -> Self {
        let timed = site.policy().timeout.is_some() && Handle::try_current().is_ok();
        Self {
            cache: cache.clone(),
            site,
            ops,
            aggregates: Vec::new(),
            counters: Arc::clone(cache.counters(site)),
            mode: scope::mode(),
            began: timed.then(tokio::time::Instant::now),
            can_refuse: false,
            can_spawn: false,
            fallback: None,
            loads: 0,
            is_early: false,
            is_apart: false,
            has_waited: false,
            is_refresh: false,
            is_counted: false,
            key,
        }
    }

    pub(super) fn set_aggregates(&mut self, render: impl FnOnce(&mut Aggregates)) {
        let mut aggregates = Aggregates::default();
        render(&mut aggregates);
        self.aggregates = aggregates.into_names();
    }

    /// An entry without events hangs on its own key.
    pub(super) fn name_aggregates(&mut self) {
        if self.aggregates.is_empty() {
            self.aggregates.push(Aggregate::new(&String::from_utf8_lossy(self.key.text())));
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
            counters: Arc::clone(&self.counters),
            fallback: None,
            ..*self
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.cache.inner.clock.now()
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.cache.store(self.site)
    }

    pub(super) fn query(&self) -> Query<'_> {
        Query {
            key: &self.key,
            function: self.site.info().name,
            aggregates: &self.aggregates,
            decode: self.ops.codec.map(|codec| codec.decode),
        }
    }

    pub(super) fn tier(&self) -> Tier {
        if self.cache.is_local(self.site) { Tier::Local } else { Tier::Shared }
    }

    /// Counts a store's failure; the caller goes on without the store.
    pub(super) fn or_count<T>(&self, answer: Result<T, crate::StoreError>) -> Option<T> {
        match answer {
            Ok(value) => Some(value),
            #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "told through tracing only"))]
            Err(error) => {
                self.counters.add(Event::StoreError);
                #[cfg(feature = "tracing")]
                tracing::warn!(target: "cachemacro", function = self.site.info().name, %error, "store failed; answering from the loader");
                None
            }
        }
    }

    /// The answer, or what it takes to get one. Called again after a load that must be repeated from the start.
    pub(crate) async fn next(&mut self) -> Step {
        self.name_aggregates();
        if self.mode == CacheMode::Bypass {
            self.counters.add(Event::Bypass);
            return Step::Load(self.unstored());
        }
        if self.loads >= MAX_LOADS {
            self.count_miss();
            return Step::Load(self.unstored());
        }
        if !self.cache.is_local(self.site) {
            self.cache.inner.retries.repeat();
            self.is_apart |= self.cache.inner.retries.is_suspect(&self.aggregates);
        }
        loop {
            if let Some(step) = self.stored().await {
                return step;
            }
            self.count_miss();
            if self.mode == CacheMode::OnlyIfCached {
                return self.refuse(CacheError::NotCached { function: self.site.info().name });
            }
            let entered = self.enter().await;
            if let Some(step) = self.board(entered).await {
                return step;
            }
        }
    }

    /// ENTER. When the store cannot, the in-process records, which every event reaches too, still tell flights apart: an
    /// outage of the cache is no stampede.
    async fn enter(&mut self) -> Entered {
        let rotates = self.site.rotates();
        if !self.is_apart {
            let entered = self.store().enter(self.query(), rotates).await;
            match self.or_count(entered) {
                Some(entered) => return entered,
                None => self.is_apart = true,
            }
        }
        let query = self.query();
        let apart = self.cache.inner.memory.enter(query, rotates).await;
        apart.unwrap_or_else(|_| Entered { snapshots: Vec::new(), needs_primary: true, hold: None, lease: Lease::Free })
    }

    fn count_miss(&mut self) {
        if !self.is_counted {
            self.is_counted = true;
            self.counters.add(Event::Miss);
        }
    }

    /// LOOKUP, where the mode allows it.
    async fn stored(&mut self) -> Option<Step> {
        if self.mode == CacheMode::Refresh || self.is_apart {
            return None;
        }
        let Found { entry, snapshots, tier } = self.look_up().await?;
        let served = self.decoded(&entry)?;
        let trace = self.hit_trace(&entry, tier);
        let is_early = std::mem::take(&mut self.is_early);
        let is_fresh = entry.freshness(self.now()) == Freshness::Fresh;
        Some(match (is_fresh, self.mode) {
            (true, _) if !is_early => self.hit(served, trace),
            (false, CacheMode::OnlyIfCached) => self.stale_hit(served, trace, WhyStale::OnlyIfCached),
            _ => {
                let Entry { soft, hard, .. } = entry;
                self.refresh_or_serve(is_fresh, Fallback { served, trace, soft, hard }, snapshots).await
            }
        })
    }

    /// A store that fails one operation of a call is asked for no other: a slow store costs a call one timeout.
    pub(super) async fn look_up(&mut self) -> Option<Found> {
        if let Some(tier) = self.cache.tier(self.site)
            && let Some((entry, snapshots)) = tier.kept(self.query())
        {
            return Some(Found { entry, snapshots, tier: Tier::Local });
        }
        let found = self.store().lookup(self.query()).await;
        let Some(found) = self.or_count(found) else {
            self.is_apart = true;
            return None;
        };
        match found {
            Lookup::Hit(entry, snapshots) if entry.freshness(self.now()) != Freshness::Expired => {
                Some(Found { entry, snapshots, tier: self.tier() })
            }
            _ => None,
        }
    }

    fn decoded(&self, entry: &Entry) -> Option<Served> {
        match &entry.payload {
            Payload::Absent(kind) => Some(Served::Absent(*kind)),
            Payload::Object(object) => Some(Served::Value(Arc::clone(object))),
            Payload::Bytes(bytes) => {
                let object = self.ops.codec.and_then(|codec| (codec.decode)(bytes));
                if object.is_none() {
                    self.counters.add(Event::DecodeError);
                }
                object.map(Served::Value)
            }
        }
    }

    /// An entry whose soft deadline has passed, or that chance refreshes before it: whoever gets its flight refreshes it,
    /// everyone else is served.
    async fn refresh_or_serve(&mut self, is_fresh: bool, entry: Fallback, snapshots: Vec<Snapshot>) -> Step {
        let Some(ticket) = self.refresh_ticket(snapshots).await else {
            return self.serve_aging(is_fresh, entry.served, entry.trace);
        };
        let (served, trace) = (entry.served.clone(), entry.trace.clone());
        self.fallback = Some(entry);
        if self.spawns() {
            self.serve_aging(is_fresh, served.clone(), trace);
            return Step::ServeAndRefresh(served, ticket);
        }
        Step::Load(Ticket { budget: self.budget(), ..ticket })
    }

    fn serve_aging(&self, is_fresh: bool, served: Served, trace: Trace) -> Step {
        if is_fresh { self.hit(served, trace) } else { self.stale_hit(served, trace, WhyStale::Refreshing) }
    }

    /// What a failed refresh leaves: the entry, while it is fresh, or stale and allowed to outlive an error.
    pub(super) fn take_fallback(&mut self) -> Option<Fallback> {
        let fallback = self.fallback.take()?;
        let deadline = if self.site.policy().keeps_stale() { fallback.hard } else { fallback.soft };
        (self.now() < deadline).then_some(fallback)
    }

    pub(super) fn serve_fallback(&self, Fallback { served, trace, soft, .. }: Fallback) -> Served {
        if self.now() < soft {
            self.hit(served.clone(), trace);
        } else {
            self.stale_hit(served.clone(), trace, WhyStale::RefreshFailed);
        }
        served
    }

    /// The right to refresh: the flight in this process, and the lease in the fleet.
    async fn refresh_ticket(&mut self, snapshots: Vec<Snapshot>) -> Option<Ticket> {
        let key = FlightKey { key: Arc::clone(&self.key), snapshots: snapshots.clone() };
        let Seat::Lead(lead) = flight::join(&self.cache.inner.flights, key) else { return None };
        let entered = if self.cache.is_local(self.site) {
            // The entry is served, so its records are warm; a young one refuses a replica's row by itself.
            Entered { snapshots, needs_primary: false, hold: None, lease: Lease::Free }
        } else {
            let entered = self.store().enter(self.query(), self.site.rotates()).await;
            self.or_count(entered).filter(|entered| entered.lease == Lease::Free)?
        };
        self.counters.add(Event::Refresh);
        Some(self.ticket(Some(lead), Some(entered)))
    }

    fn spawns(&self) -> bool {
        self.site.policy().refresh == Refresh::Background && self.can_spawn
    }

    /// Takes a place on the flight of this token; `None` says to look again.
    async fn board(&mut self, entered: Entered) -> Option<Step> {
        let key = FlightKey { key: Arc::clone(&self.key), snapshots: entered.snapshots.clone() };
        match flight::join(&self.cache.inner.flights, key) {
            Seat::Lead(lead) => self.lead(lead, entered).await,
            Seat::Wait(waiter) => self.wait(waiter, entered).await,
        }
    }

    /// The last flight may have landed between this call's lookup and its lead, here or in another process, so it looks once
    /// more. While another process holds the lease it looks again and again.
    async fn lead(&mut self, lead: Lead, mut entered: Entered) -> Option<Step> {
        let mut patience = Patience::default();
        while self.mode != CacheMode::Refresh && !self.is_apart {
            if let Some(found) = self.look_up().await
                && found.entry.freshness(self.now()) == Freshness::Fresh
                && let Some(served) = self.decoded(&found.entry)
            {
                return Some(self.found(lead, served, &found));
            }
            let Lease::Held(remaining) = entered.lease else { break };
            if !self.sleeps(patience.next(remaining)).await {
                return Some(self.timed_out());
            }
            let before = entered.snapshots;
            entered = self.enter().await;
            if entered.snapshots != before && !self.is_apart {
                // What the flight is named after is past: everyone looks again.
                lead.land(Landing::Void);
                return None;
            }
        }
        Some(Step::Load(self.ticket(Some(lead), Some(entered))))
    }

    /// Somebody else's load, for all who wait on this flight.
    fn found(&self, lead: Lead, served: Served, found: &Found) -> Step {
        lead.land(match &served {
            Served::Value(object) => Landing::Value(Arc::clone(object), Some(found.entry.version)),
            Served::Absent(kind) => Landing::Absent(*kind),
        });
        let trace = self.hit_trace(&found.entry, found.tier);
        self.waited(served, trace)
    }

    /// Whether the call's own time was not up before this pause was over.
    async fn sleeps(&self, pause: Duration) -> bool {
        let budget = self.budget();
        tokio::time::sleep(budget.map_or(pause, |left| pause.min(left))).await;
        budget.is_none_or(|left| left > pause)
    }

    async fn wait(&mut self, waiter: Waiter, entered: Entered) -> Option<Step> {
        self.counters.add(Event::Wait);
        let waited = match self.budget() {
            Some(budget) => tokio::time::timeout(budget, waiter.wait()).await.ok(),
            None => Some(waiter.wait().await),
        };
        // A refresh wants what is true now, and this flight may have begun before it was asked for. The next one has not.
        let is_too_old = self.mode == CacheMode::Refresh && !std::mem::replace(&mut self.has_waited, true);
        match waited {
            None => Some(self.timed_out()),
            Some(Waited::Landed(_)) if is_too_old => None,
            Some(Waited::Leads(lead)) => self.lead(lead, entered).await,
            Some(Waited::Landed(Landing::Void)) => None,
            Some(Waited::Landed(Landing::Error(error))) => {
                self.trace(CallOutcome::Failed, None);
                Some(Step::Failed(error))
            }
            Some(Waited::Landed(Landing::Value(object, version))) => {
                let trace = Trace { version, ..self.blank_trace() };
                Some(self.waited(Served::Value(object), trace))
            }
            Some(Waited::Landed(Landing::Absent(kind))) => Some(self.waited(Served::Absent(kind), self.blank_trace())),
        }
    }

    /// The call's time is up: stale, if there is any.
    pub(super) fn timed_out(&mut self) -> Step {
        self.counters.add(Event::LoadTimeout);
        match self.take_fallback() {
            Some(fallback) => Step::Serve(self.serve_fallback(fallback)),
            None => self.refuse(CacheError::TimedOut { function: self.site.info().name }),
        }
    }

    fn refuse(&self, error: CacheError) -> Step {
        self.trace(CallOutcome::Refused, None);
        Step::Refuse(error)
    }

    fn hit(&self, served: Served, trace: Trace) -> Step {
        let (event, outcome) = match served {
            Served::Value(_) => (Event::HitFresh, CallOutcome::Fresh),
            Served::Absent(_) => (Event::HitNegative, CallOutcome::Negative),
        };
        self.counters.add(event);
        scope::record(|| Trace { outcome, ..trace });
        Step::Serve(served)
    }

    pub(super) fn stale_hit(&self, served: Served, trace: Trace, why: WhyStale) -> Step {
        self.counters.add(Event::HitStale);
        scope::record(|| Trace { outcome: CallOutcome::Stale, stale: Some(why), ..trace });
        Step::Serve(served)
    }

    fn waited(&self, served: Served, trace: Trace) -> Step {
        scope::record(|| Trace { outcome: CallOutcome::Waited, tier: Some(Tier::Loader), ..trace });
        Step::Serve(served)
    }

    fn blank_trace(&self) -> Trace {
        Trace { function: Some(self.site.info().name), ..Trace::default() }
    }

    fn hit_trace(&self, entry: &Entry, tier: Tier) -> Trace {
        Trace {
            tier: Some(tier),
            age: Some(self.now().since(entry.written)),
            version: Some(entry.version),
            ..self.blank_trace()
        }
    }

    pub(super) fn trace(&self, outcome: CallOutcome, version: Option<u64>) {
        scope::record(|| Trace { outcome, version, tier: Some(Tier::Loader), ..self.blank_trace() });
    }

    /// What is left of `timeout`; `None` when there is none, or nothing that could be returned in time.
    pub(super) fn budget(&self) -> Option<Duration> {
        let timeout = self.site.policy().timeout?;
        let began = self.began?;
        (self.can_refuse || self.fallback.is_some()).then(|| timeout.saturating_sub(began.elapsed()))
    }

    /// A load that is nobody else's business, and is not stored.
    pub(super) fn unstored(&mut self) -> Ticket {
        self.ticket(None, None)
    }

    pub(super) fn ticket(&mut self, lead: Option<Lead>, entered: Option<Entered>) -> Ticket {
        self.loads += 1;
        self.counters.add(Event::Load);
        let needs_primary = entered.as_ref().is_none_or(|entered| entered.needs_primary);
        Ticket {
            lead,
            entered,
            is_stored: !self.is_apart,
            // An opaque value is fenced by the floor alone, so only a primary's will do; so is an entry of many aggregates.
            hint: LoadHint {
                primary_required: needs_primary
                    // Nothing checks what a call apart from the store loads, so a replica's row will not do.
                    || self.is_apart
                    || self.loads > 1
                    || self.site.info().mode != Mode::Row
                    || self.aggregates.len() > 1,
            },
            started: self.now(),
            budget: self.budget(),
            attempt: self.loads,
        }
    }

    pub(super) fn payload(&self, object: &Object) -> Option<Payload> {
        match self.store().form() {
            Form::Object => Some(Payload::Object(Arc::clone(object))),
            Form::Bytes => self.ops.codec.and_then(|codec| (codec.encode)(object)).map(Payload::Bytes),
        }
    }
}
