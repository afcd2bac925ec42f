//! An entry that a call was served, to ask later whether a call would be served it again.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// An entry that a call was served: [`AnsweredCall::entry`](crate::AnsweredCall::entry).
///
/// To remember it keeps neither the value nor the entry.
#[derive(Clone)]
pub struct ServedEntry(pub(crate) Arc<dyn Again>);

/// Looks for an entry again.
pub(crate) trait Again: Send + Sync {
    /// What is left of its hard TTL, if this process would serve it. The outer `None`: a shared store has to be asked.
    fn left_here(&self) -> Option<Option<Duration>>;

    /// As [`Again::left_here`], where a shared store has to be asked.
    fn left(&self) -> Pin<Box<dyn Future<Output = Option<Duration>> + Send + '_>>;
}

impl ServedEntry {
    /// What is left of the hard TTL, if a call would be served the same value at this moment: of the same load, and fresh. `None` if not.
    ///
    /// It counts as no call, but as a read: a time to idle begins anew. Where no copy is in this process, the shared store is asked.
    pub async fn hard_ttl(&self) -> Option<Duration> {
        match self.0.left_here() {
            Some(left) => left,
            None => self.0.left().await,
        }
    }
}

impl fmt::Debug for ServedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedEntry").finish_non_exhaustive()
    }
}
