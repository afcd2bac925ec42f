//! `scc`, bare: a hash map with a lock per bucket. It has no bound: a floor.

use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use scc::{Equivalent, HashMap};

use super::{Shape, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// What it is called.
pub const NAME: Contestant = Contestant::floor("`scc` bare");

/// Looks, loads, inserts.
fn get<K, Q, V>(map: &HashMap<K, V>, key: &Q, load: impl FnOnce() -> V) -> V
where
    K: Eq + Hash + 'static,
    Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    V: Clone + 'static,
{
    map.read_sync(key, |_, value| value.clone()).unwrap_or_else(|| {
        let value = load();
        map.upsert_sync(key.to_owned(), value.clone());
        value
    })
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared | Shape::Method => {
            static USERS: LazyLock<HashMap<u64, Arc<User>>> = LazyLock::new(HashMap::new);
            contest.synchronous(NAME, |id| get(&USERS, &id, || Arc::new(user(id))));
        }
        Shape::Owned => {
            static USERS: LazyLock<HashMap<u64, User>> = LazyLock::new(HashMap::new);
            contest.synchronous(NAME, |id| get(&USERS, &id, || user(id)));
        }
        Shape::Text => {
            static USERS: LazyLock<HashMap<String, Arc<User>>> = LazyLock::new(HashMap::new);
            contest.synchronous(NAME, |id| get(&USERS, name(id), || Arc::new(user(id))));
        }
        Shape::Parts => {
            static USERS: LazyLock<HashMap<(u64, u64, u32), Arc<User>>> = LazyLock::new(HashMap::new);
            contest.synchronous(NAME, |id| get(&USERS, &parts(id), || Arc::new(user(id))));
        }
    }
}
