//! Asking the store. Calls to a store outside the process share their questions; calls to the local tier do not.

use super::load;
use super::served::Found;
use super::state::Call;
use crate::cache::Store;
use crate::coalesce::RoundResult;
use crate::entry::{Freshness, LocalEntry, deferred};
use crate::error::StoreError;
use crate::observe::{Event, Tier};
use crate::protocol::Snapshot;
use crate::remote::{Answer, DecodedLookup, Entered};

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
            let entered = enters.ask(&self.key, || self.shared_answer(self.enter_store())).await;
            match self.or_count(entered) {
                Some(entered) => return entered,
                None => self.degrade(),
            }
        }
        self.enter_local()
    }

    /// ENTER of one call, whose answer is not shared with other calls.
    pub(super) async fn enter_alone(&self) -> Option<Entered> {
        if self.is_local() {
            return Some(self.enter_local());
        }
        let entered = self.enter_store().await;
        self.or_count(entered)
    }

    /// After one failed operation the call asks the store nothing more: a slow store costs a call one timeout.
    pub(super) async fn look_up(&mut self) -> Option<Found> {
        let found = match self.store() {
            Store::Local(local) => {
                let (entry, snapshots) = local.look_up(&self.key)?;
                (entry, snapshots, Tier::Local)
            }
            Store::Near(_) | Store::Shared(_) => {
                if let Some((entry, snapshots)) = self.near_copy() {
                    return Some(Found { entry, snapshots, tier: Tier::Local, is_fresh: true });
                }
                let lookups = &self.cache.inner.lookups;
                let found = lookups.ask(&self.key, || self.shared_answer(self.look_up_in_store())).await;
                let Some(found) = self.or_count(found) else {
                    self.degrade();
                    return None;
                };
                match found {
                    DecodedLookup::Hit(entry, snapshots) => (entry, snapshots, Tier::Shared),
                    DecodedLookup::Undecodable => {
                        self.count(Event::DecodeError);
                        return None;
                    }
                    DecodedLookup::Miss => return None,
                }
            }
        };
        let (entry, snapshots, tier) = found;
        match entry.freshness(self.cache.inner.clock.near(entry.soft)) {
            Freshness::Expired => {
                deferred::give_up(entry.content);
                None
            }
            freshness => Some(Found { entry, snapshots, tier, is_fresh: freshness == Freshness::Fresh }),
        }
    }

    /// A copy in this process. It may be older than the records that a load is stored under, so a load asks the floor.
    fn near_copy(&self) -> Option<(LocalEntry, Vec<Snapshot>)> {
        match self.store() {
            Store::Near(near) if !load::is_loading() => near.kept(&self.key),
            _ => None,
        }
    }
}
