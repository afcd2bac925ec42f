//! [`CacheMode::Forget`]: the entry of the call ends, and nothing is loaded.

use super::state::{Call, Step};
use crate::error::CacheError;
use crate::observe::{CacheMode, Event};

impl Call {
    /// Whether the call ends its entry.
    pub(super) fn forgets(&self) -> bool {
        self.mode == CacheMode::Forget
    }

    /// The call goes past the cache. One that forgets its entry does so nevertheless: that reads nothing.
    pub(super) fn bypass(&mut self) {
        if !self.forgets() {
            self.mode = CacheMode::Bypass;
        }
    }

    /// Ends the entry. Its records come first, so that no load which has begun is stored behind.
    pub(super) async fn forget(&mut self) -> Step {
        let voided = self.cache.void(&self.aggregates).await;
        self.discard_forgotten(voided.is_ok()).await;
        self.forgotten()
    }

    /// As [`Call::forget`], for a sync function.
    pub(super) fn forget_blocking(&mut self) -> Step {
        self.name_aggregates();
        if self.cache.void_blocking(&self.aggregates).is_err() {
            self.count(Event::StoreError);
        }
        // Sync functions keep their entries in this process alone.
        self.cache.inner.local.discard(&self.key);
        self.forgotten()
    }

    /// After one failed operation the store is asked nothing more.
    async fn discard_forgotten(&self, is_told: bool) {
        if is_told {
            return self.discard().await;
        }
        self.count(Event::StoreError);
        self.cache.inner.local.discard(&self.key);
    }

    /// The answer: that there is nothing, or what a load returns that is not stored.
    fn forgotten(&mut self) -> Step {
        if self.can_answer_nothing {
            return self.refuse(CacheError::NotCached { function: self.site().info().name });
        }
        self.mode = CacheMode::Bypass;
        self.count(Event::Bypass);
        Step::Load(self.unstored())
    }
}
