//! The link to the server: one connection that all operations share, behind a circuit breaker, and a separate
//! connection for each caller that blocks.
//!
//! Every answer is from the server whose [`ServerEpoch`] the operation was given (R21). Connections that are made here are
//! identified before their first use, and again every half second of use. Where the client reconnects by itself (a
//! connection manager, a cluster), every answer comes with a proof of its server.

mod breaker;
#[cfg(feature = "cluster")]
mod cluster;
mod connector;
mod endpoint;
mod fault;
mod link;
mod live;
mod own;
mod reply_timeout;
mod server_epoch;
#[cfg(test)]
mod tests;
mod url;
mod wire;

#[cfg(feature = "cluster")]
pub(crate) use self::endpoint::Cluster;
pub(crate) use self::endpoint::{Endpoint, Sentinel};
pub(crate) use self::link::{Link, Reply};
pub(crate) use self::live::Session;
pub(crate) use self::own::OwnConnection;
pub(crate) use self::server_epoch::ServerEpoch;
pub use self::url::RedisConfigError;
pub(crate) use self::url::{read as read_url, read_all as read_urls};
