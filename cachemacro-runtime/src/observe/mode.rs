//! How the calls in a scope use their cache.

use std::cell::RefCell;
use std::future::Future;

use crate::util::context;
use crate::util::context::{Entered, MODE, Part};
use crate::util::sync::{LocalKey, thread_local};

/// How the cached functions called in a scope use their cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CacheMode {
    /// Read, load on a miss, fill.
    #[default]
    Default,
    /// Always load, and fill.
    Refresh,
    /// Always load, and neither read nor fill the cache.
    Bypass,
    /// Serve what is cached, fresh or stale, and never load.
    ///
    /// If nothing is cached, the caller gets `None` or `Ok(None)` if its return type has that. Otherwise it gets a
    /// [`CacheError::NotCached`](crate::CacheError::NotCached) if its error type can be made from it. A function with
    /// neither loads after all, as it must return something. Functions that this load calls may load too.
    OnlyIfCached,
    /// Forget what is cached for these arguments, in this process and in all others, and load nothing.
    ///
    /// When the call returns, the entry is not served any more: neither in this process nor from the shared store, and within
    /// [`DETECTION`](crate::store::DETECTION), one second, no other process serves a copy of it. A load of it that is in progress, here or in
    /// another process, is returned to its callers and is not stored; a caller that comes later begins another one.
    ///
    /// The entry ends as by an event without a version. **So all other entries that depend on the same aggregates end too**, those of
    /// other functions as well. An entry of a function without events ends alone.
    ///
    /// The caller gets what [`OnlyIfCached`](Self::OnlyIfCached) gives where nothing is cached. A function that cannot say so loads after
    /// it has forgotten, past the cache, as it must return something.
    ///
    /// A call that would go past the cache, in a transaction or with `bypass_if`, forgets nevertheless. What is read before the commit is the
    /// old value: forget after it.
    ///
    /// If the shared store does not answer, the call does not fail. What it did not take is counted
    /// ([`FunctionStats::store_errors`](crate::FunctionStats::store_errors), [`Stats::pending_invalidations`](crate::Stats::pending_invalidations))
    /// and retried. Until then this process loads, and others may serve what they have, up to its hard TTL. A sync function waits for the store as
    /// a sync writer does.
    ///
    /// ```
    /// # use cachemacro::{CacheMode, cached};
    /// # #[cached(key = "user:<id>", hard_ttl = "1h", ttl_only = "an example")]
    /// # async fn find(id: u64) -> Option<String> { Some(id.to_string()) }
    /// # #[tokio::main]
    /// # async fn main() {
    /// find(1).await;
    /// assert_eq!(CacheMode::Forget.scope(find(1)).await, None);
    /// assert_eq!(CacheMode::OnlyIfCached.scope(find(1)).await, None, "nothing is cached");
    /// # }
    /// ```
    Forget,
}

thread_local! {
    /// The mode of the scope; nothing for the default one.
    static CURRENT: RefCell<Option<CacheMode>> = const { RefCell::new(None) };
}

impl Part for CacheMode {
    const FLAG: u8 = MODE;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &CURRENT
    }
}

impl CacheMode {
    /// Runs a future in this mode. It applies to every cached function that the future calls in the same task.
    ///
    /// ```
    /// # async fn find(_: u64) {}
    /// # async fn example() {
    /// use cachemacro::CacheMode;
    /// CacheMode::Refresh.scope(find(1)).await;
    /// # }
    /// ```
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        context::within(self.part(), future).await
    }

    /// Runs a closure in this mode. It applies to every cached function that the closure calls.
    pub fn scope_sync<T>(self, run: impl FnOnce() -> T) -> T {
        let mut part = self.part();
        let _entered = Entered::new(&mut part);
        run()
    }

    fn part(self) -> Option<Self> {
        (self != Self::Default).then_some(self)
    }

    /// The mode of the scope that this runs in.
    pub(crate) fn current() -> Self {
        context::read(|mode| *mode).unwrap_or_default()
    }

    /// The mode of the calls inside a load: that of its caller, except `OnlyIfCached` and `Forget`. A load that has to run needs the
    /// values of the functions that it calls.
    pub(super) fn of_load() -> Option<Self> {
        Self::current().part().filter(|mode| !matches!(mode, Self::OnlyIfCached | Self::Forget))
    }
}
