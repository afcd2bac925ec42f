//! The slowest insertions: while a cache grows to a million entries, and while it evicts at its bound.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::contestant::Contestant;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::peers::{
    moka as moka_peer, papaya as papaya_floor, quick_cache::NAME as BARE, scc as scc_floor,
};
use cachemacro_benches::table;
use cachemacro_benches::tail::{self, Tail, Times};
use cachemacro_benches::turns;
use cachemacro_benches::user::{User, UserUpdated, user};

const OURS: Contestant = Contestant::ours("cachemacro");
const ENTRIES: u64 = 1_000_000;
/// How many are put in at the bound.
const EVICTING: u64 = 500_000;
/// How many a contestant puts in before it is another's turn.
const CHUNK: u64 = 50_000;

/// The value of all entries: what it takes is not what is measured.
static VALUE: LazyLock<Arc<User>> = LazyLock::new(|| Arc::new(user(0)));

#[derive(Clone)]
struct Ours {
    cache: Cache,
}

impl Ours {
    #[cached(
        key = "user:<id>",
        version_from = |user| user.version,
        invalidated_by(UserUpdated { id }),
        soft_ttl = "10m",
        hard_ttl = "1h",
        cache = self.cache
    )]
    async fn find(&self, id: u64) -> Arc<User> {
        Arc::clone(&VALUE)
    }
}

/// Puts [`CHUNK`] keys from this one on into a cache, and writes down how long each took.
type Put = Box<dyn Fn(u64, &mut Times)>;

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let names: Vec<Contestant> = new(ENTRIES).into_iter().map(|(who, _)| who).collect();
    let mut growing: Vec<Tail> = names.iter().copied().map(Tail::of).collect();
    let mut evicting = growing.clone();
    for _ in 0..effort.amount(5, 1) {
        let caches = new(ENTRIES);
        put(&caches, 0, ENTRIES, &mut growing);
        put(&caches, ENTRIES, EVICTING, &mut evicting);
    }
    // A map without a bound goes on growing.
    evicting.retain(|tail| ![papaya_floor::NAME, scc_floor::NAME].contains(&tail.who));
    let mut findings = Findings::new(format!(
        "## The slowest insertions\n\nEach single one is timed, with the clock that times it; for ours a whole miss with its fill. In chunks \
         of {CHUNK} the contestants take turns. The ratio is that of p99.9.\n\n### Growth to 1,000,000 entries\n\n{}### {EVICTING} more, at a \
         bound of 1,000,000\n\n{}",
        tail::markdown(&growing),
        tail::markdown(&evicting)
    ));
    findings.sample("growth.p999", &growing[0].p999, "");
    let of = |who| &growing.iter().find(|tail| tail.who == who).expect("it takes part").p999;
    findings.conclusions.push(format!(
        "**On the way to a million entries** one insertion in 1,000 takes longer than {} ({:.2} times the bare map's), and the longest took {}.",
        table::time(of(OURS).median()),
        of(OURS).over(of(BARE)).median(),
        table::time(growing[0].max.quantile(1.0))
    ));
    findings
}

/// Puts as many keys into each, chunk by chunk in turns.
fn put(caches: &[(Contestant, Put)], from: u64, count: u64, tails: &mut [Tail]) {
    let mut times: Vec<Times> = caches.iter().map(|_| Times::with_capacity(count)).collect();
    let chunks = usize::try_from(count / CHUNK).expect("few chunks");
    for (turn, who) in turns::order(chunks, caches.len()).enumerate() {
        let chunk = (turn / caches.len()) as u64;
        (caches[who].1)(from + chunk * CHUNK, &mut times[who]);
    }
    for (tail, times) in tails.iter_mut().zip(times) {
        tail.push(times);
    }
}

/// Empty caches with this bound, those that have one.
fn new(bound: u64) -> Vec<(Contestant, Put)> {
    let ours = Ours { cache: Cache::builder().namespace("growth").memory(Memory::entries(bound)).build() };
    let bare = quick_cache::sync::Cache::new(usize::try_from(bound).expect("it fits"));
    let (papaya, scc) = (papaya::HashMap::new(), scc::HashMap::new());
    let moka = moka::sync::Cache::builder().max_capacity(bound).time_to_live(cachemacro_benches::peers::TTL).build();
    vec![
        (OURS, puts_awaited(ours)),
        (BARE, puts(move |id| bare.insert(id, Arc::clone(&VALUE)))),
        (
            papaya_floor::NAME,
            puts(move |id| {
                papaya.pin().insert(id, Arc::clone(&VALUE));
            }),
        ),
        (scc_floor::NAME, puts(move |id| drop(scc.upsert_sync(id, Arc::clone(&VALUE))))),
        (moka_peer::SYNC, puts(move |id| moka.insert(id, Arc::clone(&VALUE)))),
    ]
}

fn puts(insert: impl Fn(u64) + 'static) -> Put {
    Box::new(move |from, times| {
        for id in from..from + CHUNK {
            let began = Instant::now();
            insert(id);
            times.push(began.elapsed());
        }
    })
}

fn puts_awaited(ours: Ours) -> Put {
    Box::new(move |from, times| {
        block_on(async {
            for id in from..from + CHUNK {
                let began = Instant::now();
                ours.find(id).await;
                times.push(began.elapsed());
            }
        });
    })
}
