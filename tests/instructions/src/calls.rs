//! The calls whose instructions are counted.

use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, ManualClock, cached};
use serde::{Deserialize, Serialize};

/// One kind of call.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) what: &'static str,
    /// Makes it so many times.
    pub(crate) run: fn(u64) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// A function's body as a [`Call::run`].
macro_rules! times {
    ($id:ident => $call:expr) => {
        |times| {
            Box::pin(async move {
                for step in 0..times {
                    let $id = black_box(step % KEYS);
                    black_box($call);
                }
            })
        }
    };
}

/// So few that all are in the processor's nearest cache.
const KEYS: u64 = 16;

pub(crate) const ALL: &[Call] = &[
    Call { name: "shared", what: "a hit, `async fn(id: u64) -> Arc<User>`", run: times!(id => shared(id).await) },
    Call {
        name: "owned",
        what: "a hit, `async fn(id: u64) -> User`: with the clone of three strings",
        run: times!(id => owned(id).await),
    },
    Call {
        name: "named",
        what: "a hit, `async fn(name: &str) -> Arc<User>`, a name of 25 bytes",
        run: times!(id => named(&NAMES[usize::try_from(id).expect("few keys")]).await),
    },
    Call {
        name: "parts",
        what: "a hit, `async fn(tenant: u64, id: u64, page: u32) -> Arc<User>`",
        run: times!(id => parts(1, id, 3).await),
    },
    Call {
        name: "method",
        what: "a hit, `async fn(&self, id: u64) -> Arc<User>`",
        run: times!(id => Users.find(id).await),
    },
    Call { name: "sync", what: "a hit of a `local` `fn(id: u64) -> Arc<User>`", run: times!(id => sync(id)) },
    Call {
        name: "generic",
        what: "a hit of the fourth instance of a generic function, `async fn<const N: u64>(id: u64) -> Arc<User>`",
        run: |times| {
            Box::pin(async move {
                generic::<1>(0).await;
                generic::<2>(0).await;
                generic::<3>(0).await;
                for step in 0..times {
                    black_box(generic::<4>(black_box(step % KEYS)).await);
                }
            })
        },
    },
    Call { name: "absent", what: "a remembered absence", run: times!(id => absent(id).await) },
    Call { name: "both", what: "a hit that depends on two aggregates", run: times!(id => both(id).await) },
    Call { name: "idle", what: "a hit of a function with `time_to_idle`", run: times!(id => idle(id)) },
    Call {
        name: "source",
        what: "a hit whose version is asked for (source mode)",
        run: times!(id => source(id).await),
    },
    Call {
        name: "bump",
        what: "a published event that entries depend on",
        run: |times| {
            Box::pin(async move {
                for id in 0..KEYS {
                    shared(id).await;
                }
                for step in 0..times {
                    bump(black_box(step % KEYS)).await;
                }
            })
        },
    },
    Call {
        name: "update",
        what: "the same, and the miss and the fill behind it",
        run: times!(id => { bump(id).await; shared(id).await }),
    },
    Call {
        name: "refreshed",
        what: "a stale entry, while another caller refreshes it",
        run: |times| {
            Box::pin(async move {
                for id in 0..KEYS {
                    unending(id).await;
                }
                CLOCK.advance(Duration::from_secs(2));
                for step in 0..times {
                    black_box(unending(black_box(step % KEYS)).await);
                }
            })
        },
    },
    Call { name: "stale", what: "a stale entry, and its refresh", run: times!(id => age(id).await) },
];

static NAMES: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..KEYS).map(|id| format!("user-{id:08}@example.org")).collect());

#[derive(Clone, Serialize, Deserialize)]
struct User {
    id: u64,
    version: u64,
    name: String,
    email: String,
    about: String,
}

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "tenant.updated", key = "tenant:<id>", version = version)]
struct TenantUpdated {
    id: u64,
    version: u64,
}

static VERSION: AtomicU64 = AtomicU64::new(1);

fn user(id: u64) -> User {
    User {
        id,
        version: VERSION.load(Relaxed),
        name: format!("User {id}"),
        email: format!("user{id}@example.org"),
        about: "Reads much, writes little, and never says the same thing twice. ".repeat(3),
    }
}

#[derive(Clone)]
struct Users;

impl Users {
    #[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
    async fn find(&self, id: u64) -> Arc<User> {
        Arc::new(user(id))
    }
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn shared(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn owned(id: u64) -> User {
    user(id)
}

#[cached(key = "named:<name>", ttl_only = "counted", soft_ttl = "10m", hard_ttl = "1h")]
async fn named(name: &str) -> Arc<User> {
    Arc::new(user(name.len() as u64))
}

#[cached(key = "page:<tenant>:<id>:<page>", ttl_only = "counted", soft_ttl = "10m", hard_ttl = "1h")]
async fn parts(tenant: u64, id: u64, page: u32) -> Arc<User> {
    Arc::new(user(tenant + id + u64::from(page)))
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h", local)]
fn sync(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(key = "generic:<id>", ttl_only = "counted", soft_ttl = "10m", hard_ttl = "1h")]
async fn generic<const N: u64>(id: u64) -> Arc<User> {
    Arc::new(user(N + id))
}

#[cached(key = "absent:<id>", ttl_only = "counted", hard_ttl = "1h", negative_ttl = "1h")]
async fn absent(id: u64) -> Option<Arc<User>> {
    black_box(id);
    None
}

#[cached(
    key = "user:<id>",
    version_from = |user| user.version,
    invalidated_by(UserUpdated { id }, TenantUpdated { id }),
    soft_ttl = "10m",
    hard_ttl = "1h"
)]
async fn both(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(key = "user:<id>", invalidated_by(UserUpdated { id }), hard_ttl = "1h", time_to_idle = "10m", local)]
fn idle(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(key = "user:<id>", version_from = version(id).await, invalidated_by(UserUpdated { id }), hard_ttl = "1h")]
async fn source(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

async fn version(id: u64) -> u64 {
    black_box(id);
    1
}

async fn bump(id: u64) {
    let version = VERSION.fetch_add(1, Relaxed) + 1;
    Cache::global().publish_or_retry(UserUpdated { id, version }).await;
}

static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::default);

fn aging_cache() -> &'static Cache {
    static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::builder().clock(CLOCK.clone()).build());
    &CACHE
}

#[cached(key = "aging:<id>", ttl_only = "counted", soft_ttl = "1s", hard_ttl = "1h", cache = aging_cache())]
async fn aging(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

/// Only the first load of a key ends.
#[cached(key = "unending:<id>", ttl_only = "counted", soft_ttl = "1s", hard_ttl = "1h", cache = aging_cache())]
async fn unending(id: u64) -> Arc<User> {
    static LOADED: AtomicU64 = AtomicU64::new(0);
    if LOADED.fetch_or(1 << id, Relaxed) & (1 << id) != 0 {
        std::future::pending::<()>().await;
    }
    Arc::new(user(id))
}

/// Past every soft deadline; and the refresh runs at once.
async fn age(id: u64) -> Arc<User> {
    CLOCK.advance(Duration::from_secs(2));
    let user = aging(id).await;
    tokio::task::yield_now().await;
    user
}
