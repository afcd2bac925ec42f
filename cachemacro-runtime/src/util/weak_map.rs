//! A map of weak references: a value lives only as long as its users hold it.
//!
//! An index record lives as long as an entry or a load depends on it, a flight as long as a caller waits for it. So
//! neither needs an eviction policy, and no user can hold a value that the map has evicted.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::sync::{Arc, Mutex, Weak, lock};

const SHARDS: usize = 64;

/// The `Drop` of `V` must call [`WeakMap::forget`] with its key.
pub(crate) struct WeakMap<K, V> {
    hasher: RandomState,
    shards: Box<[Shard<K, V>]>,
}

type Shard<K, V> = Mutex<HashMap<K, Weak<V>, RandomState>>;

impl<K: Hash + Eq + Clone, V> WeakMap<K, V> {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::default();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        Self { hasher, shards }
    }

    fn shard(&self, key: &K) -> &Shard<K, V> {
        let index = usize::try_from(self.hasher.hash_one(key) >> 58).unwrap_or(0);
        &self.shards[index % SHARDS]
    }

    /// The live value, or the one that `make` builds. `make` runs under the shard's lock and must not call this map.
    pub(crate) fn get_or_insert(&self, key: &K, make: impl FnOnce() -> V) -> Arc<V> {
        let mut shard = lock(self.shard(key));
        if let Some(live) = shard.get(key).and_then(Weak::upgrade) {
            return live;
        }
        let value = Arc::new(make());
        shard.insert(key.clone(), Arc::downgrade(&value));
        value
    }

    /// Removes the key of a dead value. A newer live value under the same key stays.
    pub(crate) fn forget(&self, key: &K) {
        let mut shard = lock(self.shard(key));
        if shard.get(key).is_some_and(|weak| weak.strong_count() == 0) {
            shard.remove(key);
        }
    }

    /// Removes the key of `value` while it still lives, so that the next caller gets a new value.
    pub(crate) fn detach(&self, key: &K, value: &V) {
        let mut shard = lock(self.shard(key));
        if shard.get(key).is_some_and(|weak| std::ptr::eq(weak.as_ptr(), value)) {
            shard.remove(key);
        }
    }
}
