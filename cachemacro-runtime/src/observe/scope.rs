//! Scopes around calls: a mode for the calls inside, and a trace of the first call.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::util::context;
use crate::util::context::{CALLER, Entered, Part};
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
        context::within(Some(Scope { mode: self, ..current() }), future).await
    }

    /// Runs a closure in this mode. It applies to every cached function that the closure calls.
    pub fn scope_sync<T>(self, run: impl FnOnce() -> T) -> T {
        Scope { mode: self, ..current() }.run(run)
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

/// The outcome of a cached call.
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
    /// A cached absence.
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
    /// A refresh of it is running.
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
    /// The outcome of the call.
    pub outcome: CallOutcome,
    /// Where the value came from.
    pub tier: Option<Tier>,
    /// The time since the start of the load that returned the value.
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

thread_local! {
    static SCOPE: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

impl Part for Scope {
    const FLAG: u8 = CALLER;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &SCOPE
    }
}

impl Scope {
    fn run<T>(self, run: impl FnOnce() -> T) -> T {
        let mut scope = Some(self);
        let _entered = Entered::new(&mut scope);
        run()
    }
}

fn current() -> Scope {
    context::read(Scope::clone).unwrap_or_default()
}

/// Runs a future, and returns the trace of its first cached call.
///
/// ```
/// # async fn find(_: u64) -> Option<u64> { None }
/// # async fn example() {
/// let (user, trace) = cachemacro::traced(find(1)).await;
/// println!("{trace}");
/// # }
/// ```
pub async fn traced<F: Future>(future: F) -> (F::Output, Trace) {
    let slot = TraceSlot::default();
    let output = context::within(Some(Scope { trace: Some(Arc::clone(&slot)), ..current() }), future).await;
    (output, take(&slot))
}

/// Runs a closure, and returns the trace of its first cached call.
pub fn traced_sync<T>(run: impl FnOnce() -> T) -> (T, Trace) {
    let slot = TraceSlot::default();
    let output = Scope { trace: Some(Arc::clone(&slot)), ..current() }.run(run);
    (output, take(&slot))
}

fn take(slot: &TraceSlot) -> Trace {
    std::mem::take(&mut *slot.lock().unwrap_or_else(PoisonError::into_inner))
}

pub(crate) fn mode() -> CacheMode {
    context::read(|scope: &Scope| scope.mode).unwrap_or_default()
}

/// Stores the trace of the first call of the scope.
pub(crate) fn record(trace: impl FnOnce() -> Trace) {
    let Some(Some(slot)) = context::read(|scope: &Scope| scope.trace.clone()) else { return };
    let is_first = slot.lock().unwrap_or_else(PoisonError::into_inner).outcome == CallOutcome::NotCalled;
    if is_first {
        // Built while no lock is held, as it reads the clock.
        let trace = trace();
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = trace;
    }
}

/// Runs a load. Calls inside it have the same mode, except `OnlyIfCached`: a load that has to run needs the values of
/// the functions that it calls. They do not write to the caller's trace.
pub(crate) async fn without_trace<F: Future>(future: F) -> F::Output {
    match untraced() {
        Some(scope) => context::within(Some(scope), future).await,
        None => future.await,
    }
}

/// As [`without_trace`], for a sync loader.
pub(crate) fn without_trace_sync<T>(run: impl FnOnce() -> T) -> T {
    match untraced() {
        Some(scope) => scope.run(run),
        None => run(),
    }
}

/// The scope of a load; `None` if it is that of the caller.
fn untraced() -> Option<Scope> {
    let (mode, is_traced) = context::read(|scope: &Scope| (scope.mode, scope.trace.is_some()))?;
    let is_limited = mode == CacheMode::OnlyIfCached;
    let mode = if is_limited { CacheMode::Default } else { mode };
    (is_traced || is_limited).then_some(Scope { mode, trace: None })
}
