//! Hits of other kinds: stale, absent, checked against the source, of two aggregates, with early refresh, of an older version.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_benches::contest::Contest;
use cachemacro_benches::contestant::Contestant;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::table;
use cachemacro_benches::user::{User, UserUpdated, user};

const PLAIN: Contestant = Contestant::ours("a plain hit");

/// The goals beside a plain hit.
const GOALS: [(&str, Contestant); 6] = [
    ("kinds.stale", Contestant::ours("a stale entry, while it is refreshed")),
    ("kinds.absent", Contestant::ours("a cached absence")),
    ("kinds.source", Contestant::ours("an entry whose version is asked for (source mode)")),
    ("kinds.both", Contestant::ours("an entry that depends on two aggregates")),
    ("kinds.early", Contestant::ours("an entry with `early`")),
    ("kinds.restored", Contestant::ours("an older version, which a restore made valid again")),
];

const KEYS: u64 = 1_024;

/// A row was written.
#[derive(Clone, CacheEvent)]
#[event(name = "row.written", key = "row:<id>", version = version)]
struct RowWritten {
    id: u64,
    version: u64,
}

/// A row has the content of an earlier version again.
#[derive(Clone, CacheEvent)]
#[event(name = "row.restored", key = "row:<id>", version = version, restores = of)]
struct RowRestored {
    id: u64,
    version: u64,
    of: u64,
}

/// A tenant was written.
#[derive(Clone, CacheEvent)]
#[event(name = "tenant.written", key = "tenant:<id>", version = version)]
struct TenantWritten {
    id: u64,
    version: u64,
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn plain(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

/// Stale for ever: the first load is over at once, and no other ever is.
#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "1ms", hard_ttl = "1h")]
async fn stale(id: u64) -> Arc<User> {
    static LOADED: LazyLock<Vec<AtomicU64>> = LazyLock::new(|| (0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let place = usize::try_from(id).expect("few keys");
    if LOADED[place].fetch_add(1, Relaxed) > 0 {
        std::future::pending::<()>().await;
    }
    Arc::new(user(id))
}

#[cached(key = "user:<id>", ttl_only = "no such user is ever created", hard_ttl = "1h", negative_ttl = "1h")]
async fn absent(id: u64) -> Option<Arc<User>> {
    std::hint::black_box(id);
    None
}

#[cached(key = "user:<id>", version_from = version(id).await, invalidated_by(UserUpdated { id }), hard_ttl = "1h")]
async fn source(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

/// What a database would say, without the way there.
async fn version(id: u64) -> u64 {
    std::hint::black_box(id);
    1
}

#[cached(
    key = "user:<id>",
    version_from = |user| user.version,
    invalidated_by(UserUpdated { id }, TenantWritten { id }),
    soft_ttl = "10m",
    hard_ttl = "1h"
)]
async fn both(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(
    key = "user:<id>",
    version_from = |user| user.version,
    invalidated_by(UserUpdated { id }),
    soft_ttl = "10m",
    hard_ttl = "1h",
    early = 1.0
)]
async fn early(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

/// What the database holds of every row, for [`restored`].
static CONTENT: AtomicU64 = AtomicU64::new(1);
/// How often a row was loaded.
static LOADS: AtomicU64 = AtomicU64::new(0);

#[cached(
    key = "row:<id>",
    version_from = |row| row.version,
    invalidated_by(RowWritten { id }, RowRestored { id }),
    soft_ttl = "10m",
    hard_ttl = "1h"
)]
async fn restored(id: u64) -> Arc<User> {
    LOADS.fetch_add(1, Relaxed);
    Arc::new(User { version: CONTENT.load(Relaxed), ..user(id) })
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    block_on(restore());
    let standings = contest().run(effort, 201, Keys::Cycle(KEYS), 1);
    assert_eq!(LOADS.load(Relaxed), 2 * KEYS, "the first version is served, and is not loaded again");
    let mut findings =
        Findings::new(format!("## Hits of other kinds\n\n1,024 keys in turn.\n\n{}", table::standings(&standings)));
    let mut worst = (0.0, "");
    for (goal, who) in GOALS {
        let ratio = standings.beside(who, PLAIN);
        if ratio.median() > worst.0 {
            worst = (ratio.median(), who.name);
        }
        findings.sample(goal, &ratio, "");
    }
    findings.conclusions.push(format!(
        "**Hits of other kinds** (stale, absent, checked against the source, of several aggregates, restored) take at most {:.2} times a \
         plain one: {}.",
        worst.0, worst.1
    ));
    findings
}

/// Every row in two versions, of which the first is valid again.
async fn restore() {
    let cache = Cache::global();
    for id in 0..KEYS {
        restored(id).await;
    }
    CONTENT.store(2, Relaxed);
    for id in 0..KEYS {
        cache.publish(RowWritten { id, version: 2 }).await.expect("a cache in process takes it");
        restored(id).await;
    }
    for id in 0..KEYS {
        cache.publish(RowRestored { id, version: 3, of: 1 }).await.expect("a cache in process takes it");
        assert_eq!(restored(id).await.version, 1, "the first version is served again");
    }
}

fn contest() -> Contest {
    let mut contest = Contest::default();
    contest.asynchronous(PLAIN, plain);
    contest.asynchronous(GOALS[0].1, stale);
    contest.asynchronous(GOALS[1].1, absent);
    contest.asynchronous(GOALS[2].1, source);
    contest.asynchronous(GOALS[3].1, both);
    contest.asynchronous(GOALS[4].1, early);
    contest.asynchronous(GOALS[5].1, restored);
    contest
}
