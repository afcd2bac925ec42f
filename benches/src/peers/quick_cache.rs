//! `quick_cache`, bare: a bounded map, without time or versions. It is the floor that goals are stated beside: of the maps here
//! the only one that evicts.

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::{CAPACITY, Shape, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// What it is called.
pub const NAME: Contestant = Contestant::floor("`quick_cache` bare");

fn new<K: Eq + Hash, V: Clone>() -> Cache<K, V> {
    Cache::new(CAPACITY)
}

/// Looks, loads, inserts.
fn get<K, Q, V>(cache: &Cache<K, V>, key: &Q, load: impl FnOnce() -> V) -> V
where
    K: Eq + Hash,
    Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    V: Clone,
{
    cache.get(key).unwrap_or_else(|| {
        let value = load();
        cache.insert(key.to_owned(), value.clone());
        value
    })
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared | Shape::Method => {
            static USERS: LazyLock<Cache<u64, Arc<User>>> = LazyLock::new(new);
            contest.synchronous(NAME, |id| get(&USERS, &id, || Arc::new(user(id))));
        }
        Shape::Owned => {
            static USERS: LazyLock<Cache<u64, User>> = LazyLock::new(new);
            contest.synchronous(NAME, |id| get(&USERS, &id, || user(id)));
        }
        Shape::Text => {
            static USERS: LazyLock<Cache<String, Arc<User>>> = LazyLock::new(new);
            contest.synchronous(NAME, |id| get(&USERS, name(id), || Arc::new(user(id))));
        }
        Shape::Parts => {
            static USERS: LazyLock<Cache<(u64, u64, u32), Arc<User>>> = LazyLock::new(new);
            contest.synchronous(NAME, |id| get(&USERS, &parts(id), || Arc::new(user(id))));
        }
    }
}
