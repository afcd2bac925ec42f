//! The kinds of servers, and how connections to them are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisResult};

use super::wire::Wire;

/// The limit for one connection attempt, including the identification.
const CONNECT: Duration = Duration::from_secs(1);
/// The number of commands that can wait for one connection.
const BUFFER: usize = 1024;

/// Where the server is, and how to connect to it.
#[derive(Clone)]
pub(crate) enum Endpoint {
    Single(Box<ConnectionInfo>),
    Sentinel(Arc<Sentinel>),
    /// Passed in by the user: it reconnects by itself, and another connection like it cannot be made.
    Manager(ConnectionManager),
    #[cfg(feature = "cluster")]
    Cluster(Box<Cluster>),
}

/// The sentinels of one master.
pub(crate) struct Sentinel {
    pub(crate) sentinels: Vec<ConnectionInfo>,
    pub(crate) master: String,
    /// The settings for connections to the master.
    pub(crate) nodes: SentinelNodeConnectionInfo,
}

/// The client of a cluster.
#[cfg(feature = "cluster")]
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: redis::cluster::ClusterClient,
    /// The initial nodes, for messages.
    pub(crate) address: String,
    /// How long a command may block before the client itself gives up.
    pub(crate) longest_block: Duration,
}

impl Endpoint {
    /// A connection to share, or a separate one for a caller that blocks on it. The client has no timeout for answers;
    /// the link or the caller has one.
    pub(crate) async fn connect(&self) -> RedisResult<Wire> {
        match self {
            Self::Single(server) => Ok(Wire::Own(connect((**server).clone()).await?)),
            Self::Sentinel(sentinel) => Ok(Wire::Own(connect(sentinel.find_master().await?).await?)),
            Self::Manager(manager) => Ok(Wire::Manager(manager.clone())),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => {
                let config = redis::cluster::ClusterConfig::new().set_connection_timeout(CONNECT);
                Ok(Wire::Cluster(cluster.client.get_async_connection_with_config(config).await?))
            }
        }
    }

    /// How long a command may block on a separate connection; zero for a shared one.
    pub(crate) fn longest_block(&self) -> Duration {
        match self {
            Self::Single(_) | Self::Sentinel(_) => Duration::MAX,
            Self::Manager(_) => Duration::ZERO,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.longest_block,
        }
    }
}

impl Sentinel {
    /// Asks the sentinels each time: a kept answer could be out of date, and a kept connection bound to an ended
    /// runtime.
    async fn find_master(&self) -> RedisResult<ConnectionInfo> {
        let (sentinels, nodes) = (self.sentinels.clone(), Some(self.nodes.clone()));
        let mut client = SentinelClient::build(sentinels, self.master.clone(), nodes, SentinelServerType::Master)?;
        Ok(client.async_get_client().await?.get_connection_info().clone())
    }
}

/// Sets `TCP_NODELAY`: Nagle's algorithm would delay a command until the one before it is acknowledged.
async fn connect(info: ConnectionInfo) -> RedisResult<MultiplexedConnection> {
    let tcp_settings = info.tcp_settings().clone().set_nodelay(true);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(BUFFER);
    Client::open(info.set_tcp_settings(tcp_settings))?.get_multiplexed_async_connection_with_config(&config).await
}

/// For messages, without passwords.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(server) => write!(f, "{}", server.addr()),
            Self::Sentinel(sentinel) => {
                write!(f, "`{}`, which the sentinels at ", sentinel.master)?;
                for (nth, sentinel) in sentinel.sentinels.iter().enumerate() {
                    write!(f, "{}{}", if nth == 0 { "" } else { ", " }, sentinel.addr())?;
                }
                f.write_str(" know")
            }
            Self::Manager(_) => f.write_str("the address of its connection manager"),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => f.write_str(&cluster.address),
        }
    }
}
