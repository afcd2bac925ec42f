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

    /// The mode of the calls inside a load: that of its caller, except `OnlyIfCached`. A load that has to run needs the values of
    /// the functions that it calls.
    pub(super) fn of_load() -> Option<Self> {
        Self::current().part().filter(|mode| *mode != Self::OnlyIfCached)
    }
}
