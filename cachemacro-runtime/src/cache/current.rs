//! Which cache a function without `cache = …` uses: the cache of the scope it is called in, or else the process-wide
//! one.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::handle::{Cache, Inner};
use crate::util::context;
use crate::util::context::{Entered, ScopedCache, Within};

impl Cache {
    /// Runs a future with this cache instead of the process-wide one. It applies to every annotated function without
    /// `cache = …` that the future calls, readers and writers, and to the refreshes that they start. Scopes nest. A
    /// scope does not apply to tasks that the future spawns: see [`WithCache`].
    ///
    /// Use it for tests that run in one process, each with its own database.
    ///
    /// ```
    /// # async fn find(id: u64) -> u64 { id }
    /// # async fn example() {
    /// use cachemacro::Cache;
    ///
    /// let cache = Cache::builder().build();
    /// cache.scope(find(1)).await;
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped { within: context::within(Some(self.part()), future) }
    }

    /// Runs a closure with this cache instead of the process-wide one. See [`Cache::scope`].
    pub fn scope_sync<T>(&self, run: impl FnOnce() -> T) -> T {
        let mut part = Some(self.part());
        let _entered = Entered::new(&mut part);
        run()
    }

    /// From here on, all that this thread runs uses this cache instead of the process-wide one, as in a [`Cache::scope`]. This ends with the
    /// thread, with a scope around it, or when it is called again.
    ///
    /// It is for the helper that gives each test its database: `#[test]` and `#[tokio::test]` run a test on one thread, so no test need be
    /// changed. A test on a runtime with several threads needs a scope.
    ///
    /// ```
    /// # struct Db;
    /// use cachemacro::Cache;
    ///
    /// fn fresh_database() -> Db {
    ///     Cache::builder().build().set_for_thread();
    ///     Db // connect, migrate, …
    /// }
    /// # fresh_database();
    /// ```
    pub fn set_for_thread(&self) {
        context::set(self.part());
    }

    /// The cache that an annotated function without `cache = …` uses here: the cache of the scope, or else
    /// [`Cache::global`].
    #[must_use]
    pub fn current() -> Self {
        Self::scoped().unwrap_or_else(|| Self::global().clone())
    }

    fn scoped() -> Option<Self> {
        let inner = context::scoped_cache()?.0.downcast::<Inner>().ok()?;
        Some(Self { inner })
    }

    fn part(&self) -> ScopedCache {
        ScopedCache(Arc::clone(&self.inner) as _)
    }
}

/// Runs a future with a cache instead of the process-wide one: for spawned tasks, to which scopes do not apply.
///
/// ```
/// # async fn find(id: u64) -> u64 { id }
/// # async fn example() {
/// use cachemacro::{Cache, WithCache};
///
/// let cache = Cache::current();
/// tokio::spawn(find(1).with_cache(&cache));
/// # }
/// ```
pub trait WithCache: Future + Sized {
    /// This future, run in the cache's [scope](Cache::scope).
    fn with_cache(self, cache: &Cache) -> Scoped<Self> {
        cache.scope(self)
    }
}

impl<F: Future> WithCache for F {}

pin_project! {
    /// What [`Cache::scope`] returns.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Scoped<F> {
        #[pin]
        within: Within<ScopedCache, F>,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().within.poll(context)
    }
}

impl<F> std::fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}

/// The cache of generated code without `cache = …`.
pub enum Current {
    /// The process-wide one.
    Global(&'static Cache),
    /// The cache of a scope.
    Scoped(Cache),
}

/// The cache of the scope, or else the process-wide one.
#[inline]
#[must_use]
pub fn current() -> Current {
    match Cache::scoped() {
        Some(cache) => Current::Scoped(cache),
        None => Current::Global(Cache::global()),
    }
}

impl Current {
    /// A handle on this cache, for which nothing is counted where it is the process-wide one.
    pub(crate) fn of(cache: &Cache) -> Self {
        cache.as_global().map_or_else(|| Self::Scoped(cache.clone()), Self::Global)
    }
}

impl Deref for Current {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        match self {
            Self::Global(cache) => cache,
            Self::Scoped(cache) => cache,
        }
    }
}
