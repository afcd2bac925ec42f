//! A hit of one of many entries, drawn at random.

use std::sync::{Arc, LazyLock};

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::contest::Contest;
use cachemacro_benches::contestant::Contestant;
use cachemacro_benches::effort::{self, Effort};
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::peers::quick_cache::NAME as BARE;
use cachemacro_benches::standings::Standings;
use cachemacro_benches::table::{self, Table};
use cachemacro_benches::user::{User, UserUpdated, user};

const OURS: Contestant = Contestant::ours("cachemacro");
const MILLION: u64 = 1_000_000;

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

type Bare = quick_cache::sync::Cache<u64, Arc<User>>;

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let most = effort::number("CACHEMACRO_BENCH_ENTRIES").unwrap_or(MILLION);
    let mut table = Table::new(&["entries", "hit", "quartiles", "hit, bare `quick_cache`", "ratio"]);
    let mut findings = Findings::default();
    for entries in (3..=7).map(|power| 10u64.pow(power)).filter(|entries| *entries <= most) {
        let standings = measure(effort, entries);
        let ratio = standings.beside(OURS, BARE);
        let ours = &standings.of(OURS).nanoseconds;
        table.row(&[
            entries.to_string(),
            table::time(ours.median()),
            table::spread(ours),
            table::time(standings.of(BARE).nanoseconds.median()),
            format!("{:.2}", ratio.median()),
        ]);
        if entries == MILLION {
            findings.sample("random.million", &ratio, "");
        }
    }
    findings.text = format!(
        "## By the number of entries\n\nKeys are drawn at random, so the more there are, the more often the processor waits for memory; \
         the bare map beside ours shows how much of it that is. Every entry has an aggregate of its own.\n\n{}",
        table.markdown()
    );
    findings
}

/// Both caches with so many entries. They are leaked: what frees so much memory would be timed in the next case.
fn measure(effort: &Effort, entries: u64) -> Standings {
    // The shards of the bare map do not fill evenly: with room for a fifth more none of them evicts.
    let room = entries + entries / 5 + 1_000;
    let ours = Ours { cache: Cache::builder().namespace("random").memory(Memory::entries(room)).build() };
    let ours: &'static Ours = Box::leak(Box::new(ours));
    let bare: &'static Bare = Box::leak(Box::new(Bare::new(usize::try_from(room).expect("it fits"))));
    block_on(async {
        for id in 0..entries {
            ours.find(id).await;
            bare.insert(id, Arc::clone(&VALUE));
        }
    });
    let mut contest = Contest::default();
    contest.asynchronous(OURS, |id| ours.find(id));
    contest.synchronous(BARE, |id| bare.get(&id));
    contest.run(effort, 151, Keys::Drawn(entries), 1)
}
