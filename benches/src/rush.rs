//! How each library lets one caller load while the others wait.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use accelerator::builder::LevelCacheBuilder;
use accelerator::config::CacheMode;
use accelerator::{ReadOptions, local};
use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_moka::MokaBackend;

use crate::call::{Call, call};
use crate::peers::{self, CAPACITY, TTL};
use crate::slow::{TIME, load, load_shared};
use crate::user::{User, UserUpdated};

/// All contestants. This crate is the first.
#[must_use]
pub fn all() -> Vec<(&'static str, Call)> {
    vec![
        (peers::ours::NAME, call(ours)),
        ("(no cache: tasks that sleep as long)", call(|_| tokio::time::sleep(TIME))),
        ("`quick_cache` get_or_insert_async", quick_cache()),
        (peers::moka::FUTURE_WITH, moka()),
        ("`foyer` get_or_fetch", foyer()),
        (peers::cached::CACHED_BY_KEY, call(cached_by_key)),
        (peers::cached::SHARDED, call(cached_sharded)),
        (peers::hitbox::NAME, hitbox_call()),
        (peers::cachekit::NAME, call(peers::cachekit::slow)),
        (peers::amalgam::NAME, amalgam_call()),
        ("`accelerator` get, with a loader", accelerator_call()),
    ]
}

#[cachemacro::cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), hard_ttl = "1h")]
async fn ours(id: u64) -> Arc<User> {
    load_shared(id).await
}

#[cached::macros::cached(max_size = 100_000, ttl_secs = 3_600, sync_writes = "by_key")]
async fn cached_by_key(id: u64) -> Arc<User> {
    load_shared(id).await
}

#[cached::macros::concurrent_cached(max_size = 100_000, ttl_secs = 3_600)]
async fn cached_sharded(id: u64) -> Arc<User> {
    load_shared(id).await
}

#[hitbox_fn::cached(prefix = "slow")]
async fn hitbox_slow(id: u64) -> Result<User, Infallible> {
    Ok(load(id).await)
}

fn quick_cache() -> Call {
    let cache = Arc::new(quick_cache::sync::Cache::<u64, Arc<User>>::new(CAPACITY));
    call(move |id| {
        let cache = Arc::clone(&cache);
        async move { cache.get_or_insert_async(&id, async { Ok::<_, Infallible>(load_shared(id).await) }).await }
    })
}

fn moka() -> Call {
    let cache: moka::future::Cache<u64, Arc<User>> = moka::future::Cache::new(CAPACITY as u64);
    call(move |id| {
        let cache = cache.clone();
        async move { cache.get_with(id, load_shared(id)).await }
    })
}

fn foyer() -> Call {
    let cache: foyer_memory::Cache<u64, Arc<User>> = foyer_memory::CacheBuilder::new(CAPACITY).build();
    call(move |id| {
        let cache = cache.clone();
        async move {
            let entry = cache.get_or_fetch(&id, || async move { Ok::<_, Infallible>(load_shared(id).await) }).await;
            entry.expect("it loads").value().clone()
        }
    })
}

fn hitbox_call() -> Call {
    let policy = PolicyConfig::builder().ttl(TTL).concurrency(ConcurrencyLimit::new(1).expect("one")).build();
    let cache = hitbox_fn::Cache::builder()
        .backend(MokaBackend::builder().max_entries(CAPACITY as u64).build())
        .policy(policy)
        .concurrency_manager(BroadcastConcurrencyManager::<Result<User, Infallible>>::new())
        .build();
    call(move |id| {
        let cache = cache.clone();
        async move { hitbox_slow(id).cache(&cache).await }
    })
}

fn amalgam_call() -> Call {
    static CACHE: LazyLock<amalgam::Cache<Arc<User>>> = LazyLock::new(peers::amalgam::new);
    call(|id| peers::amalgam::get(&CACHE, format!("user:{id}"), move || load_shared(id)))
}

fn accelerator_call() -> Call {
    let backend = local::moka::<Arc<User>>().max_capacity(CAPACITY as u64).build().expect("a backend");
    let cache = LevelCacheBuilder::<u64, Arc<User>>::new()
        .area("slow")
        .mode(CacheMode::Local)
        .local(backend)
        .local_ttl(TTL)
        .penetration_protect(true)
        .disable_loader_timeout()
        .loader_fn(|id: u64| async move { Ok(Some(load_shared(id).await)) })
        .build()
        .expect("a cache");
    let cache = Arc::new(cache);
    call(move |id| {
        let cache = Arc::clone(&cache);
        async move { cache.get(&id, &ReadOptions::default()).await }
    })
}
