//! What can go wrong, with its kind, its place and its source.

use std::io;
use std::sync::Arc;

use thiserror::Error;

/// What the cache itself has to say to a caller, in the few places where it may: a timeout, a mode that forbids loading,
/// and `#[invalidates(…, on_error = fail)]`.
///
/// It reaches the caller through the function's own error type, when that is `From<CacheError>` or `From<io::Error>`
/// (as `anyhow::Error`, `Box<dyn Error + Send + Sync>` and `sqlx::Error` are). In every other case the loader's value is
/// returned instead.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The load of this function took longer than its `timeout`, and there was no stale value to serve.
    #[error("the load behind `{function}` took longer than its timeout, and no stale value was left to serve")]
    TimedOut {
        /// The cached function.
        function: &'static str,
    },
    /// [`CacheMode::OnlyIfCached`](crate::CacheMode::OnlyIfCached) was in force and nothing was cached.
    #[error("`{function}` has nothing cached for these arguments, and CacheMode::OnlyIfCached forbids loading")]
    NotCached {
        /// The cached function.
        function: &'static str,
    },
    /// An invalidation did not reach the store. **The write itself has happened.**
    #[error("the write happened, but its invalidation of `{aggregate}` did not reach the cache store; it is retried")]
    Publish {
        /// The aggregate whose readers may see an older value until the retry succeeds.
        aggregate: String,
        /// What the store said.
        #[source]
        source: StoreError,
    },
}

impl From<CacheError> for io::Error {
    fn from(error: CacheError) -> Self {
        let kind = match &error {
            CacheError::TimedOut { .. } => io::ErrorKind::TimedOut,
            CacheError::NotCached { .. } => io::ErrorKind::NotFound,
            CacheError::Publish { .. } => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// A process-wide cache is already there.
#[derive(Clone, Copy, Debug, Error)]
#[error(
    "a process-wide cache is already in use: install yours first thing in main, before any cached function runs \
     (a cached function that runs without one installs the default)"
)]
pub struct AlreadyInstalled;

/// A store could not do what it was asked. The engine turns it into a miss and a count; no caller ever sees it.
#[derive(Clone, Debug, Error)]
#[error("the store could not {operation}: {reason}")]
pub struct StoreError {
    /// The operation of the protocol: `lookup`, `enter`, `fill`, `verify`, `apply`, `detect`, `discard`.
    pub operation: &'static str,
    /// Why not, in the store's own words.
    pub reason: String,
    /// The error underneath, where there is one.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error with no other underneath.
    pub fn new(operation: &'static str, reason: impl Into<String>) -> Self {
        Self { operation, reason: reason.into(), source: None }
    }
}
