//! The cache: a handle on stores, flights and counters that is cheap to clone.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::callsite::{Callsite, site_of};
use crate::coalesce::{Coalescer, FailedRefreshes, Flights, LoadLocks, LoadSlots};
use crate::encoding::Encoding;
use crate::entry::EntryKey;
use crate::error::{AlreadyInstalled, StoreError};
use crate::event::Bus;
use crate::groups::Group;
use crate::local::LocalTier;
use crate::near::{Control, NearCache, PublishTarget};
use crate::observe::{Counters, Finding, Findings, Functions, Jobs, Observers, Repeated, Stats};
use crate::policy::OnOutage;
use crate::remote::{Blocking, DecodedLookup, Edge, Entered, EventLog, InvalidationChannel, RemoteStore};
use crate::retry::Retries;
use crate::util::clock::Clock;
use crate::value::Checks;

/// A cache for the values that annotated functions load. Clones share everything.
///
/// If none is installed, annotated functions use an in-process cache of 100,000 entries.
///
/// ```
/// use cachemacro::{Cache, Memory};
///
/// let cache = Cache::builder().namespace("shop").memory(Memory::bytes(64 << 20)).build();
/// cache.install().expect("nothing has used a cache yet");
/// ```
#[derive(Clone)]
pub struct Cache {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) namespace: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) local: Arc<LocalTier>,
    /// A store outside the process, for functions that are not `local`.
    pub(crate) shared: Option<Arc<dyn RemoteStore>>,
    /// The channel of announcements to the other processes.
    pub(crate) channel: Option<Arc<dyn InvalidationChannel>>,
    /// The events that consumer groups read.
    pub(crate) log: Option<Arc<dyn EventLog>>,
    /// The near cache in front of the shared store.
    pub(crate) near: Option<Arc<NearCache>>,
    /// The control record of the shared store, if it has one.
    pub(crate) control: Option<Arc<Control>>,
    /// How values are encoded for a store outside the process.
    pub(crate) encoding: Encoding,
    pub(crate) weighs: bool,
    /// Told of all calls.
    pub(crate) observers: Option<Observers>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) failed_refreshes: FailedRefreshes,
    pub(crate) load_slots: LoadSlots,
    /// What functions do while the shared store is down, if they do not say it.
    pub(crate) on_outage: OnOutage,
    pub(crate) load_locks: Arc<LoadLocks>,
    /// Coalesces the questions to the shared store.
    pub(crate) lookups: Coalescer<Asked, Result<DecodedLookup, StoreError>>,
    pub(crate) enters: Coalescer<Asked, Result<Entered, StoreError>>,
    pub(crate) functions: Arc<Functions>,
    pub(crate) findings: Arc<Findings>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) checks: Checks,
    pub(crate) bus: Bus,
    /// Told of moves after the stores.
    pub(crate) edges: Arc<[Arc<dyn Edge>]>,
    pub(crate) retries: Arc<Retries>,
    pub(crate) blocking: Blocking,
    /// The number of events that waited for a commit and were dropped.
    pub(crate) dropped_pending: AtomicU64,
    pub(crate) dropped_pending_log: Repeated,
}

impl Inner {
    /// What publishers send to; `None` without a shared store.
    pub(crate) fn publishing(&self) -> Option<PublishTarget> {
        match (&self.near, &self.shared) {
            (Some(near), _) => Some(PublishTarget::Near(Arc::clone(near))),
            (None, shared) => shared.clone().map(PublishTarget::Shared),
        }
    }
}

impl Inner {
    /// The evictions of the local tier, by the indexes of functions.
    fn evictions(&self) -> HashMap<usize, u64> {
        let mut sums = HashMap::new();
        for (number, evictions) in self.local.evictions() {
            if let Some(site) = site_of(number) {
                *sums.entry(site.index()).or_default() += evictions;
            }
        }
        sums
    }
}

/// What a question to the shared store is about.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) key: Arc<EntryKey>,
    /// The number of the function in the control record.
    pub(crate) clears: u64,
}

/// Hashes the key only, which contains its hash.
impl Hash for Asked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

static INSTALLED: OnceLock<Cache> = OnceLock::new();

impl Cache {
    /// The process-wide cache. If none was installed, the default one is installed now.
    #[must_use]
    #[inline]
    pub fn global() -> &'static Self {
        INSTALLED.get_or_init(|| Self::builder().build())
    }

    /// The process-wide cache, if this is it.
    pub(crate) fn as_global(&self) -> Option<&'static Self> {
        INSTALLED.get().filter(|global| Arc::ptr_eq(&global.inner, &self.inner))
    }

    /// Makes this the process-wide cache, which functions without `cache = …` use.
    ///
    /// # Errors
    /// [`AlreadyInstalled`]: one was installed before, or a cached function has already run with the default.
    pub fn install(&self) -> Result<(), AlreadyInstalled> {
        INSTALLED.set(self.clone()).map_err(|_| AlreadyInstalled)
    }

    /// The counters so far, per function.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            functions: self.inner.functions.read(&self.inner.evictions(), &self.inner.local.off()),
            entries: self.inner.local.len(),
            weight: self.inner.local.weight(),
            expired: self.inner.local.expired(),
            pending_invalidations: self.inner.retries.pending(),
            dropped_invalidations: self.inner.retries.dropped(),
            pending_clears: self.inner.control.as_ref().map_or(0, |control| control.pending() as u64),
            missed_events: self.inner.bus.missed(),
            dropped_pending_events: self.inner.dropped_pending.load(Ordering::Relaxed),
            connection: self.inner.shared.as_ref().and_then(|store| store.health()),
        }
    }

    /// Frees the entries in this process that are past their hard TTL, or were not read for their time to idle.
    ///
    /// Nothing has to call it where the cache is filled inside of a tokio runtime: there a thread of the process, shared by all
    /// caches, frees an expired entry within 10 seconds. Where there is no runtime, each insertion looks at a few other entries.
    /// An expired entry is never served, whether or not it has been freed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use cachemacro::{Cache, ManualClock, cached};
    ///
    /// #[cached(key = "square:<of>", hard_ttl = "1m", local, ttl_only = "squares do not change", cache = cache, skip(cache))]
    /// fn square(cache: &Cache, of: u64) -> u64 {
    ///     of * of
    /// }
    ///
    /// let clock = ManualClock::default();
    /// let cache = Cache::builder().clock(clock.clone()).build();
    /// square(&cache, 3);
    /// clock.advance(Duration::from_secs(60));
    /// cache.sweep();
    /// assert_eq!((cache.stats().entries, cache.stats().expired), (0, 1));
    /// ```
    pub fn sweep(&self) {
        self.inner.local.sweep();
    }

    /// Problems of the functions that have used this cache: uses that are wrong, or that prevent caching. There is one
    /// finding for each function and [kind](crate::FindingKind), each with its remedy. A test can assert that there is
    /// none:
    ///
    /// ```
    /// # let cache = cachemacro::Cache::builder().build();
    /// assert!(cache.findings().is_empty(), "{:#?}", cache.findings());
    /// cache.assert_no_findings(); // the same, one finding on a line
    /// ```
    ///
    /// A scheduled job that is overdue ([`FindingKind::OverdueJob`](crate::FindingKind::OverdueJob)) is found when this is called, and is none any
    /// more when it has run.
    ///
    /// Debug builds detect more than release builds. Each finding is also logged once as a warning, through `tracing`.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.inner.findings.read(self.overdue_jobs())
    }

    /// Asserts that there are no findings: for the end of a test.
    ///
    /// # Panics
    /// When there is a [finding](Self::findings); the message lists all of them.
    #[track_caller]
    pub fn assert_no_findings(&self) {
        let findings: Vec<_> = self.findings().iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "the cache has findings:\n{}", findings.join("\n"));
    }

    /// The namespace that keeps this cache's keys separate in a shared store.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// A consumer group on the events of this namespace. Its handlers get the events that any service publishes, each
    /// event at least once in the group, however many processes share it. `None` if the shared store has no log of events;
    /// Redis has one.
    ///
    /// ```no_run
    /// # use cachemacro::{Cache, CacheEvent};
    /// # async fn example<E, F>(cache: Cache, on_user_updated: fn(E) -> F)
    /// # where
    /// #     E: CacheEvent + serde::de::DeserializeOwned + Send + Sync + 'static,
    /// #     F: Future<Output = Result<(), std::io::Error>> + Send + 'static,
    /// # {
    /// let group = cache.group("billing").expect("the cache is on Redis");
    /// let consumer = group.on(on_user_updated).start();
    /// // Events that a handler failed to handle, again and again:
    /// let group = cache.group("billing").expect("the cache is on Redis");
    /// for letter in group.dead_letters().await.unwrap_or_default() {
    ///     println!("{letter:?}");
    /// }
    /// # consumer.forever();
    /// # }
    /// ```
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Group> {
        self.inner.log.as_ref().map(|log| Group::new(Arc::clone(log), name).on_clock(Arc::clone(&self.inner.clock)))
    }

    /// The log of the events of the namespace, where the shared store has one, as Redis does: for what reads it in another way than [`group`](Self::group).
    #[must_use]
    pub fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        self.inner.log.clone()
    }

    /// An address that identifies this cache while it lives.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    #[inline]
    pub(crate) fn counters(&self, site: &Callsite) -> &Counters {
        self.inner.functions.counters(site)
    }
}

impl AsRef<Self> for Cache {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("namespace", &self.inner.namespace).finish_non_exhaustive()
    }
}
