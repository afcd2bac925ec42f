//! How each library lets one caller load while the others wait.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use accelerator::builder::LevelCacheBuilder;
use accelerator::config::CacheMode;
use accelerator::{ReadOptions, local};
use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_moka::MokaBackend;
use tokio::task::JoinHandle;

use crate::contestant::Contestant;
use crate::peers::{self, CAPACITY, TTL};
use crate::slow::{self, load, load_shared};
use crate::user::{User, UserUpdated};

/// Who only waits: what tasks cost without any cache.
pub const SLEEPING: Contestant = Contestant::floor("tasks that sleep as long");

/// How many callers have begun since this was last asked.
pub fn callers() -> u64 {
    CALLERS.swap(0, Relaxed)
}

static CALLERS: AtomicU64 = AtomicU64::new(0);

/// Lets one caller more ask for this key, in a task.
type Spawn = Box<dyn Fn(u64) -> JoinHandle<()>>;

/// A cache whose callers ask all at once.
pub struct Rush {
    /// Whose.
    pub who: Contestant,
    /// One caller more.
    pub spawn: Spawn,
}

fn rush<T, F>(who: Contestant, call: impl Fn(u64) -> F + Send + Sync + 'static) -> Rush
where
    F: Future<Output = T> + Send + 'static,
{
    let call = Arc::new(call);
    let spawn = move |id| {
        let call = Arc::clone(&call);
        // The future is made where it is awaited, so that the task has one of it and not two.
        tokio::spawn(async move {
            CALLERS.fetch_add(1, Relaxed);
            black_box(call(id).await);
        })
    };
    Rush { who, spawn: Box::new(spawn) }
}

/// All contestants. This crate is the first.
#[must_use]
pub fn all() -> Vec<Rush> {
    vec![
        rush(peers::ours::NAME, ours),
        rush(SLEEPING, |_| slow::wait()),
        quick_cache(),
        moka(),
        foyer(),
        rush(peers::cached::CACHED_BY_KEY, cached_by_key),
        rush(peers::cached::SHARDED, cached_sharded),
        hitbox_call(),
        rush(peers::cachekit::NAME, peers::cachekit::slow),
        amalgam_call(),
        accelerator_call(),
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

fn quick_cache() -> Rush {
    let who = Contestant::peer("`quick_cache` get_or_insert_async");
    let cache = Arc::new(quick_cache::sync::Cache::<u64, Arc<User>>::new(CAPACITY));
    rush(who, move |id| {
        let cache = Arc::clone(&cache);
        async move { cache.get_or_insert_async(&id, async { Ok::<_, Infallible>(load_shared(id).await) }).await }
    })
}

fn moka() -> Rush {
    let cache: moka::future::Cache<u64, Arc<User>> = moka::future::Cache::new(CAPACITY as u64);
    rush(peers::moka::FUTURE_WITH, move |id| {
        let cache = cache.clone();
        async move { cache.get_with(id, load_shared(id)).await }
    })
}

fn foyer() -> Rush {
    let cache: foyer_memory::Cache<u64, Arc<User>> = foyer_memory::CacheBuilder::new(CAPACITY).build();
    rush(peers::foyer::NAME, move |id| {
        let cache = cache.clone();
        async move {
            let entry = cache.get_or_fetch(&id, || async move { Ok::<_, Infallible>(load_shared(id).await) }).await;
            entry.expect("it loads").value().clone()
        }
    })
}

fn hitbox_call() -> Rush {
    let policy = PolicyConfig::builder().ttl(TTL).concurrency(ConcurrencyLimit::new(1).expect("one")).build();
    let cache = hitbox_fn::Cache::builder()
        .backend(MokaBackend::builder().max_entries(CAPACITY as u64).build())
        .policy(policy)
        .concurrency_manager(BroadcastConcurrencyManager::<Result<User, Infallible>>::new())
        .build();
    rush(peers::hitbox::NAME, move |id| {
        let cache = cache.clone();
        async move { hitbox_slow(id).cache(&cache).await }
    })
}

fn amalgam_call() -> Rush {
    static CACHE: LazyLock<amalgam::Cache<Arc<User>>> = LazyLock::new(peers::amalgam::new);
    rush(peers::amalgam::NAME, |id| peers::amalgam::get(&CACHE, format!("user:{id}"), move || load_shared(id)))
}

fn accelerator_call() -> Rush {
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
    rush(Contestant::peer("`accelerator` get, with a loader"), move |id| {
        let cache = Arc::clone(&cache);
        async move { cache.get(&id, &ReadOptions::default()).await }
    })
}
