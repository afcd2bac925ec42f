//! Those who keep their entries in Redis, each read through its own door; and the client's `GET` with a decode behind it, which
//! is the least that any of them does.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use accelerator::builder::LevelCacheBuilder;
use accelerator::config::CacheMode;
use accelerator::{LevelCache, ReadOptions};
use amalgam::EntryOptions;
use amalgam::provider::{DistributedCache, DistributedSerializer, PostcardSerializer, RedisDistributedCache};
use cached::AsyncRedisCache;
use cached::macros::concurrent_cached;
use cachemacro::store::Redis;
use cachemacro::{Cache, Memory};
use hitbox::policy::PolicyConfig;
use hitbox_redis::{ConnectionMode, RedisBackend};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::call::{Call, call};
use crate::peers::TTL;
use crate::user::{User, UserUpdated, user};

/// The client's `GET`, and a decode.
pub const RAW: &str = "`redis` GET, decode";
/// Ours without a local tier: every call asks Redis for the entry and its version.
pub const OURS: &str = "cachemacro";
/// Ours with a local tier, which strict functions ask Redis about.
pub const STRICT: &str = "cachemacro, local tier, strict";
/// Ours with a local tier, which answers bounded functions.
pub const BOUNDED: &str = "cachemacro, local tier, bounded";

/// All contestants, over the server at this address. The bare client is the first.
pub async fn all(url: &str) -> Vec<(&'static str, Call)> {
    let client = redis::Client::open(url).expect("a url");
    let connection = client.get_multiplexed_async_connection().await.expect("the server is there");
    let direct = Users { cache: Cache::builder().namespace("direct").shared(Redis::from(client.clone())).build() };
    let builder = Cache::builder().namespace("tiered").memory(Memory::entries(100_000));
    let tiered = Users { cache: builder.shared(Redis::from(client)).build() };
    let strict = tiered.clone();
    URL.set(url.to_owned()).expect("called once");
    vec![
        (RAW, raw(connection)),
        (OURS, call(move |id| find(direct.clone(), id))),
        (STRICT, call(move |id| find_strictly(strict.clone(), id))),
        (BOUNDED, call(move |id| find(tiered.clone(), id))),
        ("`cached` AsyncRedisCache", call(in_cached)),
        ("`hitbox-fn` with Redis", in_hitbox(url)),
        ("`amalgam-cache`, local tier skipped", in_amalgam(url).await),
        ("`accelerator` remote", in_accelerator(url)),
    ]
}

fn raw(connection: MultiplexedConnection) -> Call {
    call(move |id| {
        let mut connection = connection.clone();
        async move {
            let key = format!("raw:{id}");
            let found: Option<Vec<u8>> = connection.get(&key).await.expect("the server answers");
            if let Some(bytes) = found {
                return postcard::from_bytes(&bytes).expect("a user");
            }
            let user = user(id);
            let bytes = postcard::to_stdvec(&user).expect("encodes");
            let () = connection.set(&key, bytes).await.expect("the server answers");
            user
        }
    })
}

#[derive(Clone)]
struct Users {
    cache: Cache,
}

impl Users {
    #[cachemacro::cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), hard_ttl = "1h", cache = self.cache)]
    async fn find(&self, id: u64) -> User {
        user(id)
    }

    #[cachemacro::cached(
        key = "strict:<id>",
        version_from = |user| user.version,
        invalidated_by(UserUpdated { id }),
        hard_ttl = "1h",
        consistency = strict,
        cache = self.cache
    )]
    async fn find_strictly(&self, id: u64) -> User {
        user(id)
    }
}

async fn find(users: Users, id: u64) -> User {
    users.find(id).await
}

async fn find_strictly(users: Users, id: u64) -> User {
    users.find_strictly(id).await
}

/// `cached` makes its store at the first call, from what it finds then.
static URL: OnceLock<String> = OnceLock::new();

#[concurrent_cached(
    ty = "AsyncRedisCache<u64, User>",
    create = {
        let url = URL.get().expect("set before the first call");
        AsyncRedisCache::builder("users").connection_string(url).ttl(TTL).build().await.expect("the server is there")
    },
    map_error = |error| error.to_string()
)]
async fn in_cached(id: u64) -> Result<User, String> {
    Ok(user(id))
}

#[hitbox_fn::cached(prefix = "users")]
async fn hitbox_user(id: u64) -> Result<User, Infallible> {
    Ok(user(id))
}

fn in_hitbox(url: &str) -> Call {
    let backend = RedisBackend::builder().connection(ConnectionMode::single(url)).build().expect("a backend");
    let policy = PolicyConfig::builder().ttl(TTL).build();
    let cache = hitbox_fn::Cache::builder().backend(backend).policy(policy).build();
    call(move |id| {
        let cache = cache.clone();
        async move { hitbox_user(id).cache(&cache).await }
    })
}

async fn in_amalgam(url: &str) -> Call {
    let backend: Arc<dyn DistributedCache> =
        Arc::new(RedisDistributedCache::connect(url.to_owned()).await.expect("the server is there"));
    let serializer: Arc<dyn DistributedSerializer<User>> = Arc::new(PostcardSerializer);
    let options = EntryOptions::new(TTL).with_skip_memory(true, true);
    let builder = amalgam::Cache::builder().distributed(backend).serializer(serializer).default_options(options);
    let cache: Arc<amalgam::Cache<User>> = Arc::new(builder.try_build().expect("a cache"));
    call(move |id| {
        let cache = Arc::clone(&cache);
        async move { crate::peers::amalgam::get(&cache, format!("user:{id}"), move || async move { user(id) }).await }
    })
}

fn in_accelerator(url: &str) -> Call {
    let backend = accelerator::remote::redis::<User>().url(url).key_prefix("accelerator").build().expect("a backend");
    let cache: LevelCache<u64, User> = LevelCacheBuilder::<u64, User>::new()
        .area("users")
        .mode(CacheMode::Remote)
        .remote(backend)
        .remote_ttl(TTL)
        .build()
        .expect("a cache");
    let cache = Arc::new(cache);
    call(move |id| {
        let cache = Arc::clone(&cache);
        async move {
            let options = ReadOptions { allow_stale: false, disable_load: true };
            if let Some(user) = cache.get(&id, &options).await.expect("the server answers") {
                return user;
            }
            cache.set(&id, Some(user(id))).await.expect("the server answers");
            user(id)
        }
    })
}
