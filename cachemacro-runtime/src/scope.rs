//! What a caller may say around a call, and what a loader may ask inside one.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task_local;

/// How the cached functions called in a scope use their cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CacheMode {
    /// Read, load on a miss, fill.
    #[default]
    Default,
    /// Load whatever is cached, and fill.
    Refresh,
    /// Load whatever is cached, and leave the cache alone.
    Bypass,
    /// Serve what is cached, fresh or stale, and never load.
    ///
    /// Where nothing is cached the caller gets `None` or `Ok(None)` if its return type has one, else a
    /// [`CacheError::NotCached`](crate::CacheError::NotCached) if its error can carry it. A function whose return type can
    /// say neither loads after all: it must return something.
    OnlyIfCached,
}

impl CacheMode {
    /// Runs a future in this mode, with every cached function it calls in the same task.
    ///
    /// ```
    /// # async fn find(_: u64) {}
    /// # async fn example() {
    /// use cachemacro_runtime::CacheMode;
    /// CacheMode::Refresh.scope(find(1)).await;
    /// # }
    /// ```
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        SCOPE.scope(Scope { mode: self, ..current() }, future).await
    }

    /// Runs a closure in this mode, with every cached function it calls.
    pub fn scope_sync<T>(self, run: impl FnOnce() -> T) -> T {
        SCOPE.sync_scope(Scope { mode: self, ..current() }, run)
    }
}

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Tier {
    /// The store inside this process.
    Local,
    /// The shared store.
    Shared,
    /// The function's own body.
    Loader,
}

/// What a cached call came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum CallOutcome {
    /// No cached function was called.
    #[default]
    NotCalled,
    /// A value before its soft TTL.
    Fresh,
    /// A value between its soft and hard TTL.
    Stale,
    /// A remembered absence.
    Negative,
    /// The body ran, and its result was stored.
    Loaded,
    /// The body ran, and its result was not stored.
    LoadedNotStored,
    /// Another caller's load.
    Waited,
    /// The body ran and failed.
    Failed,
    /// The cache was bypassed.
    Bypassed,
    /// There was nothing to serve: a timeout, or [`CacheMode::OnlyIfCached`].
    Refused,
}

/// Why a stale value was served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WhyStale {
    /// A refresh of it is under way.
    Refreshing,
    /// The refresh failed, or took longer than its timeout.
    RefreshFailed,
    /// [`CacheMode::OnlyIfCached`] forbids the refresh.
    OnlyIfCached,
}

/// What happened in one cached call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The cached function.
    pub function: Option<&'static str>,
    /// What the call came to.
    pub outcome: CallOutcome,
    /// Where the value came from.
    pub tier: Option<Tier>,
    /// The time since the load that brought the value began.
    pub age: Option<Duration>,
    /// The version that the value is stored under.
    pub version: Option<u64>,
    /// Why the value is stale.
    pub stale: Option<WhyStale>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.function.unwrap_or("-"), self.outcome)?;
        if let Some(tier) = self.tier {
            write!(f, " from {tier:?}")?;
        }
        if let Some(version) = self.version {
            write!(f, ", version {version}")?;
        }
        if let Some(age) = self.age {
            write!(f, ", {age:.1?} old")?;
        }
        if let Some(why) = self.stale {
            write!(f, ", stale: {why:?}")?;
        }
        Ok(())
    }
}

type TraceSlot = Arc<Mutex<Trace>>;

#[derive(Clone, Default)]
struct Scope {
    mode: CacheMode,
    trace: Option<TraceSlot>,
}

task_local! {
    static SCOPE: Scope;
    static LOAD: LoadHint;
}

fn current() -> Scope {
    SCOPE.try_with(Scope::clone).unwrap_or_default()
}

/// Runs a future and tells what its first cached call came to.
///
/// ```
/// # async fn find(_: u64) -> Option<u64> { None }
/// # async fn example() {
/// let (user, trace) = cachemacro_runtime::traced(find(1)).await;
/// println!("{trace}");
/// # }
/// ```
pub async fn traced<F: Future>(future: F) -> (F::Output, Trace) {
    let slot = TraceSlot::default();
    let output = SCOPE.scope(Scope { trace: Some(Arc::clone(&slot)), ..current() }, future).await;
    (output, take(&slot))
}

/// Runs a closure and tells what its first cached call came to.
pub fn traced_sync<T>(run: impl FnOnce() -> T) -> (T, Trace) {
    let slot = TraceSlot::default();
    let output = SCOPE.sync_scope(Scope { trace: Some(Arc::clone(&slot)), ..current() }, run);
    (output, take(&slot))
}

fn take(slot: &TraceSlot) -> Trace {
    std::mem::take(&mut *slot.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether the caller said anything: the one check of a hit.
#[inline]
pub(crate) fn is_scoped() -> bool {
    SCOPE.try_with(|_| ()).is_ok()
}

pub(crate) fn mode() -> CacheMode {
    SCOPE.try_with(|scope| scope.mode).unwrap_or_default()
}

/// Writes down what the first call of the scope came to.
pub(crate) fn record(trace: impl FnOnce() -> Trace) {
    let _ = SCOPE.try_with(|scope| {
        if let Some(slot) = &scope.trace {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.outcome == CallOutcome::NotCalled {
                *slot = trace();
            }
        }
    });
}

/// What a loader is asked for. Read it with [`load_hint`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LoadHint {
    /// The row must be read from the primary: a replica's would be refused.
    pub primary_required: bool,
}

/// What the load in progress is asked for; outside of a load nothing is.
///
/// A repository with replicas asks it before it picks a pool. Tell the cache how far the replicas may lag with
/// [`CacheBuilder::source_lag`](crate::CacheBuilder::source_lag).
#[must_use]
pub fn load_hint() -> LoadHint {
    LOAD.try_with(|hint| *hint).unwrap_or_default()
}

/// Runs a load. Calls inside it keep the mode, and leave the caller's trace alone.
pub(crate) async fn load<F: Future>(hint: LoadHint, future: F) -> F::Output {
    let load = LOAD.scope(hint, future);
    if has_trace() { SCOPE.scope(Scope { mode: mode(), trace: None }, load).await } else { load.await }
}

/// As [`load`], for a sync loader.
pub(crate) fn load_sync<T>(hint: LoadHint, run: impl FnOnce() -> T) -> T {
    let load = || LOAD.sync_scope(hint, run);
    if has_trace() { SCOPE.sync_scope(Scope { mode: mode(), trace: None }, load) } else { load() }
}

fn has_trace() -> bool {
    SCOPE.try_with(|scope| scope.trace.is_some()).unwrap_or(false)
}
