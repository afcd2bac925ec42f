//! The [`EventLog`] on Redis: the stream of announcements, and what each group keeps beside it.

use std::fmt;
use std::sync::Arc;

use cachemacro_runtime::store::{Answer, DeadLetter, EventLog, GroupConsumer, Start};

use super::consumer::RedisConsumer;
use super::dead_letters;
use super::names::GroupNames;
use crate::connection::Link;
use crate::store::RedisStore;

/// The [`EventLog`] on Redis or Valkey: consumer groups on the stream of a namespace.
///
/// The stream keeps about 100,000 announcements, and each group about 10,000 dead letters. Letters that are replayed wait
/// in a stream of the group, `{namespace}:retry:<group>`.
pub struct RedisEventLog {
    link: Arc<Link>,
    /// The key of the stream.
    events: String,
}

impl RedisEventLog {
    /// The log of this store's namespace, over the store's connection.
    #[must_use]
    pub fn new(store: &RedisStore) -> Self {
        Self { link: Arc::clone(store.records.server.link()), events: store.records.keys.events() }
    }

    fn names(&self, group: &str) -> GroupNames {
        GroupNames::new(&self.events, group)
    }
}

impl EventLog for RedisEventLog {
    fn consumer(&self, group: &str, start: Start) -> Arc<dyn GroupConsumer> {
        Arc::new(RedisConsumer::new(Arc::clone(&self.link), self.names(group), start))
    }

    fn dead_letters<'a>(&'a self, group: &'a str) -> Answer<'a, Vec<DeadLetter>> {
        Box::pin(async move { dead_letters::list(&self.link, &self.names(group)).await })
    }

    fn replay_dead_letters<'a>(&'a self, group: &'a str) -> Answer<'a, u64> {
        Box::pin(async move { dead_letters::replay_all(&self.link, &self.names(group)).await })
    }

    fn replay_dead_letter<'a>(&'a self, group: &'a str, id: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { dead_letters::replay_one(&self.link, &self.names(group), id).await })
    }

    fn discard_dead_letter<'a>(&'a self, group: &'a str, id: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { dead_letters::discard(&self.link, &self.names(group), id).await })
    }
}

impl fmt::Debug for RedisEventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisEventLog").field("events", &self.events).finish_non_exhaustive()
    }
}
