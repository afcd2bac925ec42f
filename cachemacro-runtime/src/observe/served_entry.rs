//! An entry that a call was served, to ask later whether a call would be served it again.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::util::all_of::each_of;

/// An entry that a call was served: [`AnsweredCall::entry`](crate::AnsweredCall::entry).
///
/// To remember it keeps neither the value nor the entry.
#[derive(Clone)]
pub struct ServedEntry(pub(crate) Arc<dyn Again>);

/// Looks for an entry again.
pub(crate) trait Again: Send + Sync {
    /// What is left of its hard TTL, if this process would serve it. The outer `None`: a shared store has to be asked.
    fn left_here(&self) -> Option<Option<Duration>>;

    /// Whether it is kept in this process alone, so that no shared store knows better.
    fn is_here(&self) -> bool;

    /// As [`Again::left_here`], by the answer of a shared store; also where a copy is in this process, if that may be behind it.
    fn left(&self, is_strict: bool) -> Pin<Box<dyn Future<Output = Option<Duration>> + Send + '_>>;
}

impl ServedEntry {
    /// What is left of the hard TTL, if a call would be served the same value at this moment: of the same load, and fresh. `None` if not.
    ///
    /// It counts as no call, but as a read: a time to idle begins anew. Where no copy is in this process, the shared store is asked.
    pub async fn hard_ttl(&self) -> Option<Duration> {
        match self.0.left_here() {
            Some(left) => left,
            None => self.0.left(false).await,
        }
    }

    /// As [`ServedEntry::hard_ttl`], and no acknowledged event has ended it, of any process: a shared store is asked also where a copy is in this process, as
    /// that may be behind. For a response that is about to be kept where purges race it, such as by a CDN.
    pub async fn hard_ttl_in_store(&self) -> Option<Duration> {
        if self.0.is_here() { self.0.left_here().flatten() } else { self.0.left(true).await }
    }

    /// The least [`ServedEntry::hard_ttl_in_store`] of several entries, all of which are asked for at once. `None` if one of them has none.
    pub async fn least_hard_ttl_in_store(entries: &[Self]) -> Option<Duration> {
        let all = each_of(entries.iter().map(|entry| boxed(entry.hard_ttl_in_store())).collect()).await;
        all.into_iter().try_fold(Duration::MAX, |least, left| Some(least.min(left?)))
    }
}

fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}

impl fmt::Debug for ServedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedEntry").finish_non_exhaustive()
    }
}
