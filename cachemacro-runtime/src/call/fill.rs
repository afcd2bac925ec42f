//! What happens to a loaded value: it is stored, shared with waiters, refused, or loaded once more.

use std::sync::Arc;
use std::time::Duration;

use super::entered::Entered;
use super::load::{self, LoadHint};
use super::permit::LoadPermit;
use super::state::{Call, MAX_LOADS, Step};
use crate::coalesce::Landing;
use crate::entry::{Absence, Content, LocalEntry, Made, Object};
use crate::local::LocalFill;
use crate::observe::{CacheMode, CallOutcome, Event, Report};
use crate::policy::{ComputedTtls, Deadlines};
use crate::protocol::{Fence, FenceKind, LoadOrigin, Snapshot, Verdict};
use crate::remote::{Announcement, Notice};
use crate::util::clock::Moment;

/// The result of a load, without its type.
pub(crate) enum Loaded {
    Value {
        object: Object,
        version: Option<u64>,
        keep: bool,
        weight: Option<usize>,
        ttls: Option<Box<ComputedTtls>>,
    },
    Absent(Absence, Option<Box<ComputedTtls>>),
    /// The loader's error, as a shared object where its type allows.
    Error(Option<Object>),
}

impl Loaded {
    pub(super) fn fence(&self) -> Fence {
        match self {
            Self::Value { version: Some(version), .. } => Fence::Row(*version),
            _ => Fence::Unversioned,
        }
    }

    /// The TTLs that the load has computed.
    fn ttls(&self) -> Option<ComputedTtls> {
        match self {
            Self::Value { ttls, .. } | Self::Absent(_, ttls) => ttls.as_deref().copied(),
            Self::Error(_) => None,
        }
    }
}

/// What the caller does with what it loaded.
pub(crate) enum Landed {
    /// Returns it.
    Return,
    /// Returns this stale value instead of the error.
    Stale(Content),
    /// Loads again with this permit: the row was from a replica, and a row of the primary is needed.
    Again(Box<LoadPermit>),
    /// Starts again: the fence of the load is void.
    Restart,
}

impl Call {
    /// Ends a load: FILL, and then what the store's answer asks for.
    pub(crate) async fn land(&mut self, permit: Box<LoadPermit>, loaded: Loaded) -> Landed {
        let took = self.now().since(permit.started);
        self.cache.counters(self.site()).loaded(took);
        if let Loaded::Error(error) = loaded {
            return self.land_error(permit, error).await;
        }
        self.cache.counters(self.site()).load_succeeded(&*self.cache.inner.clock);
        let mut dependencies = permit.load.as_ref().map(|load| load.take()).unwrap_or_default();
        self.look_for_missing_bindings(&dependencies);
        if dependencies.is_incomplete {
            // The outer load uses this result, so it is incomplete too.
            load::not_cached();
        }
        let bound = dependencies.bound;
        let deadlines = self.deadlines(&permit, &loaded, bound);
        let is_stored = permit.is_stored && !dependencies.is_incomplete;
        let Some(entered) = permit.entered.as_ref().filter(|_| is_stored) else {
            let bypassed = self.mode == CacheMode::Bypass;
            if bypassed {
                self.observe_bypassed(&dependencies);
                return self.share(*permit, loaded, deadlines, None, CallOutcome::Bypassed);
            }
            let made = std::mem::take(&mut dependencies.parts).into_made();
            if !dependencies.is_incomplete {
                self.keep_for_outage(&permit, &loaded, deadlines, took, &made);
            }
            return self.share(*permit, loaded, deadlines, Some(made), CallOutcome::LoadedNotStored);
        };
        let made = dependencies.parts.into_made();
        match self.store_loaded(entered, &permit, &loaded, deadlines, took, &made).await {
            Verdict::NeedsPrimary if permit.attempt < MAX_LOADS && !self.loads_once => {
                Landed::Again(self.primary_ticket(permit))
            }
            Verdict::Unreachable { version } if permit.attempt < MAX_LOADS => self.reset(permit, version).await,
            Verdict::Stored => self.share(*permit, loaded, deadlines, Some(made), CallOutcome::Loaded),
            _ => self.share(*permit, loaded, deadlines, Some(made), CallOutcome::LoadedNotStored),
        }
    }

    /// An error that can be shared ends the flight for all waiters. Otherwise several waiters at once try again (R11).
    async fn land_error(&mut self, mut permit: Box<LoadPermit>, error: Option<Object>) -> Landed {
        self.cache.counters(self.site()).load_failed(&*self.cache.inner.clock);
        self.refresh_failed();
        match (permit.lead.take(), error) {
            (Some(lead), Some(error)) => lead.land(Landing::Error(error)),
            (Some(lead), None) => lead.fail(self.policy().max_concurrent_loads),
            (None, _) => {}
        }
        let was_cached = self.fallback.is_some();
        match self.take_fallback() {
            Some(_) if self.is_refresh => Landed::Return,
            Some(fallback) => Landed::Stale(self.serve_fallback(fallback)),
            None => {
                if was_cached {
                    self.discard().await;
                }
                self.observe_failed();
                self.tell(|| Report { outcome: CallOutcome::Failed, ..Self::LOADED });
                Landed::Return
            }
        }
    }

    /// DISCARD.
    pub(super) async fn discard(&self) {
        let discarded = self.discard_in_store().await;
        self.or_count(discarded);
    }

    /// A refresh without a result to store has still shown that the entry is out of date.
    async fn discard_refreshed(&self) {
        if self.fallback.is_some() || self.mode == CacheMode::Refresh {
            self.discard().await;
        }
    }

    /// A background refresh that timed out. It counts as a failed refresh.
    pub(super) async fn refresh_timed_out(&mut self) {
        self.count(Event::LoadTimeout);
        if self.take_fallback().is_none() {
            self.discard().await;
        }
    }

    async fn store_loaded(
        &self,
        entered: &Entered,
        permit: &LoadPermit,
        loaded: &Loaded,
        deadlines: Deadlines,
        took: Duration,
        made: &Made,
    ) -> Verdict {
        let fence = loaded.fence();
        let from_primary = permit.hint.primary_required || self.store().source_lag().is_zero();
        let origin = LoadOrigin {
            floor: entered.snapshots.first().map_or(0, |snapshot| snapshot.floor),
            needs_primary: entered.needs_primary,
            asked_primary: permit.hint.primary_required,
            from_primary,
        };
        let is_off = self.cache.inner.local.is_off(self.site());
        let filled = match self.entry(permit.started, loaded, deadlines, took, made).filter(|_| !is_off) {
            Some(entry) => {
                let snapshots = entered.snapshots.clone();
                let clears = permit.clears();
                self.fill_store(&entered.held, LocalFill { snapshots, fence, from_primary, clears, entry }).await
            }
            None => None,
        };
        let Some(filled) = filled else {
            self.discard_refreshed().await;
            return origin.judge(fence, None);
        };
        match self.or_count(filled) {
            Some(Ok(())) => Verdict::Stored,
            Some(Err(refused)) => {
                self.cache.counters(self.site()).fill_refused(refused, &*self.cache.inner.clock);
                origin.judge(fence, Some(refused))
            }
            None => origin.judge(fence, None),
        }
    }

    /// When the loaded value ends: by its own TTLs, and no later than any entry that was served inside its load (G1).
    fn deadlines(&self, permit: &LoadPermit, loaded: &Loaded, bound: Option<Deadlines>) -> Deadlines {
        let computed = loaded.ttls().map(|ttls| self.policy().of_load(ttls));
        let (policy, chance) = (computed.as_ref().unwrap_or(self.policy()), fastrand::f64());
        let negative = match loaded {
            Loaded::Absent(..) => policy.negative_deadlines(permit.started, chance),
            _ => None,
        };
        let own = negative.unwrap_or_else(|| policy.deadlines(permit.started, chance));
        bound.map_or(own, |bound| policy.bounded(own, bound))
    }

    /// The entry to store; `None` when the annotation forbids it, also by a computed TTL that is over already.
    pub(super) fn entry(
        &self,
        started: Moment,
        loaded: &Loaded,
        deadlines: Deadlines,
        took: Duration,
        made: &Made,
    ) -> Option<LocalEntry> {
        if self.policy().computed.any() && deadlines.hard <= self.now() {
            return None;
        }
        let (content, weight) = match loaded {
            Loaded::Value { keep: false, .. } | Loaded::Error(_) => return None,
            Loaded::Value { object, weight, .. } => (Content::Value(Arc::clone(object)), self.weigh(object, *weight)),
            Loaded::Absent(..) if self.policy().negative.is_none() => return None,
            Loaded::Absent(kind, _) => (Content::Absent(*kind), 0),
        };
        let Deadlines { soft, hard } = deadlines;
        Some(LocalEntry {
            content,
            version: 0,
            kind: FenceKind::Unversioned,
            written: started,
            soft,
            hard,
            cost: took,
            weight,
            made: made.clone(),
        })
    }

    /// The weight is computed only for a cache that uses weights.
    fn weigh(&self, object: &Object, supplied: Option<usize>) -> u64 {
        let weight = supplied.or_else(|| self.cache.inner.weighs.then(|| self.ops.weigh(object)));
        weight.unwrap_or(0) as u64
    }

    fn primary_ticket(&mut self, mut permit: Box<LoadPermit>) -> Box<LoadPermit> {
        self.loads += 1;
        self.count(Event::Load);
        if !self.is_refresh {
            permit.budget = self.budget();
        }
        permit.hint = LoadHint { primary_required: true };
        (permit.started, permit.attempt) = (self.now(), self.loads);
        permit
    }

    /// DETECT. The waiters of this load must look again too.
    async fn reset(&self, permit: Box<LoadPermit>, version: u64) -> Landed {
        if let Some(entered) = &permit.entered {
            self.detect(entered.snapshots[0], version).await;
        }
        if let Some(lead) = permit.lead {
            lead.land(Landing::Void);
        }
        if self.loads_once { Landed::Return } else { Landed::Restart }
    }

    pub(super) async fn detect(&self, snapshot: Snapshot, version: u64) {
        let aggregate = &self.aggregates[0];
        let detected = self.detect_in_store(aggregate, snapshot, version).await;
        if self.or_count(detected) != Some(true) {
            return;
        }
        let counters = self.cache.counters(self.site());
        counters.record_reset(aggregate, version, snapshot.floor, &*self.cache.inner.clock);
        let reset = Announcement { event: None, notices: vec![(aggregate.clone(), Notice::Reset)] };
        // If the announcement is lost, local tiers keep copies that no event has ended.
        if let Some(channel) = self.cache.channel(self.site()) {
            let told = channel.announce(&[reset]).await;
            self.or_count(told);
        }
    }

    fn share(
        &self,
        permit: LoadPermit,
        loaded: Loaded,
        deadlines: Deadlines,
        made: Option<Made>,
        outcome: CallOutcome,
    ) -> Landed {
        // What was not stored is no entry: nothing may be kept of it.
        let made = made.filter(|_| outcome == CallOutcome::Loaded);
        let for_waiters = made.clone().unwrap_or_default();
        let (landing, version) = match loaded {
            Loaded::Value { object, version, .. } => (Landing::Value(object, version, deadlines, for_waiters), version),
            Loaded::Absent(kind, _) => (Landing::Absent(kind, deadlines, for_waiters), None),
            Loaded::Error(_) => return Landed::Return,
        };
        let is_absent = matches!(landing, Landing::Absent(..));
        if let Some(lead) = permit.lead {
            lead.land(landing);
        }
        // Observers are the user's code, and may load the same key.
        drop((permit._guard, permit.refreshing, permit.slot));
        let is_bypassed = outcome == CallOutcome::Bypassed;
        if !is_bypassed {
            self.observe(deadlines, version, is_absent, made.as_ref().unwrap_or(&Made::UNKNOWN));
        }
        let snapshots = permit.entered.as_ref().map_or(&[][..], |entered| &entered.snapshots);
        self.tell(|| {
            let deadlines = (!is_bypassed).then_some(deadlines);
            Report { outcome, version, deadlines, is_absent, snapshots, made: made.as_ref(), ..Self::LOADED }
        });
        Landed::Return
    }

    /// A load that timed out. The flight passes to the next waiter, which may have time left.
    pub(crate) fn land_timeout(&mut self, permit: Box<LoadPermit>) -> Step {
        self.refresh_failed();
        drop(permit);
        self.timed_out()
    }
}
