//! Copies in this process, for calls while the shared store is down (`on_outage = serve_local`).

use std::time::Duration;

use super::entered::{Entered, Held};
use super::fill::Loaded;
use super::load;
use super::permit::LoadPermit;
use super::served::Stored;
use super::state::{Call, MAX_LOADS, Step};
use crate::cache::Store;
use crate::entry::{Made, deferred};
use crate::local::LocalFill;
use crate::observe::{CacheMode, Tier, WhyStale};
use crate::policy::Deadlines;
use crate::util::few::Few;

impl Call {
    /// What another call has loaded in this outage, or a copy from before it, up to its hard deadline. Nothing inside of a load: its value
    /// may go to a store that works.
    pub(super) fn kept_for_outage(&self) -> Option<Stored> {
        let may_serve = self.is_degraded && self.mode != CacheMode::Refresh && self.loads < MAX_LOADS;
        if !may_serve || load::is_loading() || !self.cache.serves_in_outage(self.site()) {
            return None;
        }
        let entry = self.cache.inner.local.kept(&self.key)?;
        if self.now() < entry.hard {
            return Some(Stored::new(entry, Tier::Local, Few::new()));
        }
        deferred::give_up(entry.content);
        None
    }

    pub(super) fn serve_in_outage(&self, stored: Stored) -> Step {
        if self.now() < stored.deadlines.soft { self.hit(stored) } else { self.stale_hit(stored, WhyStale::Outage) }
    }

    /// Keeps what was loaded without the store. The in-process records admit it: they have every event of this process, and those of the
    /// channel.
    pub(super) fn keep_for_outage(
        &self,
        permit: &LoadPermit,
        loaded: &Loaded,
        deadlines: Deadlines,
        took: Duration,
        made: &Made,
    ) {
        let Some(Entered { held: Held::Here(holds), snapshots, .. }) = &permit.entered else { return };
        if !self.is_degraded || !self.cache.serves_in_outage(self.site()) {
            return;
        }
        let Some(entry) = self.entry(permit.started, loaded, deadlines, took, made) else { return };
        let fill = LocalFill {
            snapshots: snapshots.clone(),
            fence: loaded.fence(),
            from_primary: permit.hint.primary_required,
            clears: permit.clears(),
            entry,
        };
        self.cache.inner.local.keep(&self.key, holds, fill);
    }

    /// ENTER without the shared store.
    pub(super) fn enter_in_outage(&self) -> Entered {
        if let Store::Near(near) = self.store()
            && self.cache.serves_in_outage(self.site())
        {
            near.loads_in_outage();
        }
        self.enter_local()
    }
}
