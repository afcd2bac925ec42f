//! An entry past its soft deadline, or chosen by chance for an early refresh: which caller refreshes it, and what
//! remains after a failed refresh.

use tokio::runtime::Handle;

use super::entered::{Entered, Held};
use super::permit::LoadPermit;
use super::refreshing::Refreshing;
use super::served::Stored;
use super::slots::Slot;
use super::state::{Call, Spawner, Step};
use crate::cache::Store;
use crate::coalesce::{Landing, LeaderGuard, LoadGuard, LoadSlot, Refreshed, Role, load_lock, singleflight};
use crate::entry::{Content, deferred};
use crate::observe::{Event, WhyStale};
use crate::policy::Refresh;
use crate::remote::Lease;

impl Call {
    /// For an entry past its soft deadline, or chosen for an early refresh: the caller that becomes the leader of its
    /// flight refreshes it, all other callers are served the entry.
    pub(super) async fn refresh_or_serve(&mut self, is_fresh: bool, stored: Stored) -> Step {
        if self.is_held_off(is_fresh, &stored) {
            return if is_fresh { self.hit(stored) } else { self.stale_hit(stored, WhyStale::RefreshFailed) };
        }
        let Some(mut permit) = self.refresh_ticket(&stored).await else {
            return self.serve_aging(is_fresh, stored);
        };
        self.fallback = Some(Box::new(stored.clone()));
        if self.spawns() {
            let served = stored.content.clone();
            self.serve_aging(is_fresh, stored);
            return Step::ServeAndRefresh(served, permit);
        }
        permit.budget = self.budget();
        Step::Load(permit)
    }

    /// Whether a refresh of the entry has failed lately. A stale one that may not outlive an error is refreshed in any case.
    fn is_held_off(&self, is_fresh: bool, stored: &Stored) -> bool {
        let failures = &self.cache.inner.failed_refreshes;
        (is_fresh || self.policy().keeps_stale()) && failures.holds_off(self.refreshed(stored), self.now())
    }

    fn refreshed(&self, stored: &Stored) -> Refreshed {
        Refreshed::new(self.key.id().probe(), stored.version, stored.written, stored.deadlines)
    }

    /// The refresh of the entry that this call would serve has failed. To be called before another caller can begin the next.
    pub(super) fn refresh_failed(&self) {
        if let Some(stored) = &self.fallback {
            let failures = &self.cache.inner.failed_refreshes;
            failures.failed(self.refreshed(stored), self.policy(), self.now());
        }
    }

    pub(super) fn serve_aging(&self, is_fresh: bool, stored: Stored) -> Step {
        if is_fresh { self.hit(stored) } else { self.stale_hit(stored, WhyStale::Refreshing) }
    }

    /// What is served after a failed refresh: the entry, while it is fresh, or while a stale one may outlive an error.
    pub(super) fn take_fallback(&mut self) -> Option<Stored> {
        let fallback = *self.fallback.take()?;
        let deadline = if self.policy().keeps_stale() { fallback.deadlines.hard } else { fallback.deadlines.soft };
        if self.now() < deadline {
            return Some(fallback);
        }
        deferred::give_up(fallback.content);
        None
    }

    pub(super) fn serve_fallback(&self, stored: Stored) -> Content {
        let served = stored.content.clone();
        if self.now() < stored.deadlines.soft {
            self.hit(stored);
        } else {
            self.stale_hit(stored, WhyStale::RefreshFailed);
        }
        served
    }

    /// The right to refresh: the flight in this process, and the lease in the fleet.
    pub(super) async fn refresh_ticket(&mut self, stored: &Stored) -> Option<Box<LoadPermit>> {
        let snapshots = stored.snapshots.clone();
        let key = self.flight_key(snapshots.clone());
        let Role::Leader(lead) = singleflight::join(&self.cache.inner.flights, key) else { return None };
        let Slot::Free(slot) = self.slot_for_refresh() else { return None };
        if let Store::Local(local) = self.store() {
            self.count(Event::Refresh);
            // An entry may be served under a record that takes rows of the primary only, and an absence under an
            // unverified record. FILL refuses a replica's row there, so such a row must not reach the callers either.
            let replicas_lag = !local.source_lag().is_zero();
            let needs_primary = replicas_lag && local.needs_primary(&self.aggregates);
            let entered = Entered { snapshots, needs_primary, held: Held::Nothing, lease: Lease::Free };
            return Some(self.refresh_permit(stored, (lead, slot), None, entered));
        }
        let entered = self.enter_alone().await.filter(|entered| entered.lease == Lease::Free)?;
        if entered.snapshots != snapshots {
            // The records moved since the lookup: another caller may already load under the new snapshot (G4).
            lead.land(Landing::Void);
            return None;
        }
        let guard = load_lock::try_shared(&self.cache.inner.load_locks, &self.key)?;
        self.count(Event::Refresh);
        Some(self.refresh_permit(stored, (lead, slot), Some(guard), entered))
    }

    fn refresh_permit(
        &mut self,
        stored: &Stored,
        (lead, slot): (LeaderGuard, Option<LoadSlot>),
        guard: Option<LoadGuard>,
        entered: Entered,
    ) -> Box<LoadPermit> {
        let refreshing = Refreshing::new(&self.cache, &self.key, self.refreshed(stored), self.is_local());
        let mut permit = self.permit(Some(lead), guard, Some(entered));
        (permit.refreshing, permit.slot) = (Some(refreshing), slot);
        permit
    }

    pub(super) fn spawns(&self) -> bool {
        let can_spawn = match self.spawner {
            Spawner::None => false,
            Spawner::Runtime => Handle::try_current().is_ok(),
            Spawner::Thread => true,
        };
        can_spawn && self.policy().refresh == Refresh::Background
    }
}
