//! A bump: an event is published to the cache in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cachemacro::{Cache, cached};
use cachemacro_benches::contest::Contest;
use cachemacro_benches::contestant::Contestant;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::table;
use cachemacro_benches::user::{User, UserUpdated, user};

static VERSION: AtomicU64 = AtomicU64::new(1);

#[cached(key = "user:<id>:<page>", version_from = |page| page.version, invalidated_by(UserUpdated { id }), hard_ttl = "1h")]
async fn page(id: u64, page: u64) -> Arc<User> {
    Arc::new(User { version: VERSION.load(Relaxed), ..user(id + page) })
}

const ONE: Contestant = Contestant::ours("1 entry");
const MANY: Contestant = Contestant::ours("10,000 entries");

/// Of how many entries, and the user whose they are.
const BUMPS: [(Contestant, u64, u64); 3] =
    [(ONE, 1 << 50, 1), (Contestant::ours("100 entries"), 2 << 50, 100), (MANY, 3 << 50, 10_000)];

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let standings = contest().run(effort, 201, Keys::ONE, 1);
    let mut findings = Findings::new(format!(
        "## A bump, by the entries of its aggregate\n\nAn event is published to a cache in which so many entries depend on its \
         aggregate.\n\n{}",
        table::standings(&standings)
    ));
    findings.sample("bump.entries", &standings.beside(MANY, ONE), "");
    findings.conclusions.push(format!(
        "**An event** takes {} in process, however many entries it ends.",
        table::time(standings.of(ONE).nanoseconds.median())
    ));
    findings
}

fn contest() -> Contest {
    let mut contest = Contest::default();
    for (who, id, entries) in BUMPS {
        block_on(async {
            for each in 0..entries {
                page(id, each).await;
            }
        });
        contest.asynchronous(who, move |_| async move {
            let version = VERSION.fetch_add(1, Relaxed) + 1;
            Cache::global().publish_or_retry(UserUpdated { id, version }).await;
        });
    }
    contest
}
