//! The place of a load among the loads of its function (`max_loads`).

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::load;
use super::permit::LoadPermit;
use super::state::Call;
use crate::coalesce::LoadSlot;
use crate::observe::Event;

/// Whether a refresh may begin.
pub(super) enum Slot {
    /// With this place, if the function has a bound.
    Free(Option<LoadSlot>),
    Full,
}

impl Call {
    /// The places of its function. A load inside of a load takes none: it would wait for a place that its own caller holds.
    fn slots(&self) -> Option<Arc<Semaphore>> {
        let most = self.site().policy().max_loads.filter(|_| !load::is_loading())?;
        Some(self.cache.inner.load_slots.of(self.site().index(), most))
    }

    /// A place for a refresh, whose callers are served the stale entry if there is none.
    pub(super) fn slot_for_refresh(&self) -> Slot {
        match self.slots().map(Semaphore::try_acquire_owned) {
            None => Slot::Free(None),
            Some(Ok(slot)) => Slot::Free(Some(slot)),
            Some(Err(_)) => {
                self.count(Event::LoadLimited);
                Slot::Full
            }
        }
    }

    /// Waits for a place, where the load is shared; false if the call's timeout came first.
    pub(super) async fn take_slot(&self, permit: &mut LoadPermit) -> bool {
        if permit.lead.is_none() || permit.slot.is_some() {
            return true;
        }
        let Some(slots) = self.slots() else { return true };
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            permit.slot = Some(slot);
            return true;
        }
        self.count(Event::LoadLimited);
        permit.slot = match self.budget() {
            Some(budget) => tokio::time::timeout(budget, slots.acquire_owned()).await.ok().and_then(Result::ok),
            None => slots.acquire_owned().await.ok(),
        };
        (permit.started, permit.budget) = (self.now(), self.budget());
        permit.slot.is_some()
    }
}
