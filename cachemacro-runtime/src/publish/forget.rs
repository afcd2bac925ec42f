//! Entries end without an event: [`CacheMode::Forget`](crate::CacheMode::Forget).

use super::unsent::Writes;
use crate::cache::Cache;
use crate::callsite::OnError;
use crate::error::CacheError;
use crate::event::Aggregate;

impl Cache {
    /// Ends all entries of these aggregates, here, in the shared store and in the other processes, as an event without a version does. No
    /// load that has begun is stored.
    ///
    /// # Errors
    /// [`CacheError::Publish`]: the store did not accept it. It is retried, and until then the aggregates are suspect.
    pub(crate) async fn void(&self, aggregates: &[Aggregate]) -> Result<(), CacheError> {
        self.apply(Writes::voiding(aggregates.iter().cloned()), OnError::Fail).await
    }

    /// As [`Cache::void`], on a thread that waits for the store.
    ///
    /// # Errors
    /// As [`Cache::void`].
    pub(crate) fn void_blocking(&self, aggregates: &[Aggregate]) -> Result<(), CacheError> {
        self.apply_blocking(Writes::voiding(aggregates.iter().cloned()), OnError::Fail)
    }
}
