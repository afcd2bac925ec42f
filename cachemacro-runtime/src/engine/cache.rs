//! The cache: a cheap handle on stores, flights and counters.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::functions::Functions;
use super::retry::Retries;
use crate::bus::Bus;
#[cfg(feature = "redis")]
use crate::bus::Group;
use crate::clock::{Clock, SystemClock};
use crate::codec::Encoding;
use crate::entry::EntryKey;
use crate::error::{AlreadyInstalled, StoreError};
use crate::flight::Flights;
use crate::policy::Mode;
use crate::rounds::Rounds;
use crate::site::Site;
use crate::store::{Entered, Lookup, Memory, MemoryStore, Store, Tiered};
#[cfg(feature = "redis")]
use crate::store::{Redis, RedisStore};
use crate::telemetry::{Connection, Counters, Event, Stats};

/// A cache: where annotated functions keep what they load. Clones share everything.
///
/// With none installed, annotated functions use an in-process cache of 100,000 entries.
///
/// ```
/// use cachemacro_runtime::{Cache, Memory};
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
    pub(crate) memory: Arc<MemoryStore>,
    /// A store outside the process, for functions that are not `local`.
    pub(crate) shared: Option<Arc<dyn Store>>,
    /// The same, where it is Redis: it also carries events.
    #[cfg(feature = "redis")]
    pub(crate) redis: Option<Arc<RedisStore>>,
    /// The in-process store in front of that one.
    pub(crate) tier: Option<Arc<Tiered>>,
    /// How values are written for a store outside the process.
    pub(crate) encoding: Encoding,
    pub(crate) weighs: bool,
    pub(crate) flights: Arc<Flights>,
    /// Questions to the shared store.
    pub(crate) lookups: Rounds<Arc<EntryKey>, Result<Lookup, StoreError>>,
    pub(crate) enters: Rounds<Arc<EntryKey>, Result<Entered, StoreError>>,
    pub(crate) functions: Arc<Functions>,
    pub(crate) bus: Bus,
    pub(crate) retries: Arc<Retries>,
}

impl Inner {
    /// The store that publishers tell: the tier, where there is one, ends its own copies last.
    pub(crate) fn publishing(&self) -> Option<&dyn Store> {
        match (&self.tier, &self.shared) {
            (Some(tier), _) => Some(&**tier),
            (None, shared) => shared.as_deref(),
        }
    }
}

static INSTALLED: OnceLock<Cache> = OnceLock::new();

impl Cache {
    /// Begins a cache.
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// The process-wide cache; the default one, from now on, if none was installed.
    #[must_use]
    pub fn global() -> &'static Self {
        INSTALLED.get_or_init(|| Self::builder().build())
    }

    /// Makes this the process-wide cache: the one of functions without `cache = …`.
    ///
    /// # Errors
    /// [`AlreadyInstalled`]: one was installed before, or a cached function has already run with the default.
    pub fn install(&self) -> Result<(), AlreadyInstalled> {
        INSTALLED.set(self.clone()).map_err(|_| AlreadyInstalled)
    }

    /// What happened so far, per function.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            functions: self.inner.functions.read(),
            entries: self.inner.memory.len(),
            weight: self.inner.memory.weight(),
            pending_invalidations: self.inner.retries.pending(),
            dropped_invalidations: self.inner.retries.dropped(),
            connection: self.connection(),
        }
    }

    #[cfg(feature = "redis")]
    fn connection(&self) -> Option<Connection> {
        self.inner.redis.as_ref().map(|store| store.link().health())
    }

    #[cfg(not(feature = "redis"))]
    #[expect(clippy::unused_self, reason = "there is no connection to know of")]
    fn connection(&self) -> Option<Connection> {
        None
    }

    /// The namespace that sets this cache's keys apart in a shared store.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// A consumer group on the events of this namespace: handlers here take what any service publishes, each event at least
    /// once in the group, however many processes share it. `None` where the shared store is not Redis.
    ///
    /// ```no_run
    /// # use cachemacro_runtime::{Cache, CacheEvent};
    /// # async fn example<E, F>(cache: Cache, on_user_updated: fn(E) -> F)
    /// # where
    /// #     E: CacheEvent + serde::de::DeserializeOwned + Send + Sync + 'static,
    /// #     F: Future<Output = Result<(), std::io::Error>> + Send + 'static,
    /// # {
    /// let group = cache.group("billing").expect("the cache is on Redis");
    /// let consumer = group.on(on_user_updated).start();
    /// // What a handler failed to take, again and again:
    /// let group = cache.group("billing").expect("the cache is on Redis");
    /// for letter in group.dead_letters().await.unwrap_or_default() {
    ///     println!("{letter:?}");
    /// }
    /// # consumer.forever();
    /// # }
    /// ```
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Group> {
        self.inner.redis.as_ref().map(|store| Group::new(store, name))
    }

    #[inline]
    pub(crate) fn counters(&self, site: &Site) -> &Arc<Counters> {
        self.inner.functions.counters(site)
    }

    /// The store that serves a function.
    pub(crate) fn store(&self, site: &Site) -> &dyn Store {
        match (&self.inner.shared, self.tier(site)) {
            (_, Some(tier)) => &**tier,
            (Some(shared), None) if !site.policy().local => &**shared,
            _ => &*self.inner.memory,
        }
    }

    /// The tier that may answer for the shared store. A strict read goes to the floor, and so does one whose version was just
    /// asked for.
    #[inline]
    pub(crate) fn tier(&self, site: &Site) -> Option<&Arc<Tiered>> {
        let policy = site.policy();
        let asks_the_floor = policy.local || policy.strict || site.info().mode == Mode::Source;
        self.inner.tier.as_ref().filter(|_| !asks_the_floor)
    }

    /// Whether that store is the in-process one.
    #[inline]
    pub(crate) fn is_local(&self, site: &Site) -> bool {
        self.inner.shared.is_none() || site.policy().local
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

/// What a [`Cache`] is made of. Every setting has a default.
#[derive(Clone)]
pub struct CacheBuilder {
    namespace: String,
    /// Given, it also stands in front of the shared store.
    memory: Option<Memory>,
    shared: Shared,
    encoding: Encoding,
    clock: Arc<dyn Clock>,
    source_lag: Duration,
}

/// The store behind the process.
#[derive(Clone, Default)]
enum Shared {
    #[default]
    None,
    Given(Arc<dyn Store>),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            namespace: "default".to_owned(),
            memory: None,
            shared: Shared::None,
            encoding: Encoding::default(),
            clock: Arc::new(SystemClock),
            source_lag: Duration::ZERO,
        }
    }
}

impl CacheBuilder {
    /// Sets this cache's keys apart in a shared store. Default: `default`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Bounds the in-process store. Default: 100,000 entries.
    ///
    /// With a shared store this also puts the in-process one in front of it: functions with `consistency = bounded` are then
    /// answered from this process, never more than [`store::DETECTION`](crate::store::DETECTION) behind an acknowledged
    /// event. Without it only `local` functions use the in-process store.
    #[must_use]
    pub fn memory(mut self, memory: impl Into<Memory>) -> Self {
        self.memory = Some(memory.into());
        self
    }

    /// A store of your own for all functions that are not `local`. It must pass the contract suite
    /// (`cachemacro::store::contract`, feature `testing`).
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.shared = Shared::Given(store);
        self
    }

    /// The shared store of a fleet, on Redis or Valkey: entries, index records and events of all processes of this
    /// namespace. The connection is made in the background, and nothing fails when the server is down.
    ///
    /// ```no_run
    /// use cachemacro_runtime::store::Redis;
    /// use cachemacro_runtime::{Cache, Memory};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let redis = Redis::url("redis://127.0.0.1:6379")?;
    /// // With `.memory(…)` the in-process store stands in front.
    /// Cache::builder().namespace("shop").memory(Memory::entries(100_000)).redis(redis).build().install()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis(mut self, redis: impl Into<Redis>) -> Self {
        self.shared = Shared::Redis(redis.into());
        self
    }

    /// How values are written for a shared store. Default: postcard, uncompressed. Readers go by what each entry says of
    /// itself, so processes of one fleet may differ.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Where the time comes from. Default: the machine's monotonic clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The longest that a replica, from which loads may read, lags behind its primary. Default: zero, which says that
    /// every load reads the primary.
    ///
    /// With a lag, loads that [`load_hint`](crate::load_hint) does not send to the primary count as a replica's, and are
    /// refused where the protocol needs more.
    #[must_use]
    pub fn source_lag(mut self, lag: Duration) -> Self {
        self.source_lag = lag;
        self
    }

    /// The cache.
    #[must_use]
    pub fn build(self) -> Cache {
        let functions = Arc::new(Functions::new());
        let counted = Arc::clone(&functions);
        let bound = self.memory.unwrap_or_default();
        let memory = MemoryStore::with_on_evict(
            bound,
            Arc::clone(&self.clock),
            self.source_lag,
            Arc::new(move |key| counted.counters(key.site()).add(Event::Eviction)),
        );
        let memory = Arc::new(memory);
        #[cfg(feature = "redis")]
        let redis = match &self.shared {
            Shared::Redis(redis) => {
                let clock = Arc::clone(&self.clock);
                Some(Arc::new(RedisStore::new(redis.clone(), &self.namespace, clock, self.source_lag)))
            }
            _ => None,
        };
        let shared: Option<Arc<dyn Store>> = match self.shared {
            Shared::None => None,
            Shared::Given(store) => Some(store),
            #[cfg(feature = "redis")]
            Shared::Redis(_) => redis.clone().map(|store| store as Arc<dyn Store>),
        };
        let tier = shared
            .as_ref()
            .filter(|_| self.memory.is_some())
            .map(|shared| Arc::new(Tiered::new(Arc::clone(&memory), Arc::clone(shared), Arc::clone(&self.clock))));
        Cache {
            inner: Arc::new(Inner {
                namespace: self.namespace,
                clock: self.clock,
                memory,
                encoding: self.encoding,
                #[cfg(feature = "redis")]
                redis,
                tier,
                weighs: bound.is_by_bytes() || shared.is_some(),
                retries: Arc::new(Retries::new(shared.clone())),
                shared,
                flights: Arc::new(Flights::new()),
                lookups: Rounds::new(),
                enters: Rounds::new(),
                functions,
                bus: Bus::default(),
            }),
        }
    }
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
