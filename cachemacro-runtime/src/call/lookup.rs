//! Asking the store. Calls to a store outside the process share their questions; calls to the local tier do not.

use super::entered::Entered;
use super::load;
use super::served::{Found, Stored};
use super::state::Call;
use crate::cache::Store;
use crate::coalesce::RoundResult;
use crate::entry::{Freshness, LocalEntry, deferred};
use crate::error::StoreError;
use crate::observe::{Event, Tier};
use crate::protocol::Snapshot;
use crate::remote::{Answer, DecodedLookup};
use crate::util::few::Few;

impl Call {
    /// A failure of the store is the answer for all callers that wait to ask it the same.
    async fn shared_answer<T>(&self, answer: Answer<'_, T>) -> RoundResult<Result<T, StoreError>> {
        match answer.await {
            Ok(answer) => RoundResult::ForRound(Ok(answer)),
            Err(error) => RoundResult::ForAll(Err(error)),
        }
    }

    /// ENTER. When the store fails, the in-process records still tell flights apart, as every event reaches them too.
    /// So an outage of the store causes no stampede.
    pub(super) async fn enter(&mut self) -> Entered {
        if !self.is_degraded && !self.is_local() {
            let enters = &self.cache.inner.enters;
            let entered = enters.ask(&self.asked(), || self.shared_answer(self.enter_store())).await;
            match self.or_count(entered) {
                Some(entered) => return entered.into(),
                None => self.degrade(),
            }
        }
        self.enter_in_outage()
    }

    /// ENTER of one call, whose answer is not shared with other calls.
    pub(super) async fn enter_alone(&self) -> Option<Entered> {
        if self.is_local() {
            return Some(self.enter_local());
        }
        let entered = self.enter_store().await;
        self.or_count(entered).map(Entered::from)
    }

    /// LOOKUP. `None` if nothing is found, and if what is found may not be served.
    pub(super) async fn look_up(&mut self) -> Option<Found> {
        if let Some(entry) = self.near_copy() {
            return Some(Found { stored: Stored::new(entry, Tier::Local, Few::new()), is_fresh: true });
        }
        let (found, tier) = match self.store() {
            Store::Local(local) => (local.look_up(&self.key), Tier::Local),
            Store::Near(_) | Store::Shared(_) => {
                let lookups = &self.cache.inner.lookups;
                let found = lookups.ask(&self.asked(), || self.shared_answer(self.look_up_in_store())).await;
                (self.answered(found), Tier::Shared)
            }
        };
        let (entry, snapshots) = found?;
        match entry.freshness(self.cache.inner.clock.near(entry.soft)) {
            Freshness::Expired => {
                deferred::give_up(entry.content);
                None
            }
            freshness => {
                let stored = Stored::new(entry, tier, snapshots);
                Some(Found { stored, is_fresh: freshness == Freshness::Fresh })
            }
        }
    }

    /// After one failed operation the call asks the store nothing more: a slow store costs a call one timeout.
    fn answered(&mut self, found: Result<DecodedLookup, StoreError>) -> Option<(LocalEntry, Few<Snapshot>)> {
        match self.or_count(found) {
            Some(DecodedLookup::Hit(entry, snapshots)) => return Some((entry, snapshots.into())),
            Some(DecodedLookup::Undecodable) => self.count(Event::DecodeError),
            Some(DecodedLookup::Miss) => {}
            None => self.degrade(),
        }
        None
    }

    /// A copy in this process. It may be older than the records that a load is stored under, so a load asks the floor. So does
    /// a call that may refresh early: it needs the snapshots of the shared records.
    fn near_copy(&self) -> Option<LocalEntry> {
        match self.store() {
            Store::Near(near) if !load::is_loading() && !self.is_early => near.kept(&self.key),
            _ => None,
        }
    }
}
