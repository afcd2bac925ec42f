//! The Redis that the processes share: one of our own, or one that is there.

use std::fmt;

use cachemacro_servers::{Options, Standalone};
use redis::aio::MultiplexedConnection;
use tokio::task::block_in_place;

use crate::Failure;

/// What to do without one.
pub const HOW_TO_INSTALL: &str = "\
fleet needs a Redis 7.0 or newer, or a Valkey, and found neither `redis-server` nor `valkey-server`.

  apt-get install redis-server      # Debian, Ubuntu; or valkey-server
  brew install redis                # macOS; or valkey

Or use one that runs elsewhere:

  cargo run --example fleet -- --redis redis://127.0.0.1:6379";

/// Killed when it is dropped, if it is ours.
pub struct Server {
    url: String,
    own: Option<Standalone>,
}

impl Server {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let own = block_in_place(|| Standalone::start(Options::default()));
        Self { url: own.url(), own: Some(own) }
    }

    /// One that is there, and that is left as it is.
    pub async fn given(url: &str) -> Result<Self, Failure> {
        let server = Self { url: url.to_owned(), own: None };
        server.connect().await.map_err(|error| format!("no Redis answers at {}: {error}", server.place()))?;
        Ok(server)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address, without user and password.
    pub fn place(&self) -> &str {
        let (_, place) = self.url.split_once("://").unwrap_or(("", &self.url));
        place.rsplit('@').next().unwrap_or_default()
    }

    /// Used by this run alone. The database is new with each run, so what an earlier one left in Redis must not be found.
    pub fn namespace(&self) -> String {
        match self.own {
            Some(_) => "atlas".to_owned(),
            None => format!("atlas-{:08x}", fastrand::u32(..)),
        }
    }

    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// `kill -9`, if it is our own.
    pub fn kill(&mut self) {
        if let Some(own) = &mut self.own {
            block_in_place(|| own.kill9());
        }
    }

    /// Starts it again, empty.
    pub fn restart(&mut self) {
        if let Some(own) = &mut self.own {
            block_in_place(|| own.restart_empty());
        }
    }

    /// Removes what this run left in a Redis that goes on without it.
    pub async fn clean(&self, namespace: &str) -> Result<(), Failure> {
        if self.own.is_none() {
            let mut connection = self.connect().await?;
            for pattern in [format!("{{{namespace}:*"), format!("{{{namespace}}}:*")] {
                for key in scan(&mut connection, &pattern).await? {
                    redis::cmd("UNLINK").arg(key).exec_async(&mut connection).await?;
                }
            }
        }
        Ok(())
    }

    /// A connection for looking into it.
    pub async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        Ok(redis::Client::open(self.url())?.get_multiplexed_async_connection().await?)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Redis at {}", if self.is_own() { "its own" } else { "the" }, self.place())
    }
}

/// The keys that match a pattern, in order.
pub async fn scan(redis: &mut MultiplexedConnection, pattern: &str) -> Result<Vec<String>, Failure> {
    let (mut keys, mut cursor) = (Vec::new(), 0_u64);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg(&["MATCH", pattern, "COUNT", "1000"]);
        let (next, found): (u64, Vec<String>) = scan.query_async(redis).await?;
        keys.extend(found);
        cursor = next;
        if cursor == 0 {
            // A scan may come by a key twice.
            keys.sort_unstable();
            keys.dedup();
            return Ok(keys);
        }
    }
}
