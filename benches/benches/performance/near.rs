//! A near copy: the local tier in front of Redis, which answers a bounded function while it follows the stream of invalidations.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use cachemacro::store::Redis;
use cachemacro::{Cache, Memory, Tier, cached, traced};
use cachemacro_benches::contest::Contest;
use cachemacro_benches::contestant::Contestant;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::table;
use cachemacro_benches::user::{User, UserUpdated, user};
use cachemacro_servers::{Options, Standalone};

const PLAIN: Contestant = Contestant::ours("a plain hit");
const PLAIN_OWN: Contestant = Contestant::ours("a plain hit, `cache = …`");
const NEAR: Contestant = Contestant::ours("a near copy, `cache = …`");

/// It stays until the process ends, as the cache in front of it does.
static SERVER: LazyLock<Standalone> = LazyLock::new(|| Standalone::start(Options::default()));

fn in_process() -> &'static Cache {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    CACHE.get_or_init(|| Cache::builder().namespace("plain").build())
}

fn before_redis() -> &'static Cache {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    CACHE.get_or_init(|| {
        let redis = Redis::url(SERVER.url()).expect("a url");
        Cache::builder().namespace("near").memory(Memory::default()).shared(redis).build()
    })
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn plain(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(
    key = "user:<id>",
    version_from = |user| user.version,
    invalidated_by(UserUpdated { id }),
    soft_ttl = "10m",
    hard_ttl = "1h",
    cache = in_process()
)]
async fn plain_own(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(
    key = "user:<id>",
    version_from = |user| user.version,
    invalidated_by(UserUpdated { id }),
    soft_ttl = "10m",
    hard_ttl = "1h",
    consistency = bounded,
    cache = before_redis()
)]
async fn near(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

const KEYS: u64 = 1_024;

/// Waits until the tier follows the server.
fn follow() {
    let began = Instant::now();
    while !is_near(0) {
        assert!(began.elapsed() < Duration::from_secs(60), "the local tier does not answer in front of Redis");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the local tier answers for this key.
fn is_near(id: u64) -> bool {
    block_on(traced(near(id))).1.tier == Some(Tier::Local)
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    follow();
    let mut contest = Contest::default();
    contest.asynchronous(PLAIN, plain);
    contest.asynchronous(PLAIN_OWN, plain_own);
    contest.asynchronous(NEAR, near);
    let standings = contest.run(effort, 201, Keys::Cycle(KEYS), 1);
    let copies = (0..KEYS).filter(|id| is_near(*id)).count();
    let text = format!(
        "## A near copy\n\n`async fn(id: u64) -> Arc<User>`, {KEYS} keys, with Redis behind the local tier (`.memory(…).shared(…)`). The function is bounded: the tier \
         answers while it is known to be no more than 1 s behind the server. That is what a service on several machines sees \
         for almost every hit. After the last round the tier answered {copies} of the {KEYS} keys.\n\n{}",
        table::standings(&standings)
    );
    let mut findings = Findings::new(text);
    let ratio = standings.beside(NEAR, PLAIN);
    findings.sample("near.plain", &ratio, "");
    findings.conclusions.push(format!(
        "**With Redis behind it** a hit of the local tier takes {}, {:.2} times one without a server. No call goes to the server for it.",
        table::time(standings.of(NEAR).nanoseconds.median()),
        ratio.median()
    ));
    findings
}
