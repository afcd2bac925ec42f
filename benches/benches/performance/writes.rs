//! What else happens to an entry: it is loaded, bumped, served stale, remembered as absent, checked against its source.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cachemacro::{Cache, cached};
use cachemacro_benches::contest::Contest;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::peers::{self, Shape};
use cachemacro_benches::promise::{Findings, Promise};
use cachemacro_benches::table;
use cachemacro_benches::user::{User, UserUpdated, user};

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let mut text = "## Other calls\n\n### A miss, and the fill: keys that were not asked for before\n\nWho is bounded \
                    evicts meanwhile.\n\n"
        .to_owned();
    text += &table::standings(&peers::contest(Shape::Shared).run(effort, 101, Keys::Unseen, 1));

    text += "### A bump, by the entries of its aggregate\n\nAn event is published to a cache in which so many entries depend on its aggregate.\n\n";
    let bumps = bumps().run(effort, 101, Keys::ONE, 1);
    text += &table::standings(&bumps);

    text += "### Other hits of ours\n\n";
    text += &table::standings(&hits().run(effort, 101, Keys::SOME, 1));
    let growth = bumps.of(BUMPS[2].0).ratio.median();
    let promise = Promise::at_most("a bump of 10,000 entries beside a bump of one", growth, 1.2);
    Findings { text, promises: vec![promise] }
}

#[cached(key = "user:<id>:<page>", version_from = |page| page.version, invalidated_by(UserUpdated { id }), hard_ttl = "1h")]
async fn page(id: u64, page: u64) -> Arc<User> {
    Arc::new(User { version: VERSION.load(Relaxed), ..user(id + page) })
}

static VERSION: AtomicU64 = AtomicU64::new(1);

const BUMPS: [(&str, u64, u64); 3] =
    [("1 entry", 1 << 50, 1), ("100 entries", 2 << 50, 100), ("10,000 entries", 3 << 50, 10_000)];

fn bumps() -> Contest {
    let mut contest = Contest::default();
    for (name, id, entries) in BUMPS {
        block_on(async {
            for each in 0..entries {
                page(id, each).await;
            }
        });
        contest.asynchronous(name, move |_| async move {
            let version = VERSION.fetch_add(1, Relaxed) + 1;
            Cache::global().publish_or_retry(UserUpdated { id, version }).await;
        });
    }
    contest
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn fresh(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

/// Stale for ever: the first load is over at once, and no other ever is.
#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "1ms", hard_ttl = "1h")]
async fn stale(id: u64) -> Arc<User> {
    static LOADED: LazyLock<Vec<AtomicU64>> = LazyLock::new(|| (0..1_024).map(|_| AtomicU64::new(0)).collect());
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

fn hits() -> Contest {
    let mut contest = Contest::default();
    contest.asynchronous("a fresh entry", fresh);
    contest.asynchronous("a stale entry, while it is refreshed", stale);
    contest.asynchronous("a remembered absence", absent);
    contest.asynchronous("an entry whose version is asked for (source mode)", source);
    contest
}
