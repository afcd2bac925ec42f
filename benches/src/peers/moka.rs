//! `moka`: a bounded map with time to live; synchronous and asynchronous, and with one load per key (`get_with`).

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use super::{CAPACITY, Shape, TTL, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// Looks, and inserts what it loaded.
pub const SYNC: Contestant = Contestant::peer("`moka::sync` get, insert");
/// One load per key.
pub const SYNC_WITH: Contestant = Contestant::peer("`moka::sync` get_with");
/// One load per key, awaited.
pub const FUTURE_WITH: Contestant = Contestant::peer("`moka::future` get_with");

type Sync<K, V> = LazyLock<moka::sync::Cache<K, V>>;
type Future<K, V> = LazyLock<moka::future::Cache<K, V>>;

fn sync<K, V>() -> moka::sync::Cache<K, V>
where
    K: Eq + Hash + Send + std::marker::Sync + 'static,
    V: Clone + Send + std::marker::Sync + 'static,
{
    moka::sync::Cache::builder().max_capacity(CAPACITY as u64).time_to_live(TTL).build()
}

fn future<K, V>() -> moka::future::Cache<K, V>
where
    K: Eq + Hash + Send + std::marker::Sync + 'static,
    V: Clone + Send + std::marker::Sync + 'static,
{
    moka::future::Cache::builder().max_capacity(CAPACITY as u64).time_to_live(TTL).build()
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared | Shape::Method => shared(contest),
        Shape::Owned => owned(contest),
        Shape::Text => text(contest),
        Shape::Parts => three(contest),
    }
}

fn shared(contest: &mut Contest) {
    static SYNC_USERS: Sync<u64, Arc<User>> = LazyLock::new(sync);
    static FUTURE_USERS: Future<u64, Arc<User>> = LazyLock::new(future);
    contest.synchronous(SYNC, |id| {
        SYNC_USERS.get(&id).unwrap_or_else(|| {
            let user = Arc::new(user(id));
            SYNC_USERS.insert(id, user.clone());
            user
        })
    });
    contest.synchronous(SYNC_WITH, |id| SYNC_USERS.get_with(id, || Arc::new(user(id))));
    contest.asynchronous(FUTURE_WITH, |id| FUTURE_USERS.get_with(id, async move { Arc::new(user(id)) }));
}

fn owned(contest: &mut Contest) {
    static SYNC_USERS: Sync<u64, User> = LazyLock::new(sync);
    static FUTURE_USERS: Future<u64, User> = LazyLock::new(future);
    contest.synchronous(SYNC_WITH, |id| SYNC_USERS.get_with(id, || user(id)));
    contest.asynchronous(FUTURE_WITH, |id| FUTURE_USERS.get_with(id, async move { user(id) }));
}

fn text(contest: &mut Contest) {
    static SYNC_USERS: Sync<String, Arc<User>> = LazyLock::new(sync);
    static FUTURE_USERS: Future<String, Arc<User>> = LazyLock::new(future);
    contest.synchronous(SYNC_WITH, |id| SYNC_USERS.get_with_by_ref(name(id), || Arc::new(user(id))));
    contest.asynchronous(FUTURE_WITH, |id| FUTURE_USERS.get_with_by_ref(name(id), async move { Arc::new(user(id)) }));
}

fn three(contest: &mut Contest) {
    static SYNC_USERS: Sync<(u64, u64, u32), Arc<User>> = LazyLock::new(sync);
    static FUTURE_USERS: Future<(u64, u64, u32), Arc<User>> = LazyLock::new(future);
    contest.synchronous(SYNC_WITH, |id| SYNC_USERS.get_with(parts(id), || Arc::new(user(id))));
    contest.asynchronous(FUTURE_WITH, |id| FUTURE_USERS.get_with(parts(id), async move { Arc::new(user(id)) }));
}
