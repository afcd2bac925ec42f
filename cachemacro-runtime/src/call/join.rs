//! Joining a flight: leading it, or waiting for it; and waiting for the load of another process.

use std::sync::Arc;
use std::time::Duration;

use super::entered::Entered;
use super::served::{Found, Stored};
use super::state::{Call, Step};
use super::waiting::{Ended, Waiting};
use crate::coalesce::{FlightKey, Landing, LeaderGuard, LoadGuard, Role, Waited, load_lock, singleflight};
use crate::entry::{Content, EntryKey, deferred};
use crate::observe::{CacheMode, CallOutcome, Event, Report};
use crate::protocol::Snapshot;
use crate::remote::Lease;
use crate::util::backoff::Backoff;
use crate::util::few::Few;

/// The delays of a leader that looks again while another process holds the lease. Half of each is random, so that callers
/// of many processes do not ask at once.
const LEASE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(64)).jitter(0.5);

impl Call {
    /// Joins the flight of this snapshot as leader or waiter; `None` says to look again.
    pub(super) async fn join(&mut self, entered: Entered) -> Option<Step> {
        let key = self.flight_key(entered.snapshots.clone());
        match singleflight::join(&self.cache.inner.flights, key) {
            Role::Leader(lead) => self.lead(lead, entered).await,
            Role::Waiter(waiter) => {
                self.count(Event::Wait);
                self.share_key(waiter.key());
                Some(Step::Wait(Waiting::new(waiter, entered).wait(self.budget())))
            }
        }
    }

    pub(super) fn flight_key(&self, snapshots: Few<Snapshot>) -> FlightKey {
        FlightKey { key: Arc::clone(&self.key), snapshots, clears: self.cache.inner.local.clears(self.site()) }
    }

    /// A flight has the same key: among ten thousand waiters, one copy of it is enough.
    fn share_key(&mut self, key: &Arc<EntryKey>) {
        let (own, shared) = (self.key.aggregate(), key.aggregate());
        self.aggregates.iter_mut().filter(|aggregate| **aggregate == own).for_each(|own| *own = shared.clone());
        self.key = Arc::clone(key);
    }

    /// The previous flight may have landed after this call's lookup and before it became the leader, here or in another
    /// process. So the leader looks up once more. While another process holds the lease, it repeats the lookup.
    pub(super) async fn lead(&mut self, lead: LeaderGuard, mut entered: Entered) -> Option<Step> {
        let mut looks = 0;
        while self.mode != CacheMode::Refresh && !self.is_degraded {
            match self.look_up().await {
                Some(Found { stored, is_fresh: true }) => return Some(self.found(lead, stored)),
                Some(Found { stored, .. }) => deferred::give_up(stored.content),
                None => {}
            }
            let Lease::Held(remaining) = entered.lease else { break };
            // The callers of the other process wait for the same database: to wait for them would be to load one process after the other.
            if lead.is_one_of_many() {
                break;
            }
            if !self.sleeps(LEASE_BACKOFF.delay_after(looks).min(remaining)).await {
                return Some(self.timed_out());
            }
            looks += 1;
            let before = entered.snapshots;
            entered = self.enter().await;
            if entered.snapshots != before && !self.is_degraded {
                // The flight's snapshot is out of date: all of its callers look again.
                lead.land(Landing::Void);
                return None;
            }
        }
        if let Some(stored) = self.kept_for_outage() {
            return Some(self.found(lead, stored));
        }
        match self.guard(&lead).await {
            Some(guard) => Some(Step::Load(self.permit(Some(lead), guard, Some(entered)))),
            None => Some(self.timed_out()),
        }
    }

    /// Waits for loads of the other kind: with a snapshot of the store, or without one. `None` when the call timed out.
    async fn guard(&self, lead: &LeaderGuard) -> Option<Option<LoadGuard>> {
        if self.is_local() {
            return Some(None);
        }
        let locks = &self.cache.inner.load_locks;
        let guard = async {
            if self.is_degraded {
                load_lock::alone(locks, &self.key, lead.together()).await
            } else {
                load_lock::shared(locks, &self.key).await
            }
        };
        match self.budget() {
            Some(budget) => tokio::time::timeout(budget, guard).await.ok().map(Some),
            None => Some(Some(guard.await)),
        }
    }

    /// Gives an entry that another load has stored to all waiters of this flight.
    fn found(&self, lead: LeaderGuard, stored: Stored) -> Step {
        let Stored { content, version, deadlines, made, .. } = &stored;
        lead.land(match content {
            Content::Value(object) => Landing::Value(Arc::clone(object), Some(*version), *deadlines, made.clone()),
            Content::Absent(kind) => Landing::Absent(*kind, *deadlines, made.clone()),
        });
        self.waited(stored.content, Some(stored.version), stored.deadlines, &stored.made, &stored.snapshots)
    }

    /// Sleeps for this pause; false if the call's timeout came first.
    pub(super) async fn sleeps(&self, pause: Duration) -> bool {
        let budget = self.budget();
        // No timer for an empty pause: it would need a runtime, and a waiter that takes over the lead asks at once.
        if !pause.is_zero() {
            tokio::time::sleep(budget.map_or(pause, |left| pause.min(left))).await;
        }
        budget.is_none_or(|left| left > pause)
    }

    /// Goes on after waiting; `None` says to look again.
    pub(super) async fn waited_for(&mut self, (waiting, waited): Ended) -> Option<Step> {
        let waiter = &waiting.waiter;
        // This load may have begun before the refresh was asked for, so a refresh takes the result of the next load. So
        // does a call without its store: it does not know what other processes have published since this load began
        // (R10).
        let wants_the_next = self.mode == CacheMode::Refresh || self.is_degraded;
        let is_too_old = wants_the_next && !std::mem::replace(&mut self.has_waited, true) && !waiter.came_first();
        match waited {
            None => Some(self.timed_out()),
            Some(Waited::Landed(_)) if is_too_old => None,
            Some(Waited::Leads(lead)) => {
                // The local tier has no leases, and a sync call has no runtime to sleep on.
                let lease = if self.is_local() { Lease::Free } else { Lease::Held(Duration::ZERO) };
                self.lead(lead, waiting.into_entered(lease)).await
            }
            Some(Waited::Landed(Landing::Void)) => None,
            Some(Waited::Landed(Landing::Error(error))) => {
                self.tell(|| Report { outcome: CallOutcome::Failed, ..Self::LOADED });
                self.observe_failed();
                Some(Step::Failed(error))
            }
            Some(Waited::Landed(Landing::Value(object, version, deadlines, made))) => {
                Some(self.waited(Content::Value(object), version, deadlines, &made, waiter.snapshots()))
            }
            Some(Waited::Landed(Landing::Absent(kind, deadlines, made))) => {
                Some(self.waited(Content::Absent(kind), None, deadlines, &made, waiter.snapshots()))
            }
        }
    }
}
