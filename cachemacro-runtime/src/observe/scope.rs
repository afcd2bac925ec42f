//! What a caller may say around a call.

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
    /// Load whatever is cached, and fill.
    Refresh,
    /// Load whatever is cached, and leave the cache alone.
    Bypass,
    /// Serve what is cached, fresh or stale, and never load.
    ///
    /// Where nothing is cached the caller gets `None` or `Ok(None)` if its return type has one, else a
    /// [`CacheError::NotCached`](crate::CacheError::NotCached) if its error can carry it. A function whose return type can
    /// say neither loads after all: it must return something. What it calls while it loads may load, too.
    OnlyIfCached,
}

impl CacheMode {
    /// Runs a future in this mode, with every cached function it calls in the same task.
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

    /// Runs a closure in this mode, with every cached function it calls.
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

/// Runs a future and tells what its first cached call came to.
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

/// Runs a closure and tells what its first cached call came to.
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

/// Writes down what the first call of the scope came to.
pub(crate) fn record(trace: impl FnOnce() -> Trace) {
    let Some(Some(slot)) = context::read(|scope: &Scope| scope.trace.clone()) else { return };
    let is_first = slot.lock().unwrap_or_else(PoisonError::into_inner).outcome == CallOutcome::NotCalled;
    if is_first {
        // Made where nothing is locked: it reads the clock.
        let trace = trace();
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = trace;
    }
}

/// Runs a load. Calls inside it keep the mode, but for `OnlyIfCached`: a load that must be made must have what it is made of.
/// They leave the caller's trace alone.
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

/// The scope of a load, where it is another one than the caller's.
fn untraced() -> Option<Scope> {
    let (mode, is_traced) = context::read(|scope: &Scope| (scope.mode, scope.trace.is_some()))?;
    let is_limited = mode == CacheMode::OnlyIfCached;
    let mode = if is_limited { CacheMode::Default } else { mode };
    (is_traced || is_limited).then_some(Scope { mode, trace: None })
}
