//! The configuration of the Redis store: the server, and how it is used.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use redis::aio::ConnectionManager;
use redis::sentinel::SentinelNodeConnectionInfo;

#[cfg(feature = "cluster")]
use crate::connection::Cluster;
use crate::connection::{Endpoint, RedisConfigError, Sentinel, read_url, read_urls};

/// What happens to entries when the server is not the one that stored them: it was restarted, or another server
/// replaced it. The newest invalidations may then be lost with the old server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnFailover {
    /// No entry from before is served until the database has confirmed its version. Every process sends the events of
    /// the last minute again. The default.
    #[default]
    SuspectReplay,
    /// No entry from before is served again.
    Rotate,
    /// Everything is served as before. Only for servers that lose nothing: if a failover loses an invalidation, the old
    /// value is served until it expires.
    Trust,
}

/// The shared store on Redis or Valkey: which server, and how it is used. Clones are cheap, and share a connection that
/// was passed in.
///
/// No connection is made before the first operation. A server that is down costs a caller at most
/// [`timeout`](Redis::timeout): meanwhile each lookup is a miss. A Redis user with restricted rights needs `INFO`,
/// scripts, and the commands for strings, streams and expiry.
///
/// ```
/// use std::time::Duration;
/// # use cachemacro::store::Redis;
///
/// let redis = Redis::url("redis://127.0.0.1:6379/0")?.timeout(Duration::from_millis(50)).max_entry(256 * 1024);
/// # Ok::<(), cachemacro::store::RedisConfigError>(())
/// ```
#[derive(Clone)]
pub struct Redis {
    endpoint: Endpoint,
    timeout: Duration,
    on_failover: OnFailover,
    max_entry: usize,
    lease: RangeInclusive<Duration>,
}

impl Redis {
    /// One server: `redis://[user][:password@]host[:port][/db]`, `rediss://…` over TLS, or `unix:///path/to/socket[?db=…]`.
    ///
    /// TLS needs a TLS feature of the `redis` crate, for example
    /// `redis = { version = "1", features = ["tokio-rustls-comp"] }` beside `cachemacro` in your manifest.
    ///
    /// # Errors
    ///
    /// If the URL is invalid; the error says why.
    pub fn url(url: impl AsRef<str>) -> Result<Self, RedisConfigError> {
        read_url(url.as_ref()).map(|server| Self::of(Endpoint::Single(Box::new(server))))
    }

    /// The master that these sentinels know by this name, in database 0 and without a password; see
    /// [`sentinel_with`](Redis::sentinel_with). The sentinels are asked again for every new connection.
    ///
    /// # Errors
    ///
    /// If a URL is invalid, or none is given; the error says which and why.
    pub fn sentinel<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
        master: impl Into<String>,
    ) -> Result<Self, RedisConfigError> {
        Self::sentinel_with(urls, master, SentinelNodeConnectionInfo::default())
    }

    /// The master that these sentinels know by this name. `nodes` has the settings for the master: database, user,
    /// password, TLS. Users and passwords in the URLs are for the sentinels.
    ///
    /// ```
    /// # use cachemacro::store::Redis;
    /// use redis::{RedisConnectionInfo, sentinel::SentinelNodeConnectionInfo};
    ///
    /// let login = RedisConnectionInfo::default().set_db(2).set_password("secret");
    /// let nodes = SentinelNodeConnectionInfo::default().set_redis_connection_info(login);
    /// let redis = Redis::sentinel_with(["redis://10.0.0.1:26379", "redis://10.0.0.2:26379"], "mymaster", nodes)?;
    /// # Ok::<(), cachemacro::store::RedisConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a URL is invalid, or none is given; the error says which and why.
    pub fn sentinel_with<U: AsRef<str>>(
        urls: impl IntoIterator<Item = U>,
        master: impl Into<String>,
        nodes: SentinelNodeConnectionInfo,
    ) -> Result<Self, RedisConfigError> {
        let sentinels = read_urls(urls)?;
        Ok(Self::of(Endpoint::Sentinel(Arc::new(Sentinel { sentinels, master: master.into(), nodes }))))
    }

    /// The cluster that these nodes belong to; a few of its nodes are enough. User and password are the same for all.
    ///
    /// # Errors
    ///
    /// If a URL is invalid, or none is given; the error says which and why.
    #[cfg(feature = "cluster")]
    pub fn cluster<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<Self, RedisConfigError> {
        let nodes = read_urls(urls)?;
        let addresses = nodes.iter().map(|node| node.addr().to_string()).collect::<Vec<_>>().join(", ");
        let client = redis::cluster::ClusterClient::builder(nodes)
            .tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true))
            .build()
            .map_err(|error| RedisConfigError::of_cluster(&addresses, &error))?;
        let (address, longest_block) = (format!("the cluster of {addresses}"), Duration::MAX);
        Ok(Self::of(Endpoint::Cluster(Box::new(Cluster { client, address, longest_block }))))
    }

    fn of(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            timeout: Duration::from_millis(250),
            on_failover: OnFailover::default(),
            max_entry: 1 << 20,
            lease: Duration::from_millis(500)..=Duration::from_secs(10),
        }
    }

    /// How long an operation may take, including the connection, before it counts as a miss. 250 ms by default.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        assert!(!timeout.is_zero(), "`Redis::timeout` must be longer than nothing: no operation would ever succeed");
        self.timeout = timeout;
        self
    }

    /// What happens to entries when the server was restarted, or another server replaced it.
    #[must_use]
    pub fn on_failover(mut self, on_failover: OnFailover) -> Self {
        self.on_failover = on_failover;
        self
    }

    /// The largest entry to store, in bytes, encoded and compressed. Larger ones are loaded each time, or kept in the
    /// process only. 1 MiB by default.
    #[must_use]
    pub fn max_entry(mut self, bytes: usize) -> Self {
        self.max_entry = bytes;
        self
    }

    /// The range for the length of a lease. If a process dies while it loads, other processes wait for the rest of its
    /// lease before they load the same entry. A lease lasts four times the mean load time of the function, but within
    /// this range: 500 ms to 10 s by default. A load that takes longer keeps its lease as long as its process lives.
    ///
    /// # Panics
    ///
    /// If the range is empty or starts below one millisecond.
    #[must_use]
    pub fn lease(mut self, range: RangeInclusive<Duration>) -> Self {
        let is_sensible = !range.is_empty() && *range.start() >= Duration::from_millis(1);
        assert!(is_sensible, "`Redis::lease` takes a range from 1 ms or more to no less than that, not {range:?}");
        self.lease = range;
        self
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn is_cluster(&self) -> bool {
        match self.endpoint {
            #[cfg(feature = "cluster")]
            Endpoint::Cluster(_) => true,
            _ => false,
        }
    }

    pub(crate) fn operation_timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn failover(&self) -> OnFailover {
        self.on_failover
    }

    pub(crate) fn largest_entry(&self) -> usize {
        self.max_entry
    }

    pub(crate) fn lease_terms(&self) -> &RangeInclusive<Duration> {
        &self.lease
    }
}

/// Connections are made with the settings of this client, but with `TCP_NODELAY`.
impl From<Client> for Redis {
    fn from(client: Client) -> Self {
        Self::of(Endpoint::Single(Box::new(client.get_connection_info().clone())))
    }
}

/// The managed connection is shared. Each answer comes with an `INFO replication`, which proves that no reconnect led
/// to another server. As no command may block on a shared connection, the channel of announcements is polled. If a
/// single-threaded runtime drives the connection, a sync writer on that thread gets no answer, and its `on_error`
/// applies. Prefer a URL or a client where you can.
impl From<ConnectionManager> for Redis {
    fn from(manager: ConnectionManager) -> Self {
        Self::of(Endpoint::Manager(manager))
    }
}

/// The response timeout of the client is not used, and replicas are not read. No command blocks for longer than 250 ms,
/// as the client may have an overall timeout.
#[cfg(feature = "cluster")]
impl From<redis::cluster::ClusterClient> for Redis {
    fn from(client: redis::cluster::ClusterClient) -> Self {
        let (address, longest_block) = ("the nodes of its cluster client".to_owned(), Duration::from_millis(250));
        Self::of(Endpoint::Cluster(Box::new(Cluster { client, address, longest_block })))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("server", &format_args!("{}", self.endpoint))
            .field("timeout", &self.timeout)
            .field("on_failover", &self.on_failover)
            .field("max_entry", &self.max_entry)
            .field("lease", &self.lease)
            .finish()
    }
}
