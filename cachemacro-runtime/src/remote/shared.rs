//! What a shared store brings to a cache, and what it is told when it is connected.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::channel::InvalidationChannel;
use super::event_log::EventLog;
use super::store::RemoteStore;
use crate::util::clock::Clock;

/// What a cache tells its shared store when it is built.
#[derive(Clone)]
#[non_exhaustive]
pub struct Environment {
    /// The namespace that keeps this cache's keys separate from those of other caches.
    pub namespace: String,
    /// The clock of the deadlines of entries.
    pub clock: Arc<dyn Clock>,
    /// How far the replicas that loads read may lag behind their primary.
    pub source_lag: Duration,
}

impl Environment {
    /// The environment of a cache, for tests of a store.
    pub fn new(namespace: impl Into<String>, clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        Self { namespace: namespace.into(), clock, source_lag }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("namespace", &self.namespace)
            .field("source_lag", &self.source_lag)
            .finish_non_exhaustive()
    }
}

/// What can be connected to a cache as its shared store: [`CacheBuilder::shared`](crate::CacheBuilder::shared) takes it.
///
/// Settings of a server implement this, as `Redis` does. A store that exists already is one too: `Arc<S>` of a
/// [`RemoteStore`], and [`Shared`], which pairs a store with a channel.
///
/// ```
/// use std::sync::Arc;
/// use cachemacro::store::{Environment, InvalidationChannel, Shared, SharedStore};
///
/// /// Redis, with the announcements on another server.
/// struct Paired<S> {
///     store: S,
///     channel: Arc<dyn InvalidationChannel>,
/// }
///
/// impl<S: SharedStore> SharedStore for Paired<S> {
///     fn connect(&self, environment: &Environment) -> Shared {
///         self.store.connect(environment).with_channel(Arc::clone(&self.channel))
///     }
/// }
/// ```
pub trait SharedStore: Send + Sync + 'static {
    /// The store of one cache. It must not fail: a server that cannot be reached is an error of each operation.
    fn connect(&self, environment: &Environment) -> Shared;
}

/// A shared store with all that belongs to it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Shared {
    /// Entries and index records.
    pub store: Arc<dyn RemoteStore>,
    /// Announcements to the other processes. Without a channel no near cache keeps copies of this store's entries.
    pub channel: Option<Arc<dyn InvalidationChannel>>,
    /// The events that consumer groups read. Without a log there are no groups.
    pub log: Option<Arc<dyn EventLog>>,
}

impl Shared {
    /// A store without a channel and without a log.
    pub fn new(store: Arc<dyn RemoteStore>) -> Self {
        Self { store, channel: None, log: None }
    }

    /// With this channel.
    #[must_use]
    pub fn with_channel(self, channel: Arc<dyn InvalidationChannel>) -> Self {
        Self { channel: Some(channel), ..self }
    }

    /// With this log.
    #[must_use]
    pub fn with_log(self, log: Arc<dyn EventLog>) -> Self {
        Self { log: Some(log), ..self }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("has_channel", &self.channel.is_some())
            .field("has_log", &self.log.is_some())
            .finish_non_exhaustive()
    }
}

impl SharedStore for Shared {
    fn connect(&self, _: &Environment) -> Shared {
        self.clone()
    }
}

impl<S: RemoteStore> SharedStore for Arc<S> {
    fn connect(&self, _: &Environment) -> Shared {
        Shared::new(Self::clone(self))
    }
}

impl SharedStore for Arc<dyn RemoteStore> {
    fn connect(&self, _: &Environment) -> Shared {
        Shared::new(Self::clone(self))
    }
}
