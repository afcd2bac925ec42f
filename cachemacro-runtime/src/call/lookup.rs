//! Asking the store. Calls to a store outside the process share their questions; calls to the in-process store do not.

use super::load;
use super::served::{Found, Served};
use super::state::Call;
use crate::coalesce::RoundResult;
use crate::entry::{Freshness, Payload, deferred};
use crate::error::StoreError;
use crate::observe::{Event, Tier};
use crate::remote::{Answer, Entered, Lookup};

impl Call {
    /// A failure of the store is the answer for all callers that wait to ask it the same.
    pub(super) async fn shared_answer<T>(&self, answer: Answer<'_, T>) -> RoundResult<Result<T, StoreError>> {
        match answer.await {
            Ok(answer) => RoundResult::ForRound(Ok(answer)),
            Err(error) => RoundResult::ForAll(Err(error)),
        }
    }

    /// ENTER. When the store fails, the in-process records still tell flights apart, as every event reaches them too.
    /// So an outage of the store causes no stampede.
    pub(super) async fn enter(&mut self) -> Entered {
        let rotates = self.site.rotates();
        if !self.is_degraded {
            let entered = match self.cache.is_local(self.site) {
                true => Ok(self.cache.inner.memory.enter_now(self.query(), rotates)),
                false => {
                    self.cache
                        .inner
                        .enters
                        .ask(&self.key, || self.shared_answer(self.store().enter(self.query(), rotates)))
                        .await
                }
            };
            match self.or_count(entered) {
                Some(entered) => return entered,
                None => self.degrade(),
            }
        }
        self.cache.inner.memory.enter_now(self.query(), rotates)
    }

    /// ENTER of one call, whose answer is not shared with other calls.
    pub(super) async fn enter_alone(&self) -> Option<Entered> {
        let rotates = self.site.rotates();
        let entered = match self.cache.is_local(self.site) {
            true => Ok(self.cache.inner.memory.enter_now(self.query(), rotates)),
            false => self.store().enter(self.query(), rotates).await,
        };
        self.or_count(entered)
    }

    /// After one failed operation the call asks the store nothing more: a slow store costs a call one timeout.
    pub(super) async fn look_up(&mut self) -> Option<Found> {
        if let Some(tier) = self.cache.tier(self.site)
            // A local copy may be older than the records that this load is stored under, so a load asks the floor.
            && !load::is_loading()
            && let Some((entry, snapshots)) = tier.kept(self.query())
        {
            return Some(Found { entry, snapshots, tier: Tier::Local, is_fresh: true });
        }
        let found = match self.cache.is_local(self.site) {
            true => Ok(self.cache.inner.memory.look_up(self.query())),
            false => self.cache.inner.lookups.ask(&self.key, || self.shared_answer(self.ask_floor())).await,
        };
        let Some(found) = self.or_count(found) else {
            self.degrade();
            return None;
        };
        let Lookup::Hit(entry, snapshots) = found else { return None };
        let freshness = entry.freshness(self.cache.inner.clock.near(entry.soft));
        let is_fresh = freshness == Freshness::Fresh;
        if freshness == Freshness::Expired {
            deferred::give_up(entry.payload);
            return None;
        }
        Some(Found { entry, snapshots, tier: self.tier(), is_fresh })
    }

    /// Skips the copy in this process, which was not served or may not be.
    fn ask_floor(&self) -> Answer<'_, Lookup> {
        match self.cache.tier(self.site) {
            Some(tier) => tier.look_through(self.query()),
            None => self.store().lookup(self.query()),
        }
    }

    pub(super) fn decoded(&self, payload: Payload) -> Option<Served> {
        match payload {
            Payload::Absent(kind) => Some(Served::Absent(kind)),
            Payload::Object(object) => Some(Served::Value(object)),
            Payload::Bytes(bytes) => {
                let object = self.ops.codec.and_then(|codec| (codec.decode)(&bytes));
                if object.is_none() {
                    self.count(Event::DecodeError);
                }
                object.map(Served::Value)
            }
        }
    }
}
