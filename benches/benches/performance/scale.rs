//! From 1,000 entries to 10,000,000.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::allocation::bytes_of;
use cachemacro_benches::contest::{Contest, Standings};
use cachemacro_benches::effort::{self, Effort};
use cachemacro_benches::executor::block_on;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::promise::{Findings, Promise};
use cachemacro_benches::table::{self, Table};
use cachemacro_benches::user::{User, UserUpdated, user};

const OURS: &str = "cachemacro";
const BARE: &str = "`quick_cache` bare";
/// A key of eight bytes, and the pointer to the value.
const KEY_AND_VALUE: f64 = 16.0;

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

/// What came of one number of entries.
struct Size {
    entries: u64,
    hits: Standings,
    bump: f64,
    /// Bytes an entry beside key and value, of ours and of the bare map.
    overhead: [f64; 2],
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let most = effort::number("CACHEMACRO_BENCH_ENTRIES").unwrap_or(effort.amount(1_000_000, 100_000));
    let sizes: Vec<Size> =
        (3..=7).map(|power| 10u64.pow(power)).filter(|size| *size <= most).map(|size| measure(effort, size)).collect();
    let mut table =
        Table::new(&["entries", "hit", "hit, `quick_cache`", "of it", "bump", "overhead", "overhead, `quick_cache`"]);
    for size in &sizes {
        let of = |name| size.hits.of(name).nanoseconds.median();
        table.row(&[
            size.entries.to_string(),
            table::time(of(OURS)),
            table::time(of(BARE)),
            format!("{:.2}", 1.0 / size.hits.of(BARE).ratio.median()),
            table::time(size.bump),
            format!("{:.0} bytes", size.overhead[0]),
            format!("{:.0} bytes", size.overhead[1]),
        ]);
    }
    let text = format!(
        "## By the number of entries\n\nKeys are drawn at random, so the more there are, the more often the processor waits for memory; \
         the bare map beside ours shows how much of it that is. Every entry has an aggregate of its own. Overhead is what stays allocated, \
         without the {KEY_AND_VALUE} bytes of the key and the pointer to the value.\n\n{}",
        table.markdown()
    );
    Findings { text, promises: judge(&sizes) }
}

fn measure(effort: &Effort, entries: u64) -> Size {
    // The shards of the map do not fill evenly: with room for a fifth more none of them evicts.
    let room = entries + entries / 5 + 1_000;
    let (ours, our_bytes) = bytes_of(|| {
        let ours = Ours { cache: Cache::builder().namespace("scale").memory(Memory::entries(room)).build() };
        block_on(async {
            for id in 0..entries {
                ours.find(id).await;
            }
        });
        ours
    });
    let (bare, bare_bytes) = bytes_of(|| {
        let bare = Bare::new(usize::try_from(room).expect("it fits"));
        (0..entries).for_each(|id| bare.insert(id, Arc::clone(&VALUE)));
        bare
    });
    let overhead = [our_bytes, bare_bytes].map(|bytes| bytes as f64 / entries as f64 - KEY_AND_VALUE);

    let ours: &'static Ours = Box::leak(Box::new(ours));
    let bare: &'static Bare = Box::leak(Box::new(bare));
    let mut contest = Contest::default();
    contest.asynchronous(OURS, |id| ours.find(id));
    contest.synchronous(BARE, |id| bare.get(&id));
    let hits = contest.run(effort, 101, Keys::Drawn(entries), 1);
    let bump = bumps(ours).run(effort, 51, Keys::Drawn(entries), 1).all[0].nanoseconds.median();
    Size { entries, hits, bump, overhead }
}

fn bumps(ours: &'static Ours) -> Contest {
    static VERSION: AtomicU64 = AtomicU64::new(1);
    let mut contest = Contest::default();
    contest.asynchronous("bump", |id| {
        let version = VERSION.fetch_add(1, Relaxed) + 1;
        ours.cache.publish_or_retry(UserUpdated { id, version })
    });
    contest
}

fn judge(sizes: &[Size]) -> Vec<Promise> {
    let (first, last) = (&sizes[0], &sizes[(sizes.len() - 1).min(3)]);
    let extra = |size: &Size| {
        let of = |name| size.hits.of(name).nanoseconds.median();
        of(OURS) / of(BARE)
    };
    vec![
        Promise::at_most(
            "the cost of a hit over bare `quick_cache`'s, at the most entries up to 1,000,000 beside the fewest",
            extra(last) / extra(first),
            1.2,
        ),
        Promise {
            text: "overhead of an entry beside key and value",
            figure: format!("{:.0} bytes (at most 100)", last.overhead[0]),
            holds: last.overhead[0] <= 100.0,
            why: "an entry with an aggregate of its own is two records. 216 bytes: the key's parts (56), what it was stored under \
                  (40), the value's pointer, deadlines, cost and weight (88), references (32). The aggregate's, 104 bytes, a name of 25, \
                  and its place in a map, 50. The bare map has some 40 of it.",
        },
    ]
}
