//! Which store serves a function.

use std::time::Duration;

use super::handle::Cache;
use crate::callsite::Callsite;
use crate::local::LocalTier;
use crate::near::NearCache;
use crate::policy::{Mode, OnOutage};
use crate::remote::{InvalidationChannel, RemoteStore};

/// The store that serves a function.
#[derive(Clone, Copy)]
pub(crate) enum Store<'a> {
    /// This process.
    Local(&'a LocalTier),
    /// A shared store, with copies in this process.
    Near(&'a NearCache),
    /// A shared store.
    Shared(&'a dyn RemoteStore),
}

impl Store<'_> {
    pub(crate) fn source_lag(self) -> Duration {
        match self {
            Self::Local(local) => local.source_lag(),
            Self::Near(near) => near.shared().source_lag(),
            Self::Shared(store) => store.source_lag(),
        }
    }
}

impl Cache {
    /// The store that serves a function. A strict read asks the shared store, so near copies do not serve it. Neither do they
    /// serve a read in source mode, which has just asked for the version.
    #[inline]
    pub(crate) fn store(&self, site: &Callsite) -> Store<'_> {
        let (inner, policy) = (&*self.inner, site.policy());
        let Some(shared) = inner.shared.as_ref().filter(|_| !policy.local) else { return Store::Local(&inner.local) };
        match &inner.near {
            Some(near) if !policy.strict && site.info().mode != Mode::Source => Store::Near(near),
            _ => Store::Shared(&**shared),
        }
    }

    /// Whether copies in this process serve a function while its store is down. In source mode a copy has no version to compare with the source's.
    pub(crate) fn serves_in_outage(&self, site: &Callsite) -> bool {
        let policy = site.policy();
        let default = if policy.strict { OnOutage::Load } else { self.inner.on_outage };
        policy.on_outage.unwrap_or(default) == OnOutage::ServeLocal
            && self.inner.shared.is_some()
            && !policy.local
            && site.info().mode != Mode::Source
    }

    /// The channel that the processes which share a function's entries follow.
    pub(crate) fn channel(&self, site: &Callsite) -> Option<&dyn InvalidationChannel> {
        self.inner.channel.as_deref().filter(|_| !site.policy().local)
    }
}
