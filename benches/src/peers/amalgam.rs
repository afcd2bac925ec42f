//! `amalgam-cache`: `get_or_set` with one load per key. Its keys are texts, so a number is written out on every call.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use amalgam::{Cache, EntryOptions};

use super::{CAPACITY, Shape, TTL, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// What it is called.
pub const NAME: Contestant = Contestant::peer("`amalgam-cache` get_or_set");

/// A cache of its own.
pub(crate) fn new<V: Clone + Send + Sync + 'static>() -> Cache<V> {
    let options = EntryOptions::new(TTL);
    Cache::builder().max_capacity(CAPACITY as u64).default_options(options).try_build().expect("a cache")
}

/// Looks up this key, or loads.
pub(crate) async fn get<V, F>(
    cache: &Cache<V>,
    key: impl AsRef<str> + Send,
    load: impl FnOnce() -> F + Send + Sync + 'static,
) -> V
where
    V: Clone + Send + Sync + 'static,
    F: Future<Output = V> + Send + 'static,
{
    cache.get_or_set(key, move |_| async move { Ok::<_, Infallible>(load().await) }).await.expect("it loads")
}

async fn shared(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    static USERS: LazyLock<Cache<Arc<User>>> = LazyLock::new(new);
    static NAMES: LazyLock<Cache<Arc<User>>> = LazyLock::new(new);
    static PAGES: LazyLock<Cache<Arc<User>>> = LazyLock::new(new);
    static OWNED: LazyLock<Cache<User>> = LazyLock::new(new);
    match shape {
        Shape::Shared | Shape::Method => {
            contest.asynchronous(NAME, |id| get(&USERS, format!("user:{id}"), move || shared(id)));
        }
        Shape::Owned => {
            contest.asynchronous(NAME, |id| get(&OWNED, format!("user:{id}"), move || async move { user(id) }))
        }
        Shape::Text => contest.asynchronous(NAME, |id| get(&NAMES, name(id), move || shared(id))),
        Shape::Parts => contest.asynchronous(NAME, |id| {
            let (tenant, id, page) = parts(id);
            get(&PAGES, format!("part:{tenant}:{id}:{page}"), move || shared(id))
        }),
    }
}
