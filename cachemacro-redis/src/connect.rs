//! Connects a cache to Redis.

use std::sync::Arc;

use cachemacro_runtime::store::{Environment, Shared, SharedStore};

use crate::channel::RedisChannel;
use crate::config::Redis;
use crate::event_log::RedisEventLog;
use crate::store::RedisStore;

/// The store, the channel and the log of a namespace share one connection.
impl SharedStore for Redis {
    fn connect(&self, environment: &Environment) -> Shared {
        let clock = Arc::clone(&environment.clock);
        let store = RedisStore::new(self.clone(), &environment.namespace, clock, environment.source_lag);
        let (channel, log) = (RedisChannel::new(&store), RedisEventLog::new(&store));
        Shared::new(Arc::new(store)).with_channel(Arc::new(channel)).with_log(Arc::new(log))
    }
}
