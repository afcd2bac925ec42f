//! `foyer`: the memory half of a hybrid cache, with one load per key (`get_or_fetch`). It knows no time to live.

use std::convert::Infallible;
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use foyer_memory::{Cache, CacheBuilder};

use super::{CAPACITY, Shape, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// What it is called.
pub const NAME: Contestant = Contestant::peer("`foyer` get_or_fetch");

fn new<K: Eq + Hash + Send + Sync + 'static, V: Send + Sync + 'static>() -> Cache<K, V> {
    CacheBuilder::new(CAPACITY).build()
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared | Shape::Method => {
            static USERS: LazyLock<Cache<u64, Arc<User>>> = LazyLock::new(new);
            contest.asynchronous(NAME, |id| async move {
                let load = || async move { Ok::<_, Infallible>(Arc::new(user(id))) };
                USERS.get_or_fetch(&id, load).await.expect("it loads").value().clone()
            });
        }
        Shape::Owned => {
            static USERS: LazyLock<Cache<u64, User>> = LazyLock::new(new);
            contest.asynchronous(NAME, |id| async move {
                let load = || async move { Ok::<_, Infallible>(user(id)) };
                USERS.get_or_fetch(&id, load).await.expect("it loads").value().clone()
            });
        }
        Shape::Text => {
            static USERS: LazyLock<Cache<String, Arc<User>>> = LazyLock::new(new);
            contest.asynchronous(NAME, |id| async move {
                let load = || async move { Ok::<_, Infallible>(Arc::new(user(id))) };
                USERS.get_or_fetch(name(id), load).await.expect("it loads").value().clone()
            });
        }
        Shape::Parts => {
            static USERS: LazyLock<Cache<(u64, u64, u32), Arc<User>>> = LazyLock::new(new);
            contest.asynchronous(NAME, |id| async move {
                let load = || async move { Ok::<_, Infallible>(Arc::new(user(id))) };
                USERS.get_or_fetch(&parts(id), load).await.expect("it loads").value().clone()
            });
        }
    }
}
