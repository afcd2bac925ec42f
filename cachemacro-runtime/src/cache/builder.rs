//! The builder of a cache.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::handle::{Cache, Inner};
use crate::coalesce::{Coalescer, FailedRefreshes, Flights, LoadLocks, LoadSlots};
use crate::encoding::Encoding;
use crate::event::Bus;
use crate::local::{LocalTier, Memory};
use crate::near::{Control, NearCache, PublishTarget};
use crate::observe::{FindingKind, Findings, Functions, Jobs, Observer, Observers, Repeated};
use crate::policy::OnOutage;
use crate::remote::{Blocking, Edge, Environment, Exclusive, RemoteStore, SharedStore, WatchedStore};
use crate::retry::Retries;
use crate::util::clock::{Clock, SystemClock};
use crate::util::own_runtime::OwnRuntime;
use crate::value::Checks;

/// Builds a [`Cache`]. Every setting has a default.
#[derive(Clone)]
pub struct CacheBuilder {
    namespace: String,
    /// If it is set, the local tier is also a near cache in front of the shared store.
    memory: Option<Memory>,
    shared: Option<Arc<dyn SharedStore>>,
    encoding: Encoding,
    clock: Arc<dyn Clock>,
    source_lag: Duration,
    observers: Option<Observers>,
    on_outage: OnOutage,
    edges: Vec<Arc<dyn Edge>>,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            namespace: "default".to_owned(),
            memory: None,
            shared: None,
            encoding: Encoding::default(),
            clock: Arc::new(SystemClock),
            source_lag: Duration::ZERO,
            observers: None,
            on_outage: OnOutage::default(),
            edges: Vec::new(),
        }
    }
}

impl Cache {
    /// Starts to build a cache.
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }
}

impl CacheBuilder {
    /// A prefix that keeps this cache's keys separate in a shared store. Default: `default`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Bounds the local tier. Default: 100,000 entries.
    ///
    /// With a shared store this also makes the local tier a near cache in front of it. Functions with
    /// `consistency = bounded`, which is the default, are then answered from this process, at most
    /// [`store::DETECTION`](crate::near::DETECTION) behind an acknowledged event. Without it only `local` functions use
    /// the local tier.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// The shared store of a fleet, for all functions that are not `local`: entries, index records and events of all
    /// processes of this namespace. It takes the settings of a server, for example `Redis` (feature `redis`), or a store of
    /// your own: an `Arc` of a [`RemoteStore`](crate::store::RemoteStore), or [`Shared`](crate::store::Shared), which pairs
    /// it with a channel.
    ///
    /// The connection is made in the background, and nothing fails when the server is down.
    ///
    /// ```no_run
    /// use cachemacro::store::Redis;
    /// use cachemacro::{Cache, Memory};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let redis = Redis::url("redis://127.0.0.1:6379")?;
    /// // With `.memory(…)` the local tier stands in front.
    /// Cache::builder().namespace("shop").memory(Memory::entries(100_000)).shared(redis).build().install()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn shared(mut self, shared: impl SharedStore) -> Self {
        self.shared = Some(Arc::new(shared));
        self
    }

    /// How values are encoded for a shared store. Default: postcard, uncompressed. Each entry names its encoding, so
    /// the processes of one fleet may use different ones.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// What calls do while the shared store is down. Default: [`OnOutage::Load`]. The attribute `on_outage` of a function comes first, and a
    /// function with `consistency = strict` loads if it has none.
    ///
    /// With [`OnOutage::ServeLocal`] a value may be as old as its hard TTL during an outage: the events of other processes do not reach
    /// this one.
    #[must_use]
    pub fn on_outage(mut self, on_outage: OnOutage) -> Self {
        self.on_outage = on_outage;
        self
    }

    /// The source of time. Default: the machine's monotonic clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How far a replica that loads may read can lag behind its primary, at most. Default: zero, which means that every
    /// load reads the primary.
    ///
    /// With a lag, a load that [`load_hint`](crate::load_hint) does not send to the primary counts as a read of a
    /// replica, and is refused where the protocol needs the primary.
    ///
    /// Settings such as `Redis` are told the lag. A store that exists already must have been made with the same one, or a
    /// longer one: what [`RemoteStore::source_lag`](crate::store::RemoteStore::source_lag) returns counts for its functions.
    #[must_use]
    pub fn source_lag(mut self, lag: Duration) -> Self {
        self.source_lag = lag;
        self
    }

    /// An observer of all cached calls, those inside of loads too. Each call of this method adds one. A hit that is observed does
    /// not take the shortest path: for the calls of one request see [`observed`](crate::observed).
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers = Some(Observers::new(Arc::new(observer), self.observers));
        self
    }

    /// Copies of responses outside of the stores, such as those of a CDN, which are told of the events that are published here. Each call of this
    /// method adds one.
    #[must_use]
    pub fn edge(mut self, edge: impl Edge) -> Self {
        self.edges.push(Arc::new(edge));
        self
    }

    /// Builds the cache.
    ///
    /// # Panics
    /// When the shared store was made with a shorter [`source_lag`](Self::source_lag) than this builder has: it would take
    /// the rows of replicas that may lag for rows of the primary.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Cache {
        let functions = Arc::new(Functions::new());
        let bound = self.memory.unwrap_or_default();
        // Else a hit in this process is not all that a call may need.
        let serves_plain = self.shared.is_none() && self.observers.is_none();
        let local = LocalTier::new(bound, Arc::clone(&self.clock), self.source_lag, serves_plain);
        let findings = Arc::new(Findings::default());
        let jobs = Arc::new(Jobs::new(self.clock.now()));
        let environment = Environment::new(&self.namespace, Arc::clone(&self.clock), self.source_lag);
        let connected = self.shared.map(|shared| shared.connect(&environment));
        if let Some(shared) = &connected {
            assert_lag(&*shared.store, self.source_lag);
        }
        let (channel, log) =
            connected.as_ref().map_or((None, None), |shared| (shared.channel.clone(), shared.log.clone()));
        let watched = connected.map(|shared| WatchedStore::new(shared.store, Arc::clone(&self.clock)));
        let shared = watched.map(|store| exclusive(Arc::new(store), &findings));
        let control = shared
            .as_ref()
            .filter(|shared| shared.control(&[]).is_some())
            .map(|shared| Arc::new(Control::new(Arc::clone(shared), Arc::clone(&self.clock), Arc::clone(&local))));
        let near = shared.as_ref().filter(|_| self.memory.is_some()).map(|shared| {
            let (local, shared, clock) = (Arc::clone(&local), Arc::clone(shared), Arc::clone(&self.clock));
            Arc::new(NearCache::new(local, shared, channel.clone(), control.clone(), clock, Arc::clone(&jobs)))
        });
        let own_runtime = Arc::new(OwnRuntime::default());
        let publishing = near.clone().map(PublishTarget::Near).or_else(|| shared.clone().map(PublishTarget::Shared));
        let clock = Arc::clone(&self.clock);
        let edges: Arc<[_]> = self.edges.into();
        let own = Arc::clone(&own_runtime);
        let retries = Arc::new(Retries::new(publishing, channel.clone(), Arc::clone(&edges), clock, own));
        Cache {
            inner: Arc::new(Inner {
                namespace: self.namespace,
                clock: self.clock,
                local,
                encoding: self.encoding,
                channel,
                log,
                near,
                control,
                weighs: bound.is_by_bytes() || shared.is_some(),
                observers: self.observers,
                edges,
                retries,
                blocking: Blocking::new(own_runtime),
                dropped_pending: AtomicU64::new(0),
                dropped_pending_log: Repeated::default(),
                shared,
                flights: Arc::new(Flights::new()),
                failed_refreshes: FailedRefreshes::new(),
                load_slots: LoadSlots::new(),
                on_outage: self.on_outage,
                load_locks: Arc::new(LoadLocks::new()),
                lookups: Coalescer::new(),
                enters: Coalescer::new(),
                functions,
                findings,
                jobs,
                checks: Checks::default(),
                bus: Bus::default(),
            }),
        }
    }
}

/// A store that was made elsewhere does not know the lag of the builder.
#[track_caller]
fn assert_lag(store: &dyn RemoteStore, source_lag: Duration) {
    let of_store = store.source_lag();
    assert!(
        of_store >= source_lag,
        "the shared store was made with a source lag of {of_store:?}, and the cache has {source_lag:?}: make the store with \
         the same lag, or give `.shared(…)` a type that implements `SharedStore`, which is told the lag"
    );
}

/// Wraps the shared store, where instances are known by their names only.
fn exclusive(store: Arc<dyn RemoteStore>, findings: &Arc<Findings>) -> Arc<dyn RemoteStore> {
    let findings = Arc::clone(findings);
    Arc::new(Exclusive::new(store, move |instance| {
        findings.report(instance, FindingKind::SharedName, || instance.shared_name_remedy());
    }))
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
