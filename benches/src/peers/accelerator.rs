//! `accelerator`: annotated methods over moka. It annotates methods only, so each shape is a method here.

use std::sync::{Arc, LazyLock};

use accelerator::builder::LevelCacheBuilder;
use accelerator::config::CacheMode;
use accelerator::macros::cacheable;
use accelerator::{CacheResult, LevelCache, local};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CAPACITY, Shape, TTL, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, name, user};

/// What it is called.
pub const NAME: Contestant = Contestant::peer("`accelerator` #[cacheable]");

/// The methods, each with a cache of its own.
struct Users {
    shared: LevelCache<u64, Arc<User>>,
    owned: LevelCache<u64, User>,
    text: LevelCache<String, Arc<User>>,
}

impl Users {
    #[cacheable(cache = self.shared, key = id)]
    async fn shared(&self, id: u64) -> CacheResult<Option<Arc<User>>> {
        Ok(Some(Arc::new(user(id))))
    }

    #[cacheable(cache = self.owned, key = id)]
    async fn owned(&self, id: u64) -> CacheResult<Option<User>> {
        Ok(Some(user(id)))
    }

    #[cacheable(cache = self.text, key = name.to_owned())]
    async fn text(&self, name: &str) -> CacheResult<Option<Arc<User>>> {
        Ok(Some(Arc::new(user(name.len() as u64))))
    }

    #[cacheable(cache = self.text, key = format!("{tenant}:{id}:{page}"))]
    async fn three(&self, tenant: u64, id: u64, page: u32) -> CacheResult<Option<Arc<User>>> {
        Ok(Some(Arc::new(user(tenant + id + u64::from(page)))))
    }
}

fn new<K, V>(area: &str) -> LevelCache<K, V>
where
    K: Clone + Eq + std::hash::Hash + ToString + Send + Sync + 'static,
    V: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let backend = local::moka::<V>().max_capacity(CAPACITY as u64).build().expect("a backend");
    let cache = LevelCacheBuilder::<K, V>::new().area(area).mode(CacheMode::Local).local(backend).local_ttl(TTL);
    cache.build().expect("a cache")
}

static USERS: LazyLock<Users> =
    LazyLock::new(|| Users { shared: new("shared"), owned: new("owned"), text: new("text") });

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared | Shape::Method => contest.asynchronous(NAME, |id| USERS.shared(id)),
        Shape::Owned => contest.asynchronous(NAME, |id| USERS.owned(id)),
        Shape::Text => contest.asynchronous(NAME, |id| USERS.text(name(id))),
        Shape::Parts => contest.asynchronous(NAME, |id| {
            let (tenant, id, page) = parts(id);
            USERS.three(tenant, id, page)
        }),
    }
}
