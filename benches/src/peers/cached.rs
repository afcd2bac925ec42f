//! `cached`: annotated functions. `#[cached]` has one lock, `#[concurrent_cached]` one per shard; each with and without a bound
//! and a time to live, since a bound makes every hit a write.

use std::sync::Arc;

use cached::macros::{cached, concurrent_cached};

use super::{Shape, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// One lock.
pub const CACHED: Contestant = Contestant::peer("`cached` #[cached]");
/// One lock, and one load per key.
pub const CACHED_BY_KEY: Contestant = Contestant::peer("`cached` #[cached(sync_writes = \"by_key\")]");
/// One lock per shard; neither a bound nor time.
pub const SHARDED: Contestant = Contestant::peer("`cached` #[concurrent_cached]");
/// One lock per shard, with a bound and time.
pub const SHARDED_BOUNDED: Contestant = Contestant::peer("`cached` #[concurrent_cached(max_size, ttl_secs)]");

#[cached(max_size = 100_000, ttl_secs = 3_600)]
async fn one_lock(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(max_size = 100_000, ttl_secs = 3_600, sync_writes = "by_key")]
async fn by_key(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[concurrent_cached]
async fn concurrent(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 3_600)]
async fn bounded(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(max_size = 100_000, ttl_secs = 3_600)]
async fn one_lock_owned(id: u64) -> User {
    user(id)
}

#[concurrent_cached]
async fn concurrent_owned(id: u64) -> User {
    user(id)
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 3_600)]
async fn bounded_owned(id: u64) -> User {
    user(id)
}

#[cached(max_size = 100_000, ttl_secs = 3_600, key = "String", convert = { name.to_owned() })]
async fn one_lock_text(name: &str) -> Arc<User> {
    Arc::new(user(name.len() as u64))
}

#[concurrent_cached(key = "String", convert = { name.to_owned() })]
async fn concurrent_text(name: &str) -> Arc<User> {
    Arc::new(user(name.len() as u64))
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 3_600, key = "String", convert = { name.to_owned() })]
async fn bounded_text(name: &str) -> Arc<User> {
    Arc::new(user(name.len() as u64))
}

#[cached(max_size = 100_000, ttl_secs = 3_600)]
async fn one_lock_parts(tenant: u64, id: u64, page: u32) -> Arc<User> {
    Arc::new(user(tenant + id + u64::from(page)))
}

#[concurrent_cached]
async fn concurrent_parts(tenant: u64, id: u64, page: u32) -> Arc<User> {
    Arc::new(user(tenant + id + u64::from(page)))
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 3_600)]
async fn bounded_parts(tenant: u64, id: u64, page: u32) -> Arc<User> {
    Arc::new(user(tenant + id + u64::from(page)))
}

struct Users;

impl Users {
    #[cached(in_impl = true, max_size = 100_000, ttl_secs = 3_600)]
    async fn one_lock(&self, id: u64) -> Arc<User> {
        Arc::new(user(id))
    }

    #[concurrent_cached(in_impl = true)]
    async fn concurrent(&self, id: u64) -> Arc<User> {
        Arc::new(user(id))
    }

    #[concurrent_cached(in_impl = true, max_size = 100_000, ttl_secs = 3_600)]
    async fn bounded(&self, id: u64) -> Arc<User> {
        Arc::new(user(id))
    }
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared => {
            contest.asynchronous(CACHED, one_lock);
            contest.asynchronous(CACHED_BY_KEY, by_key);
            contest.asynchronous(SHARDED, concurrent);
            contest.asynchronous(SHARDED_BOUNDED, bounded);
        }
        Shape::Owned => {
            contest.asynchronous(CACHED, one_lock_owned);
            contest.asynchronous(SHARDED, concurrent_owned);
            contest.asynchronous(SHARDED_BOUNDED, bounded_owned);
        }
        Shape::Text => {
            contest.asynchronous(CACHED, |id| one_lock_text(name(id)));
            contest.asynchronous(SHARDED, |id| concurrent_text(name(id)));
            contest.asynchronous(SHARDED_BOUNDED, |id| bounded_text(name(id)));
        }
        Shape::Parts => {
            contest.asynchronous(CACHED, |id| {
                let (tenant, id, page) = parts(id);
                one_lock_parts(tenant, id, page)
            });
            contest.asynchronous(SHARDED, |id| {
                let (tenant, id, page) = parts(id);
                concurrent_parts(tenant, id, page)
            });
            contest.asynchronous(SHARDED_BOUNDED, |id| {
                let (tenant, id, page) = parts(id);
                bounded_parts(tenant, id, page)
            });
        }
        Shape::Method => {
            contest.asynchronous(CACHED, |id| async move { Users.one_lock(id).await });
            contest.asynchronous(SHARDED, |id| async move { Users.concurrent(id).await });
            contest.asynchronous(SHARDED_BOUNDED, |id| async move { Users.bounded(id).await });
        }
    }
}
